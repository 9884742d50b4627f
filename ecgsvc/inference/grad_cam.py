"""Integrated Grad-CAM without automatic differentiation: what speaks for an answer.

Grad-CAM (Selvaraju et al. 2017, doi 10.1109/ICCV.2017.74) weighs every channel of the last
convolution by the mean over its places of the derivative of the class's logit, and keeps
what is positive of the weighted sum. The mean of the derivatives is the derivative along
one shift added to the whole channel, divided by the number of places; ``explain.onnx``
takes such shifts, and central differences of its logits give the weights.

A network that is sure has flat derivatives: what made it sure is seen on the way from
nothing to the window. So the derivatives are taken at steps of that way, each weighs what
has come into the feature maps by then, and the pictures are averaged (Sattarzadeh et al.
2021, doi 10.1109/ICASSP39728.2021.9415064, arXiv 2102.07805).
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.inference.model_card import EXPLANATION_FILE, load_model_card
from ecgsvc.inference.sessions import Provider, open_session

SHIFT = "shift"
"""Input of the graph: (shifts, rows or 1, channels), added to the feature maps."""
FEATURE_MAPS = "feature_maps"
"""Key of the graph's metadata that describes them."""
STEP = 0.1
"""Half of the difference taken, in units of the activations' root mean square. Against
automatic differentiation smaller steps lose to rounding, larger ones cross more kinks."""

_LEAST_STEP = 1e-3  # where no channel answers at all
_SHIFTS_A_RUN = 64  # keeps the shifted feature maps of a chunk of 64 beats below 30 MB

Floats = NDArray[np.float32]
Feed = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """The last convolution of one network.

    Parameters
    ----------
    channels
        Their number.
    every, first
        In samples of the window: step j is centred on ``first + j * every``.
    """

    channels: int
    every: float
    first: float

    def at(self, steps: NDArray[np.floating], samples: NDArray[np.floating]) -> Floats:
        """Values (…, steps) interpolated at places of the window, given in samples."""
        place = np.clip((samples - self.first) / self.every, 0, steps.shape[-1] - 1)
        left = np.floor(place).astype(np.int64)
        right = np.minimum(left + 1, steps.shape[-1] - 1)
        part = (place - left).astype(np.float32)
        values: Floats = steps[..., left] * (1 - part) + steps[..., right] * part
        return values.astype(np.float32, copy=False)


def feature_maps_text(maps: Sequence[FeatureMap]) -> str:
    """Describe feature maps in the graph's metadata."""
    return json.dumps([asdict(each) for each in maps])


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the networks of a model make of one chunk or window.

    Parameters
    ----------
    activations
        Of each network (rows, channels, steps).
    attention
        Of each network (queries, places); None where it has none.
    """

    activations: tuple[Floats, ...]
    attention: tuple[Floats | None, ...]


class ExplanationGraph:
    """An ``explain.onnx``, opened when first asked; serves any number of threads."""

    def __init__(self, path: Path, provider: Provider = "auto") -> None:
        self._path, self._provider = path, provider
        self._opening = threading.Lock()
        self._opened: ort.InferenceSession | None = None

    @classmethod
    def of_model(
        cls, folder: Path, provider: Provider = "auto"
    ) -> "ExplanationGraph | None":
        """The graph of a model folder; None when its card names none.

        Raises
        ------
        ModelUnavailable
            As `load_model_card`: also when the graph is not the one the card names.
        """
        card = load_model_card(folder)
        if card.explanation_sha256 is None:
            return None
        return cls(folder / EXPLANATION_FILE, provider)

    @property
    def maps(self) -> tuple[FeatureMap, ...]:
        """The networks' feature maps."""
        text = self._session.get_modelmeta().custom_metadata_map[FEATURE_MAPS]
        return tuple(FeatureMap(**each) for each in json.loads(text))

    def look(self, feed: Feed) -> Look:
        """Feature maps and attention of one chunk or window, given as to the model."""
        n_maps = len(self.maps)
        made = {output.name for output in self._session.get_outputs()}
        activations = [f"activation_{i}" for i in range(n_maps)]
        attention = [f"attention_{i}" for i in range(n_maps)]
        asked = [name for name in activations + attention if name in made]
        no_shift = np.zeros((1, 1, self._n_channels), np.float32)
        answers = dict(zip(asked, self._run(asked, feed, no_shift), strict=True))
        return Look(
            tuple(answers[name] for name in activations),
            tuple(answers[n][0] if n in answers else None for n in attention),
        )

    def logits(self, feed: Feed) -> Floats:
        """Sum of the networks' logits, (rows, …): without what no convolution reaches.

        `feed` may hold any number of windows, each a row of its own.
        """
        names = [f"logits_{i}" for i in range(len(self.maps))]
        no_shift = np.zeros((1, 1, self._n_channels), np.float32)
        n_rows = len(next(iter(feed.values())))
        runs = [
            sum(
                self._run(
                    names,
                    {
                        name: rows[start : start + _SHIFTS_A_RUN]
                        for name, rows in feed.items()
                    },
                    no_shift,
                )
            )
            for start in range(0, n_rows, _SHIFTS_A_RUN)
        ]
        return np.concatenate(runs)

    def weights(
        self,
        feed: Feed,
        rows: Sequence[int],
        answer: tuple[int, ...],
        look: Look,
        *,
        step: float = STEP,
    ) -> list[NDArray[np.float64]]:
        """Weight of each channel of each network, (channels,), as Grad-CAM has it.

        Parameters
        ----------
        feed, look
            The model's inputs, for one chunk or window, and what `look` made of them.
        rows
            The rows of the feature maps that are one picture: the leads of one beat.
        answer
            Place of the logit among the answers to this chunk or window.
        step
            Half of the difference that is taken, as `STEP`.
        """
        squares = [np.mean(np.square(each)) for each in look.activations]
        step *= max(float(np.sqrt(np.mean(squares))), _LEAST_STEP)
        width, n_rows = self._n_channels, len(look.activations[0])
        shifted = np.arange(2 * width)
        shifts = np.zeros((2 * width, n_rows, width), np.float32)
        for row in rows:
            shifts[shifted, row, shifted % width] = np.where(shifted < width, step, -step)
        names = [f"logits_{i}" for i in range(len(self.maps))]
        runs = [
            self._run(names, feed, shifts[start : start + _SHIFTS_A_RUN])
            for start in range(0, len(shifts), _SHIFTS_A_RUN)
        ]
        weights = []
        for logits, activation in zip(
            zip(*runs, strict=True), look.activations, strict=True
        ):
            place: tuple[slice | int, ...] = (slice(None), *answer)
            up, down = np.split(np.concatenate(logits)[place].astype(np.float64), 2)
            n_places = len(rows) * activation.shape[-1]
            weights.append((up - down)[: activation.shape[1]] / (2 * step * n_places))
        return weights

    def highlight(
        self,
        way: Sequence[Feed],
        without: Feed,
        rows: Sequence[int],
        answer: tuple[int, ...],
        samples: NDArray[np.floating],
    ) -> Floats:
        """Integrated Grad-CAM at places of the window: (rows, samples), from 0 up.

        Channels of all networks of an ensemble are the channels of one layer.

        Parameters
        ----------
        way
            The model's inputs at steps of the way to what is explained, the last of them.
        without
            The inputs where the way begins, in which nothing is to be seen.
        rows, answer
            As in `weights`.
        samples
            The places, in samples of the window.
        """
        start, shown = self.look(without), list(rows)
        total = np.zeros((len(shown), len(samples)), np.float32)
        for feed in way:
            look = self.look(feed)
            picture = np.zeros_like(total)
            for each, weight, activation, nothing in zip(
                self.maps,
                self.weights(feed, rows, answer, look),
                look.activations,
                start.activations,
                strict=True,
            ):
                come = activation[shown] - nothing[shown]
                picture += each.at(np.einsum("k,rkt->rt", weight, come), samples)
            total += np.maximum(picture, 0)
        return total / np.float32(len(way))

    @property
    def _n_channels(self) -> int:
        return max(each.channels for each in self.maps)

    @property
    def _session(self) -> ort.InferenceSession:
        with self._opening:
            if self._opened is None:
                self._opened = open_session(self._path, self._provider)
            return self._opened

    def _run(self, names: list[str], feed: Feed, shifts: Floats) -> list[Floats]:
        try:
            answers: list[Floats] = self._session.run(names, {**feed, SHIFT: shifts})
        except Exception as error:  # ONNX Runtime's errors share no public base class
            msg = f"the explanation graph of {self._path.parent.name} failed while it ran"
            raise ModelUnavailable(msg) from error
        return answers


def relative(weights: Floats) -> Floats:
    """Scale weights so that the largest is 1; all zeros stay as they are."""
    largest = float(weights.max(initial=0))
    return weights / np.float32(largest) if largest > 0 else weights


def thinned(first: NDArray[np.bool_], then: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """At most `n` places, in order: of the first, evenly spread, then of the others."""
    chosen: list[int] = []
    for kind in (first, then):
        places, left = np.flatnonzero(kind), n - len(chosen)
        if len(places) > left:
            places = places[np.arange(left) * len(places) // max(left, 1)]
        chosen += places.tolist()
    return np.sort(np.array(chosen, dtype=np.int64))

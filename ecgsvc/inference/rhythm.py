"""The rhythm of a recording, window by window, by the shipped neural network."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.rhythm import RHYTHM_CLASSES, RhythmCall, RhythmWindow
from ecgsvc.domain.waveform import Lead, Waveform
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.beats import choose_lead
from ecgsvc.inference.model_card import ModelCard
from ecgsvc.inference.rhythm_inputs import (
    LEAST_S,
    MODEL_FEATURES,
    MODEL_RATE_HZ,
    PIECE_S,
    PIECE_SAMPLES,
    RhythmInputs,
    build_rhythm_inputs,
    filter_lead,
    pieces_of,
)
from ecgsvc.inference.sessions import Provider, open_model, run_model

ONE_WINDOW_S = 61.0
"""Recordings up to this long get one answer, as the challenge's do."""
_READABLE_SHARE = 0.5  # of a window's seconds
_PIECES_A_RUN = 32


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What one answer is of, in seconds, and the pieces it is read in."""

    start_s: float
    stop_s: float
    pieces_s: list[tuple[float, float]]


class RhythmClassifier:
    """The rhythm of a recording; one instance serves any number of threads."""

    def __init__(
        self, session: ort.InferenceSession, card: ModelCard, tools: SignalTools
    ) -> None:
        self._session = session
        self._card = card
        self._tools = tools
        self._conformal = np.array(
            [card.thresholds[f"conformal_{name.name.lower()}"] for name in RHYTHM_CLASSES]
        )
        self._outlier = card.thresholds["outlier"]

    @classmethod
    def load(
        cls,
        folder: Path,
        tools: SignalTools,
        *,
        provider: Provider = "auto",
        intra_op_threads: int = 1,
    ) -> "RhythmClassifier":
        """Load a model folder; errors as those of `open_model`."""
        session, card = open_model(folder, _fits, provider, intra_op_threads)
        return cls(session, card, tools)

    @property
    def identity(self) -> ModelIdentity:
        """Name, version and SHA-256 of the model."""
        return self._card.identity

    @property
    def card(self) -> ModelCard:
        """What is known of the model."""
        return self._card

    def classify(
        self,
        waveform: Waveform,
        beats: ClassifiedBeats,
        quality: SignalQuality | None = None,
        *,
        features_of: Waveform | None = None,
    ) -> RhythmCall:
        """Name the rhythm of a recording, read on one lead.

        Parameters
        ----------
        waveform
            The usable leads, unfiltered.
        beats
            All beats of the recording, as classified; R peaks at the recording's own rate.
        quality
            As assessed, of the whole recording or of these leads; windows of which the lead
            cannot be read for more than half of the seconds get no answer.
        features_of
            Where given, features are of this recording, and only the samples the networks
            see are of `waveform`: what does a change of the samples alone change?

        Returns
        -------
        RhythmCall
            One window for a recording of up to 61 s, else windows of 20 to 30 s.
        """
        lead = choose_lead(waveform.leads, waveform.leads)
        if lead is None:
            return RhythmCall((), "no lead can be relied upon")
        if waveform.duration_s < LEAST_S:
            return RhythmCall((), f"the recording is shorter than {LEAST_S:g} s")
        rate_hz = waveform.sampling_rate_hz
        signal = filter_lead(waveform.lead_mv(lead), rate_hz, self._tools)
        stretches = [
            stretch
            for stretch in _stretches(waveform.duration_s)
            if _readable(stretch, lead, rate_hz, quality)
        ]
        if signal is None or not stretches:
            return RhythmCall((), "the signal is too disturbed throughout")
        pieces_s = [piece for stretch in stretches for piece in stretch.pieces_s]
        inputs = build_rhythm_inputs(signal, beats, rate_hz, pieces_s)
        if features_of is not None:
            other = filter_lead(features_of.lead_mv(lead), rate_hz, self._tools)
            kept = signal if other is None else other
            features = build_rhythm_inputs(kept, beats, rate_hz, pieces_s).features
            inputs = RhythmInputs(inputs.windows, features)
        logits, outlier = self.outputs(inputs)
        windows = []
        rows = slice(0)
        for stretch in stretches:
            rows = slice(rows.stop, rows.stop + len(stretch.pieces_s))
            if inputs.windows[rows].any():  # not a flat line
                start, stop = (
                    round(stretch.start_s * rate_hz),
                    round(stretch.stop_s * rate_hz),
                )
                windows.append(self._window(start, stop, logits[rows], outlier[rows]))
        return RhythmCall(tuple(windows), "" if windows else "the signal is flat")

    def outputs(
        self, inputs: RhythmInputs
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (n, 4) and outlier scores (n,) of prepared pieces."""
        answers = [
            self._run(inputs.windows[part], inputs.features[part])
            for part in (
                slice(start, start + _PIECES_A_RUN)
                for start in range(0, len(inputs.windows), _PIECES_A_RUN)
            )
        ]
        return (
            np.concatenate([logits for logits, _ in answers]),
            np.concatenate([outlier for _, outlier in answers]),
        )

    def _run(
        self, windows: NDArray[np.float32], features: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        feed = {"windows": windows, "features": features}
        logits, outlier = run_model(
            self._session, self.identity.name, ["logits", "outlier"], feed
        )
        return logits, outlier

    def _window(
        self,
        start_index: int,
        stop_index: int,
        logits: NDArray[np.float32],
        outlier: NDArray[np.float32],
    ) -> RhythmWindow:
        """Put the pieces of one stretch together: the means of logits and scores."""
        probabilities = rhythm_probabilities(
            logits.mean(axis=0), self._card.temperature, self._card.logit_offsets
        )
        possible = probabilities >= 1 - self._conformal
        named = zip(RHYTHM_CLASSES, probabilities.tolist(), possible, strict=True)
        answers = list(named)
        return RhythmWindow(
            start_index,
            stop_index,
            {name: probability for name, probability, _ in answers},
            frozenset(name for name, _, kept in answers if kept),
            bool(outlier.mean() > self._outlier),
        )


def rhythm_probabilities(
    logits: NDArray[np.floating], temperature: float, offsets: Sequence[float]
) -> NDArray[np.float64]:
    """Calibrated probabilities: the softmax of ``logits / temperature + offsets``."""
    scaled = logits.astype(np.float64) / temperature + np.asarray(offsets)
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(
        axis=-1, keepdims=True
    )
    return probabilities


def _stretches(duration_s: float) -> list[_Stretch]:
    if duration_s <= ONE_WINDOW_S:
        return [_Stretch(0.0, duration_s, pieces_of(duration_s))]
    edges = np.linspace(0, duration_s, int(np.ceil(duration_s / PIECE_S)) + 1).tolist()
    return [_Stretch(a, b, [(a, b)]) for a, b in pairwise(edges)]


def _readable(
    stretch: _Stretch, lead: Lead, rate_hz: float, quality: SignalQuality | None
) -> bool:
    """Tell whether the lead can be read for half of the stretch's seconds."""
    if quality is None or quality.windows is None:
        return True
    row = [judged.lead for judged in quality.leads].index(lead)
    n_samples = quality.windows.n_samples
    first = int(stretch.start_s * rate_hz) // n_samples
    last = max(first + 1, int(stretch.stop_s * rate_hz) // n_samples)
    unreadable = quality.windows.unreadable[row, first:last]
    return not unreadable.size or bool(unreadable.mean() <= 1 - _READABLE_SHARE)


def _fits(card: ModelCard) -> bool:
    """Tell whether the model takes what `build_rhythm_inputs` makes."""
    needed = {"outlier", *(f"conformal_{name.name.lower()}" for name in RHYTHM_CLASSES)}
    return (
        card.task == "rhythm"
        and card.labels == RHYTHM_CLASSES
        and card.leads == ("any",)
        and card.sampling_rate_hz == MODEL_RATE_HZ
        and card.window_samples == PIECE_SAMPLES
        and card.features == MODEL_FEATURES
        and needed <= card.thresholds.keys()
    )

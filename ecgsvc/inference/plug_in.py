"""A hospital's own model at work: its inputs built, its output said.

What is wrong with a model is found when it is loaded, with a trial run on zeros. Later it
answers or says why not; it never raises, so that no report is lost with it.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.model_identity import ModelIdentity
from ecgsvc.domain.plug_in import PlugInAnswer, PlugInResult
from ecgsvc.domain.waveform import Recording, Waveform
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.model_card import MODEL_FILE
from ecgsvc.inference.plug_in_card import (
    LeadsInput,
    PlugInCard,
    PlugInInput,
    ValuesInput,
    read_plug_in_card,
)
from ecgsvc.inference.sessions import Provider, open_session

_LOG = logging.getLogger(__name__)
_FLOAT = "tensor(float)"
Floats = NDArray[np.float32]


class _Unanswerable(Exception):
    """Why a model has no answer; a control flow of this module."""


@dataclass(frozen=True, slots=True)
class PlugInModel:
    """A loaded model; shared by all threads."""

    card: PlugInCard
    _session: ort.InferenceSession
    _tools: SignalTools

    @classmethod
    def load(
        cls, folder: Path, tools: SignalTools, *, provider: Provider = "auto"
    ) -> "PlugInModel":
        """Load a model folder and try it.

        Raises
        ------
        ModelUnavailable
            The card or the model is wrong; the message names the place.
        """
        card = read_plug_in_card(folder)
        model = cls(card, open_session(folder / MODEL_FILE, provider), tools)
        _check_inputs(folder.name, card, model._session)
        zeros = {each.name: np.zeros((1, *each.shape), np.float32) for each in card.inputs}
        try:
            model._run(zeros)
        except _Unanswerable as error:
            msg = f"{folder.name}: a trial run on zeros failed: {error}"
            raise ModelUnavailable(msg) from error
        return model

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""
        return self.card.identity

    def answer(
        self, recording: Recording, usable: Waveform, measurements: Measurements
    ) -> PlugInResult:
        """Answer, or give the reason why not.

        Parameters
        ----------
        recording
            For age and sex.
        usable
            The leads that may be relied upon.
        measurements
            Of the recording.
        """
        try:
            feed = {
                each.name: self._build(each, recording, usable, measurements)
                for each in self.card.inputs
            }
            answers = self._run(feed)
        except _Unanswerable as error:
            return self._result(reason=str(error))
        return self._result(answers)

    def _result(
        self, answers: tuple[PlugInAnswer, ...] = (), reason: str = ""
    ) -> PlugInResult:
        card = self.card
        return PlugInResult(
            card.identity, card.title, card.reported_as, card.unit, answers, reason,
            card.coding,
        )  # fmt: skip

    def _run(self, feed: Mapping[str, Floats]) -> tuple[PlugInAnswer, ...]:
        card = self.card
        try:
            (raw,) = self._session.run([card.output], dict(feed))
        except Exception as error:  # ONNX Runtime's errors share no public base class
            _LOG.warning("plug-in model %s failed to run", card.identity.name)
            msg = "the model failed to run"
            raise _Unanswerable(msg) from error
        values = np.asarray(raw, dtype=np.float64).reshape(-1)
        if values.size != len(card.labels):
            msg = f"the model gave {values.size} values for {len(card.labels)} labels"
            raise _Unanswerable(msg)
        values = _activated(values, card.activation)
        within = not card.is_probability or ((values >= 0) & (values <= 1)).all()
        if not np.isfinite(values).all() or not within:
            what = "probabilities" if card.is_probability else "finite values"
            msg = f"the model gave no {what}"
            raise _Unanswerable(msg)
        thresholds: Sequence[float | None] = card.thresholds or [None] * len(card.labels)
        return tuple(
            PlugInAnswer(label, float(value), threshold)
            for label, value, threshold in zip(card.labels, values, thresholds, strict=True)
        )

    def _build(
        self,
        takes: PlugInInput,
        recording: Recording,
        usable: Waveform,
        measurements: Measurements,
    ) -> Floats:
        if isinstance(takes, LeadsInput):
            return self._window(takes, usable)
        known = {"age_years": recording.age_years, "sex": _sex(recording)}
        values = [
            known[field] if field in known else getattr(measurements, field)
            for field in takes.fields
        ]
        return _filled(takes, values)

    def _window(self, takes: LeadsInput, usable: Waveform) -> Floats:
        missing = [lead for lead in takes.leads if lead not in usable.leads]
        if missing:
            msg = f"lead {', '.join(missing)} cannot be relied upon or is not there"
            raise _Unanswerable(msg)
        n_needed = takes.window_samples / takes.sampling_rate_hz * usable.sampling_rate_hz
        n_read = int(np.ceil(n_needed)) + 1
        samples = usable.select(takes.leads).samples_mv[:, :n_read]
        if samples.shape[1] + 1 < n_needed:
            seconds = takes.window_samples / takes.sampling_rate_hz
            msg = f"the recording is shorter than {seconds:g} s"
            raise _Unanswerable(msg)
        if not np.isfinite(samples).all():
            msg = "samples are missing"
            raise _Unanswerable(msg)
        resampled = self._tools.resample(
            np.ascontiguousarray(samples), usable.sampling_rate_hz, takes.sampling_rate_hz
        )[:, : takes.window_samples]
        short = takes.window_samples - resampled.shape[1]
        padded = np.pad(resampled, ((0, 0), (0, short)), mode="edge")
        return _as_floats(padded[None])


def _sex(recording: Recording) -> float | None:
    return {"female": 1.0, "male": 0.0}.get(recording.sex or "")


def _filled(takes: ValuesInput, values: Sequence[float | None]) -> Floats:
    unknown = [field for field, v in zip(takes.fields, values, strict=True) if v is None]
    if unknown and takes.missing is None:
        msg = f"{', '.join(unknown)} not known"
        raise _Unanswerable(msg)
    instead = takes.missing or (0.0,) * len(values)
    filled = [m if v is None else v for v, m in zip(values, instead, strict=True)]
    return _as_floats(np.array([filled]))


def _as_floats(values: NDArray[np.float64]) -> Floats:
    """What float32 cannot hold becomes infinite, and the answer then is none."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _activated(values: NDArray[np.float64], activation: str) -> NDArray[np.float64]:
    if activation == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -700, 700))))
    if activation == "softmax":
        raised = np.exp(values - values.max())
        return np.asarray(raised / raised.sum())
    return values


def _check_inputs(folder: str, card: PlugInCard, session: ort.InferenceSession) -> None:
    """Hold the graph against the card: names, types and the sizes it fixes."""
    declared = {each.name: each for each in card.inputs}
    found = {each.name: each for each in session.get_inputs()}
    if set(declared) != set(found):
        msg = (
            f"{folder}: the card declares the inputs {', '.join(sorted(declared))}, "
            f"{MODEL_FILE} takes {', '.join(sorted(found))}"
        )
        raise ModelUnavailable(msg)
    for name, node in found.items():
        wanted = (1, *declared[name].shape)
        sizes = [size if isinstance(size, int) else None for size in node.shape]
        fits = len(sizes) == len(wanted) and all(
            size in (None, want) for size, want in zip(sizes, wanted, strict=True)
        )
        if node.type != _FLOAT or not fits:
            msg = (
                f"{folder}: input {name} is {node.type} of shape {node.shape}, the card "
                f"makes float32 of shape {list(wanted)}"
            )
            raise ModelUnavailable(msg)
    outputs = [each.name for each in session.get_outputs()]
    if card.output not in outputs:
        msg = f"{folder}: output.name is {card.output}, {MODEL_FILE} gives {outputs}"
        raise ModelUnavailable(msg)

"""Wave boundaries by the shipped network, on top of the signal core's marks."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.waveform import SampleIndices, Waveform
from ecgsvc.domain.waves import ABSENT, GlobalPoints, GlobalWaves, LeadWaves, WavePoints
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.model_card import MODEL_FILE, ModelCard, load_model_card
from ecgsvc.inference.sessions import Provider, open_session
from ecgsvc.inference.wave_groups import (
    CONTEXT_NAMES,
    WAVE_RATE_HZ,
    WINDOW_SAMPLES,
    BeatGroup,
    beat_groups,
    stretches,
)
from ecgsvc.inference.wave_marks import (
    THRESHOLD_NAMES,
    Marks,
    WaveAnswers,
    carry,
    drop_impossible,
)

WAVE_LABELS = ("P", "QRS", "T")
OUTPUTS = ("points", "presence", "limits")


Answer: TypeAlias = Callable[[BeatGroup], WaveAnswers]
"""What a model says of a group of beats."""


class WaveReader:
    """Reads the waves of a recording; one instance serves any number of threads."""

    def __init__(
        self,
        answer: Answer,
        identity: ModelIdentity,
        thresholds: Mapping[str, float],
        tools: SignalTools,
    ) -> None:
        self._answer = answer
        self._identity = identity
        self._thresholds = thresholds
        self._tools = tools

    @classmethod
    def load(
        cls,
        folder: Path,
        tools: SignalTools,
        *,
        provider: Provider = "auto",
        intra_op_threads: int = 1,
    ) -> "WaveReader":
        """Load a model folder.

        Raises
        ------
        ModelUnavailable
            The folder is incomplete or altered, takes another input than this code builds,
            or cannot run on the provider asked for.
        """
        card = load_model_card(folder)
        if not _fits(card):
            msg = f"the model in {folder.name} takes another input than this version builds"
            raise ModelUnavailable(msg)
        session = open_session(folder / MODEL_FILE, provider, intra_op_threads)
        answer = partial(_run, session, card.identity.name)
        return cls(answer, card.identity, card.thresholds, tools)

    @property
    def identity(self) -> ModelIdentity:
        """Name, version and SHA-256 of the model."""
        return self._identity

    def read(
        self,
        waveform: Waveform,
        r_peak_indices: SampleIndices,
        waves: Sequence[LeadWaves],
        global_waves: GlobalWaves,
    ) -> tuple[tuple[LeadWaves, ...], GlobalWaves]:
        """Correct the core's marks, lead by lead and over all leads.

        Parameters
        ----------
        waveform
            The leads that may be relied upon, unfiltered.
        r_peak_indices
            Shape (n_beats,), strictly increasing, at the recording's own rate.
        waves, global_waves
            The core's marks on these leads and beats.

        Notes
        -----
        Beats that are like no other in a stretch of many kinds keep the core's marks.
        """
        if not waves or not len(r_peak_indices):
            return tuple(waves), global_waves
        marks = _marks(waves, global_waves)
        for stretch in stretches(waveform, r_peak_indices, self._tools):
            for group in beat_groups(stretch):
                answers = self._answer(group)
                carry(marks, group, answers, stretch.samples_per_column, self._thresholds)
        drop_impossible(marks, r_peak_indices, waveform.sampling_rate_hz)
        return _lead_waves(waveform, marks), _global_waves(marks)


def wave_answers(
    points: NDArray[np.float32], presence: NDArray[np.float32], limits: NDArray[np.float32]
) -> WaveAnswers:
    """Take the outputs for one group, shape (n_leads, 9), logits (n_leads, 3), and (6,)."""
    return WaveAnswers(
        points.astype(np.float64).reshape(-1, 3, 3),
        1.0 / (1.0 + np.exp(-presence.astype(np.float64))),
        limits.astype(np.float64).reshape(3, 2),
    )


def _run(session: ort.InferenceSession, name: str, group: BeatGroup) -> WaveAnswers:
    feed = {"windows": group.window[np.newaxis], "context": group.context[np.newaxis]}
    try:
        points, presence, limits = session.run(OUTPUTS, feed)
    except Exception as error:  # ONNX Runtime's errors share no public base class
        msg = f"the model {name} failed while it ran"
        raise ModelUnavailable(msg) from error
    return wave_answers(points[0], presence[0], limits[0])


def _fits(card: ModelCard) -> bool:
    """Tell whether the model takes what `beat_groups` makes."""
    return (
        card.task == "waves"
        and card.labels == WAVE_LABELS
        and card.leads == ("any",)
        and card.sampling_rate_hz == WAVE_RATE_HZ
        and card.window_samples == WINDOW_SAMPLES
        and card.features == CONTEXT_NAMES
        and set(THRESHOLD_NAMES) <= card.thresholds.keys()
    )


def _marks(waves: Sequence[LeadWaves], global_waves: GlobalWaves) -> Marks:
    points = np.array(
        [
            [(wave.onset, wave.peak, wave.offset) for wave in (lead.p, lead.qrs, lead.t)]
            for lead in waves
        ],
        dtype=np.float64,
    )
    points[points == ABSENT] = np.nan
    kinds = (global_waves.p, global_waves.qrs, global_waves.t)
    limits = np.array([(wave.onset, wave.offset) for wave in kinds], dtype=np.float64)
    return Marks(np.moveaxis(points, -1, 1), np.moveaxis(limits, -1, 0))


def _lead_waves(waveform: Waveform, marks: Marks) -> tuple[LeadWaves, ...]:
    """Give whole samples; a wave beyond the recording or with missing samples is absent."""
    points = np.where(np.isfinite(marks.points), np.rint(marks.points), ABSENT)
    points = points.astype(np.int64)
    beyond = (points[..., 0] < 0) | (points[..., 2] >= waveform.n_samples)
    points[beyond] = ABSENT
    missing = np.isnan(waveform.samples_mv)
    for lead in np.flatnonzero(missing.any(axis=1)):
        rows, lost = points[lead], np.flatnonzero(missing[lead])
        first, last = np.searchsorted(lost, (rows[..., 0], rows[..., 2] + 1))
        rows[first != last] = ABSENT
    by_wave = np.ascontiguousarray(np.moveaxis(points, 1, -1))  # lead, wave, point, beat
    return tuple(
        LeadWaves(lead, *(WavePoints(*of_wave) for of_wave in of_lead))
        for lead, of_lead in zip(waveform.leads, by_wave, strict=True)
    )


def _global_waves(marks: Marks) -> GlobalWaves:
    limits = np.moveaxis(marks.limits, 0, -1)
    return GlobalWaves(*(GlobalPoints(onset, offset) for onset, offset in limits))

"""Wave boundaries by the shipped network, on top of the signal core's marks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.waveform import SampleIndices, Waveform
from ecgsvc.domain.waves import ABSENT, GlobalPoints, GlobalWaves, LeadWaves
from ecgsvc.inference.model_card import ModelCard
from ecgsvc.inference.sessions import Provider, open_model, run_model
from ecgsvc.inference.wave_groups import (
    CONTEXT_NAMES,
    STRETCH_BEATS,
    WAVE_RATE_HZ,
    WINDOW_SAMPLES,
    BeatGroup,
    BeatTools,
    beat_groups,
    cut_stretch,
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


Answer: TypeAlias = Callable[[Sequence[BeatGroup]], list[WaveAnswers]]
"""What a model says of groups of beats in the same leads."""


class WaveReader:
    """Reads the waves of a recording; one instance serves any number of threads."""

    def __init__(
        self,
        answer: Answer,
        identity: ModelIdentity,
        thresholds: Mapping[str, float],
        tools: BeatTools,
    ) -> None:
        self._answer = answer
        self._identity = identity
        self._thresholds = thresholds
        self._tools = tools

    @classmethod
    def load(
        cls,
        folder: Path,
        tools: BeatTools,
        *,
        provider: Provider = "auto",
        intra_op_threads: int = 1,
    ) -> "WaveReader":
        """Load a model folder; errors as those of `open_model`."""
        session, card = open_model(folder, _fits, provider, intra_op_threads)
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
        *,
        threads: int = 1,
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
        threads
            How many stretches of the recording are read at a time; the marks do not depend
            on it.

        Notes
        -----
        Beats that are like no other in a stretch of many kinds keep the core's marks.
        """
        if not waves or not len(r_peak_indices):
            return tuple(waves), global_waves
        marks = _marks(waves, global_waves)

        def read_from(first_beat: int) -> None:
            stretch = cut_stretch(waveform, r_peak_indices, first_beat, self._tools)
            groups = beat_groups(stretch, self._tools)
            answers = self._answer(groups)
            carry(marks, groups, answers, stretch.samples_per_column, self._thresholds)

        # no beat is in two stretches: whichever is read first, the marks are the same
        _for_each(range(0, len(r_peak_indices), STRETCH_BEATS), read_from, threads)
        drop_impossible(marks, r_peak_indices, waveform.sampling_rate_hz)
        return _lead_waves(waveform, marks), _global_waves(marks)


def _for_each(items: Iterable[int], work: Callable[[int], None], threads: int) -> None:
    """Do the work for all, on some threads; raises the first error in their order."""
    if threads == 1:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, items):
            pass


def network_inputs(
    groups: Sequence[BeatGroup],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Windows (groups, leads, 3, 304) and context (groups, 4), the same leads in all."""
    return np.stack([g.window for g in groups]), np.stack([g.context for g in groups])


def wave_answers(
    points: NDArray[np.float32], presence: NDArray[np.float32], limits: NDArray[np.float32]
) -> list[WaveAnswers]:
    """Take the outputs: (groups, leads, 9), logits (groups, leads, 3), and (groups, 6)."""
    n_groups, n_leads, _ = points.shape
    each = zip(
        points.astype(np.float64).reshape(n_groups, n_leads, 3, 3),
        1.0 / (1.0 + np.exp(-presence.astype(np.float64))),
        limits.astype(np.float64).reshape(n_groups, 3, 2),
        strict=True,
    )
    return [WaveAnswers(*of_group) for of_group in each]


def _run(
    session: ort.InferenceSession, name: str, groups: Sequence[BeatGroup]
) -> list[WaveAnswers]:
    if not groups:
        return []
    windows, context = network_inputs(groups)
    feed = {"windows": windows, "context": context}
    points, presence, limits = run_model(session, name, OUTPUTS, feed)
    return wave_answers(points, presence, limits)


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
    """Copy the core's marks, point by point, as `_lead_waves` gives them back."""
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
    shapes = np.full(points.shape[-1], -1, dtype=np.int64)
    return Marks(np.moveaxis(points, -1, 1), np.moveaxis(limits, -1, 0), shapes)


def _lead_waves(waveform: Waveform, marks: Marks) -> tuple[LeadWaves, ...]:
    """Give whole samples; a wave beyond the recording or with missing samples is absent.

    In the marks' own memory: a day's are tens of megabytes.
    """
    points = np.moveaxis(marks.points, 1, -1)  # lead, wave, point, beat
    np.rint(points, out=points)
    absent = np.isnan(points[:, :, 1]) | (points[:, :, 0] < 0)
    absent |= points[:, :, 2] >= waveform.n_samples
    for lead in np.flatnonzero(np.isnan(waveform.samples_mv.min(axis=1, initial=np.inf))):
        missing = np.flatnonzero(np.isnan(waveform.samples_mv[lead]))
        bounds = (points[lead, :, 0], points[lead, :, 2] + 1)
        first, last = np.searchsorted(missing, bounds)
        absent[lead] |= first != last
    points.transpose(0, 1, 3, 2)[absent] = ABSENT
    whole = points.view(np.int64)
    for of_lead, rounded in zip(whole, points, strict=True):
        of_lead[...] = rounded.astype(np.int64)
    of_leads = zip(waveform.leads, whole, strict=True)
    return tuple(LeadWaves.of_points(lead, of_lead) for lead, of_lead in of_leads)


def _global_waves(marks: Marks) -> GlobalWaves:
    limits = np.moveaxis(marks.limits, 0, -1)
    p, qrs, t = (GlobalPoints(onset, offset) for onset, offset in limits)
    # shapes of two stretches are not put beside each other
    one_stretch = len(marks.shapes) <= STRETCH_BEATS
    return GlobalWaves(p, qrs, t, marks.shapes if one_stretch else None)

"""Annotated waves of LUDB, group by group of similar beats, as the service sees them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.waveform import SampleIndices, Waveform
from ecgsvc.domain.waves import ABSENT
from ecgsvc.evaluation.wave_references import (
    POINTS,
    WAVES,
    ReferenceWaves,
    WaveName,
    find_wave_records,
)
from ecgsvc.inference.wave_groups import (
    SAMPLES_BEFORE_R,
    BeatGroup,
    Stretch,
    beat_groups,
    stretches,
)
from ecgsvc.signal_path import find_r_peaks
from ecgsvc.training.datasets import BEAT_TOOLS

_SAME_BEAT_S = 0.150
_LONGEST_PR_S = 0.480
_LONGEST_QT_S = 0.700
ORDER: tuple[str, ...] = WAVES
# A beat without a P (T) wave shows that it has none only where the annotator looked so far.
_P_SEEN_S = 0.320
_T_SEEN_S = 0.480


@dataclass(frozen=True, slots=True, eq=False)
class AnnotatedGroup:
    """A group of beats with what the cardiologists marked.

    Parameters
    ----------
    record
        Its name; one record is one patient.
    stretch, group
        As the network is shown them.
    points
        Shape (n_leads, 3 waves, 3 points), columns of the mean beat: mean over the beats
        of the annotated points, NaN where there is none.
    presence
        Shape (n_leads, 3): share of the beats with the wave, NaN where it is not known.
    global_points
        Shape (3 waves, 2): second-earliest onset and second-latest offset over the leads,
        median over the beats, columns.
    n_annotated
        Beats whose QRS complex is annotated in some lead.
    """

    record: str
    stretch: Stretch
    group: BeatGroup
    points: NDArray[np.float64]
    presence: NDArray[np.float64]
    global_points: NDArray[np.float64]
    n_annotated: int


def prepare_groups(
    data_dir: Path, on_record: Callable[[str], None] = lambda _: None
) -> list[AnnotatedGroup]:
    """Prepare every group of beats of every record that has an annotated beat."""
    groups: list[AnnotatedGroup] = []
    for record in find_wave_records(data_dir, None):
        waveform = read_wfdb(record.path).waveform
        quality = dsp.assess_quality(waveform)
        usable = waveform.select(quality.usable_leads)
        references = record.read(usable.leads)
        r_peaks = find_r_peaks(waveform, quality)
        groups += annotated_groups(record.path.name, usable, r_peaks, references)
        on_record(record.path.name)
    return groups


def annotated_groups(
    record: str,
    waveform: Waveform,
    r_peaks: SampleIndices,
    references: dict[str, ReferenceWaves],
) -> list[AnnotatedGroup]:
    """Group the beats of one recording and give each group its annotations."""
    marks = [
        _by_beat(references[lead], r_peaks, waveform.sampling_rate_hz)
        if lead in references
        else _unknown(len(r_peaks))
        for lead in waveform.leads
    ]
    points = np.stack([p for p, _ in marks])  # (n_leads, n_beats, 3, 3)
    presence = np.stack([p for _, p in marks])
    found = []
    for stretch in stretches(waveform, r_peaks, BEAT_TOOLS):
        for group in beat_groups(stretch, BEAT_TOOLS):
            own = points[:, group.beats]
            columns = (own - group.anchors[:, None, None]) / stretch.samples_per_column
            columns += SAMPLES_BEFORE_R
            annotated = int(np.isfinite(columns[:, :, 1, 1]).any(axis=0).sum())
            if annotated:
                found.append(
                    AnnotatedGroup(
                        record,
                        stretch,
                        group,
                        _mean(columns[group.leads]),
                        _mean(presence[group.leads][:, group.beats]),
                        _global_points(columns),
                        annotated,
                    )
                )
    return found


def _unknown(n_beats: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.full((n_beats, 3, 3), np.nan), np.full((n_beats, 3), np.nan)


def _by_beat(
    reference: ReferenceWaves, r_peaks: SampleIndices, rate_hz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (n_beats, 3, 3) and presence (n_beats, 3) of one lead; NaN: not known."""
    points, presence = _unknown(len(r_peaks))
    for i, wave in enumerate(WAVES):
        rows = np.where(reference.points[wave] == ABSENT, np.nan, reference.points[wave])
        for row in rows:
            beat = _beat_of(wave, row[POINTS.index("peak")], r_peaks, rate_hz)
            if beat is not None:
                points[beat, i] = row
                presence[beat, i] = 1.0
    seen = {
        "P": r_peaks - _P_SEEN_S * rate_hz >= reference.first,
        "T": r_peaks + _T_SEEN_S * rate_hz <= reference.last,
    }
    known = presence[:, ORDER.index("QRS")] == 1.0
    for name, reaches in seen.items():
        column = presence[:, ORDER.index(name)]
        column[known & reaches & np.isnan(column)] = 0.0
    return points, presence


def _beat_of(
    wave: WaveName, peak: float, r_peaks: SampleIndices, rate_hz: float
) -> int | None:
    if wave == "QRS":
        beat = int(np.abs(r_peaks - peak).argmin())
        return beat if abs(r_peaks[beat] - peak) <= _SAME_BEAT_S * rate_hz else None
    beat = int(np.searchsorted(r_peaks, peak)) - (wave == "T")
    if not 0 <= beat < len(r_peaks):
        return None
    reach_s = _LONGEST_QT_S if wave == "T" else _LONGEST_PR_S
    return beat if abs(r_peaks[beat] - peak) <= reach_s * rate_hz else None


def _mean(by_beat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the second axis of what is there."""
    there = np.isfinite(by_beat)
    total = np.where(there, by_beat, 0.0).sum(axis=1)
    count = there.sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _global_points(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reduce (n_leads, n_beats, 3, 3) to the global onset and offset of each wave."""
    onset = _median(_second(columns[..., 0]))
    offset = _median(-_second(-columns[..., 2]))
    return np.stack([onset, offset], axis=1)


def _second(by_lead: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(by_lead, axis=0)
    rank = np.where(np.isfinite(ordered).sum(axis=0) >= 3, 1, 0)
    picked: NDArray[np.float64] = np.take_along_axis(ordered, rank[np.newaxis], axis=0)[0]
    return picked


def _median(by_beat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over the first axis of what is there."""
    columns = [column[np.isfinite(column)] for column in by_beat.T]
    return np.array([np.median(c) if c.size else np.nan for c in columns])


def folds_of(records: Sequence[str], n_folds: int) -> list[tuple[str, ...]]:
    """Part records (patients) into folds by a fixed shuffle of their names."""
    order = np.random.default_rng(0).permutation(sorted(set(records)))
    return [tuple(str(r) for r in order[i::n_folds]) for i in range(n_folds)]

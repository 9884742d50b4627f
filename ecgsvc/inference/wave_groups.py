"""What the wave model sees of a recording: the mean beat of each group of similar beats.

Beats of one QRS shape carry the same waves, so that the network reads their mean once, and
what it says is carried to each of them. A long recording is read stretch by stretch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Millivolts, SampleIndices, Waveform

WAVE_RATE_HZ = 250.0
SAMPLES_BEFORE_R = 120
WINDOW_SAMPLES = 304  # 480 ms before R to 732 ms after
WAVE_BAND_HZ = (0.5, 60.0)
CHANNELS = ("mean", "enlarged", "spread")
CONTEXT_NAMES = ("rr_before_s", "rr_after_s", "rr_irregularity", "log_beats")

STRETCH_BEATS = 128
_MOST_SHIFT = 4  # columns: how far R peaks of one shape lie apart
_QRS_FROM, _QRS_TO = SAMPLES_BEFORE_R - 25, SAMPLES_BEFORE_R + 31
_LEAST_SIMILARITY = 0.8
_MOST_GROUPS = 6  # a stretch: more kinds of beats than these are noise
_MARGIN_S = 2.0
_CLIP = 4.0
_LONGEST_RR_S = 2.0
_MANY_BEATS = 16  # about as many as the groups of 10 s have that the model learned from


class CutBeats(Protocol):
    """As `ecgsvc.dsp.cut_beats`."""

    def __call__(
        self,
        samples_mv: Millivolts,
        sampling_rate_hz: float,
        r_peak_indices: SampleIndices,
        *,
        before: int,
        after: int,
        low_hz: float,
        high_hz: float,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
        """Give the beats, which of their columns are there, and where they stand."""


class GroupBeats(Protocol):
    """As `ecgsvc.dsp.group_beats`."""

    def __call__(
        self,
        cuts_mv: NDArray[np.float32],
        *,
        r_column: int,
        least_similarity: float,
        most_groups: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Give the leads that show beats, the group of each beat, and its shift."""


class AverageBeats(Protocol):
    """As `ecgsvc.dsp.average_beats`."""

    def __call__(
        self,
        cuts_mv: NDArray[np.float32],
        inside: NDArray[np.int64],
        leads: NDArray[np.int64],
        beats: NDArray[np.int64],
        starts: NDArray[np.int64],
        *,
        width: int,
        qrs_from: int,
        qrs_to: int,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Give mean and spread."""


@dataclass(frozen=True, slots=True)
class BeatTools:
    """What the core does with beats, given by whoever may import it."""

    cut: CutBeats
    group: GroupBeats
    average: AverageBeats


@dataclass(frozen=True, slots=True, eq=False)
class BeatGroup:
    """Beats of one QRS shape: which, and where each has what the first has at R.

    Parameters
    ----------
    beats
        Shape (n,), positions in the recording's list of R peaks.
    anchors
        Shape (n,), sample index (with fractions) in the recording of column
        `SAMPLES_BEFORE_R` of the mean beat.
    leads
        Positions of the leads that show the beat.
    window
        Shape (n_leads, 3, 304) float32, the mean beat by `CHANNELS`, each lead relative to
        its own QRS complex.
    context
        Shape (4,) float32, as `CONTEXT_NAMES`.
    """

    beats: NDArray[np.int64]
    anchors: NDArray[np.float64]
    leads: NDArray[np.int64]
    window: NDArray[np.float32]
    context: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Consecutive beats, cut out of all leads at 250 Hz.

    Parameters
    ----------
    beats
        Shape (n_beats,), positions in the recording's list of R peaks.
    cuts_mv
        Shape (n_beats, n_leads, 304 + 8) float32: four columns more on either side.
    inside
        Shape (n_beats, 2), the first column in the recording and the one after the last.
    r_peaks
        Shape (n_beats,), the sample index that column 124 of each cut has.
    rr_before_s, rr_after_s
        Shape (n_beats,), NaN where there is no neighbour.
    """

    beats: NDArray[np.int64]
    cuts_mv: NDArray[np.float32]
    inside: NDArray[np.int64]
    r_peaks: NDArray[np.float64]
    rr_before_s: NDArray[np.float64]
    rr_after_s: NDArray[np.float64]
    samples_per_column: float


def stretches(
    waveform: Waveform, r_peak_indices: SampleIndices, tools: BeatTools
) -> Iterator[Stretch]:
    """Cut a recording's beats, at most `STRETCH_BEATS` at a time."""
    for first in range(0, len(r_peak_indices), STRETCH_BEATS):
        yield cut_stretch(waveform, r_peak_indices, first, tools)


def cut_stretch(
    waveform: Waveform, r_peak_indices: SampleIndices, first: int, tools: BeatTools
) -> Stretch:
    """Cut `STRETCH_BEATS` beats from `first` on, or as many as there are."""
    rate_hz = waveform.sampling_rate_hz
    margin = int(_MARGIN_S * rate_hz)
    last = min(first + STRETCH_BEATS, len(r_peak_indices))
    r_peaks = r_peak_indices[first:last]
    start = max(0, int(r_peaks[0]) - margin)
    piece = waveform.samples_mv[:, start : int(r_peaks[-1]) + margin]
    cuts_mv, inside, anchors = tools.cut(
        np.ascontiguousarray(piece),
        rate_hz,
        r_peaks - start,
        before=SAMPLES_BEFORE_R + _MOST_SHIFT,
        after=WINDOW_SAMPLES - SAMPLES_BEFORE_R - 1 + _MOST_SHIFT,
        low_hz=WAVE_BAND_HZ[0],
        high_hz=WAVE_BAND_HZ[1],
    )
    before = r_peak_indices[first - 1] if first else np.nan
    after = r_peak_indices[last] if last < len(r_peak_indices) else np.nan
    with_neighbours = np.concatenate([[before], r_peaks, [after]])
    rr_s = (with_neighbours[1:] - with_neighbours[:-1]) / rate_hz
    return Stretch(
        np.arange(first, last), cuts_mv, inside, start + anchors,
        rr_s[:-1], rr_s[1:], rate_hz / WAVE_RATE_HZ,
    )  # fmt: skip


def beat_groups(stretch: Stretch, tools: BeatTools) -> list[BeatGroup]:
    """Group the beats by QRS shape, the largest group first.

    Beats that show no lead, or are like no other in a stretch of many kinds, are in none.
    """
    leads, groups, shifts = tools.group(
        stretch.cuts_mv,
        r_column=SAMPLES_BEFORE_R + _MOST_SHIFT,
        least_similarity=_LEAST_SIMILARITY,
        most_groups=_MOST_GROUPS,
    )
    found = (np.flatnonzero(groups == group) for group in range(groups.max(initial=-1) + 1))
    return [mean_group(stretch, leads, beats, shifts[beats], tools) for beats in found]


def mean_group(
    stretch: Stretch,
    leads: NDArray[np.int64],
    members: NDArray[np.int64],
    shifts: NDArray[np.int64],
    tools: BeatTools,
) -> BeatGroup:
    """Average some beats of a stretch, each read `shifts` columns later."""
    mean, spread = tools.average(
        stretch.cuts_mv, stretch.inside, leads, members, shifts + _MOST_SHIFT,
        width=WINDOW_SAMPLES, qrs_from=_QRS_FROM, qrs_to=_QRS_TO,
    )  # fmt: skip
    window = np.stack([mean, np.arcsinh(10 * mean) / 2, 4 * spread], axis=1)
    return BeatGroup(
        stretch.beats[members],
        stretch.r_peaks[members] + shifts * stretch.samples_per_column,
        leads,
        window.clip(-_CLIP, _CLIP, out=window),
        _context(stretch.rr_before_s[members], stretch.rr_after_s[members]),
    )


def _context(
    rr_before_s: NDArray[np.float64], rr_after_s: NDArray[np.float64]
) -> NDArray[np.float32]:
    before, after = (_median_rr_s(rr) for rr in (rr_before_s, rr_after_s))
    changes = np.abs(rr_after_s - rr_before_s) / (rr_after_s + rr_before_s)
    changes = changes[np.isfinite(changes)]
    irregularity = float(changes.mean()) if changes.size else 0.0
    row = (min(before, _LONGEST_RR_S), min(after, _LONGEST_RR_S), 4 * irregularity)
    return np.array(
        [*row, np.log2(min(len(rr_before_s), _MANY_BEATS)) / 3], dtype=np.float32
    )


def _median_rr_s(rr_s: NDArray[np.float64]) -> float:
    """Median of those that are there."""
    ordered = np.sort(rr_s[np.isfinite(rr_s)])
    if not ordered.size:
        return _LONGEST_RR_S
    middle = ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]
    return float(middle) / 2

"""What the beats of a recording count up to; descriptions, no diagnoses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BeatClass
from ecgsvc.domain.waveform import SampleIndices


@dataclass(frozen=True, slots=True)
class EctopyCount:
    """Beats of one class.

    Parameters
    ----------
    n_beats, burden_percent
        How many, and which part of all beats.
    n_couplets, n_runs, longest_run
        Two in a row; three or more in a row; beats in the longest run (0: no run).
    """

    n_beats: int
    burden_percent: float
    n_couplets: int
    n_runs: int
    longest_run: int


@dataclass(frozen=True, slots=True)
class Pause:
    """A long RR interval, from one R peak to the next."""

    r_peak_index: int
    rr_ms: float


@dataclass(frozen=True, slots=True)
class HeartRateVariability:
    """Variability in the time domain (Task Force 1996, doi 10.1161/01.CIR.93.5.1043).

    Parameters
    ----------
    sdnn_ms, rmssd_ms, pnn50_percent
        Standard deviation of the NN intervals; root mean square of the differences between
        successive ones; how many of these exceed 50 ms, of all NN intervals.
    n_nn
        NN intervals: between two successive normal beats.
    covered_s
        Their sum.
    """

    sdnn_ms: float
    rmssd_ms: float
    pnn50_percent: float
    n_nn: int
    covered_s: float


@dataclass(frozen=True, slots=True, eq=False)
class RhythmStatistics:
    """Intervals between beats, ectopic beats, pauses; None is what could not be given.

    Intervals that lost samples, hold seconds in which a beat could hide, or end at a beat
    that cannot be relied upon count nowhere.

    Parameters
    ----------
    rr_from_indices, rr_ms
        R peak at which each counted interval begins, and its length; shape (n_rr,).
    n_excluded
        Intervals not counted.
    mean_heart_rate_bpm, min_heart_rate_bpm, max_heart_rate_bpm
        Of all counted intervals; the extremes over four intervals in a row.
    ectopy
        Of the classes S and V; runs end at an interval that is not counted.
    pauses
        In order of time.
    hrv
        Of recordings that are long enough.
    """

    rr_from_indices: SampleIndices
    rr_ms: NDArray[np.float64]
    n_excluded: int
    mean_heart_rate_bpm: float | None = None
    min_heart_rate_bpm: float | None = None
    max_heart_rate_bpm: float | None = None
    ectopy: Mapping[BeatClass, EctopyCount] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()
    hrv: HeartRateVariability | None = None

"""Rates, ectopic beats, pauses and heart rate variability from classified beats."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass, ClassifiedBeats
from ecgsvc.domain.measurements import Undetermined
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.rhythm_statistics import (
    EctopyCount,
    HeartRateVariability,
    Pause,
    RhythmStatistics,
)
from ecgsvc.domain.waveform import Waveform
from ecgsvc.dsp.lost_samples import lost_samples

Flags = NDArray[np.bool_]

PAUSE_MS = 3000.0
"""A pause is longer than 3 s (2018 ACC/AHA/HRS guideline on bradycardia,
doi 10.1161/CIR.0000000000000628)."""
LEAST_BEAT_QUALITY = 0.2
"""Below it no interval rests on a beat: 0.1 % of the beats of MIT-BIH. Under nstdb's muscle
noise at 0 dB, 91.6 % of the detections above it are beats, 86.0 % of all (118 and 119)."""
RATE_INTERVALS = 4
"""Extreme rates are means of so many intervals in a row, so that no single early beat
makes one."""
HRV_LEAST_S = 300.0
"""Length of a short-term recording (Task Force 1996, doi 10.1161/01.CIR.93.5.1043)."""
HRV_LEAST_COVERAGE = 0.8
"""Share of the recording that NN intervals must cover: with fewer, ectopic beats and lost
seconds shape what is measured (the Task Force asks to report and to limit them)."""
NN50_MS = 50.0
COUPLET = 2


def rhythm_statistics(
    waveform: Waveform,
    beats: ClassifiedBeats,
    quality: SignalQuality | None = None,
    beat_quality: NDArray[np.float32] | None = None,
) -> tuple[RhythmStatistics, tuple[Undetermined, ...]]:
    """Count and measure; say of each missing value why.

    Parameters
    ----------
    waveform
        The recording; intervals in which samples are missing in all leads do not count.
    beats
        Positions and classes.
    quality
        As assessed; intervals with a second that is unreadable in all leads do not count.
    beat_quality
        Shape (n_beats,), 0 to 1; intervals at beats below `LEAST_BEAT_QUALITY` do not.
    """
    r_peaks = beats.r_peak_indices
    to_ms = 1000.0 / waveform.sampling_rate_hz
    rr_ms = np.diff(r_peaks) * to_ms
    counted = _unbroken(waveform, beats)
    if quality is not None and quality.windows is not None:
        unreadable = np.logical_and.reduce(quality.windows.unreadable, axis=0)
        counted &= _readable(beats, unreadable, quality.windows.n_samples)
    if beat_quality is not None:
        sure = beat_quality >= LEAST_BEAT_QUALITY
        counted &= sure[1:] & sure[:-1]
    labels = _labels(beats)
    hrv, no_hrv = _variability(labels, rr_ms, counted, waveform.duration_s)
    rates, no_rates = _rates(rr_ms, counted)
    statistics = RhythmStatistics(
        rr_from_indices=r_peaks[:-1][counted],
        rr_ms=rr_ms[counted],
        n_excluded=int(np.count_nonzero(~counted)),
        **rates,
        ectopy={
            beat_class: _ectopy(labels == BEAT_CLASSES.index(beat_class), counted)
            for beat_class in (BeatClass.S, BeatClass.V)
        },
        pauses=tuple(
            Pause(int(r_peaks[i]), float(rr_ms[i]))
            for i in np.flatnonzero(counted & (rr_ms > PAUSE_MS))
        ),
        hrv=hrv,
    )
    return statistics, (*no_rates, *no_hrv)


def _labels(beats: ClassifiedBeats) -> NDArray[np.intp]:
    if not beats.n_beats:
        return np.empty(0, dtype=np.intp)
    labels: NDArray[np.intp] = beats.probabilities.argmax(axis=1)
    return labels


def _unbroken(waveform: Waveform, beats: ClassifiedBeats) -> Flags:
    """Which intervals have no sample that is missing in all leads."""
    return ~_holds_any(lost_samples(waveform), beats.r_peak_indices)


def _readable(beats: ClassifiedBeats, unreadable: Flags, n_samples: int) -> Flags:
    """Which intervals have no second that is unreadable in all leads."""
    first = beats.r_peak_indices // n_samples
    n_before = np.concatenate([[0], np.cumsum(unreadable)])
    hidden: Flags = n_before[first[1:] + 1] > n_before[first[:-1]]
    return ~hidden


def _holds_any(places: NDArray[np.int64], r_peaks: NDArray[np.int64]) -> Flags:
    n_before = np.searchsorted(places, r_peaks)
    held: Flags = n_before[1:] > n_before[:-1]
    return held


def _rates(
    rr_ms: NDArray[np.float64], counted: Flags
) -> tuple[dict[str, float], tuple[Undetermined, ...]]:
    rates = {}
    missing = []
    if counted.any():
        rates["mean_heart_rate_bpm"] = float(60_000.0 / rr_ms[counted].mean())
    else:
        missing.append(
            Undetermined(
                "rhythm_statistics.mean_heart_rate_bpm", "no interval can be relied upon"
            )
        )
    total = _sliding_sums(np.where(counted, rr_ms, 0.0), RATE_INTERVALS)
    whole = _sliding_sums(counted.astype(np.float64), RATE_INTERVALS) == RATE_INTERVALS
    if whole.any():
        means_ms = total[whole] / RATE_INTERVALS
        rates["min_heart_rate_bpm"] = float(60_000.0 / means_ms.max())
        rates["max_heart_rate_bpm"] = float(60_000.0 / means_ms.min())
    else:
        reason = f"no {RATE_INTERVALS} intervals in a row can be relied upon"
        missing += [
            Undetermined(f"rhythm_statistics.{name}_heart_rate_bpm", reason)
            for name in ("min", "max")
        ]
    return rates, tuple(missing)


def _sliding_sums(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    if len(values) < width:
        return np.empty(0)
    sums: NDArray[np.float64] = sliding_window_view(values, width).sum(axis=1)
    return sums


def _ectopy(is_ectopic: Flags, counted: Flags) -> EctopyCount:
    n_beats = int(np.count_nonzero(is_ectopic))
    lengths = _run_lengths(is_ectopic, counted)
    runs = lengths[lengths > COUPLET]
    return EctopyCount(
        n_beats=n_beats,
        burden_percent=100.0 * n_beats / len(is_ectopic) if len(is_ectopic) else 0.0,
        n_couplets=int(np.count_nonzero(lengths == COUPLET)),
        n_runs=len(runs),
        longest_run=int(runs.max(initial=0)),
    )


def _run_lengths(is_member: Flags, joined: Flags) -> NDArray[np.int64]:
    """Lengths of the runs of members, each joined to the next by a counted interval."""
    goes_on = is_member[:-1] & is_member[1:] & joined
    starts = np.flatnonzero(
        is_member & np.concatenate([[True], ~goes_on])[: len(is_member)]
    )
    ends = np.flatnonzero(is_member & np.concatenate([~goes_on, [True]])[-len(is_member) :])
    return np.asarray(ends - starts + 1, dtype=np.int64)


def _variability(
    labels: NDArray[np.intp], rr_ms: NDArray[np.float64], counted: Flags, duration_s: float
) -> tuple[HeartRateVariability | None, tuple[Undetermined, ...]]:
    if duration_s < HRV_LEAST_S:
        return _no_variability(f"needs {HRV_LEAST_S:g} s of recording")
    is_normal = labels == BEAT_CLASSES.index(BeatClass.N)
    is_nn = counted & is_normal[:-1] & is_normal[1:]
    nn_ms = rr_ms[is_nn]
    covered_s = float(nn_ms.sum()) / 1000.0
    if covered_s < HRV_LEAST_COVERAGE * duration_s:
        return _no_variability(
            f"intervals between normal beats cover less than {HRV_LEAST_COVERAGE:.0%} of it"
        )
    differences_ms = np.diff(rr_ms)[is_nn[:-1] & is_nn[1:]]
    if len(differences_ms) < 2:
        return _no_variability("too few intervals between normal beats in a row")
    n_over_50 = int(np.count_nonzero(np.abs(differences_ms) > NN50_MS))
    return HeartRateVariability(
        sdnn_ms=float(nn_ms.std(ddof=1)),
        rmssd_ms=float(np.sqrt(np.mean(differences_ms**2))),
        pnn50_percent=100.0 * n_over_50 / len(nn_ms),
        n_nn=len(nn_ms),
        covered_s=covered_s,
    ), ()


def _no_variability(reason: str) -> tuple[None, tuple[Undetermined, ...]]:
    return None, (Undetermined("hrv", reason),)

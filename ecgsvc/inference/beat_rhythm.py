"""When beats come: RR features that compare a beat with its neighbours and its record.

The premature-beat features (RR intervals against local and record-wide means) follow
de Chazal et al. 2004, doi 10.1109/TBME.2004.827359. To them come measures that hold where
most beats are ectopic (a beat against the *long* intervals around it) and measures of
irregularity, local and over the record, by which atrial fibrillation is told. The last
three show a sustained tachycardia, whose beats are early against nothing near: against the
longest intervals, and by the sudden change of pace with which it began.
"""

from types import MappingProxyType

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ecgsvc.inference.order_statistics import median, quantile

RHYTHM_FEATURES: tuple[str, ...] = (
    "rr_before", "rr_after", "rr_before_to_local", "rr_after_to_local",
    "rr_before_to_record", "rr_before_to_after", "previous_rr_to_local", "next_rr_to_local",
    "rr_before_to_local_long", "rr_after_to_local_long", "rr_before_to_record_long",
    "rr_rank", "rmssd_10", "rr_irregularity_8", "rr_irregularity_32", "rr_jumps_32",
    "record_irregularity", "rr_before_to_longest", "rr_before_to_longest_around",
    "pace_step",
)  # fmt: skip

_PREMATURE = 0.9  # of the record's mean RR interval
_LATE_SHARE = 0.8  # beats after an RR interval above this quantile came late
_LONGEST_SHARE = 0.95
_LONGEST_AROUND = 65  # beats
_PACE_BEATS = 5  # whose median RR interval is the pace before and after a beat
_SUDDEN = 0.25  # change of log RR: sinus rhythm takes longer for it
_MIN_RR_S, _MAX_RR_S = 0.2, 4.0
_DEFAULT_RR_S = 0.8  # 75 bpm, when there is only one beat
_JUMP = 0.1  # of the local RR interval

_PLACES = MappingProxyType({"median": 0.5, "long": _LATE_SHARE, "longest": _LONGEST_SHARE})

Seconds = NDArray[np.float64]


def rr_intervals(r_s: Seconds) -> Seconds:
    """RR intervals before each beat and after the last, shape (n_beats + 1,), seconds.

    The two that lie outside the recording are taken to be the record's median.
    """
    inside = np.diff(r_s)
    outside = float(median(inside)) if len(inside) else _DEFAULT_RR_S
    rr_s = np.concatenate([[outside], inside, [outside]])
    clipped: Seconds = np.clip(rr_s, _MIN_RR_S, _MAX_RR_S)
    return clipped


def on_time(rr_s: Seconds) -> NDArray[np.int64]:
    """Beats that did not come early: the record's own rhythm, even where ectopy abounds.

    Early is below 0.9 of the mean, not of the median, which in bigeminy, or when most beats
    are ectopic, is itself an early one's.
    """
    beats: NDArray[np.int64] = np.flatnonzero(rr_s[:-1] >= _PREMATURE * rr_s.mean())
    return beats if len(beats) else np.arange(len(rr_s) - 1)


def late(rr_s: Seconds) -> NDArray[np.int64]:
    """Beats after the longest fifth of the intervals: no premature beat is among them.

    Unless ectopy leaves no sinus beat at all, these are the heart's own, also where most
    beats are premature and even the beats "on time" are.
    """
    before = rr_s[:-1]
    beats: NDArray[np.int64] = np.flatnonzero(before >= quantile(before, _LATE_SHARE))
    return beats


def rhythm_features(rr_s: Seconds) -> NDArray[np.float64]:
    """Columns as `RHYTHM_FEATURES`, shape (n_beats, 20); at least one beat."""
    before, after = rr_s[:-1], rr_s[1:]
    local = around(before, 11, "median")
    local_long = around(before, 33, "long")
    previous = np.concatenate([before[:1], before[:-1]])
    following = np.concatenate([after[1:], after[-1:]])
    changes = np.array([_change_over(before, n) for n in (1, 2, 3)]) / local
    irregularity = _irregularity(changes, 33)
    ratios = (
        before,
        after,
        before / local,
        after / local,
        before / median(before[on_time(rr_s)]),
        before / after,
        previous / local,
        following / local,
        before / local_long,
        after / local_long,
        before / quantile(before, _LATE_SHARE),
    )
    to_longest = np.log(
        (
            before / quantile(before, _LONGEST_SHARE),
            before / around(before, _LONGEST_AROUND, "longest"),
        )
    )
    columns = (
        *np.log(ratios),
        np.searchsorted(np.sort(before), before) / len(before),
        np.sqrt(around(changes[0] ** 2, 11, "mean")),
        _irregularity(changes, 9),
        irregularity,
        around((changes[0] > _JUMP).astype(np.float64), 33, "mean"),
        np.full_like(before, irregularity.mean()),
        *to_longest,
        _pace_step(before),
    )
    return np.array(columns).T


def around(values: NDArray[np.float64], width: int, statistic: str) -> NDArray[np.float64]:
    """Statistic over the `width` values around each along the last axis, mirrored at ends.

    `statistic` is ``median``, ``mean``, ``long``, the quantile of late beats, or
    ``longest``, the 0.95 quantile.
    """
    n, half = values.shape[-1], width // 2
    at = np.arange(-half, n + half)
    if n > half:  # mirrored at the last value, as often as values last
        at = (n - 1) - np.abs((n - 1) - np.abs(at))
    else:  # mirrored behind the last value
        at %= 2 * n
        at = np.minimum(at, 2 * n - 1 - at)
    view = sliding_window_view(values.take(at, axis=-1), width, axis=-1)
    if statistic == "mean":
        mean: NDArray[np.float64] = view.mean(axis=-1)
        return mean
    place = round(_PLACES[statistic] * (width - 1))
    ranked: NDArray[np.float64] = np.partition(view, place, axis=-1)[..., place]
    return ranked


def _pace_step(before: Seconds) -> NDArray[np.float64]:
    """The last sudden change of pace, log of RR after to RR before it; 0 before the first.

    The pace is the median of five intervals, so that single ectopic beats change nothing.
    """
    n = len(before)
    step = np.zeros(n)
    if n < 2 * _PACE_BEATS:
        return step
    pace = np.log(median(sliding_window_view(before, _PACE_BEATS)))
    change = pace[_PACE_BEATS:] - pace[:-_PACE_BEATS]  # at beats from _PACE_BEATS on
    size = np.abs(change)
    padded = np.concatenate([[-1.0], size, [-1.0]])
    sudden = (size >= _SUDDEN) & (size >= padded[:-2]) & (size > padded[2:])
    at = np.flatnonzero(sudden)
    last = np.searchsorted(at, np.arange(len(change)), side="right") - 1
    there = last >= 0
    step[_PACE_BEATS : n - _PACE_BEATS + 1][there] = change[at[last[there]]]
    step[n - _PACE_BEATS + 1 :] = step[n - _PACE_BEATS]
    return step


def _irregularity(changes: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """How irregular the rhythm is around each beat, in local RR intervals.

    The median change of RR over `width` beats, from one beat to the next, the second next
    or the third, whichever is least: bigeminy and trigeminy repeat themselves, single
    ectopic beats do not move a median, atrial fibrillation changes at any distance.
    """
    least: NDArray[np.float64] = around(changes, width, "median").min(axis=0)
    return least


def _change_over(before: Seconds, n_beats: int) -> Seconds:
    """Change of the RR interval against that `n_beats` earlier; 0 where there is none."""
    change = np.zeros_like(before)
    change[n_beats:] = np.abs(before[n_beats:] - before[:-n_beats])
    return change

"""Which beats follow a pattern: runs, bigeminy, trigeminy, fast and slow stretches.

All functions take flags of shape (n_beats,) and, of each interval between beats, whether it
can be relied upon (`joined`, shape (n_beats - 1,)); a pattern never leaps over one that
cannot. They return spans: shape (n_found, 2), first and last beat, both inclusive.
"""

from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Flags: TypeAlias = NDArray[np.bool_]
Spans: TypeAlias = NDArray[np.int64]


def stretches(flags: Flags) -> Spans:
    """First and last index of each stretch of true flags."""
    if not flags.any():
        return np.empty((0, 2), dtype=np.int64)
    padded = np.concatenate([[False], flags, [False]])
    changes = np.flatnonzero(padded[1:] != padded[:-1])
    return np.stack([changes[::2], changes[1::2] - 1], axis=1).astype(np.int64)


def runs(is_member: Flags, joined: Flags, least: int) -> Spans:
    """Find `least` or more members in a row; `least` is 2 or more."""
    goes_on = is_member[:-1] & is_member[1:] & joined
    spans = stretches(goes_on)
    spans[:, 1] += 1
    return spans[spans[:, 1] - spans[:, 0] + 1 >= least]


def recurrences(is_member: Flags, joined: Flags, period: int, least: int) -> Spans:
    """Find members that recur `least` times or more, every `period`-th beat and no other.

    Period 2 is bigeminy, 3 trigeminy. Spans begin and end with a member.
    """
    n_steps = len(is_member) - period
    if n_steps < 1:
        return np.empty((0, 2), dtype=np.int64)
    steps = is_member[:n_steps] & is_member[period:]
    for between in range(1, period):
        steps &= ~is_member[between : between + n_steps]
    for interval in range(period):
        steps &= joined[interval : interval + n_steps]
    found = []
    for phase in range(period):
        spans = stretches(steps[phase::period])
        spans[:, 1] += 1
        enough = spans[:, 1] - spans[:, 0] + 1 >= least
        found.append(spans[enough] * period + phase)
    spans = np.concatenate(found)
    return spans[np.argsort(spans[:, 0])]


def stretches_at_rate(
    rr_ms: NDArray[np.float64],
    joined: Flags,
    n_beats: int,
    *,
    below_bpm: float = 0.0,
    above_bpm: float = np.inf,
) -> Spans:
    """Find where each `n_beats` in a row have a mean rate below or above a limit."""
    width = n_beats - 1
    if len(rr_ms) < width:
        return np.empty((0, 2), dtype=np.int64)
    whole = sliding_window_view(joined, width).all(axis=1)
    rate_bpm = 60_000.0 / sliding_window_view(rr_ms, width).mean(axis=1)
    spans = stretches(whole & ((rate_bpm < below_bpm) | (rate_bpm > above_bpm)))
    spans[:, 1] += width
    return spans

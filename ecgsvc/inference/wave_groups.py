"""What the wave model sees of a recording: the mean beat of each group of similar beats.

Beats of one QRS shape carry the same waves, so that the network reads their mean once, and
what it says is carried to each of them. A long recording is read stretch by stretch.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Millivolts, SampleIndices, Waveform
from ecgsvc.inference.beat_features import SignalTools

WAVE_RATE_HZ = 250.0
SAMPLES_BEFORE_R = 120
WINDOW_SAMPLES = 304  # 480 ms before R to 732 ms after
WAVE_BAND_HZ = (0.5, 60.0)
CHANNELS = ("mean", "enlarged", "spread")
CONTEXT_NAMES = ("rr_before_s", "rr_after_s", "rr_irregularity", "log_beats")

STRETCH_BEATS = 64
_MOST_SHIFT = 4  # samples: how far R peaks of one shape lie apart
_SIZE = slice(SAMPLES_BEFORE_R - 25, SAMPLES_BEFORE_R + 31)
_SIZE_CUT = slice(_SIZE.start + _MOST_SHIFT, _SIZE.stop + _MOST_SHIFT)  # of a cut
# 60 ms before R to 80 ms after, and the shifts on either side; of a cut
_QRS_CUT = slice(SAMPLES_BEFORE_R - 15, SAMPLES_BEFORE_R + 21 + 2 * _MOST_SHIFT)
_LEAST_SIMILARITY = 0.8
_MOST_GROUPS = 6  # a stretch: more kinds of beats than these are noise
_MARGIN_S = 2.0
_FAINT_MV = 1e-4
_CLIP = 4.0
_LONGEST_RR_S = 2.0


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
        Shape (n_beats, n_leads, 304 + 8): four samples more on either side.
    inside
        Shape (n_beats, 304 + 8): False beyond the recording's ends.
    r_peaks
        Shape (n_beats,), the sample index that column 124 of each cut has.
    rr_before_s, rr_after_s
        Shape (n_beats,), NaN where there is no neighbour.
    """

    beats: NDArray[np.int64]
    cuts_mv: NDArray[np.float64]
    inside: NDArray[np.bool_]
    r_peaks: NDArray[np.float64]
    rr_before_s: NDArray[np.float64]
    rr_after_s: NDArray[np.float64]
    samples_per_column: float


def stretches(
    waveform: Waveform, r_peak_indices: SampleIndices, tools: SignalTools
) -> Iterator[Stretch]:
    """Cut a recording's beats, at most `STRETCH_BEATS` at a time."""
    rate_hz = waveform.sampling_rate_hz
    step = rate_hz / WAVE_RATE_HZ
    margin = int(_MARGIN_S * rate_hz)
    rr_s = np.concatenate([[np.nan], np.diff(r_peak_indices) / rate_hz, [np.nan]])
    for first in range(0, len(r_peak_indices), STRETCH_BEATS):
        beats = np.arange(first, min(first + STRETCH_BEATS, len(r_peak_indices)))
        r_peaks = r_peak_indices[beats].astype(np.float64)
        start = max(0, int(r_peaks[0]) - margin)
        piece = waveform.samples_mv[:, start : int(r_peaks[-1]) + margin]
        grid = tools.resample(_bridge_gaps(piece), rate_hz, WAVE_RATE_HZ)
        grid = tools.band_pass(np.ascontiguousarray(grid), WAVE_RATE_HZ, *WAVE_BAND_HZ)
        on_grid = np.rint((r_peaks - start) / step).astype(np.int64)
        reach = np.arange(WINDOW_SAMPLES + 2 * _MOST_SHIFT) - SAMPLES_BEFORE_R - _MOST_SHIFT
        columns = on_grid[:, np.newaxis] + reach
        inside = (columns >= 0) & (columns < grid.shape[1])
        cuts = np.take(grid, columns, axis=1, mode="clip").transpose(1, 0, 2)
        anchors = (start + on_grid * step).astype(np.float64)
        yield Stretch(beats, cuts, inside, anchors, rr_s[beats], rr_s[beats + 1], step)


def beat_groups(stretch: Stretch) -> list[BeatGroup]:
    """Group the beats by QRS shape, the largest group first.

    Beats that show no lead, or are like no other in a stretch of many kinds, are in none.
    """
    size_mv = np.median(np.ptp(stretch.cuts_mv[:, :, _SIZE_CUT], axis=2), axis=0)
    live = np.flatnonzero(size_mv > _FAINT_MV)
    if not live.size:
        return []
    qrs = stretch.cuts_mv[:, live, _QRS_CUT] / size_mv[live, np.newaxis]
    similarity, shift = _similarities(qrs)
    groups: list[BeatGroup] = []
    left = np.ones(len(qrs), dtype=bool)
    while left.any() and len(groups) < _MOST_GROUPS:
        alike = (similarity >= _LEAST_SIMILARITY) & left
        leader = int(np.where(left, alike.sum(axis=1), -1).argmax())
        members = np.flatnonzero(alike[leader])
        if not members.size:
            members = np.array([leader])
        left[members] = False
        groups.append(mean_group(stretch, live, members, shift[leader, members]))
    return groups


def mean_group(
    stretch: Stretch,
    leads: NDArray[np.int64],
    members: NDArray[np.int64],
    shifts: NDArray[np.int64],
) -> BeatGroup:
    """Average some beats of a stretch, each read `shifts` columns later."""
    late = shifts + _MOST_SHIFT
    # Advanced indices apart by a slice come first: (members, leads, columns).
    cuts = sliding_window_view(stretch.cuts_mv, WINDOW_SAMPLES, axis=2)[members, :, late]
    cuts = cuts[:, leads]
    inside = sliding_window_view(stretch.inside, WINDOW_SAMPLES, axis=1)[members, late]
    cuts *= inside[:, np.newaxis]
    count = np.maximum(inside.sum(axis=0), 1e-3)
    mean = cuts.sum(axis=0) / count
    cuts -= mean
    cuts *= inside[:, np.newaxis]
    spread = np.sqrt(np.einsum("mlc,mlc->lc", cuts, cuts) / count)
    mean -= np.median(mean, axis=1, keepdims=True)
    size = np.maximum(np.ptp(mean[:, _SIZE], axis=1, keepdims=True), _FAINT_MV)
    mean, spread = mean / size, spread / size
    channels = np.stack([mean, np.arcsinh(10 * mean) / 2, 4 * spread], axis=1)
    return BeatGroup(
        stretch.beats[members],
        stretch.r_peaks[members] + shifts * stretch.samples_per_column,
        leads,
        channels.clip(-_CLIP, _CLIP).astype(np.float32),
        _context(stretch.rr_before_s[members], stretch.rr_after_s[members]),
    )


def _context(
    rr_before_s: NDArray[np.float64], rr_after_s: NDArray[np.float64]
) -> NDArray[np.float32]:
    before, after = (
        float(np.median(rr[np.isfinite(rr)])) if np.isfinite(rr).any() else _LONGEST_RR_S
        for rr in (rr_before_s, rr_after_s)
    )
    changes = np.abs(rr_after_s - rr_before_s) / (rr_after_s + rr_before_s)
    changes = changes[np.isfinite(changes)]
    irregularity = float(changes.mean()) if changes.size else 0.0
    row = (min(before, _LONGEST_RR_S), min(after, _LONGEST_RR_S), 4 * irregularity)
    return np.array([*row, np.log2(len(rr_before_s)) / 3], dtype=np.float32)


def _similarities(
    qrs: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Correlate the QRS complexes of all pairs of beats over all leads.

    Takes shape (n_beats, n_leads, 36 + 8). Returns the greatest correlation of beat i and
    beat j read some columns later, and how many columns; both of shape (n_beats, n_beats).
    """
    shifts = np.arange(-_MOST_SHIFT, _MOST_SHIFT + 1)
    read = sliding_window_view(qrs, qrs.shape[2] - 2 * _MOST_SHIFT, axis=2)
    unit = _unit(read.transpose(2, 0, 1, 3))  # shift, beat, lead, column
    correlation = unit[_MOST_SHIFT] @ unit.transpose(0, 2, 1)
    best = correlation.argmax(axis=0)
    greatest = np.take_along_axis(correlation, best[np.newaxis], axis=0)[0]
    return greatest, shifts[best]


def _unit(qrs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each lead (…, lead, column) without its mean, all leads together of length one."""
    flat = (qrs - qrs.mean(axis=-1, keepdims=True)).reshape(*qrs.shape[:-2], -1)
    length = np.linalg.norm(flat, axis=-1, keepdims=True)
    unit: NDArray[np.float64] = flat / np.maximum(length, 1e-12)
    return unit


def _bridge_gaps(samples_mv: Millivolts) -> Millivolts:
    """Join the ends of each gap by a straight line; a lead without samples is zero."""
    missing = ~np.isfinite(samples_mv)
    if not missing.any():
        return np.ascontiguousarray(samples_mv)
    bridged = samples_mv.copy()
    for row, gone in zip(bridged, missing, strict=True):
        if gone.all():
            row[:] = 0.0
        elif gone.any():
            there = np.flatnonzero(~gone)
            row[gone] = np.interp(np.flatnonzero(gone), there, row[there])
    return bridged

"""What the wave network is shown in training: drawn beats, leads, noise, pace and place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecgsvc.inference.wave_groups import (
    SAMPLES_BEFORE_R,
    WAVE_RATE_HZ,
    WINDOW_SAMPLES,
    Stretch,
    mean_group,
)
from ecgsvc.training.datasets import BEAT_TOOLS
from ecgsvc.training.waves_dataset import AnnotatedGroup

LEADS_SHOWN = (1, 2, 4, 8, 12, 12)
"""How many leads a batch shows, drawn anew for each batch."""
WINDOWS_IN_BATCH = 48
_MOST_JITTER = 5  # columns
_MOST_STRETCH = 0.1
_FLIPPED = 0.2
_MOST_NOISE = 0.07  # of the QRS complex, on every beat
_MOST_WANDER = 0.2
_MOST_HUM = 0.05
_HUM_HZ = (50.0, 60.0)
_FULL_WEIGHT_BEATS = 8


@dataclass(frozen=True, slots=True)
class WaveBatch:
    """Groups of beats with as many leads each.

    Parameters
    ----------
    windows, context
        Input of the network.
    points, presence, global_points
        Shape (groups, leads, 9), (groups, leads, 3), (groups, 6); NaN: not known.
    weights
        Shape (groups,): grows with the annotated beats a group stands for.
    """

    windows: Tensor
    context: Tensor
    points: Tensor
    presence: Tensor
    global_points: Tensor
    weights: Tensor


def epoch_batches(
    groups: Sequence[AnnotatedGroup], rng: np.random.Generator
) -> Iterator[WaveBatch]:
    """Show every group about once, in batches of as many windows."""
    order = rng.permutation(len(groups))
    while order.size:
        n_leads = int(rng.choice(LEADS_SHOWN))
        size = WINDOWS_IN_BATCH // n_leads
        yield _collate([_draw(groups[i], n_leads, rng) for i in order[:size]])
        order = order[size:]


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    window: NDArray[np.float32]
    context: NDArray[np.float32]
    points: NDArray[np.float64]
    presence: NDArray[np.float64]
    global_points: NDArray[np.float64]
    n_annotated: int


def _collate(shown: Sequence[_Shown]) -> WaveBatch:
    def stacked(rows: Sequence[NDArray[np.generic]]) -> Tensor:
        return torch.from_numpy(np.stack(rows).astype(np.float32))

    weights = [min(1.0, s.n_annotated / _FULL_WEIGHT_BEATS) for s in shown]
    return WaveBatch(
        stacked([s.window for s in shown]),
        stacked([s.context for s in shown]),
        stacked([s.points for s in shown]),
        stacked([s.presence for s in shown]),
        stacked([s.global_points for s in shown]),
        torch.tensor(weights),
    )


def _draw(group: AnnotatedGroup, n_leads: int, rng: np.random.Generator) -> _Shown:
    """Draw beats and leads of a group, average them with noise, move and stretch."""
    n_there = len(group.group.leads)
    rows = rng.choice(n_there, n_leads, replace=n_leads > n_there)
    leads = group.group.leads[rows]
    n_beats = len(group.group.beats)
    n_shown = n_beats if rng.random() < 0.5 else int(rng.integers(1, n_beats + 1))
    kept = np.sort(rng.choice(n_beats, n_shown, replace=False))
    members = group.group.beats[kept] - group.stretch.beats[0]
    step = group.stretch.samples_per_column
    shifts = np.rint(
        (group.group.anchors[kept] - group.stretch.r_peaks[members]) / step
    ).astype(np.int64)
    noisy = _with_noise(group.stretch, members, leads, rng)
    seen = mean_group(noisy, np.arange(n_leads), np.arange(n_shown), shifts, BEAT_TOOLS)
    window = seen.window
    points, limits = group.points[rows].reshape(-1, 9), group.global_points.ravel()
    jitter = int(rng.integers(-_MOST_JITTER, _MOST_JITTER + 1))
    pace = 1.0 + rng.uniform(-_MOST_STRETCH, _MOST_STRETCH)
    window = _moved(window, jitter, pace)
    points, limits = (
        (p - SAMPLES_BEFORE_R) * pace + SAMPLES_BEFORE_R + jitter for p in (points, limits)
    )
    flip = np.where(rng.random(n_leads) < _FLIPPED, -1.0, 1.0)
    window[:, :2] *= flip[:, None, None].astype(np.float32)
    context = seen.context.copy()
    context[:2] *= pace
    return _Shown(window, context, points, group.presence[rows], limits, group.n_annotated)


def _with_noise(
    stretch: Stretch,
    members: NDArray[np.int64],
    leads: NDArray[np.int64],
    rng: np.random.Generator,
) -> Stretch:
    """Take some beats and leads of a stretch and add muscle noise, wander and hum."""
    seen = stretch.cuts_mv[np.ix_(members, leads)]
    size = np.ptp(seen, axis=2, keepdims=True).mean(axis=0, keepdims=True)
    at = np.arange(seen.shape[2], dtype=np.float32) / np.float32(WAVE_RATE_HZ)
    noise = rng.standard_normal(seen.shape, dtype=np.float32)
    noise[..., 1:] = (noise[..., 1:] + noise[..., :-1]) / np.float32(np.sqrt(2))
    added = np.float32(_MOST_NOISE * rng.random() ** 2) * noise
    for most, hz in (
        (_MOST_WANDER * rng.random() ** 2, rng.uniform(0.1, 0.8)),
        (_MOST_HUM * rng.random() ** 3, rng.choice(_HUM_HZ)),
    ):
        phase = rng.random((*seen.shape[:2], 1), dtype=np.float32)
        added += np.float32(most) * np.sin(
            np.float32(2 * np.pi) * (np.float32(hz) * at + phase)
        )
    return replace(
        stretch,
        beats=stretch.beats[members],
        cuts_mv=seen + size * added,
        inside=stretch.inside[members],
        r_peaks=stretch.r_peaks[members],
        rr_before_s=stretch.rr_before_s[members],
        rr_after_s=stretch.rr_after_s[members],
    )


def _moved(window: NDArray[np.float32], jitter: int, pace: float) -> NDArray[np.float32]:
    """Stretch time around R by `pace`, then move everything `jitter` columns later."""
    at = (np.arange(WINDOW_SAMPLES) - SAMPLES_BEFORE_R - jitter) / pace + SAMPLES_BEFORE_R
    at = at.clip(0, WINDOW_SAMPLES - 1.001)
    left = at.astype(np.int64)
    share = (at - left).astype(np.float32)
    moved: NDArray[np.float32] = (
        window[..., left] * (1 - share) + window[..., left + 1] * share
    )
    return moved

"""What beats look like on one lead: their likeness to the record's own beats."""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.inference.beat_rhythm import around

RATE_HZ = 250.0
N_SAMPLES = 200
R_INDEX = 100
"""Shapes are measured on 400 ms before to 400 ms after R, at 250 Hz."""

SHAPE_FEATURES: tuple[str, ...] = (
    "qrs_correlation", "beat_correlation", "t_correlation", "p_correlation",
    "late_p_correlation", "late_qrs_correlation", "previous_p_correlation",
    "previous_qrs_correlation", "p_difference", "p_size", "local_p_correlation",
    "local_previous_p_correlation", "dominant_p_size", "qrs_size", "qrs_width",
    "qrs_width_to_dominant", "t_size",
)  # fmt: skip
ODDNESS_FEATURES: tuple[str, ...] = (
    "qrs_oddness", "beat_oddness", "p_oddness", "qrs_difference", "qrs_difference_oddness",
)  # fmt: skip

QRS = slice(R_INDEX - 25, R_INDEX + 25)  # ±100 ms
_P = slice(R_INDEX - 60, R_INDEX - 16)  # 240 to 64 ms before R
_T = slice(R_INDEX + 30, R_INDEX + 90)  # 120 to 360 ms after R
_LEAST_DIFFERENCE = 0.01  # about what noise makes of equal beats
_MAX_LAG = 6  # ±24 ms: how far annotated and detected R peaks of one beat lie apart

Beats = NDArray[np.float32]


def shape_features(beats: Beats, dominant: Beats, late: Beats) -> NDArray[np.float64]:
    """Columns as `SHAPE_FEATURES`, shape (n_beats, 17).

    Parameters
    ----------
    beats
        Shape (n_beats, 200), at least one.
    dominant, late
        Shape (200,): medians of the beats that came on time, and of those that came late.
    """
    previous = np.concatenate([beats[:1], beats[:-1]])
    p_correlation = correlation(beats, dominant, _P)
    previous_p = correlation(beats, previous, _P)
    width = qrs_width(beats)
    dominant_size = max(float(np.ptp(dominant[QRS])), 1e-3)
    columns = (
        correlation(beats, dominant, QRS),
        correlation(beats, dominant, slice(_MAX_LAG, N_SAMPLES - _MAX_LAG)),
        correlation(beats, dominant, _T),
        p_correlation,
        correlation(beats, late, _P),
        correlation(beats, late, QRS),
        previous_p,
        correlation(beats, previous, QRS),
        np.minimum((beats - dominant)[:, _P].std(axis=1) * 5, 5),
        np.minimum(np.ptp(beats[:, _P], axis=1) / dominant_size, 2),
        around(p_correlation, 33, "median"),
        around(previous_p, 33, "median"),
        np.full(len(beats), min(np.ptp(dominant[_P]) / dominant_size, 2.0)),
        np.log(np.clip(np.ptp(beats[:, QRS], axis=1) / dominant_size, 0.05, 20)),
        np.log(width),
        np.log(width / qrs_width(dominant[np.newaxis])),
        np.minimum(np.ptp(beats[:, _T], axis=1) / dominant_size, 4),
    )
    return np.stack(columns, axis=1).astype(np.float64)


def oddness_features(
    beats: Beats, dominant: NDArray[np.float32], shapes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Columns as `ODDNESS_FEATURES`, shape (n_beats, 5); `shapes` as `SHAPE_FEATURES`."""
    size = max(float(np.ptp(dominant[QRS])), 1e-3)
    difference = (beats - dominant)[:, QRS].std(axis=1).astype(np.float64) / size
    unlike = (
        1 - shapes[:, SHAPE_FEATURES.index(name)]
        for name in ("qrs_correlation", "beat_correlation", "p_correlation")
    )
    columns = (
        *(_oddness(each) for each in unlike),
        np.log(difference + _LEAST_DIFFERENCE),
        _oddness(difference),
    )
    return np.stack(columns, axis=1)


def _oddness(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far from the dominant beat, against how far the record's beats usually are.

    A correlation of 0.9 is a stranger in a clean record and a usual beat in a noisy one.
    """
    logs = np.log(np.maximum(difference, 0) + _LEAST_DIFFERENCE)
    odd: NDArray[np.float64] = logs - np.median(logs)
    return odd


def correlation(beats: Beats, template: Beats, part: slice) -> NDArray[np.float64]:
    """Correlate one part of each beat with a template's, at the best small lag.

    `template` is one for all beats, shape (200,), or one for each, shape (n_beats, 200).
    """
    expected = template[..., part] - template[..., part].mean(axis=-1, keepdims=True)
    size = np.linalg.norm(expected, axis=-1, keepdims=True)
    expected = np.broadcast_to(expected / np.maximum(size, 1e-6), beats[:, part].shape)
    best = np.full(len(beats), -1.0)
    for lag in range(-_MAX_LAG, _MAX_LAG + 1, 3):
        pieces = beats[:, part.start + lag : part.stop + lag]
        centred = pieces - pieces.mean(axis=1, keepdims=True)
        norm = np.maximum(np.linalg.norm(centred, axis=1), 1e-6)
        np.maximum(best, np.einsum("bs,bs->b", centred, expected) / norm, out=best)
    return best


def qrs_width(beats: Beats) -> NDArray[np.float64]:
    """Spread in time of the squared slope around R, in units of 40 ms."""
    energy = np.diff(beats[:, R_INDEX - 35 : R_INDEX + 40], axis=1).astype(np.float64) ** 2
    energy /= np.maximum(energy.sum(axis=1, keepdims=True), 1e-12)
    at = np.arange(energy.shape[1])
    centre = energy @ at
    variance = energy @ at**2 - centre**2
    width: NDArray[np.float64] = np.sqrt(np.maximum(variance, 0.25)) / 10
    return width

"""What beats look like on one lead: their likeness to the record's own beats."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecgsvc.inference.averages import deviation, mean
from ecgsvc.inference.beat_rhythm import around
from ecgsvc.inference.order_statistics import median

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
_LAGS = np.arange(-_MAX_LAG, _MAX_LAG + 1, 3)
_WHOLE = slice(_MAX_LAG, N_SAMPLES - _MAX_LAG)
_AT_ONCE = 512  # beats: their pieces at all lags lie in memory together

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
    qrs = correlations(beats, (dominant, late, previous), QRS)
    p = correlations(beats, (dominant, late, previous), _P)
    (t,), (whole,) = (correlations(beats, (dominant,), part) for part in (_T, _WHOLE))
    local_p = around(p[[0, 2]], 33, "median")
    width = qrs_width(beats)
    p_size, t_size, qrs_size = (np.ptp(beats[:, part], axis=1) for part in (_P, _T, QRS))
    dominant_size = max(float(np.ptp(dominant[QRS])), 1e-3)
    columns = (
        qrs[0],
        whole,
        t,
        p[0],
        p[1],
        qrs[1],
        p[2],
        qrs[2],
        np.minimum(deviation((beats - dominant)[:, _P], axis=1) * 5, 5),
        np.minimum(p_size / dominant_size, 2),
        local_p[0],
        local_p[1],
        np.full(len(beats), min(np.ptp(dominant[_P]) / dominant_size, 2.0)),
        np.log(np.clip(qrs_size / dominant_size, 0.05, 20)),
        np.log(width),
        np.log(width / qrs_width(dominant[np.newaxis])),
        np.minimum(t_size / dominant_size, 4),
    )
    return np.array(columns, np.float64).T


def oddness_features(
    beats: Beats, dominant: NDArray[np.float32], shapes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Columns as `ODDNESS_FEATURES`, shape (n_beats, 5); `shapes` as `SHAPE_FEATURES`."""
    size = max(float(np.ptp(dominant[QRS])), 1e-3)
    difference = deviation((beats - dominant)[:, QRS], axis=1).astype(np.float64) / size
    unlike = (
        1 - shapes[:, SHAPE_FEATURES.index(name)]
        for name in ("qrs_correlation", "beat_correlation", "p_correlation")
    )
    columns = (
        *(_oddness(each) for each in unlike),
        np.log(difference + _LEAST_DIFFERENCE),
        _oddness(difference),
    )
    return np.array(columns).T


def _oddness(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far from the dominant beat, against how far the record's beats usually are.

    A correlation of 0.9 is a stranger in a clean record and a usual beat in a noisy one.
    """
    logs = np.log(np.maximum(difference, 0) + _LEAST_DIFFERENCE)
    odd: NDArray[np.float64] = logs - median(logs)
    return odd


def correlation(beats: Beats, template: Beats, part: slice) -> NDArray[np.float64]:
    """Correlate one part of each beat with one template's, as `correlations`."""
    found: NDArray[np.float64] = correlations(beats, (template,), part)[0]
    return found


def correlations(
    beats: Beats, templates: Sequence[Beats], part: slice
) -> NDArray[np.float64]:
    """Correlate one part of each beat with that of templates, at the best small lag.

    A template is one for all beats, shape (200,), or one for each, shape (n_beats, 200);
    the answer has shape (len(templates), n_beats).
    """
    best = np.empty((len(templates), len(beats)))
    expected = []
    for template in templates:
        centred, size = _centred(template[..., part])
        expected.append(centred / size[..., np.newaxis])
    at = np.arange(part.start, part.stop) + _LAGS[:, np.newaxis]
    for start in range(0, len(beats), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        pieces, sizes = _centred(beats[rows].take(at, axis=1))
        for found, one in zip(best[:, rows], expected, strict=True):
            like = one if one.ndim == 1 else one[rows, np.newaxis]
            likeness = np.einsum("...s,...s->...", pieces, like) / sizes
            np.maximum.reduce(likeness, axis=1, out=found)
    return best


def _centred(pieces: Beats) -> tuple[Beats, Beats]:
    """Pieces, along the last axis, less their means; and their sizes then."""
    centred = pieces - mean(pieces, axis=-1, keepdims=True)
    size = np.sqrt(np.add.reduce(centred * centred, axis=-1))
    return centred, np.maximum(size, np.float32(1e-6))


def qrs_width(beats: Beats) -> NDArray[np.float64]:
    """Spread in time of the squared slope around R, in units of 40 ms."""
    around_r = beats[:, R_INDEX - 35 : R_INDEX + 40]
    energy = (around_r[:, 1:] - around_r[:, :-1]).astype(np.float64) ** 2
    energy /= np.maximum(energy.sum(axis=1, keepdims=True), 1e-12)
    at = np.arange(energy.shape[1])
    centre = energy @ at
    variance = energy @ at**2 - centre**2
    width: NDArray[np.float64] = np.sqrt(np.maximum(variance, 0.25)) / 10
    return width

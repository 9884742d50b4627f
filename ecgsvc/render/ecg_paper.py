"""ECG paper: grid, traces, calibration, shading; 25 mm/s, and 10 mm/mV or less."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Millivolts
from ecgsvc.render.drawing import Color, Lines, Rect, joined

MM_PER_S = 25.0
MM_PER_MV = 10.0
SMALL_MM, LARGE_MM = 1.0, 5.0
PULSE_MV, PULSE_S = 1.0, 0.2
"""The calibration pulse that electrocardiographs draw (IEC 60601-2-25)."""
PULSE_LEAD_MM = 1.5
"""Of baseline before and after the pulse."""
PULSE_WIDTH_MM = PULSE_S * MM_PER_S + 2 * PULSE_LEAD_MM

INK = "#111111"
TRACE_MM = 0.25
_SMALL_INK, _LARGE_INK = "#f6d3cf", "#e9a39b"
_SHADE = (0x30, 0x50, 0xD0)
_SHADES = 10
_UNSEEN_MM = 0.04
"""A sixth of the trace's own width: 4 µV at the standard gain."""
_MOST_HZ = 600.0
"""From this rate on a trace is drawn by its extremes: 24 points a millimetre."""


def grid(x: float, y: float, width: float, height: float) -> tuple[Lines, Lines]:
    """Small squares of 1 mm and large ones of 5 mm, from the top left corner."""
    return (
        Lines(_squares(x, y, width, height, SMALL_MM), _SMALL_INK, 0.1, "small"),
        Lines(_squares(x, y, width, height, LARGE_MM), _LARGE_INK, 0.2, "large"),
    )


def _squares(
    x: float, y: float, width: float, height: float, pitch: float
) -> NDArray[np.float64]:
    """Lines of one pitch; the small ones leave out those that large ones cover."""
    across = [at for at in np.arange(0.0, width + 0.01, pitch) if _drawn(at, pitch)]
    down = [at for at in np.arange(0.0, height + 0.01, pitch) if _drawn(at, pitch)]
    return joined(
        *(np.array([[x + at, y], [x + at, y + height]]) for at in across),
        *(np.array([[x, y + at], [x + width, y + at]]) for at in down),
    )


def _drawn(at: float, pitch: float) -> bool:
    return pitch == LARGE_MM or round(at) % round(LARGE_MM) != 0


def trace(
    lead_mv: Millivolts,
    sampling_rate_hz: float,
    *,
    x: float,
    baseline: float,
    middle_mv: float,
    mm_per_mv: float,
    top: float,
    bottom: float,
) -> Lines:
    """Draw samples from `x` on; the line breaks where they are missing.

    Parameters
    ----------
    lead_mv
        Shape (n,), NaN where missing.
    baseline, middle_mv
        `middle_mv` is drawn at `baseline`.
    top, bottom
        What goes beyond is cut off there.
    """
    at, drawn_mv = _extremes(lead_mv, sampling_rate_hz)
    y = np.clip(baseline - (drawn_mv - middle_mv) * mm_per_mv, top, bottom)
    points = np.column_stack([x + at / sampling_rate_hz * MM_PER_S, y])
    return Lines(_thinned(_thinned(points)), INK, TRACE_MM, "trace")


def _thinned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out every other point where a straight line between its neighbours does."""
    if len(points) < 3:
        return points
    kept = np.ones(len(points), dtype=bool)
    left, right = points[:-2:2], points[2::2]
    middle = points[1 : 2 * len(left) : 2]
    part = (middle[:, 0] - left[:, 0]) / (right[:, 0] - left[:, 0])
    line = left[:, 1] + part * (right[:, 1] - left[:, 1])
    kept[1 : 2 * len(left) : 2] = ~(np.abs(middle[:, 1] - line) < _UNSEEN_MM)
    return points[kept]


def _extremes(
    lead_mv: Millivolts, sampling_rate_hz: float
) -> tuple[NDArray[np.float64], Millivolts]:
    """Samples and where they are; of high rates the lowest and highest of each few."""
    at = np.arange(len(lead_mv), dtype=np.float64)
    length = 2 * int(np.ceil(sampling_rate_hz / _MOST_HZ))
    if length == 2 or len(lead_mv) < length:
        return at, lead_mv
    whole = len(lead_mv) // length * length
    bins = lead_mv[:whole].reshape(-1, length)
    missing = np.isnan(bins)
    first = np.where(missing, np.inf, bins).argmin(axis=1)
    second = np.where(missing, -np.inf, bins).argmax(axis=1)
    pair = np.sort(np.column_stack([first, second]), axis=1)
    pair[missing.any(axis=1), 1] = np.where(missing, 1, 0).argmax(axis=1)[
        missing.any(axis=1)
    ]
    kept = (pair + np.arange(0, whole, length)[:, None]).ravel()
    kept = np.concatenate([kept, np.arange(whole, len(lead_mv))])
    kept = np.unique(kept)
    return at[kept], lead_mv[kept]


def pulse(x: float, baseline: float, mm_per_mv: float) -> Lines:
    """Draw 1 mV over 0.2 s."""
    high = baseline - PULSE_MV * mm_per_mv
    rise, fall = x + PULSE_LEAD_MM, x + PULSE_LEAD_MM + PULSE_S * MM_PER_S
    points = [
        (x, baseline), (rise, baseline), (rise, high),
        (fall, high), (fall, baseline), (fall + PULSE_LEAD_MM, baseline),
    ]  # fmt: skip
    return Lines(np.array(points), INK, TRACE_MM, "pulse")


def shades(
    weights: NDArray[np.float32],
    sampling_rate_hz: float,
    *,
    x: float,
    top: float,
    height: float,
) -> Iterator[Rect]:
    """Rectangles of one shade each, over the samples that share it; none for weight 0."""
    levels = np.rint(weights * _SHADES).astype(np.int64)
    edges = np.flatnonzero(np.diff(levels, prepend=-1, append=-1))
    step = MM_PER_S / sampling_rate_hz
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if level := int(levels[first]):
            fill = _shade(level / _SHADES)
            yield Rect(
                x + first * step, top, (last - first) * step, height, fill, kind="shade"
            )


def _shade(weight: float) -> Color:
    """Blue on white, half as strong as the weight."""
    return "#" + "".join(f"{round(255 - (255 - c) * weight / 2):02x}" for c in _SHADE)

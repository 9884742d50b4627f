"""Figures by week as lines under one another, as SVG."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from ecgsvc.render.drawing import Drawing, Item, Lines, Page, Rect, Text
from ecgsvc.render.svg import write_svg

_WIDTH_MM, _PLOT_MM, _PANEL_MM = 180.0, 130.0, 48.0
_LEFT_MM, _TOP_MM, _HEIGHT_MM = 16.0, 9.0, 30.0
_COLORS = ("#0b3d91", "#b3261e", "#2e7d32", "#8a6d00", "#6a1b9a")
_GREY = "#999999"
_MAX_LABELS = 6


@dataclass(frozen=True, slots=True)
class Band:
    """The interval around a line, week by week; NaN where there is none."""

    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True, slots=True)
class Line:
    """Values by week; NaN interrupts the line."""

    name: str
    values: Sequence[float]
    band: Band | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines over the same weeks, from 0 upwards."""

    title: str
    weeks: Sequence[date]
    lines: Sequence[Line]


def week_charts(panels: Iterable[Panel], title: str) -> bytes:
    """Draw panels below one another, as SVG."""
    drawn = list(panels)
    items = [
        item
        for number, panel in enumerate(drawn)
        for item in _panel(panel, number * _PANEL_MM)
    ]
    page = Page(_WIDTH_MM, max(len(drawn), 1) * _PANEL_MM, tuple(items))
    return write_svg(Drawing((page,), title))


def _panel(panel: Panel, top: float) -> Iterator[Item]:
    most = _nice(max(_all_values(panel), default=1.0))
    bottom = top + _TOP_MM + _HEIGHT_MM
    yield Text(_LEFT_MM, top + 6, panel.title, 3.6, bold=True)
    yield Rect(_LEFT_MM, top + _TOP_MM, _PLOT_MM, _HEIGHT_MM, stroke=_GREY, stroke_mm=0.15)
    for part in (0.0, 0.5, 1.0):
        y = bottom - part * _HEIGHT_MM
        yield Text(_LEFT_MM - 1, y + 1, f"{part * most:g}", 2.6, anchor="end")
    for week, x in _labelled(panel):
        yield Text(x, bottom + 4, f"{week:%Y-%m-%d}", 2.6, anchor="middle")
    for number, line in enumerate(panel.lines):
        color = _COLORS[number % len(_COLORS)]
        if line.band is not None:
            for end in (line.band.low, line.band.high):
                yield Lines(_points(panel, end, bottom, most), color, 0.1)
        yield Lines(_points(panel, line.values, bottom, most), color, 0.35)
        y = top + _TOP_MM + 3 + 4 * number
        yield Text(_LEFT_MM + _PLOT_MM + 2, y, line.name, 2.8, color=color)


def _points(
    panel: Panel, values: Sequence[float], bottom: float, most: float
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    x = [_x(panel, number) for number in range(len(panel.weeks))]
    y = bottom - np.asarray(values, dtype=np.float64) / most * _HEIGHT_MM
    return np.column_stack([x, y])


def _x(panel: Panel, number: int) -> float:
    """Weeks from edge to edge; a single one in the middle."""
    n = len(panel.weeks)
    return _LEFT_MM + _PLOT_MM * (number / (n - 1) if n > 1 else 0.5)


def _labelled(panel: Panel) -> Iterator[tuple[date, float]]:
    step = max(1, math.ceil(len(panel.weeks) / _MAX_LABELS))
    for number in range(0, len(panel.weeks), step):
        yield panel.weeks[number], _x(panel, number)


def _all_values(panel: Panel) -> Iterator[float]:
    for line in panel.lines:
        highest = line.band.high if line.band is not None else ()
        yield from (v for v in (*line.values, *highest) if math.isfinite(v) and v > 0)


def _nice(most: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 5, 10) if most <= step * power)

"""What is drawn: a list of rectangles, lines and texts; PDF and SVG are written from it.

Millimetres, from the top left of the page, y downwards.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Color: TypeAlias = str
"""``#rrggbb``."""
Anchor: TypeAlias = Literal["start", "middle", "end"]

STEPS_PER_MM = 50
"""Both writers round lines to this fraction of a millimetre: 2 µV, 0.8 ms."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled rectangle, an outline, or both."""

    x: float
    y: float
    width: float
    height: float
    fill: Color | None = None
    stroke: Color | None = None
    stroke_mm: float = 0.2
    kind: str = "box"


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines through points.

    Parameters
    ----------
    points
        Shape (n, 2) float64; a row with NaN ends one line, and the next row begins another.
    """

    points: NDArray[np.float64]
    color: Color
    width_mm: float
    kind: str = "line"


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `y` is its baseline, `size` the height of its em."""

    x: float
    y: float
    text: str
    size: float
    bold: bool = False
    color: Color = "#111111"
    anchor: Anchor = "start"


Item: TypeAlias = Rect | Lines | Text


@dataclass(frozen=True, slots=True)
class Page:
    """One page; later items lie on earlier ones, the verdict on top.

    `verdict` is the part that a signature replaces, in coordinates of `verdict_box`.
    """

    width: float
    height: float
    items: tuple[Item, ...]
    verdict: tuple[Item, ...] = ()
    verdict_box: Rect | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """Pages, and what a reader of the file is told of it."""

    pages: tuple[Page, ...]
    title: str
    made_at: datetime | None = None
    language: str = "en"


def joined(*lines: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put separate lines, each of shape (n, 2), into one array."""
    gap = np.full((1, 2), np.nan)
    parts = [part for line in lines for part in (line, gap)]
    return np.concatenate(parts[:-1]) if parts else np.zeros((0, 2))


def steps_of(
    points: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Round to steps; points that change nothing are left out.

    Returns
    -------
    steps
        Shape (n, 2), without gaps.
    first
        Shape (n,): where a line begins. A line of one point is that point twice.
    """
    there = np.isfinite(points[:, 0]) & np.isfinite(points[:, 1])
    first = (there & ~np.concatenate([[False], there[:-1]]))[there]
    last = (there & ~np.concatenate([there[1:], [False]]))[there]
    steps = np.rint(points[there] * STEPS_PER_MM).astype(np.int64)
    kept = first | last | _bends(steps)
    alone = (first & last)[kept]
    steps, first = steps[kept], first[kept]
    return np.repeat(steps, 1 + alone, axis=0), _without_repeats(first, alone)


def _without_repeats(
    first: NDArray[np.bool_], alone: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The second of a point that stands twice begins no line."""
    repeated = np.repeat(first, 1 + alone)
    if alone.any():
        repeated[np.cumsum(1 + alone)[alone] - 1] = False
    return repeated


def _bends(steps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which points lie off the straight line between their neighbours, or turn back."""
    bends = np.zeros(len(steps), dtype=bool)
    if len(steps) > 2:
        before, after = np.diff(steps[:-1], axis=0), np.diff(steps[1:], axis=0)
        cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
        bends[1:-1] = (cross != 0) | ((before * after).sum(axis=1) < 0)
    return bends

"""Shares and areas with their intervals, and tables of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ecgsvc.evaluation.bootstrap import (
    N_RESAMPLES,
    Interval,
    interval,
    resample_totals,
)
from ecgsvc.evaluation.scores import number
from ecgsvc.evaluation.tables import percent_with_interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure between 0 and 1 with its 95 % interval."""

    value: float
    ends: Interval


Cell: TypeAlias = str | int | Estimate
Row: TypeAlias = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Figures:
    """A table of figures; all rows have the same keys, its headings."""

    title: str
    rows: tuple[Row, ...]
    caption: str = ""

    def to_json(self) -> dict[str, Any]:
        """Estimates as value, low and high."""
        rows = [{name: _plain(cell) for name, cell in row.items()} for row in self.rows]
        return {"title": self.title, "rows": rows, "caption": self.caption}


def figures_table(figures: Figures) -> Table:
    """Show the estimates in percent."""
    table = Table(title=figures.title, caption=figures.caption or None)
    for name, cell in figures.rows[0].items():
        is_share = isinstance(cell, Estimate)
        heading = f"{name} %" if is_share else name
        table.add_column(heading, justify="left" if isinstance(cell, str) else "right")
    for row in figures.rows:
        table.add_row(*map(_shown, row.values()))
    return table


def pooled_share(
    hits: Sequence[int] | NDArray[np.int64], totals: Sequence[int] | NDArray[np.int64]
) -> Estimate:
    """Sum of hits over sum of totals, both of shape (n_records,); NaN without any."""
    counts = np.stack([np.asarray(hits), np.asarray(totals)], axis=1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        hit, total = counts.sum(axis=0)
        value = float(np.float64(hit) / total)
        drawn = resample_totals(counts) if len(counts) else np.empty((0, 2))
        return Estimate(value, interval(drawn[:, 0] / drawn[:, 1]))


def area_under_roc(
    scores: NDArray[np.float64], is_positive: NDArray[np.bool_], *, seed: int = 0
) -> Estimate:
    """How often a positive scores above a negative, ties half; ends by drawing records."""
    order = np.argsort(scores, kind="stable")
    _, tied = np.unique(scores[order], return_inverse=True)
    positive = is_positive[order]

    def area(weights: NDArray[np.float64]) -> float:
        p = np.bincount(tied, weights * positive)
        n = np.bincount(tied, weights * ~positive)
        below = np.cumsum(n) - n / 2
        n_pairs = p.sum() * n.sum()
        return float((p * below).sum() / n_pairs) if n_pairs else np.nan

    rng = np.random.default_rng(seed)
    size = len(scores)
    draws = (
        np.bincount(rng.integers(size, size=size), minlength=size).astype(np.float64)
        for _ in range(N_RESAMPLES)
    )
    return Estimate(area(np.ones(size)), interval(np.array([area(d) for d in draws])))


def _plain(cell: Cell) -> object:
    if not isinstance(cell, Estimate):
        return cell
    low, high = cell.ends
    return {"value": number(cell.value), "low": low, "high": high}


def _shown(cell: Cell) -> str:
    if isinstance(cell, Estimate):
        return percent_with_interval(cell.value, cell.ends)
    return str(cell)

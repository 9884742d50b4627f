"""How high the leads stand: the gain at which none runs into another."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Lead, Waveform
from ecgsvc.render.ecg_paper import MM_PER_S, PULSE_MV
from ecgsvc.render.sheet_plan import LINE_S, PagePlan, Piece

GAINS_MM_PER_MV = (10.0, 5.0, 2.5)
"""The standard one, half, and a quarter."""

_N_COLUMNS = round(LINE_S * MM_PER_S) + 1
_BRIEF_MM = 2
"""Leads that meet over fewer millimetres of paper do not hide each other."""
_CLEAR_MM = 1.0
_MOST_SHIFT = 0.35
"""Of a row's height, by which its baseline may leave the middle."""
PULSE_ROOM_MM = 5.0
"""Above a calibration pulse, for the lead's name."""


@dataclass(frozen=True, slots=True, eq=False)
class RowExtent:
    """How far a row goes above and below its baseline, shape (n_columns,), mV >= 0.

    A column is a millimetre of paper.
    """

    above_mv: NDArray[np.float64]
    below_mv: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PageExtent:
    """The rows of a page, and the millivolts that stand at each piece's baseline."""

    rows: tuple[RowExtent, ...]
    middles_mv: tuple[float, ...]

    def baselines(self, spacing: float, mm_per_mv: float) -> list[float]:
        """Where each row's baseline stands, in mm below the top of the first row.

        A row that goes higher than deep stands lower.
        """
        pulse = PULSE_MV * mm_per_mv + PULSE_ROOM_MM
        most = max(0.0, min(_MOST_SHIFT * spacing, (spacing - pulse) / 2))
        middle = spacing / 2
        baselines = []
        for row in self.rows:
            shift = (row.above_mv.max() - row.below_mv.max()) * mm_per_mv / 2
            baselines.append(middle + float(np.clip(shift, -most, most)))
            middle += spacing
        return [max(baselines[0], pulse), *baselines[1:]]

    def overlaps(self, spacing: float, mm_per_mv: float) -> bool:
        """Tell whether leads would hide each other."""
        baselines = self.baselines(spacing, mm_per_mv)
        for i, (upper, lower) in enumerate(pairwise(self.rows)):
            taken = (upper.below_mv + lower.above_mv) * mm_per_mv + _CLEAR_MM
            room = baselines[i + 1] - baselines[i]
            if np.count_nonzero(taken > room) > _BRIEF_MM:
                return True
        return False

    def leaves_paper(self, spacing: float, mm_per_mv: float) -> bool:
        """Tell whether anything would be cut off at the edges of the paper."""
        baselines = self.baselines(spacing, mm_per_mv)
        bottom = spacing * len(self.rows)
        return any(
            row.above_mv.max() * mm_per_mv > baseline
            or row.below_mv.max() * mm_per_mv > bottom - baseline
            for row, baseline in zip(self.rows, baselines, strict=True)
        )


def measure_page(waveform: Waveform, page: PagePlan, noisy: Sequence[Lead]) -> PageExtent:
    """Measure how much room the leads of a page need; leads that are noise need none."""
    above, below = (np.zeros((page.n_rows, _N_COLUMNS)) for _ in range(2))
    middles = []
    for piece in page.pieces:
        if not piece.recorded:
            middles.append(0.0)
            continue
        samples = waveform.lead_mv(piece.lead)[piece.start : piece.stop]
        there = np.isfinite(samples)
        middle = float(np.median(samples[there])) if there.any() else 0.0
        middles.append(middle)
        if piece.lead not in noisy:
            at = _columns(waveform, piece)[there]
            np.maximum.at(above[piece.row], at, samples[there] - middle)
            np.maximum.at(below[piece.row], at, middle - samples[there])
    rows = tuple(RowExtent(a, b) for a, b in zip(above, below, strict=True))
    return PageExtent(rows, tuple(middles))


def choose_gain(pages: Sequence[tuple[PageExtent, float]]) -> float:
    """Choose the highest gain at which leads are apart and whole, or at least apart.

    Parameters
    ----------
    pages
        Each with the height of its rows, in mm.
    """
    apart = [
        gain
        for gain in GAINS_MM_PER_MV
        if not any(page.overlaps(spacing, gain) for page, spacing in pages)
    ]
    whole = (
        gain
        for gain in apart
        if not any(page.leaves_paper(spacing, gain) for page, spacing in pages)
    )
    return next(whole, apart[0] if apart else GAINS_MM_PER_MV[-1])


def _columns(waveform: Waveform, piece: Piece) -> NDArray[np.int64]:
    seconds = np.arange(piece.stop - piece.start) / waveform.sampling_rate_hz
    columns: NDArray[np.int64] = (piece.x + seconds * MM_PER_S).astype(np.int64)
    return np.minimum(columns, _N_COLUMNS - 1)

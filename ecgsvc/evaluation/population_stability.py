"""How far a population has moved: the population stability index."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

N_BINS = 10
"""Deciles of the reference."""
MIN_VALUES = 50
"""Fewer values, of the reference or now, tell nothing: five a bin."""

MODERATE, LARGE = 0.1, 0.25
"""Siddiqi 2006, Credit Risk Scorecards: below 0.1 no shift, above 0.25 a real one."""


@dataclass(frozen=True, slots=True)
class Stability:
    """The index, and what chance alone reaches in one case of a hundred."""

    index: float
    by_chance: float

    @property
    def word(self) -> str:
        """none, moderate or large; what chance can explain is none."""
        if self.index <= max(MODERATE, self.by_chance):
            return "none"
        return "moderate" if self.index <= LARGE else "large"


def stability(reference: NDArray[np.float64], now: NDArray[np.float64]) -> Stability | None:
    """Compare two samples over the deciles of the first.

    Returns
    -------
    Stability
        The sum over bins of (q - p) ln(q / p); half a value is added to each bin, so that
        none is empty. Without a shift it is distributed as chi-square of (bins - 1) degrees
        of freedom times (1/n + 1/m): Yurdakul 2018, Statistical Properties of Population
        Stability Index, dissertation 3208 of Western Michigan University.
        None where there are too few values.
    """
    if min(len(reference), len(now)) < MIN_VALUES:
        return None
    inner = np.unique(np.quantile(reference, np.arange(1, N_BINS) / N_BINS))
    n_bins = len(inner) + 1
    shares = []
    for values in (reference, now):
        counts = np.bincount(np.searchsorted(inner, values, "right"), minlength=n_bins)
        shares.append((counts + 0.5) / (len(values) + 0.5 * n_bins))
    p, q = shares
    index = float(((q - p) * np.log(q / p)).sum())
    spread = 1 / len(reference) + 1 / len(now)
    return Stability(index, spread * _chi_square_quantile(0.99, n_bins - 1))


def _chi_square_quantile(probability: float, degrees: int) -> float:
    """Wilson & Hilferty 1931, doi 10.1073/pnas.17.12.684: within 1 % from 1 degree on."""
    if degrees == 0:
        return 0.0
    z, part = NormalDist().inv_cdf(probability), 2 / (9 * degrees)
    return float(degrees * (1 - part + z * math.sqrt(part)) ** 3)


def finite(values: Sequence[float]) -> NDArray[np.float64]:
    """Make an array of the values that are numbers."""
    array = np.asarray(values, dtype=np.float64)
    return array[np.isfinite(array)]

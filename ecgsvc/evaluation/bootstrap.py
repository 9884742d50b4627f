"""Intervals by drawing whole records with replacement.

What is counted in one record is alike (one heart, one electrode position), so records are
drawn, not beats: B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, ch. 8.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Interval: TypeAlias = tuple[float | None, float | None]
"""Lower and upper end; None where the figure is never defined."""

N_RESAMPLES = 2000
_QUANTILES = (0.025, 0.975)


def resample_totals(
    counts: NDArray[np.float64] | NDArray[np.int64],
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Sum the counts of as many records as there are, drawn with replacement.

    Parameters
    ----------
    counts
        Shape (n_records, …), additive, at least one record.
    n_resamples, seed
        Size and seed of the bootstrap.

    Returns
    -------
    numpy.ndarray
        Shape (n_resamples, …).
    """
    n_records = len(counts)
    draws = np.random.default_rng(seed).multinomial(
        n_records, np.full(n_records, 1 / n_records), size=n_resamples
    )
    totals: NDArray[np.float64] = np.tensordot(draws.astype(np.float64), counts, axes=1)
    return totals


def interval(values: NDArray[np.float64]) -> Interval:
    """95 % percentile interval of a figure's resampled values, undefined ones left out."""
    defined = values[~np.isnan(values)]
    if not defined.size:
        return None, None
    low, high = np.quantile(defined, _QUANTILES).tolist()
    return low, high

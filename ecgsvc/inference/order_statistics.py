"""Medians and quantiles of a dozen numbers, which NumPy's own take ten times as long for.

They are those of `numpy.median` and `numpy.quantile` (linear), of numbers alone: NaN is a
number beyond all others here. All numbers are sorted: NumPy sorts with vector instructions,
and partitions without.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.float32, np.float64, np.floating[Any])


def median(values: NDArray[Number], axis: int = -1) -> NDArray[Number]:
    """Median along an axis of at least one number."""
    n = values.shape[axis]
    ranked = np.sort(values, axis)
    middle: NDArray[Number] = (
        ranked.take((n - 1) // 2, axis) + ranked.take(n // 2, axis)
    ) / 2
    return middle


def quantile(values: NDArray[Number], share: float, axis: int = -1) -> NDArray[Number]:
    """Quantile along an axis of at least one number, `share` from 0 to 1."""
    place = share * (values.shape[axis] - 1)
    below = int(place)
    above = min(below + 1, values.shape[axis] - 1)
    ranked = np.sort(values, axis)
    low, high = ranked.take(below, axis), ranked.take(above, axis)
    step, beyond = high - low, place - below
    between: NDArray[Number] = (
        low + step * beyond if beyond < 1 / 2 else high - step * (1 - beyond)
    )  # as NumPy does, to the last digit
    return between


def quantiles(values: NDArray[np.float64], shares: Sequence[float]) -> list[float]:
    """Several quantiles of at least one number, shape (n,)."""
    ranked, last = np.sort(values), len(values) - 1
    found = []
    for place in [share * last for share in shares]:
        below = int(place)
        low, high = float(ranked[below]), float(ranked[min(below + 1, last)])
        step, beyond = high - low, place - below
        found.append(low + step * beyond if beyond < 1 / 2 else high - step * (1 - beyond))
    return found

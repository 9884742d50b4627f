"""What the benchmarks measure with."""

import statistics
import time
from collections.abc import Callable
from typing import Any


def timed(work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds the work took by a clock."""
    start_s = clock()
    work()
    return clock() - start_s


def spread(values: list[float]) -> str:
    """Median with the range over the rounds."""
    return f"{statistics.median(values):7.2f} ({min(values):.2f} to {max(values):.2f})"

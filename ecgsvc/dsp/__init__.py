"""Python face of the C++ signal core: one typed function per capability.

Arrays are C-contiguous float64, NaN is a missing sample, and the GIL is released while
the core computes.
"""

from ecgsvc.dsp.beat_windows import beat_windows
from ecgsvc.dsp.filters import band_pass, notch
from ecgsvc.dsp.resampling import rate_ratio, resample
from ecgsvc.dsp.sampled_data import SampledDataError, parse_sampled_data

__all__ = [
    "SampledDataError",
    "band_pass",
    "beat_windows",
    "notch",
    "parse_sampled_data",
    "rate_ratio",
    "resample",
]

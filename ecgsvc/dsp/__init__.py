"""Python face of the C++ signal core: one typed function per capability.

Arrays are C-contiguous float64, NaN is a missing sample, and the GIL is released while
the core computes.
"""

from ecgsvc.dsp.filters import band_pass, notch

__all__ = ["band_pass", "notch"]

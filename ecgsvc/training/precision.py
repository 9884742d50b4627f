"""bfloat16 in fits, on processors that have it: others work it out in single precision.

There bfloat16 is emulated (AVX2, torch 2.13: forth and back through a convolution of 48
channels takes 190 ms instead of 10). The precision is part of what makes weights the same.
"""

import torch


def half_precision(enabled: bool = True) -> torch.autocast:
    """Context in which convolutions and matrix products are bfloat16, if that is faster."""
    return torch.autocast("cpu", torch.bfloat16, enabled=enabled and bfloat16_is_fast())


def bfloat16_is_fast() -> bool:
    """Tell whether the processor has AVX-512, which oneDNN's bfloat16 asks for."""
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512")

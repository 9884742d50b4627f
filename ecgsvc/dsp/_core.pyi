import numpy as np
from numpy.typing import NDArray

def band_pass(
    samples: NDArray[np.float64],
    sampling_rate_hz: float,
    low_hz: float,
    high_hz: float,
    *,
    order: int,
) -> NDArray[np.float64]: ...
def notch(
    samples: NDArray[np.float64], sampling_rate_hz: float, mains_hz: float, *, q: float
) -> NDArray[np.float64]: ...

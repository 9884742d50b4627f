"""Zero-phase filters for delineation and display; the R-peak detector's own are causal."""

from ecgsvc.domain.waveform import Millivolts
from ecgsvc.dsp import _core


def band_pass(
    samples: Millivolts,
    sampling_rate_hz: float,
    low_hz: float,
    high_hz: float,
    *,
    order: int = 2,
) -> Millivolts:
    """Filter with a Butterworth band-pass, forward and backward."""
    return _core.band_pass(samples, sampling_rate_hz, low_hz, high_hz, order=order)


def notch(
    samples: Millivolts, sampling_rate_hz: float, mains_hz: float, *, q: float = 30.0
) -> Millivolts:
    """Remove the mains frequency with a second-order notch, forward and backward."""
    return _core.notch(samples, sampling_rate_hz, mains_hz, q=q)

"""Change of sampling rate."""

from ecgsvc.domain.waveform import Millivolts
from ecgsvc.dsp import _core


def rate_ratio(sampling_rate_hz: float, new_rate_hz: float) -> tuple[int, int]:
    """Up- and downsampling terms that `resample` uses for two rates, in lowest terms.

    Parameters
    ----------
    sampling_rate_hz, new_rate_hz
        Old and new samples per second; new / old from 1/100 to 100.

    Returns
    -------
    tuple of int
        (up, down), the best fraction for new / old with terms up to 10,000: exact for whole
        rates up to 10 kHz, otherwise off by a relative 1e-4 at most.

    Raises
    ------
    ValueError
        For a rate that is not positive or a ratio outside the range.
    """
    return _core.rate_ratio(sampling_rate_hz, new_rate_hz)


def resample(
    samples: Millivolts,
    sampling_rate_hz: float,
    new_rate_hz: float,
    *,
    threads: int = 1,
) -> Millivolts:
    """Resample with a polyphase low-pass; sample k lies at k * down / up of the input.

    The filter is that of ``scipy.signal.resample_poly`` (Kaiser window, beta 5, 10 zero
    crossings a side), with two differences: each phase sums to one, so that a constant
    stays that constant (SciPy leaves a ripple of about 1e-3 of it), and the ends go on with
    the nearest sample instead of zero. Linear in the number of samples.

    Parameters
    ----------
    samples
        Shape (n,) or (n_leads, n), C-contiguous float64, any unit. Missing samples (NaN or
        infinite) are bridged by a straight line first; an output whose nearest input is
        missing is NaN.
    sampling_rate_hz, new_rate_hz
        Old and new samples per second; see `rate_ratio` for which pairs are exact.
    threads
        How many may work at the leads, 1 to 64; the samples do not depend on it.

    Returns
    -------
    numpy.ndarray
        Last axis of length ceil(n * up / down), float64, unit of `samples`.

    Raises
    ------
    ValueError
        For rates that `rate_ratio` refuses, threads outside their range, or another shape.
    TypeError
        When `samples` is no C-contiguous float64 array.

    References
    ----------
    R. E. Crochiere, L. R. Rabiner, Multirate Digital Signal Processing, Prentice Hall 1983.
    """
    return _core.resample(samples, sampling_rate_hz, new_rate_hz, threads=threads)

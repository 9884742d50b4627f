"""Zero-phase filters for delineation and display; the R-peak detector's own are causal.

Missing samples (NaN or infinite) do not spread: a gap is bridged by a straight line
between its neighbours before filtering, a gap at an end by the nearest sample, and the
output is NaN exactly where the input was missing. Samples near a long gap are only as good
as that line.
"""

from ecgsvc.domain.waveform import Millivolts
from ecgsvc.dsp import _core


def band_pass(
    samples: Millivolts,
    sampling_rate_hz: float,
    low_hz: float,
    high_hz: float,
    *,
    order: int = 2,
    threads: int = 1,
) -> Millivolts:
    """Filter with a Butterworth band-pass, forward and backward.

    Equal to ``scipy.signal.sosfiltfilt(scipy.signal.butter(order, …, output="sos"), …)``:
    odd extension by 3 * (2 * order + 1) samples, or by all but one when there are fewer
    (where SciPy refuses), and a settled start. Linear in the number of samples.

    Parameters
    ----------
    samples
        Shape (n,) or (n_leads, n), C-contiguous float64, any unit. n = 0 gives n = 0; a
        single sample and a flat line give zeros; all missing gives all NaN.
    sampling_rate_hz
        Samples per second.
    low_hz, high_hz
        Edges; 6 dB down after both passes; low < high, both from 1e-5 to 0.999 of half the
        sampling rate.
    order
        1 to 8; the filter has 2 * order poles in each direction.
    threads
        How many may work at the leads, 1 to 64; the samples do not depend on it.

    Returns
    -------
    numpy.ndarray
        New array of the shape and unit of `samples`.

    Raises
    ------
    ValueError
        For edges, an order, a rate or threads outside the stated ranges, or another shape.
    TypeError
        When `samples` is no C-contiguous float64 array.

    References
    ----------
    F. Gustafsson, "Determining the initial states in forward-backward filtering", IEEE
    Trans. Signal Process. 44 (1996), doi:10.1109/78.492552.
    """
    return _core.band_pass(
        samples, sampling_rate_hz, low_hz, high_hz, order=order, threads=threads
    )


def notch(
    samples: Millivolts,
    sampling_rate_hz: float,
    mains_hz: float,
    *,
    q: float = 30.0,
    threads: int = 1,
) -> Millivolts:
    """Remove the mains frequency with a second-order notch, forward and backward.

    Equal to ``scipy.signal.filtfilt(*scipy.signal.iirnotch(mains_hz, q, fs=…), …)``; short
    and missing input as for `band_pass`, except that a constant passes unchanged.

    Parameters
    ----------
    samples
        Shape (n,) or (n_leads, n), C-contiguous float64, any unit.
    sampling_rate_hz
        Samples per second.
    mains_hz
        Centre, 50 or 60 Hz for the public mains; from 1e-5 to 0.999 of half the sampling
        rate.
    q
        Centre over the bandwidth at 3 dB of one pass; positive.
    threads
        As for `band_pass`.

    Returns
    -------
    numpy.ndarray
        New array of the shape and unit of `samples`.

    Raises
    ------
    ValueError
        For a centre, quality, rate or threads outside the stated ranges, or another shape.
    TypeError
        When `samples` is no C-contiguous float64 array.

    References
    ----------
    S. J. Orfanidis, Introduction to Signal Processing, Prentice Hall 1996, section 11.3.
    """
    return _core.notch(samples, sampling_rate_hz, mains_hz, q=q, threads=threads)

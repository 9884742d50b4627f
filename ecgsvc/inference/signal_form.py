"""What tells an electrocardiogram from other signals, whatever it shows."""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.inference.averages import mean
from ecgsvc.inference.order_statistics import median, quantiles

FORM_FEATURES = (
    "log_kurtosis",
    "log_share_below_1_hz",
    "log_share_above_15_hz",
    "log_centroid_hz",
    "spectral_entropy",
    "log_independent_leads",
    "log_steepest_over_median",
    "log_steep_over_calm",
    "repetition",
)
_RATE_HZ = 100.0
_SLOW_HZ, _FAST_HZ = 1.0, 15.0
_LEAST_SHARE = 1e-4
_SMOOTHED = 7  # samples
_SHORTEST_S, _LONGEST_S = 0.3, 1.8
_FAINT = 1e-6


def signal_form(
    signal: NDArray[np.float32], leads: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Describe each window in nine numbers, `FORM_FEATURES`.

    How peaked samples are, where the power lies, how many leads are independent, how much
    the steepest moments stand out, and how well slopes repeat within a heart cycle.

    Parameters
    ----------
    signal, leads
        As in `DiagnosisInputs`; a window without any lead gives zeros.
    """
    rows = np.zeros((len(signal), len(FORM_FEATURES)), np.float32)
    for row, window, present in zip(rows, signal, leads[..., 0] > 0, strict=True):
        if present.any():
            row[:] = _form(window[present].astype(np.float64))
    return rows


def _form(leads: NDArray[np.float64]) -> list[float]:
    n_leads, n_samples = leads.shape
    squares = np.square(leads)  # far quicker than a power of four
    power = np.square(np.abs(np.fft.rfft(leads * np.hanning(n_samples), axis=1)))
    shares = power / (power.sum(axis=1, keepdims=True) + _FAINT)
    hertz = np.fft.rfftfreq(n_samples, 1 / _RATE_HZ)
    entropy = -(shares * np.log(shares + _FAINT**2)).sum(axis=1) / np.log(len(hertz))
    weights = np.linalg.eigvalsh(leads @ leads.T / n_samples) / n_leads
    steepness = _steepness(leads)
    calm, middle, steep, steepest = quantiles(steepness, (0.25, 0.5, 0.9, 0.98))
    return [
        float(median(np.log(mean(np.square(squares), axis=1) + _FAINT))),
        float(np.log(mean(shares[:, hertz < _SLOW_HZ].sum(axis=1)) + _LEAST_SHARE)),
        float(np.log(mean(shares[:, hertz > _FAST_HZ].sum(axis=1)) + _LEAST_SHARE)),
        float(np.log(mean((shares * hertz).sum(axis=1)) + _FAINT)),
        float(median(entropy)),
        float(-np.log(np.square(weights).sum() + _FAINT)),
        float(np.log((steepest + _FAINT) / (middle + _FAINT))),
        float(np.log((steep + _FAINT) / (calm + _FAINT))),
        _repetition(steepness),
    ]


def _steepness(leads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Size of the slopes of all leads together, smoothed."""
    size = np.sqrt(mean(np.square(leads[:, 1:] - leads[:, :-1]), axis=0))
    return np.convolve(size, np.full(_SMOOTHED, 1 / _SMOOTHED), mode="same")


def _repetition(steepness: NDArray[np.float64]) -> float:
    """Greatest autocorrelation at the distance of a heart cycle."""
    n = len(steepness)
    spectrum = np.fft.rfft(steepness - mean(steepness), 2 * n)
    products = np.fft.irfft(np.square(np.abs(spectrum)))[:n] / (n - np.arange(n))
    first, last = round(_SHORTEST_S * _RATE_HZ), round(_LONGEST_S * _RATE_HZ)
    return float((products / (products[0] + _FAINT))[first : min(last, n // 2)].max())

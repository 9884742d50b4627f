"""Features of 10 s windows that tell ventricular fibrillation and tachycardia apart.

Those of the literature on shock advice: leakage of the VF filter (Kuo & Dillman 1978,
Computers in Cardiology), threshold crossing sample count (Arafat et al. 2009, doi
10.1007/s11760-009-0121-9), boxes visited in phase space (Amann et al. 2007, doi
10.1109/TBME.2006.880909), spectral moments (Barro et al. 1989, doi
10.3109/03091908909016204), baseline content (Jekova & Krasteva 2004, doi
10.1088/0967-3334/25/5/007), beside the period of the signal and the rate, regularity,
width and likeness of the detected QRS complexes.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc.inference.averages import deviation, mean
from ecgsvc.inference.order_statistics import median, quantile

RATE_HZ = 125.0
WINDOW_SAMPLES = 1250

Windows: TypeAlias = NDArray[np.floating]
Column: TypeAlias = NDArray[np.floating]
Columns: TypeAlias = dict[str, Column]

_N = WINDOW_SAMPLES
_PIECES = 5  # of 2 s, for what changes within a window
_DELAY = 62  # 0.5 s, Amann et al. 2007
_BOXES = 40  # a side, Amann et al. 2007
_TCSC_THRESHOLD = 0.2  # Arafat et al. 2009
_LAGS = slice(19, 188)  # 0.15 to 1.5 s: 400 to 40 a minute
_HALF_BEAT = 25  # 200 ms
_MAX_BEATS = 30  # whose likeness is looked at
_FAINT_MV = 1e-3
_EPS = 1e-9
_TAPER = np.hanning(_N)
_HZ = np.fft.rfftfreq(_N, 1 / RATE_HZ)


def window_features(windows: Windows, spread_mv: Column, r_peaks: Windows) -> Windows:
    """Compute the features of windows of mean 0 and standard deviation 1.

    Parameters
    ----------
    windows
        Shape (n, 1250), 125 Hz, 1 to 30 Hz.
    spread_mv
        Shape (n,), standard deviation of each window before it was scaled.
    r_peaks
        Shape (n, m), places of the R peaks in samples, then NaN.

    Returns
    -------
    numpy.ndarray
        Shape (n, n_features), columns as `FEATURE_NAMES`.
    """
    columns = {"log_spread": np.log10(np.maximum(spread_mv, _FAINT_MV))}
    for group in (_amplitudes, _spectrum, _leakage, _slopes, _period, _phase_space):
        columns |= group(windows)
    columns |= _rhythm(r_peaks) | _beats(windows, r_peaks)
    return np.array([columns[name] for name in FEATURE_NAMES]).T


def _amplitudes(windows: Windows) -> Columns:
    """How amplitudes are spread: a resting baseline with spikes, or always moving."""
    size = np.abs(windows)
    square = windows * windows
    peaks = size.reshape(-1, 10, _N // 10).max(axis=2)  # of every second
    p95 = quantile(size, 0.95, axis=1)[:, None]
    per_piece = windows.reshape(-1, _PIECES, _N // _PIECES)
    piece_peak = np.abs(per_piece).max(axis=2, keepdims=True)
    crossing = (np.abs(per_piece) > _TCSC_THRESHOLD * piece_peak).mean(axis=2)
    return {
        "kurtosis": np.log(mean(square * square, axis=1) + _EPS),
        "skewness": np.abs(mean(square * windows, axis=1)),
        "tcsc": mean(crossing, axis=1),
        "tcsc_min": crossing.min(axis=1),
        "baseline_share": (size < 0.1 * p95).mean(axis=1),
        "peak_variation": deviation(peaks, axis=1) / (mean(peaks, axis=1) + _EPS),
        "peak_size": np.log(peaks.max(axis=1) + _EPS),
    }


def _spectrum(windows: Windows) -> Columns:
    """Where the power lies: in a narrow line (flutter), low and broad (VF), high (QRS)."""
    power = np.abs(np.fft.rfft(windows * _TAPER, axis=1)) ** 2
    hz = _HZ
    power[:, (hz < 1) | (hz > 30)] = 0
    power /= power.sum(axis=1, keepdims=True) + _EPS
    peak_hz = np.maximum(hz[power.argmax(axis=1)], hz[1])
    away = np.abs(hz - peak_hz[:, None])
    harmonics = np.abs(hz / peak_hz[:, None] - np.rint(hz / peak_hz[:, None])) < 0.1
    above = hz > 1.5 * peak_hz[:, None]
    mean_hz = power @ hz
    cumulative = power.cumsum(axis=1)
    return {
        "peak_hz": peak_hz,
        "mean_hz": mean_hz,
        "moment_to_peak": mean_hz / peak_hz,
        "median_hz": hz[(cumulative > 0.5).argmax(axis=1)],
        "bandwidth_hz": np.sqrt((power * (hz - mean_hz[:, None]) ** 2).sum(axis=1)),
        "peak_share": (power * (away <= 0.75)).sum(axis=1),
        "harmonic_share": (power * (harmonics & above)).sum(axis=1),
        "share_2_to_9_hz": (power * ((hz >= 2) & (hz <= 9))).sum(axis=1),
        "share_above_9_hz": np.log((power * (hz > 9)).sum(axis=1) + 1e-4),
        "entropy": -(power * np.log(power + _EPS)).sum(axis=1),
    }


def _leakage(windows: Windows) -> Columns:
    """What is left when the signal is added to itself half a period later."""
    pieces = windows.reshape(-1, _N // _PIECES)
    size = np.abs(pieces).sum(axis=1)
    slopes = np.abs(pieces[:, 1:] - pieces[:, :-1])
    half_period = np.pi * size / (slopes.sum(axis=1) + _EPS) + 0.5
    shift = half_period.astype(np.int64).clip(1, 60)[:, None]
    at = np.arange(pieces.shape[1])
    earlier = pieces[np.arange(len(pieces))[:, None], np.maximum(at - shift, 0)]
    both = np.abs(pieces + earlier)[:, 60:].sum(axis=1)
    each = (np.abs(pieces) + np.abs(earlier))[:, 60:].sum(axis=1)
    leak = (both / (each + _EPS)).reshape(-1, _PIECES)
    return {
        "leakage": mean(leak, axis=1),
        "leakage_min": leak.min(axis=1),
        "half_period": mean(np.log(shift.reshape(-1, _PIECES)), axis=1),
    }


def _slopes(windows: Windows) -> Columns:
    """How steep the steepest parts are and how much lies flat between them."""
    slope = np.abs(windows[:, 1:] - windows[:, :-1])
    p98 = quantile(slope, 0.98, axis=1)
    swing = quantile(windows, 0.99, axis=1) - quantile(windows, 0.01, axis=1)
    below = np.signbit(windows)
    crossings = (below[:, 1:] != below[:, :-1]).mean(axis=1)
    return {
        "steepness": np.log(p98 / (swing + _EPS) + 1e-3),
        "flat_slope_share": (slope < 0.1 * p98[:, None]).mean(axis=1),
        "slope_to_p98": np.log(mean(slope, axis=1) / (p98 + _EPS) + 1e-3),
        "zero_crossings": crossings,
    }


def _period(windows: Windows) -> Columns:
    """How periodic the signal is, by its autocorrelation."""
    spectrum = np.fft.rfft(windows, n=2 * _N, axis=1)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, : _LAGS.stop]
    correlation /= np.arange(_N, _N - _LAGS.stop, -1)
    correlation /= correlation[:, :1] + _EPS
    # Only peaks count: beside lag 0 the correlation of slow signals is high as well.
    inner = correlation[:, 1:-1]
    is_peak = (inner >= correlation[:, :-2]) & (inner > correlation[:, 2:])
    peaks = np.where(is_peak, inner, -1.0)[:, _LAGS.start - 1 :]
    best = peaks.max(axis=1)
    first = (peaks >= 0.8 * best[:, None]).argmax(axis=1) + _LAGS.start
    return {
        "periodicity": best,
        "period": np.log(first / RATE_HZ),
        "lowest_correlation": correlation[:, : _LAGS.stop // 2].min(axis=1),
        "correlation_width": (correlation < 0.5).argmax(axis=1) / RATE_HZ,
    }


def _phase_space(windows: Windows) -> Columns:
    """Share of 40 x 40 boxes that the signal against itself 0.5 s later visits."""
    low = windows.min(axis=1, keepdims=True)
    span = windows.max(axis=1, keepdims=True) - low + _EPS
    box = np.minimum((windows - low) / span * _BOXES, _BOXES - 1).astype(np.int64)
    visited = np.zeros((len(windows), _BOXES**2), dtype=bool)
    here = box[:, _DELAY:] * _BOXES + box[:, :-_DELAY]
    visited[np.arange(len(windows))[:, None], here] = True
    return {"phase_space": visited.mean(axis=1)}


def _rhythm(r_peaks: Windows) -> Columns:
    """Number, rate and regularity of the detected beats."""
    n_beats = np.isfinite(r_peaks).sum(axis=1)
    rr_s = (r_peaks[:, 1:] - r_peaks[:, :-1]) / RATE_HZ
    rr_s[n_beats < 2, 0] = _N / RATE_HZ
    changes = np.abs(rr_s[:, 1:] - rr_s[:, :-1])
    changes[n_beats < 3, 0] = 0.0
    n_rr = np.maximum(n_beats - 1, 1)
    ordered = np.sort(rr_s, axis=1)  # NaN last
    rows = np.arange(len(rr_s))
    median_rr = (ordered[rows, (n_rr - 1) // 2] + ordered[rows, n_rr // 2]) / 2
    mean_rr = _sum_of_known(rr_s) / n_rr
    variance = _sum_of_known((rr_s - mean_rr[:, None]) ** 2) / n_rr
    mean_change = _sum_of_known(changes) / np.maximum(n_beats - 2, 1)
    return {
        "n_beats": n_beats / 10,
        "median_rr": np.log(median_rr),
        "longest_rr": np.log(ordered[rows, n_rr - 1]),
        "rr_variation": np.sqrt(variance) / median_rr,
        "rr_change": mean_change / median_rr,
    }


def _sum_of_known(values: Windows) -> Column:
    total: Column = np.where(np.isnan(values), 0.0, values).sum(axis=1)
    return total


def _beats(windows: Windows, r_peaks: Windows) -> Columns:
    """Shape of the detected beats: alike or not, narrow or wide, steep or round."""
    places = r_peaks[:, :_MAX_BEATS]
    inside = (places >= _HALF_BEAT) & (places < _N - _HALF_BEAT)
    centre = np.where(inside, places, _HALF_BEAT).astype(np.int64)
    offsets = np.arange(-_HALF_BEAT, _HALF_BEAT + 1)
    at = centre[:, :, None] + offsets
    rows = np.arange(len(windows))[:, None, None]
    beats = windows[rows, at]
    beats -= median(beats, axis=2)[:, :, None]
    weight = inside / np.maximum(inside.sum(axis=1, keepdims=True), 1)
    dominant = (beats * weight[:, :, None]).sum(axis=1)
    alike = _cosine(beats, dominant[:, None, :])
    height = np.abs(beats).max(axis=2)
    wide = (np.abs(beats) > 0.5 * height[:, :, None]).mean(axis=2)
    steep = np.abs(beats[..., 1:] - beats[..., :-1]).max(axis=2) / (height + _EPS)

    def average(values: Windows) -> Column:
        mean: Column = (values * weight).sum(axis=1)
        return mean

    return {
        "beat_likeness": average(alike),
        "beat_width": average(wide),
        "beat_steepness": average(steep),
        "beat_height": average(height),
    }


def _cosine(a: Windows, b: Windows) -> Windows:
    sizes = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    cosine: Windows = (a * b).sum(axis=-1) / (sizes + _EPS)
    return cosine


FEATURE_NAMES: tuple[str, ...] = (
    "log_spread",
    "kurtosis", "skewness", "tcsc", "tcsc_min", "baseline_share", "peak_variation",
    "peak_size",
    "peak_hz", "mean_hz", "moment_to_peak", "median_hz", "bandwidth_hz", "peak_share",
    "harmonic_share", "share_2_to_9_hz", "share_above_9_hz", "entropy",
    "leakage", "leakage_min", "half_period",
    "steepness", "flat_slope_share", "slope_to_p98", "zero_crossings",
    "periodicity", "period", "lowest_correlation", "correlation_width",
    "phase_space",
    "n_beats", "median_rr", "longest_rr", "rr_variation", "rr_change",
    "beat_likeness", "beat_width", "beat_steepness", "beat_height",
)  # fmt: skip

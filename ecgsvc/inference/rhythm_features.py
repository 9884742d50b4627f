"""What a stretch of one lead says of its rhythm in numbers: intervals, shapes, spectrum.

A network sees the same samples, but some dozens of beats are few to learn sample entropy
from. Everything is relative to the stretch itself; gain, offset and polarity do not matter.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ecgsvc.inference.averages import deviation, mean, share
from ecgsvc.inference.order_statistics import median, quantile, quantiles

Floats = NDArray[np.float64]

_BEFORE_S, _AFTER_S = 0.32, 0.48  # of a beat, around R
_QRS_S = (-0.08, 0.08)
_P_S = (-0.26, -0.07)
_T_S = (0.12, 0.44)
LEAST_BEATS = 5
_MIN_RR_S, _MAX_RR_S = 0.2, 4.0
_EARLY, _LATE = 0.85, 1.15  # of the median of the eleven intervals around
_LORENZ_BIN_S = 0.04  # Sarkar et al. 2008, doi 10.1109/TBME.2007.903707
_BANDS_HZ = (0.5, 1.5, 4.0, 9.0, 15.0, 25.0, 40.0)
_ATRIAL_HZ = (4.0, 9.0)  # fibrillatory waves: Stridh & Sörnmo 2001, doi 10.1109/10.900266
_QUANTILES = (0.05, 0.1, 0.25, 0.75, 0.9, 0.95)

RR_NAMES: tuple[str, ...] = (
    "n_beats", "log_mean_rr", "log_median_rr", "log_least_rr", "log_greatest_rr",
    "rr_variation", "rmssd", "pnn50", "pnn20", "jumps", "rr_mad", "rr_change_mad",
    "sample_entropy", "cosen", "irregularity", "poincare_ratio", "turning_points",
    "autocorrelation_1", "autocorrelation_2", "change_skew", "change_kurtosis",
    "early", "late", "early_then_late", "lorenz_irregular", "lorenz_origin",
    "lorenz_premature", *(f"rr_q{round(100 * q):02d}" for q in _QUANTILES),
)  # fmt: skip
SHAPE_NAMES: tuple[str, ...] = (
    "qrs_alike", "qrs_alike_q10", "qrs_least_alike", "qrs_unlike", "beat_alike",
    "size_variation", "odd_sizes", "p_alike", "p_alike_mean", "p_pairs", "p_size", "p_snr",
    "p_place", "t_alike", "t_size", "template_width", "wide_share", "early_qrs_alike",
    "early_odd", "early_usual", "residual", "residual_q90", "atrial_residual",
    "atrial_peak", "atrial_peak_hz", "baseline_crossings",
)  # fmt: skip
SIGNAL_NAMES: tuple[str, ...] = (
    "quiet_second", "loud_second", "loudest_second", "skew", "kurtosis", "crossings",
    "spectral_entropy", *(f"band_{high:g}_hz" for high in _BANDS_HZ[1:]),
)  # fmt: skip
_BEAT_STEPS = 40  # of 20 ms
BEAT_NAMES: tuple[str, ...] = (
    *(f"beat_{20 * i - 320}_ms" for i in range(_BEAT_STEPS)),
    *(f"spread_{20 * i - 320}_ms" for i in range(_BEAT_STEPS)),
)
"""The usual beat, its QRS complex upright and of size 1, and how far beats lie apart."""
FEATURE_NAMES = RR_NAMES + SHAPE_NAMES + BEAT_NAMES + SIGNAL_NAMES


def rhythm_features(signal: Floats, rate_hz: float, r_s: Floats) -> NDArray[np.float32]:
    """Describe one stretch.

    Parameters
    ----------
    signal
        Shape (n,), filtered 0.5-40 Hz, any unit, at least a second long.
    rate_hz
        Of `signal`.
    r_s
        Shape (n_beats,), seconds from the stretch's start, increasing.

    Returns
    -------
    numpy.ndarray
        Shape (len(FEATURE_NAMES),). With fewer than five beats, features of intervals and
        shapes are zero: there is no rhythm to describe.
    """
    intervals = np.zeros(len(RR_NAMES))
    shapes = np.zeros(len(SHAPE_NAMES) + len(BEAT_NAMES))
    intervals[0] = len(r_s) / (len(signal) / rate_hz)
    if len(r_s) >= LEAST_BEATS:
        rr_s = usable_intervals(r_s)
        local_s = local_median(rr_s)
        early = rr_s < _EARLY * local_s
        intervals[1:] = _interval_features(rr_s, early, rr_s > _LATE * local_s)
        shapes[:] = _shape_features(signal, rate_hz, r_s, early)
    described = np.concatenate([intervals, shapes, _signal_features(signal, rate_hz)])
    features: NDArray[np.float32] = np.nan_to_num(described, posinf=0, neginf=0).astype(
        np.float32
    )
    return features


def _interval_features(
    rr_s: Floats, early: NDArray[np.bool_], late: NDArray[np.bool_]
) -> list[float]:
    mean_s, usual_s = float(mean(rr_s)), float(median(rr_s))
    change = rr_s[1:] - rr_s[:-1]
    size = np.abs(change)
    entropy, cosen = sample_entropies(rr_s)
    sd1, sd2 = float(deviation(change)), float(deviation(rr_s[1:] + rr_s[:-1]))
    inner = change[1:] * change[:-1]
    skew, kurtosis = _skew_and_kurtosis(change)
    return [
        math.log(mean_s),
        math.log(usual_s),
        math.log(rr_s.min()),
        math.log(rr_s.max()),
        float(deviation(rr_s)) / mean_s,
        math.sqrt(float(mean(change**2))) / mean_s,
        share(size > 0.05),
        share(size > 0.02),
        share(size > 0.1 * usual_s),
        float(median(np.abs(rr_s - usual_s))) / usual_s,
        float(median(size)) / usual_s,
        entropy,
        cosen,
        irregularity(rr_s),
        sd1 / max(sd2, 1e-3),
        share(inner < 0),
        *_autocorrelations(rr_s, (1, 2)),
        skew,
        math.log1p(kurtosis),
        share(early),
        share(late),
        share(early[:-1] & late[1:]),
        *_lorenz(change),
        *quantiles(rr_s / usual_s, _QUANTILES),
    ]


def usable_intervals(r_s: Floats) -> Floats:
    """RR intervals in seconds, those beyond what hearts do brought to its limits."""
    return (r_s[1:] - r_s[:-1]).clip(_MIN_RR_S, _MAX_RR_S)


def sample_entropies(rr_s: Floats) -> tuple[float, float]:
    """Sample entropy (m = 1, r = a tenth of the mean) and its coefficient for short series.

    Lake & Moorman 2011, doi 10.1152/ajpheart.00561.2010.
    """
    mean_s = mean(rr_s)
    tolerance = 0.1 * mean_s
    near = np.abs(rr_s[:, np.newaxis] - rr_s) <= tolerance
    alone = len(rr_s) - 1  # each is near itself, and each pair is there twice
    ones = (np.count_nonzero(near[:-1, :-1]) - alone) / 2
    twos = (np.count_nonzero(near[:-1, :-1] & near[1:, 1:]) - alone) / 2
    entropy = math.log(max(ones, 0.5) / max(twos, 0.5))
    return entropy, entropy - math.log(2 * tolerance) - math.log(mean_s)


def irregularity(rr_s: Floats) -> float:
    """Median change of RR over one, two or three beats, whichever is least."""
    changes = [
        float(median(np.abs(rr_s[n:] - rr_s[:-n]))) for n in (1, 2, 3) if n < len(rr_s)
    ]
    return min(changes) / float(median(rr_s))


def _lorenz(change: Floats) -> tuple[float, float, float]:
    """Shares of the Lorenz plot of RR changes: spread out, at the origin, premature beats.

    After Sarkar et al. 2008, doi 10.1109/TBME.2007.903707.
    """
    first, second = change[:-1], change[1:]
    bins = np.rint(change / _LORENZ_BIN_S).tolist()
    away = [pair for pair in pairwise(bins) if max(map(abs, pair)) > 1]
    n = len(first)
    premature = (first < -_LORENZ_BIN_S * 2) & (second > _LORENZ_BIN_S * 2)
    return len(set(away)) / n, (n - len(away)) / n, share(premature)


def local_median(rr_s: Floats) -> Floats:
    """Median of the eleven intervals around each."""
    n = len(rr_s)
    at = np.arange(n)[:, np.newaxis] + np.arange(-5, 6)
    if n >= 5:  # mirrored behind the first and the last
        at = np.where(at < 0, -1 - at, np.where(at < n, at, 2 * n - 1 - at))
    return median(rr_s[at.clip(0, n - 1)])


def _shape_features(
    signal: Floats, rate_hz: float, r_s: Floats, early: NDArray[np.bool_]
) -> list[float]:
    beats = _cut(signal, rate_hz, r_s)
    early_beats = np.concatenate([[False], early])
    usual = median(beats[~early_beats] if not early.all() else beats, axis=0)
    qrs, p, t = (_part(rate_hz, *bounds) for bounds in (_QRS_S, _P_S, _T_S))
    height = max(float(np.ptp(usual[qrs])), 1e-9)
    qrs_alike = _likeness(*_centred(beats[:, qrs]), usual[qrs])
    p_waves, p_norms = _centred(beats[:, p])
    p_alike = _likeness(p_waves, p_norms, usual[p])
    sizes = np.ptp(beats[:, qrs], axis=1) / height
    unlike_size = np.abs(np.log(np.maximum(sizes, 0.01)))
    residual = (beats - usual)[:, : t.stop]
    residuals = deviation(residual, axis=1)
    between = np.concatenate([residual[:, p], residual[:, t]], axis=1)
    noise = float(median(deviation(residual[:, p], axis=1)))
    widths, usual_width = _widths(beats[:, qrs]), _widths(usual[np.newaxis, qrs])[0]
    odd = (qrs_alike < 0.85) | (unlike_size > 0.5)
    n = len(beats)
    return [
        float(median(qrs_alike)),
        float(quantile(qrs_alike, 0.1)),
        float(qrs_alike.min()),
        share(qrs_alike < 0.85),
        float(median(_likeness(*_centred(beats), usual))),
        float(deviation(sizes) / max(float(mean(sizes)), 1e-9)),
        share(unlike_size > 0.3),
        float(median(p_alike)),
        float(mean(p_alike)),
        _pairs(p_waves, p_norms),
        float(np.ptp(usual[p])) / height,
        math.log1p(float(deviation(usual[p])) / max(noise, 1e-9)),
        float(np.abs(usual[p] - median(usual[p])).argmax()) / (p.stop - p.start),
        float(median(_likeness(*_centred(beats[:, t]), usual[t]))),
        float(np.ptp(usual[t])) / height,
        float(usual_width),
        share(widths > 1.25 * usual_width),
        float(mean(qrs_alike[early_beats])) if early.any() else 1.0,
        np.count_nonzero(early_beats & odd) / n,
        np.count_nonzero(early_beats & ~odd) / n,
        float(median(residuals)) / height,
        float(quantile(residuals, 0.9)) / height,
        float(median(deviation(between, axis=1))) / height,
        *_atrial_spectrum(signal, rate_hz, r_s, usual),
        _turns(residual[:, p]),
        *_in_steps(usual * (1 if (usual[qrs] ** 3).sum() >= 0 else -1) / height),
        *_in_steps((quantile(beats, 0.8, axis=0) - quantile(beats, 0.2, axis=0)) / height),
    ]


def _in_steps(beat: Floats) -> list[float]:
    means: list[float] = mean(beat.reshape(_BEAT_STEPS, -1), axis=1).tolist()
    return means


def _cut(signal: Floats, rate_hz: float, r_s: Floats) -> Floats:
    """Cut the beats, shape (n_beats, samples); ends are padded with the last sample."""
    before, after = round(_BEFORE_S * rate_hz), round(_AFTER_S * rate_hz)
    places = np.rint(r_s * rate_hz).clip(0, len(signal) - 1).astype(np.int64)
    at = places[:, np.newaxis] + np.arange(-before, after)
    beats: Floats = signal[at.clip(0, len(signal) - 1)]
    return beats - median(beats)[:, np.newaxis]


def _part(rate_hz: float, start_s: float, stop_s: float) -> slice:
    return slice(
        round((_BEFORE_S + start_s) * rate_hz), round((_BEFORE_S + stop_s) * rate_hz)
    )


def _centred(pieces: Floats) -> tuple[Floats, Floats]:
    """Pieces less their means, and their lengths then."""
    centred = pieces - mean(pieces, axis=1, keepdims=True)
    return centred, np.sqrt(np.add.reduce(centred * centred, axis=1))


def _likeness(centred: Floats, norms: Floats, template: Floats) -> Floats:
    """Correlation of each piece with the template."""
    aim = template - mean(template)
    likeness: Floats = centred @ aim / np.maximum(norms * math.sqrt(aim @ aim), 1e-9)
    return likeness


def _pairs(centred: Floats, norms: Floats) -> float:
    """Mean correlation of each piece with the next."""
    unit = centred / np.maximum(norms, 1e-9)[:, np.newaxis]
    return float(mean(np.add.reduce(unit[1:] * unit[:-1], axis=1)))


def _widths(qrs: Floats) -> Floats:
    """Spread of the squared slope in time, in samples."""
    energy = (qrs[:, 1:] - qrs[:, :-1]) ** 2
    energy /= np.maximum(energy.sum(axis=1, keepdims=True), 1e-12)
    at = np.arange(energy.shape[1])
    centre = energy @ at
    widths: Floats = np.sqrt(np.maximum(energy @ at**2 - centre**2, 0.25))
    return widths


def _turns(pieces: Floats) -> float:
    """How often the slope changes sign, a sample."""
    slopes = pieces[:, 1:] - pieces[:, :-1]
    return share(slopes[:, 1:] * slopes[:, :-1] < 0)


def _atrial_spectrum(
    signal: Floats, rate_hz: float, r_s: Floats, usual: Floats
) -> tuple[float, float]:
    """Share and place of the highest peak at 4-9 Hz once the usual beat is taken off."""
    before = round(_BEFORE_S * rate_hz)
    rest = signal.copy()
    for at in np.rint(r_s * rate_hz).astype(np.int64) - before:
        start, stop = max(at, 0), min(at + len(usual), len(rest))
        if start < stop:
            rest[start:stop] -= usual[start - at : stop - at]
    frequencies, power = _spectrum(rest, rate_hz)
    band = (frequencies >= _ATRIAL_HZ[0]) & (frequencies <= _ATRIAL_HZ[1])
    within = power[band]
    if not within.size or not power.sum() > 0:
        return 0.0, 0.0
    peak = int(within.argmax())
    near = within[max(peak - 1, 0) : peak + 2].sum()
    return float(near / power.sum()), float(frequencies[band][peak])


def _spectrum(signal: Floats, rate_hz: float) -> tuple[Floats, Floats]:
    """Power by Welch's method with segments of 2.56 s."""
    length = min(round(2.56 * rate_hz), len(signal))
    starts = np.arange(0, len(signal) - length + 1, max(length // 2, 1))
    segments = signal[starts[:, np.newaxis] + np.arange(length)]
    tapered = (segments - mean(segments, axis=1, keepdims=True)) * np.hanning(length)
    power = mean(np.abs(np.fft.rfft(tapered, axis=1)) ** 2, axis=0)
    frequencies = np.fft.rfftfreq(length, 1 / rate_hz).astype(np.float64)
    return frequencies, power


def _signal_features(signal: Floats, rate_hz: float) -> list[float]:
    width = min(round(rate_hz), len(signal))
    seconds = signal[: len(signal) // width * width].reshape(-1, width)
    sizes = np.ptp(seconds, axis=1)
    usual = max(float(median(sizes)), 1e-9)
    quiet, loud = quantiles(sizes, (0.1, 0.9))
    skew, kurtosis = _skew_and_kurtosis(signal)
    centred = signal - mean(signal)
    frequencies, power = _spectrum(signal, rate_hz)
    shares = power / max(float(power.sum()), 1e-12)
    edges = np.searchsorted(frequencies, _BANDS_HZ, side="right").tolist()
    return [
        math.log(max(quiet / usual, 1e-3)),
        math.log(max(loud / usual, 1e-3)),
        math.log(max(float(sizes.max()) / usual, 1e-3)),
        abs(skew),
        math.log1p(kurtosis),
        share(centred[1:] * centred[:-1] < 0),
        float(-(shares * np.log(shares + 1e-12)).sum()),
        *(float(shares[a:b].sum()) for a, b in pairwise(edges)),
    ]


def _skew_and_kurtosis(values: Floats) -> tuple[float, float]:
    """Third and fourth standardised central moments; 0 for a constant."""
    size = float(deviation(values))
    if not size > 0:
        return 0.0, 0.0
    standard = (values - mean(values)) / size
    return float(mean(standard**3)), float(mean(standard**4))


def _autocorrelations(values: Floats, lags: Sequence[int]) -> list[float]:
    centred = values - mean(values)
    power = max(float((centred**2).sum()), 1e-9)
    return [float((centred[lag:] * centred[:-lag]).sum()) / power for lag in lags]

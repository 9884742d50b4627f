"""What the beats of a window say of its rhythm: intervals, shapes, P waves."""

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import STANDARD_LEADS
from ecgsvc.inference.averages import deviation, mean, share
from ecgsvc.inference.order_statistics import median, quantile
from ecgsvc.inference.usual_beat import BEFORE, UsualBeat

Floats = NDArray[np.float64]

RHYTHM_NAMES: tuple[str, ...] = (
    "n_beats", "rr_median_s", "rr_mean_s", "rr_variation", "rmssd", "rr_least",
    "rr_greatest", "pnn50", "rr_change_median", "rr_quartiles",
    "least_alike", "second_least_alike", "median_alike", "unlike",
    "unlike_earliest", "alike_earliest", "greatest_pause", "alike_early", "unlike_early",
)  # fmt: skip
_P_LEADS = ("I", "II", "aVF", "V1", "V2")
P_NAMES: tuple[str, ...] = (
    *(f"p_alike_{lead}" for lead in _P_LEADS), "p_alike_mean", "p_alike_median",
    "p_residual_II", "p_residual_V1", "p_residual_mean",
    *(f"p_over_residual_{lead}" for lead in ("I", "II", "V1")),
)  # fmt: skip
ATRIAL_NAMES: tuple[str, ...] = (
    *(f"atrial_{kind}_{lead}" for kind in ("power", "over_slow", "over_fast")
      for lead in ("II", "V1")), "atrial_power_mean",
)  # fmt: skip

_RATE_HZ = 100.0
_LEAST_INTERVALS, _LEAST_COMPARED = 2, 3
_LONG_CHANGE_S = 0.05
_EARLY, _EARLY_UNLIKE = 0.85, 0.9  # of the median RR interval
_P = slice(BEFORE - 28, BEFORE - 5)
_AFTER_QRS, _BEFORE_QRS, _LEAST_BETWEEN = 45, 12, 20  # samples
_ATRIAL_HZ = (3.5, 9.0)  # fibrillatory waves: Stridh & Sörnmo 2001, doi 10.1109/10.900266
_POINTS = 128
_TAPERS = tuple(np.hanning(n_samples) for n_samples in range(_POINTS + 1))
_HERTZ = np.fft.rfftfreq(_POINTS, 1 / _RATE_HZ)
_FAINT = 1e-6


def rhythm_numbers(found: UsualBeat) -> Floats:
    """Intervals, and how alike and how early beats are, as `RHYTHM_NAMES`."""
    numbers = np.full(len(RHYTHM_NAMES), np.nan)
    rr_s = (found.places[1:] - found.places[:-1]) / _RATE_HZ
    numbers[0] = len(found.places)
    numbers[10:14] = (
        found.likeness.min(),
        np.sort(found.likeness)[:2].max(),
        median(found.likeness),
        share(~found.alike),
    )
    if len(rr_s) >= _LEAST_INTERVALS:
        numbers[1:10] = _intervals(rr_s)
    if len(rr_s) >= _LEAST_COMPARED:
        numbers[14:] = _prematurity(found, rr_s / median(rr_s))
    return numbers


def _intervals(rr_s: Floats) -> list[float]:
    usual_s, change_s = float(median(rr_s)), rr_s[1:] - rr_s[:-1]
    size_s = np.abs(change_s)
    return [
        usual_s,
        float(mean(rr_s)),
        float(deviation(rr_s)) / usual_s,
        math.sqrt(mean(np.square(change_s))) / usual_s,
        float(rr_s.min()) / usual_s,
        float(rr_s.max()) / usual_s,
        share(size_s > _LONG_CHANGE_S),
        float(median(size_s)) / usual_s,
        float(quantile(rr_s, 0.75) / quantile(rr_s, 0.25)),
    ]


def _prematurity(found: UsualBeat, rr: Floats) -> list[float]:
    """Intervals before and after beats as shares of the median, by shape."""
    before = np.concatenate([[np.nan], rr])[found.whole]
    after = np.concatenate([rr, [np.nan]])[found.whole]
    usual = found.alike
    pauses = after - before
    return [
        _least(before[~usual]),
        _least(before[usual]),
        -_least(-pauses),
        share((before < _EARLY) & usual),
        share((before < _EARLY_UNLIKE) & ~usual),
    ]


def _least(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.min()) if len(known) else np.nan


def p_numbers(found: UsualBeat, present: NDArray[np.bool_]) -> Floats:
    """How alike what precedes the usual QRS complexes is, as `P_NAMES`."""
    waves = found.beats[found.alike][..., _P]
    waves = waves - mean(waves, axis=-1, keepdims=True)
    usual = mean(waves, axis=0)
    sizes = np.sqrt(np.square(waves).sum(axis=-1) * np.square(usual).sum(axis=-1) + _FAINT)
    alike = mean((waves * usual).sum(axis=-1) / sizes, axis=0)
    residual = np.sqrt(np.square(waves - usual).mean(axis=(0, 2)))
    clear = np.ptp(usual, axis=-1) / (residual + 1e-3)
    for numbers in (alike, residual, clear):
        numbers[~present] = np.nan
    lead = STANDARD_LEADS.index
    return np.array(
        [
            *alike[[lead(name) for name in _P_LEADS]],
            mean(alike[present]),
            median(alike[present]),
            *residual[[lead("II"), lead("V1")]],
            mean(residual[present]),
            *clear[[lead("I"), lead("II"), lead("V1")]],
        ]
    )


def atrial_numbers(
    signal: NDArray[np.float32], places: NDArray[np.int64], present: NDArray[np.bool_]
) -> Floats:
    """Power of fibrillatory waves between T waves and QRS complexes, as `ATRIAL_NAMES`."""
    pieces = [
        _about_its_line(signal[:, start + _AFTER_QRS : end - _BEFORE_QRS])
        for start, end in pairwise(places.tolist())
        if end - start >= _AFTER_QRS + _BEFORE_QRS + _LEAST_BETWEEN
    ]
    if not pieces:
        return np.full(len(ATRIAL_NAMES), np.nan)
    power = mean(np.square(np.abs(np.fft.rfft(np.stack(pieces)))), axis=0)
    slow, fast = _ATRIAL_HZ[0] > _HERTZ, _ATRIAL_HZ[1] < _HERTZ
    atrial, below, above = (
        np.log(power[:, band].sum(axis=1) + _FAINT) for band in (~slow & ~fast, slow, fast)
    )
    for numbers in (atrial, below, above):
        numbers[~present] = np.nan
    two = [STANDARD_LEADS.index(lead) for lead in ("II", "V1")]
    return np.array(
        [
            *atrial[two], *(atrial - below)[two], *(atrial - above)[two],
            mean(atrial[present]),
        ]
    )  # fmt: skip


def _about_its_line(piece: NDArray[np.float32]) -> NDArray[np.float32]:
    """A piece of each lead about the line between its ends, tapered, of unit duration."""
    n_samples = min(piece.shape[1], _POINTS)
    piece = piece[:, :n_samples]
    rise = (piece[:, -1:] - piece[:, :1]) / (n_samples - 1)
    level = piece - rise * np.arange(n_samples)
    level -= mean(level, axis=1, keepdims=True)
    padded = np.zeros((len(piece), _POINTS), np.float32)
    padded[:, :n_samples] = level * _TAPERS[n_samples] / math.sqrt(n_samples)
    return padded

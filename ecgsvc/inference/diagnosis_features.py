"""What a window's usual beat and its rhythm say of twelve leads, in numbers.

Deflections, ST segment, P and T waves of each lead as a share of its largest deflection,
and in millivolts where these are known; widths, axes, the voltages of Sokolow and Lyon
(1949, doi 10.1016/0002-8703(49)90562-1) and of Cornell (Casale et al. 1987,
doi 10.1161/01.CIR.75.3.565); RR intervals, and how alike beats and P waves are.
"""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import STANDARD_LEADS
from ecgsvc.inference.averages import mean
from ecgsvc.inference.diagnosis_rhythm import (
    ATRIAL_NAMES,
    P_NAMES,
    RHYTHM_NAMES,
    atrial_numbers,
    p_numbers,
    rhythm_numbers,
)
from ecgsvc.inference.usual_beat import BEFORE, usual_beat

Floats = NDArray[np.float64]

UNKNOWN = -99.0
"""Stands for what cannot be told; below all that can."""
_PERSON_NAMES = ("age_centuries", "female")
_BEAT_NAMES: tuple[str, ...] = (
    "qrs_s", "qrs_onset_s", "qrs_offset_s", "qrs_wide_s", "t_peak_s", "t_over_qrs",
    "t_end_s", "p_peak_s", "p_over_qrs", "p_onset_s", "p_offset_s", "p_steepness",
)  # fmt: skip
_AXIS_NAMES: tuple[str, ...] = (
    "qrs_axis", "qrs_axis_x", "qrs_axis_y", "qrs_height_axis", "t_axis", "qrs_t_angle_x",
    "p_axis", *(f"share_of_limb_leads_{lead}" for lead in STANDARD_LEADS[:6]),
)  # fmt: skip
_VOLTAGE_NAMES: tuple[str, ...] = (
    "sokolow_mv", "sokolow_v2_mv", "cornell_mv", "cornell_product_mvs", "lewis_mv",
    "sum_mv", "greatest_r_limb_mv", "greatest_r_chest_mv", "greatest_chest_mv",
)  # fmt: skip
_CHEST_NAMES: tuple[str, ...] = (
    *(f"r_progression_{lead}" for lead in STANDARD_LEADS[7:]), "transition",
    "t_turned", "t_turned_chest", "st_highest_chest", "st_lowest_chest", "st_highest_limb",
    "st_lowest_limb",
)  # fmt: skip
_WAVES = ("r", "q", "s", "j", "st40", "st80", "t_top", "t_bottom", "p_top", "p_bottom")
_LEAD_NAMES: tuple[str, ...] = (
    "peak", *_WAVES, "r_less_s", "r_of_both", "q_s", "notches", "r_at_s", "s_at_s",
    "st_rise", "st_bend", "t", "qrs_area", "t_area", "p_terminal",
    *(f"{wave}_mv" for wave in _WAVES),
)  # fmt: skip
DIAGNOSIS_FEATURES: tuple[str, ...] = (
    *_PERSON_NAMES, *RHYTHM_NAMES, *P_NAMES, *ATRIAL_NAMES, *_BEAT_NAMES, *_AXIS_NAMES,
    *_VOLTAGE_NAMES, *_CHEST_NAMES,
    *(f"{name}_{lead}" for name in _LEAD_NAMES for lead in STANDARD_LEADS),
)  # fmt: skip

_RATE_HZ = 100.0
_LIMB, _CHEST = slice(0, 6), slice(6, 12)
_I, _II, _III, _AVR, _AVL, _AVF, _V1, _V2, _V3, _, _V5, _V6 = range(12)
_QRS_STEEP, _QRS_LESS_STEEP = 0.12, 0.06  # of the steepest slope
_T_FROM, _P_LONGEST, _PR_SHORTEST = 8, 24, 3  # samples
_P_TERMINAL = 12
_T_END = 0.3  # of the T wave's height
_P_STEEP = 0.4
_SMALL_Q, _NOTCH = 0.03, 0.1  # of the largest deflection
_AUGMENTED = 1.15  # 2 / sqrt(3): the gain of aVF beside that of I
_FAINT = 1e-6
_LIMIT = 50.0


def diagnosis_features(
    signal: NDArray[np.float32], leads: NDArray[np.float32], person: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Describe each window in the numbers of `DIAGNOSIS_FEATURES`.

    Parameters
    ----------
    signal, leads, person
        As in `DiagnosisInputs`.

    Returns
    -------
    numpy.ndarray
        Shape (n, features), `UNKNOWN` where leads, sizes, or beats are missing.
    """
    rows = np.full((len(signal), len(DIAGNOSIS_FEATURES)), np.nan)
    for row, window, shown, known in zip(rows, signal, leads, person, strict=True):
        age_known, age, sex_known, female = known
        row[0] = age if age_known else np.nan
        row[1] = female if sex_known else np.nan
        numbers = _describe(window, shown) if shown[:, 0].any() else None
        if numbers is not None:
            row[len(_PERSON_NAMES) :] = numbers
    limited = np.where(np.isfinite(rows), rows.clip(-_LIMIT, _LIMIT), UNKNOWN)
    return limited.astype(np.float32)


def _describe(signal: NDArray[np.float32], leads: NDArray[np.float32]) -> Floats | None:
    found = usual_beat(signal)
    if found is None:
        return None
    present = leads[:, 0] > 0
    onset, offset, times = _boundaries(found.beat)
    level = mean(found.beat[:, max(onset - _PR_SHORTEST, 0) : onset], 1, keepdims=True)
    beat = (found.beat - level).astype(np.float64)
    beat[~present] = np.nan
    mv = np.where(leads[:, 1] > 0, np.exp(leads[:, 2]), np.nan)
    per_lead = _of_leads(beat, onset, offset, mv)
    return np.concatenate(
        [
            rhythm_numbers(found),
            p_numbers(found, present),
            atrial_numbers(signal, found.places, present),
            times,
            _axes(beat, onset, offset, limb_sizes(signal, leads)),
            _voltages(per_lead, offset - onset),
            _chest(per_lead),
            per_lead.ravel(),
        ]
    )


def _boundaries(beat: NDArray[np.float32]) -> tuple[int, int, Floats]:
    """QRS onset and offset in columns, and `_BEAT_NAMES`, from slopes of all leads."""
    steps = np.sqrt(mean(np.square(beat[:, 1:] - beat[:, :-1]), axis=0))
    slopes = np.convolve(steps, [0.25, 0.5, 0.25], mode="same")
    near = slopes[BEFORE - 12 : BEFORE + 14]
    steepest, centre = near.max(), BEFORE - 12 + int(near.argmax())
    onset, offset = _reach(slopes, centre, _QRS_STEEP * steepest)
    first, last = _reach(slopes, centre, _QRS_LESS_STEEP * steepest)
    level = mean(beat[:, max(onset - _PR_SHORTEST, 0) : onset], 1, keepdims=True)
    size = np.sqrt(mean(np.square(beat - level), axis=0))
    qrs_size = size[onset : offset + 1].max() + _FAINT
    start = offset + _T_FROM
    t_peak = start + int(size[start:].argmax())
    fallen = np.flatnonzero(size[t_peak:] <= _T_END * size[t_peak])
    t_end = t_peak + int(fallen[0]) if len(fallen) else len(size) - 1
    p_first = max(0, onset - _P_LONGEST - _PR_SHORTEST)
    p_size, p_slopes = size[p_first : onset - 4], slopes[p_first : onset - 4]
    steep = np.flatnonzero(p_slopes > _P_STEEP * p_slopes.max())
    samples = [
        offset - onset, onset - BEFORE, offset - BEFORE, last - first,
        t_peak - onset, t_end - onset, len(p_size) - p_size.argmax(),
        len(p_size) - steep[0], len(p_size) - steep[-1],
    ]  # fmt: skip
    times = np.array(samples) / _RATE_HZ
    numbers = np.array(
        [
            *times[:5], size[t_peak] / qrs_size, times[5], times[6],
            p_size.max() / qrs_size, *times[7:], p_slopes.max() / (steepest + _FAINT),
        ]
    )  # fmt: skip
    return onset, offset, numbers


def _reach(slopes: Floats, centre: int, limit: float) -> tuple[int, int]:
    """First and last column around `centre` before slopes are small twice in a row."""
    calm = (slopes[1:] <= limit) & (slopes[:-1] <= limit)
    before = np.flatnonzero(calm[BEFORE - 17 : centre])
    after = np.flatnonzero(calm[centre : BEFORE + 20])
    first = BEFORE - 17 + int(before[-1]) + 2 if len(before) else BEFORE - 16
    last = centre + int(after[0]) if len(after) else BEFORE + 20
    return min(first, centre), max(last, centre + 1)


def _of_leads(beat: Floats, onset: int, offset: int, mv: Floats) -> Floats:
    """`_LEAD_NAMES` of each lead, shape (names, 12)."""
    qrs = beat[:, onset : offset + 1]
    columns = np.arange(qrs.shape[1])
    filled = np.nan_to_num(qrs)
    r_at, s_at = filled.argmax(axis=1), filled.argmin(axis=1)
    r = qrs.max(axis=1).clip(0)
    q, s = (
        np.where(side, -qrs, 0).max(axis=1).clip(0)
        for side in (columns <= r_at[:, np.newaxis], columns >= r_at[:, np.newaxis])
    )
    peak = np.maximum(r, np.maximum(q, s)) + _FAINT
    small = peak[:, np.newaxis]
    q_samples = np.cumprod(qrs < -_SMALL_Q * small, axis=1).sum(axis=1)
    turns = qrs[:, 1:] - qrs[:, :-1]
    notched = (turns[:, 1:] * turns[:, :-1] < 0) & (np.abs(qrs[:, 1:-1]) > _NOTCH * small)
    last = beat.shape[1] - 1
    j, st40, st80 = (beat[:, min(offset + n, last)] for n in (0, 4, 8))
    t_wave = beat[:, offset + _T_FROM :]
    p_wave = beat[:, max(0, onset - _P_LONGEST) : onset - _PR_SHORTEST]
    t_top, t_bottom = t_wave.max(axis=1), t_wave.min(axis=1)
    waves = np.stack(
        [
            r, q, s, j, st40, st80, t_top, t_bottom,
            p_wave.max(axis=1), p_wave.min(axis=1),
        ]
    )  # fmt: skip
    shapes = np.stack(
        [
            (r - np.maximum(q, s)) / peak,
            r / (r + s + _FAINT),
            q_samples / _RATE_HZ,
            notched.sum(axis=1),
            r_at / _RATE_HZ,
            s_at / _RATE_HZ,
            (st80 - j) / peak,
            (st80 - st40) / peak,
            np.where(np.abs(t_top) > np.abs(t_bottom), t_top, t_bottom) / peak,
            qrs.sum(axis=1) / peak / _RATE_HZ,
            t_wave.sum(axis=1) / peak / _RATE_HZ,
            p_wave[:, -(_P_TERMINAL - _PR_SHORTEST) :].min(axis=1) / peak,
        ]
    )
    shapes[:, np.isnan(peak)] = np.nan
    return np.concatenate([peak[np.newaxis], waves / peak, shapes, waves * mv])


def limb_sizes(signal: NDArray[np.float32], leads: NDArray[np.float32]) -> Floats:
    """Sizes of the limb leads beside each other, shape (6,), NaN where leads are missing.

    Known in millivolts, or from II = I + III: of three leads in units of their own
    deviations, only one proportion of sizes fulfils it.
    """
    if leads[_LIMB, 1].all():
        sizes: Floats = np.exp(leads[_LIMB, 2].astype(np.float64))
        return sizes
    if not leads[_LIMB, 0].all():
        return np.full(6, np.nan)
    three = signal[:3].astype(np.float64)
    _, vectors = np.linalg.eigh(three @ three.T)
    of_i, of_ii, of_iii = np.abs(vectors[:, 0])
    one, two = of_i * three[0], of_ii * three[1]
    augmented = [(one + two).std() / 2, (one - two / 2).std(), (two - one / 2).std()]
    return np.array([of_i, of_ii, of_iii, *augmented])


def _axes(beat: Floats, onset: int, offset: int, sizes: Floats) -> Floats:
    """`_AXIS_NAMES`, in radians from lead I towards the feet."""
    limb = beat[_LIMB] * sizes[:, np.newaxis]
    qrs = limb[:, onset : offset + 1]
    heights = qrs.max(axis=1) + qrs.min(axis=1)
    t_wave = limb[:, offset + _T_FROM :].sum(axis=1)
    p_wave = limb[:, max(0, onset - _P_LONGEST) : onset - _PR_SHORTEST].sum(axis=1)
    qrs_axis, height_axis, t_axis, p_axis = (
        np.arctan2(_AUGMENTED * each[_AVF], each[_I])
        for each in (qrs.sum(axis=1), heights, t_wave, p_wave)
    )
    peaks = np.abs(qrs).max(axis=1)
    return np.array(
        [
            qrs_axis, np.cos(qrs_axis), np.sin(qrs_axis), height_axis, t_axis,
            np.cos(t_axis - qrs_axis), p_axis, *(peaks / (peaks.sum() + _FAINT)),
        ]
    )  # fmt: skip


def _voltages(per_lead: Floats, qrs_samples: int) -> Floats:
    r, q, s = per_lead[-len(_WAVES) :][:3]
    deep = np.maximum(q, s)
    lateral = max(r[_V5], r[_V6])
    cornell = r[_AVL] + s[_V3]
    return np.array(
        [
            deep[_V1] + lateral,
            deep[_V2] + lateral,
            cornell,
            cornell * qrs_samples / _RATE_HZ,
            r[_I] + s[_III] - s[_I] - r[_III],
            (r + deep).sum(),
            r[_LIMB].max(),
            r[_CHEST].max(),
            r[_CHEST].max() + deep[_CHEST].max(),
        ]
    )


def _chest(per_lead: Floats) -> Floats:
    names = _LEAD_NAMES.index
    r_of_both = per_lead[names("r_of_both"), _CHEST]
    taller = np.flatnonzero(r_of_both > 0.5)
    turned = np.where(np.isnan(per_lead[0]), np.nan, per_lead[names("t")] < 0)
    st = per_lead[names("st80")]
    return np.array(
        [
            *np.diff(r_of_both),
            taller[0] if len(taller) else len(r_of_both),
            turned.sum(),
            turned[_CHEST].sum(),
            st[_CHEST].max(),
            st[_CHEST].min(),
            st[_LIMB].max(),
            st[_LIMB].min(),
        ]
    )

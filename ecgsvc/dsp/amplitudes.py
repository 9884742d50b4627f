"""Heights and areas of waves over the isoelectric level, and the axes they give."""

from math import atan2, degrees, hypot, sqrt
from statistics import median

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Millivolts, SampleIndices, Waveform
from ecgsvc.domain.waves import GlobalPoints

BASELINE_S = 0.02
"""The isoelectric level is the mean of this long before the QRS onset."""
ST_AFTER_J_S = 0.06
"""The ST level is read 60 ms after the J point, the end of the QRS complex."""
ST_HALF_WIDTH_S = 0.005
MIN_WAVE_FRACTION = 0.5
"""A wave that fewer of the beats show is not measured."""
MIN_AXIS_AREA_MV_S = 0.0005
"""Net area below which an axis has no direction (0.5 µV s)."""


def median_of_most(values: NDArray[np.float64]) -> float | None:
    """Median of the values that are there; None when too few are."""
    present = values[np.isfinite(values)]
    if len(present) < max(1, MIN_WAVE_FRACTION * len(values)):
        return None
    return float(median(present.tolist()))  # of a dozen, ten times as fast as np.median


def medians(
    values: NDArray[np.float64], least: float = MIN_WAVE_FRACTION
) -> NDArray[np.float64]:
    """Medians along the last axis; NaN where less than a share of it is not NaN."""
    n = values.shape[-1]
    ordered = np.sort(values.reshape(-1, n), axis=1)
    n_there = n - np.isnan(ordered).sum(axis=1)
    rows = np.arange(len(ordered))
    below, above = np.maximum(n_there - 1, 0) // 2, np.minimum(n_there // 2, n - 1)
    medians_of = (ordered[rows, below] + ordered[rows, above]) / 2
    medians_of[n_there < max(1.0, least * n)] = np.nan
    found: NDArray[np.float64] = medians_of.reshape(values.shape[:-1])
    return found


def over_spans(
    reduction: np.ufunc,
    leads_mv: Millivolts,
    first: NDArray[np.float64],
    last: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Reduce the samples of each lead in each span, both ends included.

    From leads of shape (n_leads, n_samples) and one span a beat: shape (n_leads, n_beats),
    NaN where the span has no bounds, leaves the recording, or has a missing sample.
    """
    out = np.full((len(leads_mv), len(first)), np.nan)
    with np.errstate(invalid="ignore"):
        inside = (first >= 0) & (last >= first) & (last < leads_mv.shape[1] - 1)
    if inside.any():
        bounds = np.array([first[inside], last[inside] + 1]).T.astype(np.int64)
        out[:, inside] = reduction.reduceat(leads_mv, bounds.ravel(), axis=1)[:, ::2]
    return out


def isoelectric_mv(
    leads_mv: Millivolts, sampling_rate_hz: float, qrs_onset: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Level just before each QRS, shape (n_leads, n_beats), NaN where it has no onset."""
    width = max(1, round(BASELINE_S * sampling_rate_hz))
    return over_spans(np.add, leads_mv, qrs_onset - width, qrs_onset) / (width + 1)


def frontal_axis_deg(
    waveform: Waveform, levels_mv: NDArray[np.float64], wave: GlobalPoints
) -> float | str:
    """Angle of the net area in the frontal plane, degrees in (-180, 180], or why none.

    From leads I and aVF, or I and II where aVF is not there (aVF = II - I/2): aVF is
    drawn against the average of two electrodes and counts 2/√3 (Goldberger 1942).
    `levels_mv` are the isoelectric levels of all leads, shape (n_leads, n_beats).
    """
    foot_lead = next((lead for lead in ("aVF", "II") if lead in waveform.leads), None)
    if "I" not in waveform.leads or foot_lead is None:
        return "needs leads I and aVF (or I and II)"
    rows = [waveform.leads.index(lead) for lead in ("I", foot_lead)]
    sums = over_spans(np.add, waveform.samples_mv[rows], wave.onset, wave.offset)
    areas = sums - levels_mv[rows] * (wave.offset - wave.onset + 1)
    one, foot = (median_of_most(area) for area in areas)
    if one is None or foot is None:
        return "the wave is absent in most beats"
    if foot_lead == "II":
        foot -= one / 2
    down = foot * 2 / sqrt(3)
    if hypot(one, down) < MIN_AXIS_AREA_MV_S * waveform.sampling_rate_hz:
        return "the wave's net area is too small to have a direction"
    return degrees(atan2(down, one))


def r_amplitudes_mv(
    leads_mv: Millivolts, levels_mv: NDArray[np.float64], qrs: GlobalPoints
) -> NDArray[np.float64]:
    """Median height of each lead's QRS over the isoelectric level; 0 for a QS complex."""
    heights = over_spans(np.maximum, leads_mv, qrs.onset, qrs.offset) - levels_mv
    return np.maximum(medians(heights), 0.0)


def st_levels_mv(
    leads_mv: Millivolts,
    sampling_rate_hz: float,
    levels_mv: NDArray[np.float64],
    qrs: GlobalPoints,
) -> NDArray[np.float64]:
    """Median level of each lead 60 ms after the J point over the isoelectric level."""
    half = round(ST_HALF_WIDTH_S * sampling_rate_hz)
    middle = qrs.offset + round(ST_AFTER_J_S * sampling_rate_hz)
    sums = over_spans(np.add, leads_mv, middle - half, middle + half)
    return medians(sums / (2 * half + 1) - levels_mv)


def peak_amplitudes_mv(
    leads_mv: Millivolts, levels_mv: NDArray[np.float64], peaks: SampleIndices
) -> NDArray[np.float64]:
    """Median signed height of a wave's peaks over the isoelectric level, lead by lead.

    `peaks` has shape (n_leads, n_beats), negative where the wave is absent.
    """
    at_peak = np.take_along_axis(leads_mv, np.maximum(peaks, 0), axis=1)
    return medians(np.where(peaks < 0, np.nan, at_peak - levels_mv))

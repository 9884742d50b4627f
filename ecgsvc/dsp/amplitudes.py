"""Heights and areas of waves over the isoelectric level, and the axes they give."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import atan2, degrees, hypot, sqrt

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Lead, Millivolts, SampleIndices, Waveform

BASELINE_S = 0.02
"""The isoelectric level is the mean of this long before the QRS onset."""
MIN_WAVE_FRACTION = 0.5
"""A wave that fewer of the beats show is not measured."""
MIN_AXIS_AREA_MV_S = 0.0005
"""Net area below which an axis has no direction (0.5 µV s)."""


@dataclass(frozen=True, slots=True, eq=False)
class GlobalPoints:
    """Onset and offset of one wave over all leads, sample indices, NaN where absent."""

    onset: NDArray[np.float64]
    offset: NDArray[np.float64]


def median_of_most(values: NDArray[np.float64]) -> float | None:
    """Median of the values that are there; None when too few are."""
    present = values[np.isfinite(values)]
    if len(present) < max(1, MIN_WAVE_FRACTION * len(values)):
        return None
    return float(np.median(present))


def isoelectric_mv(
    waveform: Waveform, lead: Lead, qrs_onset: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Level just before each QRS, shape (n_beats,), NaN where it has no onset."""
    lead_mv = waveform.lead_mv(lead)
    width = max(1, round(BASELINE_S * waveform.sampling_rate_hz))
    levels = np.full(len(qrs_onset), np.nan)
    for i, onset in enumerate(qrs_onset):
        if np.isfinite(onset):
            piece = lead_mv[max(0, int(onset) - width) : int(onset) + 1]
            levels[i] = piece.mean()
    return levels


def _net_area_mv_samples(
    lead_mv: Millivolts, levels: NDArray[np.float64], wave: GlobalPoints
) -> float | None:
    areas = np.full(len(levels), np.nan)
    for i, (onset, offset) in enumerate(zip(wave.onset, wave.offset, strict=True)):
        if np.isfinite(onset) and np.isfinite(offset) and offset > onset:
            areas[i] = np.sum(lead_mv[int(onset) : int(offset) + 1] - levels[i])
    return median_of_most(areas)


def frontal_axis_deg(
    waveform: Waveform, levels: Mapping[Lead, NDArray[np.float64]], wave: GlobalPoints
) -> float | str:
    """Angle of the net area in the frontal plane, degrees in (-180, 180], or why none.

    From leads I and aVF, or I and II where aVF is not there (aVF = II - I/2): aVF is
    drawn against the average of two electrodes and counts 2/√3 (Goldberger 1942).
    """
    foot_lead = next((lead for lead in ("aVF", "II") if lead in waveform.leads), None)
    if "I" not in waveform.leads or foot_lead is None:
        return "needs leads I and aVF (or I and II)"
    one = _net_area_mv_samples(waveform.lead_mv("I"), levels["I"], wave)
    foot = _net_area_mv_samples(waveform.lead_mv(foot_lead), levels[foot_lead], wave)
    if one is None or foot is None:
        return "the wave is absent in most beats"
    if foot_lead == "II":
        foot -= one / 2
    down = foot * 2 / sqrt(3)
    if hypot(one, down) < MIN_AXIS_AREA_MV_S * waveform.sampling_rate_hz:
        return "the wave's net area is too small to have a direction"
    return degrees(atan2(down, one))


def r_amplitude_mv(
    lead_mv: Millivolts, levels: NDArray[np.float64], qrs: GlobalPoints
) -> float | None:
    """Median height of the QRS above the isoelectric level; 0 for a QS complex."""
    heights = np.full(len(levels), np.nan)
    for i, (onset, offset) in enumerate(zip(qrs.onset, qrs.offset, strict=True)):
        if np.isfinite(onset) and np.isfinite(offset):
            heights[i] = lead_mv[int(onset) : int(offset) + 1].max() - levels[i]
    median = median_of_most(heights)
    return None if median is None else max(0.0, median)


def peak_amplitude_mv(
    lead_mv: Millivolts, levels: NDArray[np.float64], peaks: SampleIndices
) -> float | None:
    """Median signed height of a wave's peak over the isoelectric level."""
    if not len(lead_mv):
        return None
    heights = np.where(peaks < 0, np.nan, lead_mv[np.maximum(peaks, 0)] - levels)
    return median_of_most(heights)

"""Signal quality: which leads later stages may rely on, and whether the leads agree."""

from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.quality import LeadQuality, QualityProblem, SignalQuality
from ecgsvc.domain.waveform import Lead, Millivolts, Waveform

WINDOW_S = 1.0
"""Flatness is judged in windows of this length: longer than any pause between T and P."""
FLAT_RANGE_MV = 0.005
"""Least significant bit of common carts and Holters (IEC 60601-2-25: at most 5 µV)."""
FLAT_RELATIVE_RANGE = 0.005
"""A window with this share of the lead's usual range carries no beat."""
USABLE_FRACTION = 0.5
"""A lead with less signal than this is not relied upon."""
CONTRADICTION_RATIO = 0.5
"""Residual of a limb lead equation beyond doubt: 0 when it holds, 1 for unrelated leads."""

LIMB_LEAD_EQUATIONS: tuple[tuple[tuple[Lead, float], ...], ...] = (
    (("I", 1.0), ("III", 1.0), ("II", -1.0)),
    (("aVR", 1.0), ("I", 0.5), ("II", 0.5)),
    (("aVL", 1.0), ("I", -1.0), ("II", 0.5)),
    (("aVF", 1.0), ("II", -1.0), ("I", 0.5)),
)
"""Sums that vanish: Einthoven 1913 and Goldberger 1942."""


def assess_quality(waveform: Waveform) -> SignalQuality:
    """Judge each lead by itself and the limb leads together."""
    leads = tuple(
        starmap(
            _lead_quality,
            (
                (lead, row, waveform.sampling_rate_hz)
                for lead, row in zip(waveform.leads, waveform.samples_mv, strict=True)
            ),
        )
    )
    contradict = contradicting_limb_leads(waveform)
    return SignalQuality(
        leads=leads,
        problems=(QualityProblem.LIMB_LEADS_CONTRADICT,) if contradict else (),
    )


def contradicting_limb_leads(waveform: Waveform) -> tuple[Lead, ...]:
    """Leads of the first limb lead equation that fails beyond doubt; empty when none does.

    The offset of each lead is removed first, because carts remove baselines lead by lead.
    Equations with leads that are not there, or are silent, are not judged.
    """
    for equation in LIMB_LEAD_EQUATIONS:
        if not all(lead in waveform.leads for lead, _ in equation):
            continue
        rows = np.stack([weight * waveform.lead_mv(lead) for lead, weight in equation])
        rows = rows[:, np.isfinite(rows).all(axis=0)]
        if rows.shape[1] < WINDOW_S * waveform.sampling_rate_hz:
            continue
        rows -= rows.mean(axis=1, keepdims=True)
        residual_mv = float(np.sqrt(np.mean(rows.sum(axis=0) ** 2)))
        unrelated_mv = float(np.sqrt(np.mean((rows**2).sum(axis=0))))
        if (
            unrelated_mv > FLAT_RANGE_MV
            and residual_mv > CONTRADICTION_RATIO * unrelated_mv
        ):
            return tuple(lead for lead, _ in equation)
    return ()


def _lead_quality(lead: Lead, lead_mv: Millivolts, sampling_rate_hz: float) -> LeadQuality:
    if not lead_mv.size:
        return LeadQuality(lead, False, 1.0, 0.0, (QualityProblem.MISSING_SAMPLES,))
    missing = float(np.mean(np.isnan(lead_mv)))
    flat = _flat_fraction(lead_mv, sampling_rate_hz)
    problems = []
    if missing > 0:
        problems.append(QualityProblem.MISSING_SAMPLES)
    if flat > 0:
        problems.append(QualityProblem.FLAT)
    usable = missing + (1 - missing) * flat < 1 - USABLE_FRACTION
    return LeadQuality(lead, usable, missing, flat, tuple(problems))


def _flat_fraction(lead_mv: Millivolts, sampling_rate_hz: float) -> float:
    """Share of the windows with samples in which the lead does not move."""
    ranges_mv = _window_ranges(lead_mv, max(2, round(WINDOW_S * sampling_rate_hz)))
    if not ranges_mv.size:
        return 0.0
    usual_mv = float(np.median(ranges_mv[ranges_mv > 0])) if (ranges_mv > 0).any() else 0.0
    limit_mv = max(FLAT_RANGE_MV, FLAT_RELATIVE_RANGE * usual_mv)
    return float(np.mean(ranges_mv <= limit_mv))


def _window_ranges(lead_mv: Millivolts, width: int) -> NDArray[np.float64]:
    """Peak-to-peak value of each window that has a sample."""
    whole = len(lead_mv) // width * width
    windows = lead_mv[:whole].reshape(-1, width) if whole else lead_mv[np.newaxis, :]
    windows = windows[~np.isnan(windows).all(axis=1)]
    if not windows.size:
        return np.empty(0)
    ranges: NDArray[np.float64] = np.nanmax(windows, axis=1) - np.nanmin(windows, axis=1)
    return ranges

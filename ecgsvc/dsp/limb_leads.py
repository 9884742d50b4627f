"""Whether the limb leads agree, and whether the arm electrodes were swapped."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Lead, Millivolts, Waveform
from ecgsvc.domain.waves import ABSENT, LeadWaves
from ecgsvc.dsp import _core

LEAST_LENGTH_S = 1.0
"""Less than this is not judged."""
LEAST_SIGNAL_MV = 0.005
"""Least significant bit of common carts and Holters (IEC 60601-2-25: at most 5 µV)."""
CONTRADICTION_RATIO = 0.5
"""Residual of a limb lead equation beyond doubt: 0 when it holds, 1 for unrelated leads."""
CLEAR_WAVE_MV = 0.02
"""P and T waves below this may point either way."""

LIMB_LEAD_EQUATIONS: tuple[tuple[tuple[Lead, float], ...], ...] = (
    (("I", 1.0), ("III", 1.0), ("II", -1.0)),
    (("aVR", 1.0), ("I", 0.5), ("II", 0.5)),
    (("aVL", 1.0), ("I", -1.0), ("II", 0.5)),
    (("aVF", 1.0), ("II", -1.0), ("I", 0.5)),
)
"""Sums that vanish: Einthoven 1913 and Goldberger 1942."""


def contradicting_limb_leads(waveform: Waveform) -> tuple[Lead, ...]:
    """Leads of the first limb lead equation that fails beyond doubt; empty when none does.

    The offset of each lead is removed first, because carts remove baselines lead by lead.
    Equations with leads that are not there, or are silent, are not judged.
    """
    for equation in LIMB_LEAD_EQUATIONS:
        if not all(lead in waveform.leads for lead, _ in equation):
            continue
        residual_mv, unrelated_mv, n_samples = _core.sum_of_leads(
            waveform.samples_mv,
            [(waveform.leads.index(lead), weight) for lead, weight in equation],
        )
        if n_samples < LEAST_LENGTH_S * waveform.sampling_rate_hz:
            continue
        if (
            unrelated_mv > LEAST_SIGNAL_MV
            and residual_mv > CONTRADICTION_RATIO * unrelated_mv
        ):
            return tuple(lead for lead, _ in equation)
    return ()


def arm_electrodes_may_be_swapped(waveform: Waveform, waves: Sequence[LeadWaves]) -> bool:
    """Whether P, QRS and T point down in lead I, and up in V6 or, without it, in aVR.

    Swapping the arms inverts lead I, exchanges aVR with aVL and leaves the chest leads as
    they are (Rosen et al. 2014, doi 10.5195/ijms.2014.95; Batchvarov, Malik & Camm 2007,
    doi 10.1093/europace/eum198). V6 tells it from dextrocardia, and does not depend on the
    axis as aVR does. Needs leads I and II; without P waves there is no suspicion.
    """
    points = {w.lead: w for w in waves}
    if "I" not in points or "II" not in waveform.leads:
        return False
    one_mv = waveform.lead_mv("I")
    if not np.all(_deflections_mv(one_mv, points["I"]) <= -CLEAR_WAVE_MV):
        return False
    if "V6" in points:
        upright = _deflections_mv(waveform.lead_mv("V6"), points["V6"])[:2]
    else:
        avr_mv = -(one_mv + waveform.lead_mv("II")) / 2
        upright = _deflections_mv(avr_mv, points["I"])
    return bool(np.all(upright >= CLEAR_WAVE_MV))


def _deflections_mv(lead_mv: Millivolts, waves: LeadWaves) -> NDArray[np.float64]:
    """Median deflections of P, QRS (highest plus lowest) and T; NaN without such waves."""
    has_qrs = waves.qrs.onset != ABSENT
    onset, offset = waves.qrs.onset[has_qrs], waves.qrs.offset[has_qrs]
    nothing = np.full(3, np.nan)
    if not len(onset):
        return nothing
    level_mv = lead_mv[onset]
    qrs_mv = [
        lead_mv[a : b + 1].max() + lead_mv[a : b + 1].min()
        for a, b in zip(onset.tolist(), offset.tolist(), strict=True)
    ]
    deflections = [np.asarray(qrs_mv) - 2 * level_mv]
    for points in (waves.p, waves.t):
        there = points.peak[has_qrs] != ABSENT
        if 2 * there.sum() < len(onset):
            return nothing
        deflections.append((lead_mv[points.peak[has_qrs]] - level_mv)[there])
    qrs, p, t = (float(np.nanmedian(x)) if x.size else np.nan for x in deflections)
    return np.array([p, qrs, t])

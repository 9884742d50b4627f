"""Whether the limb leads agree."""

from ecgsvc.domain.waveform import Lead, Waveform
from ecgsvc.dsp import _core

LEAST_LENGTH_S = 1.0
"""Less than this is not judged."""
LEAST_SIGNAL_MV = 0.005
"""Least significant bit of common carts and Holters (IEC 60601-2-25: at most 5 µV)."""
CONTRADICTION_RATIO = 0.5
"""Residual of a limb lead equation beyond doubt: 0 when it holds, 1 for unrelated leads."""

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

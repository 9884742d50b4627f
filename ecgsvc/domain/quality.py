"""How good the signal is, lead by lead."""

from dataclasses import dataclass
from enum import StrEnum

from ecgsvc.domain.waveform import Lead


class QualityProblem(StrEnum):
    """Why a lead, or a recording, cannot be trusted."""

    FLAT = "flat"
    MISSING_SAMPLES = "missing samples"
    LIMB_LEADS_CONTRADICT = "limb leads contradict each other"


@dataclass(frozen=True, slots=True)
class LeadQuality:
    """Quality of one lead; `usable` says whether later stages may rely on it."""

    lead: Lead
    usable: bool
    missing_fraction: float
    flat_fraction: float
    problems: tuple[QualityProblem, ...]


@dataclass(frozen=True, slots=True)
class SignalQuality:
    """Quality of all leads, in the recording's order, and of the whole."""

    leads: tuple[LeadQuality, ...]
    problems: tuple[QualityProblem, ...] = ()

    @property
    def usable_leads(self) -> tuple[Lead, ...]:
        """Names of the leads that later stages may rely on."""
        return tuple(q.lead for q in self.leads if q.usable)

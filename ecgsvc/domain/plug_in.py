"""What a hospital's own models say, beside what ships."""

from dataclasses import dataclass
from enum import StrEnum

from ecgsvc.domain.findings import Coding
from ecgsvc.domain.model_identity import ModelIdentity


class ReportedAs(StrEnum):
    """The FHIR resource that carries the answer."""

    OBSERVATION = "Observation"
    RISK_ASSESSMENT = "RiskAssessment"


@dataclass(frozen=True, slots=True)
class PlugInAnswer:
    """One output of a model.

    Parameters
    ----------
    label
        What it is about.
    value
        A probability (0 to 1), or a value in the model's unit.
    threshold
        From which value on it is called; None: the model calls nothing.
    """

    label: str
    value: float
    threshold: float | None = None

    @property
    def called(self) -> bool:
        """Whether it reaches its threshold."""
        return self.threshold is not None and self.value >= self.threshold


@dataclass(frozen=True, slots=True)
class PlugInResult:
    """What one of the hospital's models says of a recording.

    Parameters
    ----------
    model, title
        Which, and what it is called.
    reported_as
        Observation or RiskAssessment.
    unit
        UCUM unit of the values; ``1`` of probabilities.
    answers
        In the card's order; empty when the model did not answer.
    reason
        Why it did not; else empty.
    coding
        What the title means, if the card says.
    """

    model: ModelIdentity
    title: str
    reported_as: ReportedAs
    unit: str
    answers: tuple[PlugInAnswer, ...] = ()
    reason: str = ""
    coding: Coding | None = None

"""A stored report with all that is told of it outside, for exports and statistics."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ecgsvc.domain.findings import Coding, Urgency
from ecgsvc.domain.model_identity import ModelIdentity
from ecgsvc.domain.report import StoredReport


class ExportContent(StrEnum):
    """What is read of each report."""

    VALUES = "values"
    """What is typed: measurements, findings, scores; `documents` are empty."""
    RESOURCES = "resources"
    """The FHIR resources as well."""
    RESOURCES_AND_ECGS = "resources and ECGs"
    """And the Observations as received."""


@dataclass(frozen=True, slots=True)
class ExportedReport:
    """The latest version of a report.

    Parameters
    ----------
    measurements
        Global values by the names of `Measurements`, units in the names.
    findings, urgency
        What was found, and the most urgent of it; None: no source grades any.
    undetermined
        What the report leaves open, as `Undetermined.path` names it.
    scores
        What models said, 0 to 1, by ``model/label``.
    sex, age_years
        Of the patient, None where the request did not tell.
    signer, signed_codes
        Who signed, and the codes they stand for: the machine's where they agree, else their
        own. None: nobody signed, or the signer disagrees in words only, or the report was
        retracted.
    source
        The Observation exactly as received, when it was asked for.
    cursor
        Where to go on after this report.
    """

    report: StoredReport
    cursor: str
    measurements: Mapping[str, float | None] = field(default_factory=dict)
    findings: tuple[Coding, ...] = ()
    urgency: Urgency | None = None
    undetermined: tuple[str, ...] = ()
    models: tuple[ModelIdentity, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    sex: str | None = None
    age_years: float | None = None
    signer: str | None = None
    signed_codes: tuple[str, ...] | None = None
    source: bytes | None = None

    @property
    def patient(self) -> str:
        """The subject: its reference, else ``system|value`` of its identifier."""
        if self.report.subject_reference is not None:
            return self.report.subject_reference
        identifier = self.report.subject_identifier
        return (
            f"{identifier.system or ''}|{identifier.value}"
            if identifier is not None
            else ""
        )


@dataclass(frozen=True, slots=True)
class Export:
    """An export that has begun: how many reports it had before it, and they themselves."""

    n_reports: int
    reports: Iterator[ExportedReport]

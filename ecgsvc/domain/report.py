"""A received ECG, the report on it, and questions asked of the store."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.findings import Coding

FhirVersion: TypeAlias = Literal["4.0.1", "5.0.0"]


@dataclass(frozen=True, slots=True)
class Identifier:
    """A business identifier; `system` may be missing."""

    system: str | None
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class EcgSource:
    """An Observation as received, and what store and report need to know of it.

    Parameters
    ----------
    body, sha256
        The bytes exactly as received and their SHA-256 in lower-case hex.
    status
        ``Observation.status``.
    identifiers
        ``Observation.identifier`` with a value, in order.
    subject_reference, subject_identifier
        ``Observation.subject`` by reference, by identifier, or both.
    effective_at
        Start of ``Observation.effective[x]``, time-zone aware, UTC.
    carried
        Elements the report carries over as they came (subject, encounter, basedOn,
        effectiveDateTime, device, id …), plain JSON values.
    """

    body: bytes
    sha256: str
    fhir_version: FhirVersion
    status: str
    identifiers: tuple[Identifier, ...]
    subject_reference: str | None
    subject_identifier: Identifier | None
    effective_at: datetime
    carried: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ReportSlot:
    """Where a report will stand: version 1 of a new one, or the next of an old one."""

    report_id: str
    version: int


@dataclass(frozen=True, slots=True)
class ReportDocuments:
    """The FHIR resources of one report version, as JSON bytes."""

    diagnostic_report: bytes
    observations: tuple[bytes, ...]
    provenance: bytes
    device: bytes


@dataclass(frozen=True, slots=True, eq=False)
class NewReport:
    """A report version ready to be stored, with all that goes into the same transaction.

    `request_id` is empty when the caller gave none; `request_sha256` is the SHA-256 of the
    whole request content (Observation and Patient bytes). `codes` are the report's own code
    and those of its findings. `status` is that of the DiagnosticReport: preliminary until a
    clinician signs.
    """

    slot: ReportSlot
    source: EcgSource
    request_id: str
    request_sha256: str
    analysis: Analysis
    documents: ReportDocuments
    codes: tuple[Coding, ...]
    issued_at: datetime
    status: str = "preliminary"


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report version as the store holds it; times are UTC."""

    report_id: str
    version: int
    status: str
    subject_reference: str | None
    subject_identifier: Identifier | None
    effective_at: datetime
    issued_at: datetime
    source_sha256: str
    conclusion: str
    documents: ReportDocuments


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """Which reports to list, newest effective time first; None asks for any.

    `patient` is compared with the subject's reference (``Patient/1``) and, written
    ``system|value`` or ``value``, with its identifier. The range is half-open.
    """

    patient: str | None = None
    effective_from: datetime | None = None
    effective_before: datetime | None = None
    code: str | None = None
    status: str | None = None
    page_size: int = 50
    page_token: str = ""


@dataclass(frozen=True, slots=True)
class ReportPage:
    """One page of the latest versions; an empty token means there are no more."""

    reports: tuple[StoredReport, ...]
    next_page_token: str

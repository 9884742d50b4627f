"""A received ECG, the report on it, and questions asked of the store."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self, TypeAlias

from ecgsvc.domain.analysis import Analysis, ModelIdentity
from ecgsvc.domain.findings import Coding
from ecgsvc.domain.waveform import Sex

FhirVersion: TypeAlias = Literal["4.0.1", "4.3.0", "5.0.0"]
"""R4, R4B and R5; an ECG's Observation is the same in the first two."""


DIAGNOSTIC_REPORT_STATUSES = frozenset(
    {
        "registered",
        "partial",
        "preliminary",
        "final",
        "amended",
        "corrected",
        "appended",
        "cancelled",
        "entered-in-error",
        "unknown",
    }
)
"""http://hl7.org/fhir/R4/valueset-diagnostic-report-status.html"""


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
    resource_type
        Observation, or the resource the ECG came in as a file: DocumentReference, Media,
        Binary.
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
    resource_type: str = "Observation"


@dataclass(frozen=True, slots=True)
class SentEcg:
    """An ECG to be analysed, as it was sent.

    Parameters
    ----------
    patient
        A Patient resource; empty when none came along.
    request_id
        Idempotency key; empty when the caller gave none.
    place
        Where it stood: FHIRPath in a Bundle, field of an HL7 message; empty when alone.
    """

    observation: bytes
    fhir_version: str = ""
    patient: bytes = b""
    request_id: str = ""
    place: str = ""

    @property
    def sha256(self) -> str:
        """SHA-256 of the whole content, lower-case hex."""
        return hashlib.sha256(self.observation + b"\0" + self.patient).hexdigest()


@dataclass(frozen=True, slots=True)
class ReportSlot:
    """Where a report will stand: version 1 of a new one, or the next of an old one."""

    report_id: str
    version: int


@dataclass(frozen=True, slots=True)
class ReportDocuments:
    """The FHIR resources of one report version, as JSON bytes.

    `further` are those of the hospital's own models: RiskAssessments, and a Provenance and
    a Device for each model.
    """

    diagnostic_report: bytes
    observations: tuple[bytes, ...]
    provenance: bytes
    device: bytes
    further: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Reanalysis:
    """What is analysed again: a stored ECG, and the report on it.

    Parameters
    ----------
    report
        Its latest version.
    body
        The Observation behind it, exactly as received.
    source_version
        Which version of the source that is.
    models
        Names, versions and hashes of the models behind the report.
    sex, age_years
        The patient's, as the models got them.
    """

    report: "StoredReport"
    body: bytes
    source_version: int
    models: tuple[ModelIdentity, ...]
    sex: Sex | None
    age_years: float | None


@dataclass(frozen=True, slots=True, eq=False)
class NewReport:
    """A report version ready to be stored, with all that goes into the same transaction.

    `request_id` is empty when the caller gave none; `request_sha256` is the SHA-256 of the
    whole request content (Observation and Patient bytes). `codes` are the report's own code
    and those of its findings. `status` is that of the DiagnosticReport: preliminary until a
    clinician signs. `sex` and `age_years` are the patient's, None where nobody told.
    `again` is what was analysed again, if this is another analysis of a stored ECG.
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
    sex: Sex | None = None
    age_years: float | None = None
    again: Reanalysis | None = None

    @property
    def might_supersede(self) -> str | None:
        """The report beside which this one stands, because that one was signed."""
        if self.again is None or self.again.report.report_id == self.slot.report_id:
            return None
        return self.again.report.report_id


@dataclass(frozen=True, slots=True)
class Signature:
    """Who stands for a report version, as what, and why it was made.

    Parameters
    ----------
    subject, name
        The caller's, from their credentials.
    role
        As what they sign (``cardiologist``).
    conclusion
        Their own, where they disagree with the machine; None where they agree.
    codes
        Their own findings, where those differ from the machine's.
    """

    subject: str
    name: str
    role: str
    reason: str
    conclusion: str | None = None
    codes: tuple[Coding, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report version as the store holds it; times are UTC.

    Parameters
    ----------
    conclusion
        The machine's, also in versions that were signed.
    signature
        Of a version that a clinician made; its codes stand in the documents only.
    might_supersede
        The signed report beside which a later analysis of the same bytes stands.
    source_fhir_version
        In which the ECG came.
    """

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
    signature: Signature | None = None
    might_supersede: str | None = None
    source_fhir_version: FhirVersion = "4.0.1"


@dataclass(frozen=True, slots=True)
class Replay:
    """A request that came again, and the report that it had got."""

    report: StoredReport
    request_id: str
    request_sha256: str


class ReportOrder(StrEnum):
    """In which order reports are listed; equal times by the report's id."""

    NEWEST_ECG = "effective_time desc"
    OLDEST_ECG = "effective_time"
    NEWEST_REPORT = "issued_time desc"
    OLDEST_REPORT = "issued_time"


@dataclass(frozen=True, slots=True)
class MeasuredRange:
    """A value of `Measurements` between two limits, both included; None is no limit.

    What could not be measured lies in no range.
    """

    name: str
    least: float | None = None
    most: float | None = None


class Reanalysed(StrEnum):
    """Which reports that stand beside a signed one are asked for."""

    ANY = "any"
    DIFFERS = "differs"
    """Their findings are not those of the signed report's own analysis."""
    AGREES = "agrees"


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """Which reports to list; None asks for any. All that is asked must hold.

    Parameters
    ----------
    patient
        Compared with the subject's reference (``Patient/1``) and, written ``system|value``
        or ``value``, with its identifier.
    effective_from, effective_before, issued_from, issued_before
        Half-open ranges of the start of the recording and of the report.
    code
        Of the report or of a finding.
    conclusion_code
        Of a finding.
    status
        ``DiagnosticReport.status``.
    model, model_version
        Of one of the models behind the report.
    undetermined
        What the report left open, as `Undetermined.path` names it (``rhythm``).
    signer
        Subject of the caller who signed.
    signer_code
        Of a finding that the signer states instead of the machine's.
    disagrees
        Whether the signer has a conclusion or findings of their own; only what was signed
        is found by either answer.
    reanalysed
        Another analysis beside a signed report, and whether the two differ.
    delivery
        State of one of its deliveries, as `DeliveryState` names it.
    measured
        Ranges of values, at most one a name.
    """

    patient: str | None = None
    effective_from: datetime | None = None
    effective_before: datetime | None = None
    issued_from: datetime | None = None
    issued_before: datetime | None = None
    code: str | None = None
    conclusion_code: str | None = None
    status: str | None = None
    model: str | None = None
    model_version: str | None = None
    undetermined: str | None = None
    signer: str | None = None
    signer_code: str | None = None
    disagrees: bool | None = None
    reanalysed: Reanalysed | None = None
    delivery: str | None = None
    measured: tuple[MeasuredRange, ...] = ()
    order: ReportOrder = ReportOrder.NEWEST_ECG
    page_size: int = 50
    page_token: str = ""

    def between(
        self,
        time: Literal["effective", "issued"],
        start: datetime | None,
        end: datetime | None,
    ) -> Self:
        """Ask for times from `start` on and before `end`, beside what is asked already."""
        first, last = f"{time}_from", f"{time}_before"
        starts = [each for each in (getattr(self, first), start) if each is not None]
        ends = [each for each in (getattr(self, last), end) if each is not None]
        changes: dict[str, Any] = {
            first: max(starts, default=None),
            last: min(ends, default=None),
        }
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class ReportPage:
    """One page of the latest versions; an empty token means there are no more."""

    reports: tuple[StoredReport, ...]
    next_page_token: str

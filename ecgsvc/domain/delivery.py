"""Reports on their way to other systems."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from ecgsvc.domain.findings import Coding
from ecgsvc.domain.report import Identifier, StoredReport

Routes: TypeAlias = Callable[[str, str], Sequence[str]]
"""From a tenant and a report's status to the destinations that shall have it."""


def nowhere(_tenant: str, _status: str) -> Sequence[str]:
    """No report goes anywhere."""
    return ()


class DeliveryState(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    """To be tried, or tried again."""
    DELIVERED = "delivered"
    """The receiver has confirmed it."""
    DEAD = "dead"
    """Refused, or tried for too long: a person has to look."""


@dataclass(frozen=True, slots=True)
class DeliveryKey:
    """What is delivered, and where to; there is one delivery of a version a destination."""

    tenant: str
    destination: str
    report_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One report version for one destination, as the outbox holds it.

    Parameters
    ----------
    sequence
        Number of the audit event that the version was entered with: the order in which a
        tenant's versions were committed.
    attempts
        How often it was tried.
    not_before
        When it is due.
    answer
        The receiver's word, or why there was none; never what a report says.
    """

    key: DeliveryKey
    sequence: int
    state: DeliveryState
    attempts: int
    created_at: datetime
    not_before: datetime
    finished_at: datetime | None
    answer: str


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """Which deliveries to list; None asks for any."""

    state: DeliveryState | None = None
    destination: str | None = None
    page_size: int = 100
    page_token: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, those of the newest versions first; an empty token: there are no more."""

    deliveries: tuple[Delivery, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that one worker may try now, with what there is to deliver.

    Parameters
    ----------
    attempt
        Of this try, from 1.
    lease
        Proves that it is still this worker's when the try has ended.
    source, source_fhir_version
        The ECG as received.
    """

    key: DeliveryKey
    attempt: int
    lease: str
    created_at: datetime
    report: StoredReport
    source: bytes
    source_fhir_version: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a try ended.

    Parameters
    ----------
    state
        ``pending`` when it is to be tried again at `not_before`.
    answer
        As in `Delivery`.
    """

    state: DeliveryState
    answer: str
    not_before: datetime | None = None


class Verdict(StrEnum):
    """What came of sending."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """For good: the same message will be refused again."""
    LATER = "later"
    """The receiver is there and asks for another try of this one."""
    UNREACHABLE = "unreachable"
    """The receiver is not there, or cannot take anything now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The receiver's answer, or why there is none.

    Parameters
    ----------
    text
        Status, codes, place of the resource; never text of the receiver, which may quote
        the report.
    retry_after_s
        How long the receiver wants to be left alone.
    """

    verdict: Verdict
    text: str
    retry_after_s: float | None = None


class WriteMode(StrEnum):
    """How a FHIR server is written to."""

    TRANSACTION = "transaction"
    """Conditional create; later versions of a report are conditional updates of it."""
    CREATE = "create"
    """Conditional create of every version, for servers that update nothing."""
    UPDATE = "update"
    """PUT under our ids, for servers that let clients assign them."""
    DOCUMENT = "document"
    """A DocumentReference with the ECG sheet alone."""


CodePreferences: TypeAlias = Mapping[tuple[str, str], Coding]
"""From (system, code) to the coding that a tenant wants to stand before it."""


@dataclass(frozen=True, slots=True)
class WriteBack:
    """What a FHIR server gets.

    Parameters
    ----------
    with_ecg
        Whether the ECG comes along.
    find_patient
        Whether a patient known by identifier alone is referred to by a search, which the
        server resolves.
    """

    mode: WriteMode = WriteMode.TRANSACTION
    with_ecg: bool = True
    find_patient: bool = False
    preferences: CodePreferences = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One value of a report as other systems take it.

    Parameters
    ----------
    codings
        The preferred first; may be empty.
    unit
        UCUM.
    """

    codings: tuple[Coding, ...]
    text: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class PatientToName:
    """What a message says of the patient; empty where nothing is known.

    Parameters
    ----------
    birth_date
        ISO 8601, perhaps only a year or a month.
    sex
        FHIR's administrative gender.
    """

    identifiers: tuple[Identifier, ...]
    family_name: str = ""
    given_names: tuple[str, ...] = ()
    birth_date: str = ""
    sex: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ReportToSend:
    """A report version as a message without FHIR takes it; times with their zone.

    Parameters
    ----------
    placer_order
        The order's identifier where the ECG came with one.
    findings
        Codings of each, the preferred first.
    interpreter
        Who signed; empty for the machine.
    sheet
        PDF, where there is one.
    """

    report_id: str
    version: int
    status: str
    patient: PatientToName
    placer_order: Identifier | None
    recorded_at: datetime
    issued_at: datetime
    measurements: tuple[MeasuredValue, ...]
    findings: tuple[tuple[Coding, ...], ...]
    conclusion: str
    interpreter: str
    sheet: bytes | None

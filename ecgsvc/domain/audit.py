"""What the audit trail says: who did what, to which report, with which outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from ecgsvc.domain.caller import Caller


class Operation(StrEnum):
    """What was done; FHIR's word for it where there is one."""

    CREATE = "create"
    """A report, or a new version of it, was made from an ECG."""
    REPLAY = "replay"
    """A request came again and got the report it had got before."""
    READ = "read"
    VREAD = "vread"
    HISTORY = "history-instance"
    SEARCH = "search-type"
    DISCLOSE = "disclose"
    """A search's answer named this patient."""
    UPDATE = "update"
    """A clinician's action made a new version."""
    REANALYZE = "reanalyze"
    VALIDATE = "validate"
    EXPORT = "export"
    DELIVER = "deliver"
    ERASE = "delete"
    CONFIGURE = "configure"
    ADOPT = "adopt"
    """What was stored before there was a trail is entered in it."""
    ACCEPT = "accept"
    """A request was taken, to be answered later."""
    CANCEL = "cancel"
    """Such a request, or its answer, was given up by who sent it."""
    REFUSE = "refuse"
    """A call that was refused, whatever it asked for."""
    READ_TRAIL = "read-trail"
    VERIFY_TRAIL = "verify-trail"


class Outcome(StrEnum):
    """``AuditEvent.outcome``."""

    SUCCESS = "0"
    MINOR_FAILURE = "4"
    """The caller's doing: refused."""
    SERIOUS_FAILURE = "8"
    """Ours: the service could not."""


ACTIONS: Mapping[Operation, str] = MappingProxyType(
    {
        Operation.CREATE: "C",
        Operation.REPLAY: "R",
        Operation.READ: "R",
        Operation.VREAD: "R",
        Operation.HISTORY: "R",
        Operation.SEARCH: "E",
        Operation.DISCLOSE: "E",
        Operation.UPDATE: "U",
        Operation.REANALYZE: "C",
        Operation.VALIDATE: "E",
        Operation.EXPORT: "R",
        Operation.DELIVER: "E",
        Operation.ERASE: "D",
        Operation.CONFIGURE: "U",
        Operation.ADOPT: "C",
        Operation.ACCEPT: "E",
        Operation.CANCEL: "E",
        Operation.REFUSE: "E",
        Operation.READ_TRAIL: "R",
        Operation.VERIFY_TRAIL: "E",
    }
)
"""``AuditEvent.action`` of each operation."""


@dataclass(frozen=True, slots=True)
class AuditDraft:
    """An event to be entered; the trail adds time, place and hash.

    Nothing here names a patient but the pseudonym, and no text is free.

    Parameters
    ----------
    report_id, version
        The report, and the version of it, that the event is about.
    patient
        Pseudonym of the patient, see `ecgsvc.store.patients`.
    details
        What else an auditor needs: method, error, filter, count.
    """

    operation: Operation
    outcome: Outcome = Outcome.SUCCESS
    report_id: str | None = None
    version: int | None = None
    patient: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A draft with who and when: all that the AuditEvent is written from."""

    event_id: str
    recorded_at: datetime
    caller: Caller
    draft: AuditDraft


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A call that was refused: by whom it came, what it asked for, and the error's word.

    Parameters
    ----------
    method
        Full name, ``/ecgsvc.v1.ReportService/GetReport``.
    reason
        The error's word as sent (``REPORT_NOT_FOUND``).
    by_us
        Whether the service failed, not the caller.
    event_id, refused_at
        Given when it was refused, also when it is entered later.
    entered
        Ids of the events of its work, which the database did not confirm. Where they are
        in the trail the work was stored, and the call was refused in vain.
    """

    event_id: str
    refused_at: datetime
    caller: Caller
    method: str
    reason: str
    by_us: bool = False
    entered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrailProblem:
    """Something that is not as the trail says; `sequence` is the event's, if it has one."""

    sequence: int | None
    text: str


@dataclass(frozen=True, slots=True)
class TrailVerdict:
    """What verifying a tenant's trail found; the first problem comes first.

    Parameters
    ----------
    n_events
        Events followed.
    checkpoint
        The signed end of the trail, as text; empty when there is none.
    """

    tenant: str
    n_events: int
    problems: tuple[TrailProblem, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which events to list, the newest first; None asks for any."""

    report_id: str | None = None
    subject: str | None = None
    patient: str | None = None
    page_size: int = 50
    page_token: str = ""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the trail holds it; `event` is the AuditEvent."""

    sequence: int
    recorded_at: datetime
    operation: str
    outcome: str
    subject: str
    report_id: str | None
    report_version: int | None
    patient: str | None
    request_id: str
    hash: str
    event: bytes


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page of events; an empty token means there are no more."""

    events: tuple[StoredEvent, ...]
    next_page_token: str

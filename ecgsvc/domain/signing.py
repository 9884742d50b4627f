"""What clinicians do with reports: a status, in their name, with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from ecgsvc.domain.errors import IllegalTransition
from ecgsvc.domain.findings import Coding
from ecgsvc.domain.report import ReportDocuments, Signature


class ReportStatus(StrEnum):
    """``DiagnosticReport.status``, as far as reports of ours have it."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    AMENDED = "amended"
    CORRECTED = "corrected"
    ENTERED_IN_ERROR = "entered-in-error"


_SIGNED = frozenset(
    {ReportStatus.AMENDED, ReportStatus.CORRECTED, ReportStatus.ENTERED_IN_ERROR}
)
TRANSITIONS: Mapping[ReportStatus, frozenset[ReportStatus]] = MappingProxyType(
    {
        ReportStatus.PRELIMINARY: frozenset(
            {ReportStatus.FINAL, ReportStatus.ENTERED_IN_ERROR}
        ),
        ReportStatus.FINAL: _SIGNED,
        ReportStatus.AMENDED: _SIGNED,
        ReportStatus.CORRECTED: _SIGNED,
        ReportStatus.ENTERED_IN_ERROR: frozenset(),
    }
)
"""What a clinician may make of a report; FHIR R4, DiagnosticReport.status.

Nothing becomes preliminary by hand, and what was entered in error stays so: the report on
the right patient is another one.
"""


def check_transition(now: str, wanted: ReportStatus) -> None:
    """Raise `IllegalTransition` unless a clinician may make this of that."""
    allowed = TRANSITIONS[ReportStatus(now)]
    if wanted not in allowed:
        may_be = " or ".join(sorted(allowed)) or "nothing else"
        msg = f"a report that is {now} cannot become {wanted}; it can become {may_be}"
        raise IllegalTransition(msg, expression="status")


@dataclass(frozen=True, slots=True)
class StatusChange:
    """What a clinician asks for.

    `base_version` is the version they have seen: if there is a newer one, nothing happens.
    """

    report_id: str
    base_version: int
    status: ReportStatus
    role: str
    reason: str
    conclusion: str | None = None
    codes: tuple[Coding, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedVersion:
    """A new version of a report by a clinician's action, ready to be stored."""

    report_id: str
    base_version: int
    status: ReportStatus
    signature: Signature
    documents: ReportDocuments
    issued_at: datetime

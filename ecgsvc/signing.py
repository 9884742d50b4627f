"""A clinician's action on a report, from what they ask to the committed version."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from ecgsvc import fhir, render
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import VersionConflict
from ecgsvc.domain.findings import Urgency
from ecgsvc.domain.report import Signature, StoredReport
from ecgsvc.domain.sheet import Review, Sheet
from ecgsvc.domain.signing import (
    ReportStatus,
    SignedVersion,
    StatusChange,
    check_transition,
)


class VersionStore(Protocol):
    """Keeps versions of reports."""

    def peek(
        self, caller: Caller, report_id: str, version: int | None = None
    ) -> StoredReport:
        """Return a version for a step that is entered in the trail itself."""

    def add_signed(self, caller: Caller, new: SignedVersion) -> StoredReport:
        """Commit a version, or `VersionConflict` when the one before is not the newest."""


class ReportSigner:
    """Makes versions in the name of clinicians.

    Parameters
    ----------
    now
        Current time, time-zone aware.
    """

    def __init__(self, store: VersionStore, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def update_status(self, caller: Caller, change: StatusChange) -> StoredReport:
        """Make a new version with another status; the version signed stays as it was.

        Raises
        ------
        VersionConflict
            There is a newer version than the clinician has seen.
        IllegalTransition
            A report of its status cannot get the one asked for.
        ReportNotFound, StoreUnavailable
        """
        report = self._store.peek(caller, change.report_id)
        if report.version != change.base_version:
            msg = "there is a newer version of this report; read it and decide again"
            raise VersionConflict(msg, expression="etag")
        check_transition(report.status, change.status)
        signature = Signature(
            subject=caller.subject,
            name=caller.name,
            role=change.role,
            reason=change.reason,
            conclusion=change.conclusion,
            codes=change.codes,
        )
        new = SignedVersion(
            report_id=report.report_id,
            base_version=report.version,
            status=change.status,
            signature=signature,
            documents=report.documents,
            issued_at=self._now(),
        )
        documents = fhir.signed_documents(report, new, _signed_sheet(report, new))
        return self._store.add_signed(caller, replace(new, documents=documents))


def _signed_sheet(report: StoredReport, new: SignedVersion) -> Sheet | None:
    """Put the signature on the sheet of the version before, if it has one."""
    form = fhir.sheet_form(report.documents.diagnostic_report)
    if form is None:
        return None
    signature = new.signature
    review = Review(signature.name or signature.subject, new.issued_at, new.status.value)
    words = fhir.both_conclusions(report.conclusion, signature)
    urgent = render.urgent_lines(_urgencies(report, new))
    verdict = render.Verdict(words, urgent, review)
    content = render.sign_sheet(form.content, verdict)
    return replace(form, content=content, made_at=new.issued_at)


def _urgencies(report: StoredReport, new: SignedVersion) -> list[tuple[Urgency, str]]:
    """What stays urgent: all, unless the signer disagrees or takes the report back."""
    signature = new.signature
    if signature.conclusion is not None or signature.codes:
        return []
    if new.status is ReportStatus.ENTERED_IN_ERROR:
        return []
    return fhir.stated_urgencies(report.documents.observations)

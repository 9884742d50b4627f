"""How calls become events of the trail."""

from collections.abc import Mapping

from sqlalchemy import Connection

from ecgsvc.domain.audit import AuditDraft, Operation, Outcome, RefusedCall
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.report import ReportPage, ReportQuery, StoredReport
from ecgsvc.store.conditions import search_terms
from ecgsvc.store.limits import is_storable, storable
from ecgsvc.store.patients import known_pseudonyms, subject_key
from ecgsvc.store.trail import Entry


def search_entries(
    connection: Connection, tenant: str, query: ReportQuery, page: ReportPage
) -> list[Entry]:
    """Write a search as IHE BALP asks: one event, and one for each patient it names."""
    names = [_subject_of(report) for report in page.reports]
    wanted = [query.patient] if query.patient and is_storable(query.patient) else []
    known = known_pseudonyms(connection, tenant, [*filter(None, names), *wanted])
    patient = known.get(query.patient, "unknown") if query.patient else None
    details = _search_details(query, patient) | {"n_reports": str(len(page.reports))}
    drafts = [AuditDraft(Operation.SEARCH, details=details)]
    disclosed = dict.fromkeys(known[name] for name in names if name in known)
    drafts += [
        AuditDraft(Operation.DISCLOSE, patient=pseudonym, details=details)
        for pseudonym in disclosed
    ]
    return [Entry(draft) for draft in drafts]


def _search_details(query: ReportQuery, patient: str | None) -> dict[str, str]:
    """Write a filter without naming a patient."""
    terms = search_terms(query)
    del terms["order"]
    if query.patient is not None:
        terms["patient"] = patient or ""
    stated = (f"{name}={storable(text)}" for name, text in terms.items())
    return {"query": "DiagnosticReport?" + "&".join(stated)}


def export_entry(
    connection: Connection,
    tenant: str,
    query: ReportQuery,
    n_reports: int,
    details: Mapping[str, str],
) -> Entry:
    """Write an export as one event, however many patients are in it."""
    wanted = [query.patient] if query.patient and is_storable(query.patient) else []
    known = known_pseudonyms(connection, tenant, wanted)
    patient = known.get(query.patient, "unknown") if query.patient else None
    stated = _search_details(query, patient) | {"n_reports": str(n_reports)}
    return Entry(AuditDraft(Operation.EXPORT, details={**stated, **details}))


def refusal_entry(refused: RefusedCall) -> Entry:
    """Write a refusal as an event."""
    draft = AuditDraft(
        Operation.REFUSE,
        Outcome.SERIOUS_FAILURE if refused.by_us else Outcome.MINOR_FAILURE,
        details={"method": refused.method, "reason": refused.reason},
    )
    return Entry(draft, event_id=refused.event_id, recorded_at=refused.refused_at)


def _subject_of(report: StoredReport) -> str | None:
    """Return what the patient of a report is known by."""
    return subject_key(report.subject_reference, report.subject_identifier)


def about(
    connection: Connection, caller: Caller, operation: Operation, report: StoredReport
) -> AuditDraft:
    """Write that something was done with a report."""
    subject = _subject_of(report)
    known = known_pseudonyms(connection, caller.tenant, [subject] if subject else [])
    return AuditDraft(
        operation,
        report_id=report.report_id,
        version=report.version,
        patient=known.get(subject) if subject else None,
    )

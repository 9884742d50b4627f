"""``GET /AuditEvent``: the tenant's trail, for auditors."""

from http import HTTPStatus
from typing import Protocol

from ecgsvc import fhir
from ecgsvc.domain.audit import AuditPage, AuditQuery
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.http.call import Call, Reply
from ecgsvc.http.errors import NotServed
from ecgsvc.http.searching import DEFAULT_COUNT, parse_count, searchset

PARAMETERS = {"entity": "reference", "agent": "token"}


class TrailReader(Protocol):
    """Shows trails; raises errors of `ecgsvc.domain.errors` only."""

    def audit_events(self, caller: Caller, query: AuditQuery) -> AuditPage:
        """Return one page of events, the newest first."""


class Auditing:
    """Answers questions of auditors; asking is an event, too."""

    def __init__(self, trail: TrailReader) -> None:
        self._trail = trail

    def search(self, call: Call) -> Reply:
        """Return a page of AuditEvents, the newest first."""
        if call.version == "5.0.0":
            msg = "AuditEvents are told in R4: ask for fhirVersion=4.0, or for none"
            raise NotServed(HTTPStatus.NOT_ACCEPTABLE, msg)
        asked = dict(call.query)
        known = {*PARAMETERS, "_count", "_page", "_format"}
        if asked.keys() - known or len(asked) < len(call.query):
            msg = f"the parameters are {', '.join(sorted(known))}, each once"
            raise InvalidRequest(msg, expression="http.query")
        kind, _, report_id = asked.get("entity", "").rpartition("/")
        if report_id and kind != "DiagnosticReport":
            msg = "entity must be DiagnosticReport/ID"
            raise InvalidRequest(msg, expression="http.query")
        query = AuditQuery(
            report_id=report_id or None,
            subject=asked.get("agent") or None,
            page_size=parse_count(asked.get("_count", str(DEFAULT_COUNT))),
            page_token=asked.get("_page", ""),
        )
        page = self._trail.audit_events(call.caller, query)
        entries = [
            fhir.BundleEntry(event.event, more={"search": {"mode": "match"}})
            for event in page.events
        ]
        return searchset(call, "AuditEvent", entries, page.next_page_token)

"""AuditService over whatever keeps the trail."""

from collections.abc import Sequence
from typing import Protocol

import grpc

from ecgsvc.domain.audit import AuditPage, AuditQuery, StoredEvent, TrailVerdict
from ecgsvc.domain.caller import Caller
from ecgsvc.rpc import requests
from ecgsvc.rpc.caller import caller_of
from ecgsvc.rpc.messages import fhir_resource, timestamp
from ecgsvc.v1 import audit_pb2, audit_pb2_grpc


class TrailReader(Protocol):
    """Shows and verifies trails; raises errors of `ecgsvc.domain.errors` only."""

    def audit_events(self, caller: Caller, query: AuditQuery) -> AuditPage:
        """Return one page of events, the newest first."""

    def audit_checkpoint(self, caller: Caller) -> tuple[str, str]:
        """Return the signed end of the trail and the PEM of its key."""

    def verify_trail(self, caller: Caller, checkpoints: Sequence[str]) -> TrailVerdict:
        """Verify the trail, and that it goes on from checkpoints that were kept."""


class AuditService(audit_pb2_grpc.AuditServiceServicer):
    """Translates messages to calls of a `TrailReader` and back."""

    def __init__(self, trail: TrailReader) -> None:
        self._trail = trail

    def ListAuditEvents(  # noqa: N802  # the name in the contract
        self, request: audit_pb2.ListAuditEventsRequest, context: grpc.ServicerContext
    ) -> audit_pb2.ListAuditEventsResponse:
        """Return one page of the tenant's events."""
        report_id = requests.report_name(request.report)[0] if request.report else None
        query = AuditQuery(
            report_id=report_id,
            subject=request.subject or None,
            patient=request.patient or None,
            page_size=requests.page_size(request.page_size),
            page_token=requests.page_token(request.page_token),
        )
        page = self._trail.audit_events(caller_of(context), query)
        return audit_pb2.ListAuditEventsResponse(
            events=map(_event, page.events), next_page_token=page.next_page_token
        )

    def GetAuditCheckpoint(  # noqa: N802  # the name in the contract
        self, _request: audit_pb2.GetAuditCheckpointRequest, context: grpc.ServicerContext
    ) -> audit_pb2.GetAuditCheckpointResponse:
        """Return the signed end of the tenant's trail."""
        note, public_key = self._trail.audit_checkpoint(caller_of(context))
        return audit_pb2.GetAuditCheckpointResponse(checkpoint=note, public_key=public_key)

    def VerifyAuditTrail(  # noqa: N802  # the name in the contract
        self, request: audit_pb2.VerifyAuditTrailRequest, context: grpc.ServicerContext
    ) -> audit_pb2.VerifyAuditTrailResponse:
        """Verify the tenant's trail."""
        verdict = self._trail.verify_trail(caller_of(context), request.checkpoints)
        problems = [
            audit_pb2.TrailProblem(
                event="" if each.sequence is None else _name(each.sequence), text=each.text
            )
            for each in verdict.problems
        ]
        return audit_pb2.VerifyAuditTrailResponse(
            intact=not problems, event_count=verdict.n_events, problems=problems
        )


def _event(event: StoredEvent) -> audit_pb2.AuditEvent:
    report = ""
    if event.report_id is not None:
        version = event.report_version
        report = (
            f"reports/{event.report_id}"
            if version is None
            else requests.version_name(event.report_id, version)
        )
    return audit_pb2.AuditEvent(
        name=_name(event.sequence),
        recorded_time=timestamp(event.recorded_at),
        operation=event.operation,
        outcome=event.outcome,
        subject=event.subject,
        report=report,
        patient=event.patient or "",
        request_id=event.request_id,
        hash=event.hash,
        event=fhir_resource(event.event),
    )


def _name(sequence: int) -> str:
    return f"auditEvents/{sequence}"

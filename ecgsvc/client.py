"""A small typed client of the service.

>>> token = Path("token").read_text().strip()  # doctest: +SKIP
>>> with EcgClient("127.0.0.1:50051", token=token) as client:  # doctest: +SKIP
...     reply = client.analyze(Path("ecg.json").read_bytes())
...     print(reply.name, reply.replayed)
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from google.protobuf.message import Message

from ecgsvc.sdk.connection import ClientTls, open_channel
from ecgsvc.sdk.errors import GONE, EcgServiceError, delay_s, service_error
from ecgsvc.sdk.replies import (
    AnalyzedReply,
    ExplanationReply,
    ExportedReply,
    ReanalyzedReply,
    ReportReply,
    SignatureReply,
    ValidatedReply,
    analyzed_reply,
    exported_reply,
    report_reply,
)
from ecgsvc.sdk.streaming import EcgStream, SentEcg, StreamedReply
from ecgsvc.v1 import (
    analysis_pb2,
    analysis_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    deliveries_pb2,
    deliveries_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    resource_pb2,
)

__all__ = [
    "GONE",
    "AnalyzedReply",
    "ClientTls",
    "EcgClient",
    "EcgServiceError",
    "ExplanationReply",
    "ExportedReply",
    "ReanalyzedReply",
    "ReportReply",
    "SentEcg",
    "SignatureReply",
    "StreamedReply",
    "ValidatedReply",
]

_Reply = TypeVar("_Reply", bound=Message)


class EcgClient:
    """A connection to the service, as a context manager.

    Calls the service cannot take now (UNAVAILABLE, overloaded, CANCELLED because it stops)
    are tried again with growing pauses, within the deadline. gRPC's own retries are of no
    use here: they leave out messages above its retry buffer of 256 KiB, which 12-lead ECGs
    exceed.

    Parameters
    ----------
    target
        ``HOST:PORT``.
    tls
        None speaks clear text.
    token, token_file
        The bearer token that says who is asking, or a file with it, which is read again
        for every call. Neither: the client certificate says it.
    deadline_s
        Time a call may take, tries and pauses together.
    max_attempts
        Tries a call has.
    """

    def __init__(
        self,
        target: str,
        *,
        tls: ClientTls | None = None,
        token: str = "",
        token_file: Path | None = None,
        deadline_s: float = 60.0,
        max_attempts: int = 5,
    ) -> None:
        self._token = token
        self._token_file = token_file
        self._channel = open_channel(target, tls)
        self._analysis = analysis_pb2_grpc.AnalysisServiceStub(self._channel)
        self._reports = reports_pb2_grpc.ReportServiceStub(self._channel)
        self._audit = audit_pb2_grpc.AuditServiceStub(self._channel)
        self._deliveries = deliveries_pb2_grpc.DeliveryServiceStub(self._channel)
        self._deadline_s = deadline_s
        self._max_attempts = max_attempts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def wait_until_ready(self, timeout_s: float) -> None:
        """Wait for the connection; UNAVAILABLE raises when it is not there in time."""
        try:
            grpc.channel_ready_future(self._channel).result(timeout=timeout_s)
        except grpc.FutureTimeoutError:
            msg = f"no connection within {timeout_s:g} s"
            raise EcgServiceError(grpc.StatusCode.UNAVAILABLE, msg) from None

    def analyze(
        self,
        observation: bytes,
        *,
        patient: bytes = b"",
        request_id: str = "",
        fhir_version: str = "",
        explain: bool = False,
        accept_fhir_version: str = "",
    ) -> AnalyzedReply:
        """Have an ECG analysed and its report stored.

        Without a `request_id` one is made, so that a second try never makes a second
        report. `explain` asks also what the models looked at. `accept_fhir_version` is that
        of the answer; R4 when empty.

        Raises
        ------
        EcgServiceError
            Any status but OK.
        """
        request = analysis_pb2.AnalyzeEcgRequest(
            observation=_resource(observation, fhir_version),
            patient=_resource(patient, fhir_version),
            request_id=request_id or str(uuid.uuid4()),
            explain=explain,
            accept_fhir_version=accept_fhir_version,
        )
        return analyzed_reply(self._call(self._analysis.AnalyzeEcg, request, _ANALYZED))

    def analyze_many(
        self, ecgs: Iterable[SentEcg], *, window: int = 16
    ) -> Iterator[StreamedReply]:
        """Have many ECGs analysed over one call; yield an answer each, in their order.

        ECGs are taken from the iterable as they are wanted: at most `window` are on their
        way. One that is refused has the error in its answer, and the others go on. After a
        lost connection, and where the service asks to try again, what has no answer is
        sent again, under the same request id; `max_attempts` counts tries without progress.

        Raises
        ------
        EcgServiceError
            The call as a whole cannot go on.
        """
        stream = EcgStream(self._analysis.AnalyzeEcgs, self._metadata, self._max_attempts)
        return stream.replies(ecgs, window)

    def validate(
        self, observation: bytes, *, patient: bytes = b"", fhir_version: str = ""
    ) -> ValidatedReply:
        """Ask whether `analyze` would accept an Observation; `EcgServiceError` as there."""
        request = analysis_pb2.ValidateEcgRequest(
            observation=_resource(observation, fhir_version),
            patient=_resource(patient, fhir_version),
        )
        reply = self._call(self._analysis.ValidateEcg, request, _VALIDATED)
        return ValidatedReply(reply.valid, json.loads(reply.operation_outcome.json))

    def reanalyze(self, name: str) -> ReanalyzedReply:
        """Have ``reports/{id}`` analysed again with the models of now; NOT_FOUND raises."""
        request = analysis_pb2.ReanalyzeEcgRequest(name=name)
        reply = self._call(self._analysis.ReanalyzeEcg, request, _REANALYZED)
        return ReanalyzedReply(
            name=reply.name,
            replayed=reply.replayed,
            report=reply.report.json,
            might_supersede=reply.might_supersede,
        )

    def get_report(self, name: str, *, accept_fhir_version: str = "") -> ReportReply:
        """Get ``reports/{id}`` or ``reports/{id}/versions/{n}``; NOT_FOUND raises."""
        request = reports_pb2.GetReportRequest(
            name=name, accept_fhir_version=accept_fhir_version
        )
        return report_reply(self._call(self._reports.GetReport, request, _GOT).report)

    def list_reports(
        self,
        filter: str = "",  # noqa: A002  # AIP-160's word
        *,
        order_by: str = "",
        page_size: int = 0,
    ) -> Iterator[ReportReply]:
        """Yield the latest versions, fetching page after page.

        ``reports.proto`` says what `filter` and `order_by` may ask; without, all reports
        come, the newest ECG first.
        """
        request = reports_pb2.ListReportsRequest(
            filter=filter, order_by=order_by, page_size=page_size
        )
        while True:
            page = self._call(self._reports.ListReports, request, _LISTED)
            yield from map(report_reply, page.reports)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def export_reports(
        self,
        filter: str = "",  # noqa: A002  # AIP-160's word
        *,
        cursor: str = "",
        include_ecg: bool = False,
        without_names: bool = False,
    ) -> Iterator[ExportedReply]:
        """Yield the latest versions of all reports that a filter means, the oldest first.

        A stream that breaks off is gone on with after the last report that arrived, as
        often as a call is tried; every report that arrives gives all tries back. There is
        no deadline, as there is no knowing how much comes.

        Raises
        ------
        EcgServiceError
            Any status but OK.
        """
        request = reports_pb2.ExportReportsRequest(
            filter=filter,
            cursor=cursor,
            include_ecg=include_ecg,
            without_names=without_names,
        )
        attempt = 1
        while True:
            try:
                for reply in self._reports.ExportReports(
                    request, metadata=self._metadata()
                ):
                    request.cursor, attempt = reply.cursor, 1
                    yield exported_reply(reply)
            except grpc.RpcError as error:
                refused = service_error(error)
                pause_s = delay_s(refused, attempt)
                if pause_s is None or attempt >= self._max_attempts:
                    raise refused from None
            else:
                return
            time.sleep(pause_s)
            attempt += 1

    def list_report_versions(self, name: str) -> list[ReportReply]:
        """Get all versions of ``reports/{id}``, the newest first; NOT_FOUND raises."""
        request = reports_pb2.ListReportVersionsRequest(parent=name)
        reply = self._call(self._reports.ListReportVersions, request, _VERSIONS)
        return [report_reply(version) for version in reply.versions]

    def update_report_status(
        self,
        name: str,
        *,
        etag: str,
        status: str,
        role: str,
        reason: str,
        conclusion: str = "",
        findings: Sequence[tuple[str, str]] = (),
    ) -> ReportReply:
        """Sign, amend, correct or retract ``reports/{id}`` in the caller's name.

        Parameters
        ----------
        etag
            Of the version that was read.
        status
            ``final``, ``amended``, ``corrected`` or ``entered-in-error``.
        conclusion, findings
            The caller's own, where they disagree with the machine; findings as SNOMED CT
            code and text.

        Raises
        ------
        EcgServiceError
            ABORTED when there is a newer version; FAILED_PRECONDITION when a report of its
            status cannot get this one. Nothing was changed then.
        """
        request = reports_pb2.UpdateReportStatusRequest(
            name=name,
            etag=etag,
            status=status,
            role=role,
            reason=reason,
            conclusion=conclusion,
            findings=[reports_pb2.Finding(code=code, text=text) for code, text in findings],
        )
        reply = self._call(self._reports.UpdateReportStatus, request, _UPDATED)
        return report_reply(reply.report)

    def erase_patient(self, patient: str) -> int:
        """Erase all reports of a patient on legal order; return how many there were."""
        request = reports_pb2.ErasePatientRequest(patient=patient)
        return self._call(self._reports.ErasePatient, request, _ERASED).report_count

    def list_audit_events(
        self, *, report: str = "", subject: str = "", patient: str = "", page_size: int = 0
    ) -> Iterator[audit_pb2.AuditEvent]:
        """Yield the events of the tenant's trail, the newest first."""
        request = audit_pb2.ListAuditEventsRequest(
            report=report, subject=subject, patient=patient, page_size=page_size
        )
        while True:
            page = self._call(self._audit.ListAuditEvents, request, _EVENTS)
            yield from page.events
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def get_audit_checkpoint(self) -> tuple[str, str]:
        """Get the signed end of the tenant's trail, and the public key as PEM."""
        request = audit_pb2.GetAuditCheckpointRequest()
        reply = self._call(self._audit.GetAuditCheckpoint, request, _CHECKPOINT)
        return reply.checkpoint, reply.public_key

    def verify_audit_trail(
        self, checkpoints: Sequence[str] = ()
    ) -> audit_pb2.VerifyAuditTrailResponse:
        """Have the tenant's trail verified, against checkpoints that were kept as well."""
        request = audit_pb2.VerifyAuditTrailRequest(checkpoints=checkpoints)
        return self._call(self._audit.VerifyAuditTrail, request, _VERIFIED)

    def list_deliveries(
        self, *, state: str = "", destination: str = "", page_size: int = 0
    ) -> Iterator[deliveries_pb2.Delivery]:
        """Yield deliveries, those of the newest report versions first.

        `state` is ``pending``, ``delivered`` or ``dead``; empty: any.
        """
        request = deliveries_pb2.ListDeliveriesRequest(
            state=f"DELIVERY_STATE_{(state or 'unspecified').upper()}",
            destination=destination,
            page_size=page_size,
        )
        while True:
            page = self._call(self._deliveries.ListDeliveries, request, _DELIVERIES)
            yield from page.deliveries
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def replay_delivery(self, name: str) -> None:
        """Try a dead delivery again, by the name it is listed with."""
        request = deliveries_pb2.ReplayDeliveryRequest(name=name)
        self._call(self._deliveries.ReplayDelivery, request, _REPLAYED)

    def _call(
        self, method: Callable[..., Any], request: Message, kind: type[_Reply]
    ) -> _Reply:
        """Call until it succeeds, cannot, or time or tries are used up."""
        end_s = time.monotonic() + self._deadline_s
        metadata = self._metadata()
        attempt = 1
        while True:
            try:
                reply = method(request, timeout=end_s - time.monotonic(), metadata=metadata)
            except grpc.RpcError as error:
                refused = service_error(error)
                pause_s = delay_s(refused, attempt)
                is_last = attempt >= self._max_attempts
                if pause_s is None or is_last or time.monotonic() + pause_s >= end_s:
                    raise refused from None
            else:
                assert isinstance(reply, kind)  # noqa: S101  # what the stub promises
                return reply
            time.sleep(pause_s)
            attempt += 1

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        """Say who is asking, and name the call for the logs of both sides."""
        token = self._token_file.read_text().strip() if self._token_file else self._token
        name = ("x-request-id", str(uuid.uuid4()))
        return (name, ("authorization", f"Bearer {token}")) if token else (name,)


_ANALYZED = analysis_pb2.AnalyzeEcgResponse
_REANALYZED = analysis_pb2.ReanalyzeEcgResponse
_VALIDATED = analysis_pb2.ValidateEcgResponse
_GOT = reports_pb2.GetReportResponse
_LISTED = reports_pb2.ListReportsResponse
_VERSIONS = reports_pb2.ListReportVersionsResponse
_UPDATED = reports_pb2.UpdateReportStatusResponse
_ERASED = reports_pb2.ErasePatientResponse
_EVENTS = audit_pb2.ListAuditEventsResponse
_CHECKPOINT = audit_pb2.GetAuditCheckpointResponse
_VERIFIED = audit_pb2.VerifyAuditTrailResponse
_DELIVERIES = deliveries_pb2.ListDeliveriesResponse
_REPLAYED = deliveries_pb2.ReplayDeliveryResponse


def _resource(body: bytes, fhir_version: str) -> resource_pb2.FhirResource | None:
    if not body:
        return None
    return resource_pb2.FhirResource(json=body, fhir_version=fhir_version)

"""A small typed client of the service.

>>> token = Path("token").read_text().strip()  # doctest: +SKIP
>>> with EcgClient("127.0.0.1:50051", token=token) as client:  # doctest: +SKIP
...     reply = client.analyze(Path("ecg.json").read_bytes())
...     print(reply.name, reply.replayed)
"""

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

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

MAX_MESSAGE_BYTES = 20 * 1024 * 1024
FIRST_DELAY_S = 0.1
MAX_DELAY_S = 5.0

_Reply = TypeVar("_Reply", bound=Message)


class EcgServiceError(Exception):
    """The service refused a request, or could not be reached.

    Parameters
    ----------
    code, message
        Status of the call.
    operation_outcome
        The FHIR OperationOutcome that came with it, if any.
    reason
        The service's word for the error (``MISSING_ELEMENT``), empty when it gave none.
    retry_after_s
        When the service asks to try again, if it does.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        operation_outcome: dict[str, Any] | None = None,
        *,
        reason: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
        self.operation_outcome = operation_outcome
        self.reason = reason
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class ClientTls:
    """PEM files of a client.

    Parameters
    ----------
    ca
        Certificates that may have signed the server's; None takes the system's.
    certificate, key
        The client's own, when the server asks for one (mutual TLS).
    server_name
        The name in the server's certificate, where it differs from the target's.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class ExplanationReply:
    """What the models looked at: numbers as JSON, a picture as SVG."""

    json: bytes
    svg: bytes


@dataclass(frozen=True, slots=True)
class AnalyzedReply:
    """A report as JSON bytes, with the resources it refers to.

    `explanation` is there when it was asked for and the server could explain anything.
    """

    name: str
    replayed: bool
    report: bytes
    observations: tuple[bytes, ...]
    provenance: bytes
    device: bytes
    further: tuple[bytes, ...]
    explanation: ExplanationReply | None = None


@dataclass(frozen=True, slots=True)
class ReanalyzedReply:
    """A report of another analysis; `might_supersede` names the signed one beside it."""

    name: str
    replayed: bool
    report: bytes
    might_supersede: str


@dataclass(frozen=True, slots=True)
class ValidatedReply:
    """Whether `analyze` would accept an Observation, and why not."""

    valid: bool
    operation_outcome: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SignatureReply:
    """Who stands for a version; `conclusion` is empty where they agree with the machine."""

    subject: str
    name: str
    role: str
    reason: str
    conclusion: str


@dataclass(frozen=True, slots=True)
class ReportReply:
    """A stored report; in lists only `report` is there of its resources.

    Times are UTC. `conclusion` is the machine's.
    """

    name: str
    status: str
    patient: str
    effective_at: datetime
    issued_at: datetime
    conclusion: str
    source_sha256: str
    report: bytes
    observations: tuple[bytes, ...]
    provenance: bytes
    device: bytes
    etag: str
    signature: SignatureReply | None = None
    might_supersede: str = ""
    further: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportedReply:
    """A report of an export, as JSON bytes; `ecg` when it was asked for.

    `cursor` is where an export with the same filter goes on after this report.
    """

    cursor: str
    report: bytes
    observations: tuple[bytes, ...]
    provenance: bytes
    device: bytes
    ecg: bytes | None = None


GONE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
"""What a server that stops answers. gRPC says CANCELLED of a call that has arrived and that
nobody has begun to work on; the client itself cancels none."""


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
        self._channel = _channel(target, tls)
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
        reply = self._call(self._analysis.AnalyzeEcg, request, _ANALYZED)
        return AnalyzedReply(
            name=reply.name,
            replayed=reply.replayed,
            report=reply.report.json,
            observations=tuple(each.json for each in reply.observations),
            provenance=reply.provenance.json,
            device=reply.device.json,
            further=tuple(each.json for each in reply.further),
            explanation=ExplanationReply(reply.explanation.json, reply.explanation.svg)
            if reply.HasField("explanation")
            else None,
        )

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
        return _report(self._call(self._reports.GetReport, request, _GOT).report)

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
            yield from map(_report, page.reports)
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
                    yield _exported(reply)
            except grpc.RpcError as error:
                refused = _service_error(error)
                delay_s = _delay_s(refused, attempt)
                if delay_s is None or attempt >= self._max_attempts:
                    raise refused from None
            else:
                return
            time.sleep(delay_s)
            attempt += 1

    def list_report_versions(self, name: str) -> list[ReportReply]:
        """Get all versions of ``reports/{id}``, the newest first; NOT_FOUND raises."""
        request = reports_pb2.ListReportVersionsRequest(parent=name)
        reply = self._call(self._reports.ListReportVersions, request, _VERSIONS)
        return [_report(version) for version in reply.versions]

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
        return _report(reply.report)

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
                refused = _service_error(error)
                delay_s = _delay_s(refused, attempt)
                is_last = attempt >= self._max_attempts
                if delay_s is None or is_last or time.monotonic() + delay_s >= end_s:
                    raise refused from None
            else:
                assert isinstance(reply, kind)  # noqa: S101  # what the stub promises
                return reply
            time.sleep(delay_s)
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


def _channel(target: str, tls: ClientTls | None) -> grpc.Channel:
    options: list[tuple[str, Any]] = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
    ]
    if tls is None:
        return grpc.insecure_channel(target, options=options)
    if tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_bytes(tls.ca),
        private_key=_bytes(tls.key),
        certificate_chain=_bytes(tls.certificate),
    )
    return grpc.secure_channel(target, credentials, options=options)


def _bytes(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()


def _resource(body: bytes, fhir_version: str) -> resource_pb2.FhirResource | None:
    if not body:
        return None
    return resource_pb2.FhirResource(json=body, fhir_version=fhir_version)


def _report(message: reports_pb2.Report) -> ReportReply:
    return ReportReply(
        name=message.name,
        status=message.status,
        patient=message.patient,
        effective_at=message.effective_time.ToDatetime(UTC),
        issued_at=message.issued_time.ToDatetime(UTC),
        conclusion=message.conclusion,
        source_sha256=message.source_sha256,
        report=message.report.json,
        observations=tuple(each.json for each in message.observations),
        provenance=message.provenance.json,
        device=message.device.json,
        etag=message.etag,
        signature=_signature(message.signature) if message.HasField("signature") else None,
        might_supersede=message.might_supersede,
        further=tuple(each.json for each in message.further),
    )


def _signature(message: reports_pb2.Signature) -> SignatureReply:
    return SignatureReply(
        subject=message.subject,
        name=message.display_name,
        role=message.role,
        reason=message.reason,
        conclusion=message.conclusion,
    )


def _exported(message: reports_pb2.ExportReportsResponse) -> ExportedReply:
    return ExportedReply(
        cursor=message.cursor,
        report=message.report.json,
        observations=tuple(each.json for each in message.observations),
        provenance=message.provenance.json,
        device=message.device.json,
        ecg=message.ecg.json if message.HasField("ecg") else None,
    )


def _delay_s(error: EcgServiceError, attempt: int) -> float | None:
    """Return the pause before the next try; None when another try cannot help."""
    if error.code not in GONE and error.retry_after_s is None:
        return None
    backoff_s = min(FIRST_DELAY_S * 2 ** (attempt - 1), MAX_DELAY_S)
    jitter = random.uniform(0.8, 1.2)  # noqa: S311  # spreads clients, keeps no secret
    return float(max(backoff_s, error.retry_after_s or 0.0) * jitter)


def _service_error(error: Any) -> EcgServiceError:  # noqa: ANN401  # RpcError that is a Call
    trailers = dict(error.trailing_metadata() or ())
    reason, retry_after_s = _details(trailers.get("grpc-status-details-bin", b""))
    return EcgServiceError(
        error.code(),
        error.details() or "",
        _outcome(trailers.get("operation-outcome-bin", b"")),
        reason=reason,
        retry_after_s=retry_after_s,
    )


def _details(data: bytes) -> tuple[str, float | None]:
    """Read ErrorInfo.reason and RetryInfo.retry_delay of a google.rpc.Status."""
    reason, retry_after_s = "", None
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    try:
        for detail in status_pb2.Status.FromString(data).details:
            if detail.Unpack(info):
                reason = info.reason
            elif detail.Unpack(retry):
                retry_after_s = retry.retry_delay.ToMilliseconds() / 1000
    except DecodeError:
        pass  # not ours: a proxy's
    return reason, retry_after_s


def _outcome(data: bytes) -> dict[str, Any] | None:
    try:
        outcome = json.loads(data)
    except ValueError:
        return None
    return outcome if isinstance(outcome, dict) else None

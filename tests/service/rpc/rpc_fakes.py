"""An analyser and a reader that do as a test says, behind a real server."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.errors import EcgsvcError, ReportNotFound
from ecgsvc.domain.export import Export, ExportContent, ExportedReport
from ecgsvc.domain.report import (
    Identifier,
    ReportDocuments,
    ReportPage,
    ReportQuery,
    StoredReport,
)
from ecgsvc.identity import Credentials
from ecgsvc.render import ExplanationDocuments
from ecgsvc.v1 import analysis_pb2, analysis_pb2_grpc, reports_pb2_grpc

EFFECTIVE = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)


def a_report(report_id: str = "r1", version: int = 1, **changes: Any) -> StoredReport:
    values: dict[str, Any] = {
        "report_id": report_id,
        "version": version,
        "status": "preliminary",
        "subject_reference": "Patient/1",
        "subject_identifier": None,
        "effective_at": EFFECTIVE,
        "issued_at": EFFECTIVE + timedelta(minutes=1),
        "source_sha256": "0" * 64,
        "conclusion": "Sinus rhythm.",
        "documents": ReportDocuments(b'{"r":1}', (b'{"m":1}', b'{"i":1}'), b"{}", b"[]"),
    }
    return StoredReport(**(values | changes))


@dataclass(frozen=True)
class Analyzed:
    report: StoredReport
    replayed: bool
    explanation: ExplanationDocuments | None = None


@dataclass
class FakeAnalyzer:
    """Calls `work` with the Observation and `cancelled`, and keeps what it was asked."""

    work: Callable[[bytes, Callable[[], bool]], object] = lambda _body, _cancelled: None
    asked: list[dict[str, Any]] = field(default_factory=list)
    report: StoredReport = field(default_factory=a_report)
    replayed: bool = False

    def analyze(
        self,
        caller,
        *,
        observation,
        fhir_version,
        patient,
        request_id,
        explain,
        cancelled,
    ):
        self.asked.append(
            {
                "observation": observation,
                "fhir_version": fhir_version,
                "patient": patient,
                "request_id": request_id,
                "explain": explain,
            }
        )
        self.work(observation, cancelled)
        explanation = ExplanationDocuments(b'{"e":1}', b"<svg/>") if explain else None
        return Analyzed(self.report, self.replayed, explanation)

    def validate(self, caller, *, observation, fhir_version, patient):
        self.asked.append({"observation": observation, "fhir_version": fhir_version})
        self.work(observation, lambda: False)
        return observation != b"bad", json.dumps({"issue": []}).encode()


@dataclass
class FakeReader:
    reports: list[StoredReport] = field(default_factory=list)
    queries: list[ReportQuery] = field(default_factory=list)

    def get(self, caller, report_id, version=None):
        for report in self.reports:
            if report.report_id == report_id and version in (None, report.version):
                return report
        msg = "no report has this name"
        raise ReportNotFound(msg, expression="name")

    def list(self, caller, query, *, fits):
        self.queries.append(query)
        start = int(query.page_token or 0)
        end = start + query.page_size
        page = ReportPage(
            tuple(self.reports[start:end]), str(end) if end < len(self.reports) else ""
        )
        if len(page.reports) > 1 and not fits(page):
            half = replace(query, page_size=len(page.reports) // 2)
            return self.list(caller, half, fits=fits)
        return page

    def export(self, caller, query, content, *, details, after):
        self.queries.append(query)
        start = int(after or 0)
        reports = (
            ExportedReport(
                report,
                cursor=str(number),
                source=b"{\n}" if content is ExportContent.RESOURCES_AND_ECGS else None,
            )
            for number, report in enumerate(self.reports[start:], start=start + 1)
        )
        return Export(len(self.reports) - start, reports)


def anyone(credentials: Credentials) -> Caller:
    """Take everyone for a caller of all roles."""
    return Caller("default", "anyone", roles=frozenset(Role))


def operation_outcome(errors: Sequence[EcgsvcError]) -> bytes:
    """Say of each error what a real OperationOutcome says."""
    issues = [
        {
            "severity": "error",
            "code": type(error).__name__,
            "diagnostics": error.message,
            "expression": [error.expression] if error.expression else [],
        }
        for error in errors
    ]
    return json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()


@dataclass
class Served:
    """A running server, the fakes behind it and a channel to it."""

    server: Any
    analyzer: FakeAnalyzer
    reader: FakeReader
    channel: grpc.Channel
    refused: list[RefusedCall]

    @property
    def analysis(self) -> analysis_pb2_grpc.AnalysisServiceStub:
        return analysis_pb2_grpc.AnalysisServiceStub(self.channel)

    @property
    def reports(self) -> reports_pb2_grpc.ReportServiceStub:
        return reports_pb2_grpc.ReportServiceStub(self.channel)

    def analyze(self, body: bytes = b"{}", *, timeout: float = 10.0, **fields: Any):
        request = analysis_pb2.AnalyzeEcgRequest(observation={"json": body}, **fields)
        return self.analysis.AnalyzeEcg(request, timeout=timeout)

    def counted(self, method: str, code: str) -> int:
        counts = self.server.request_counts
        return sum(n for (m, c), n in counts.items() if m.endswith(method) and c == code)


@dataclass(frozen=True)
class Refused:
    """Everything a refusal says."""

    code: grpc.StatusCode
    message: str
    reason: str
    violations: list[tuple[str, str]]
    retry_after_s: float | None
    outcome: dict[str, Any] | None
    wire_bytes: int


def refused(error: Any) -> Refused:
    """Read a refusal from a failed call's trailers."""
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    info, bad, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    retry_after_s = None
    for detail in status.details:
        if detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToMilliseconds() / 1000
        elif not detail.Unpack(info):
            assert detail.Unpack(bad)
    outcome = trailers.get("operation-outcome-bin")
    return Refused(
        error.code(),
        error.details(),
        info.reason,
        [(violation.field, violation.reason) for violation in bad.field_violations],
        retry_after_s,
        json.loads(outcome) if outcome else None,
        len(error.details().encode()) + sum(len(value) for value in trailers.values()),
    )


def an_identifier(value: str, system: str | None = None) -> Identifier:
    return Identifier(system, value)

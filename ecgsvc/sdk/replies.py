"""What the service answers, as plain values."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ecgsvc.v1 import analysis_pb2, reports_pb2


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


def analyzed_reply(message: analysis_pb2.AnalyzeEcgResponse) -> AnalyzedReply:
    """Read an analysis."""
    explanation = message.explanation
    return AnalyzedReply(
        name=message.name,
        replayed=message.replayed,
        report=message.report.json,
        observations=tuple(each.json for each in message.observations),
        provenance=message.provenance.json,
        device=message.device.json,
        further=tuple(each.json for each in message.further),
        explanation=ExplanationReply(explanation.json, explanation.svg)
        if message.HasField("explanation")
        else None,
    )


def report_reply(message: reports_pb2.Report) -> ReportReply:
    """Read a report."""
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


def exported_reply(message: reports_pb2.ExportReportsResponse) -> ExportedReply:
    """Read a report of an export."""
    return ExportedReply(
        cursor=message.cursor,
        report=message.report.json,
        observations=tuple(each.json for each in message.observations),
        provenance=message.provenance.json,
        device=message.device.json,
        ecg=message.ecg.json if message.HasField("ecg") else None,
    )

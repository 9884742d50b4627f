"""Domain reports as messages of the contract."""

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from ecgsvc.domain.report import FhirVersion, Signature, StoredReport
from ecgsvc.export import ExportedResources
from ecgsvc.fhir import in_version, without_sheet
from ecgsvc.rpc.requests import etag, version_name
from ecgsvc.v1 import reports_pb2, resource_pb2

WRITTEN_FHIR_VERSION: FhirVersion = "4.0.1"
"""The version that is stored, and written where no other is asked for."""


def fhir_resource(
    body: bytes, version: FhirVersion = WRITTEN_FHIR_VERSION
) -> resource_pb2.FhirResource:
    """Wrap a resource we wrote, in the version asked for."""
    return resource_pb2.FhirResource(json=in_version(body, version), fhir_version=version)


def report_summary(report: StoredReport) -> reports_pb2.Report:
    """Make the message a list shows: no sheet, and no resources the report refers to."""
    return _message(report, without_sheet(report.documents.diagnostic_report))


def _message(
    report: StoredReport, body: bytes, version: FhirVersion = WRITTEN_FHIR_VERSION
) -> reports_pb2.Report:
    return reports_pb2.Report(
        name=version_name(report.report_id, report.version),
        status=report.status,
        patient=_patient(report),
        effective_time=timestamp(report.effective_at),
        issued_time=timestamp(report.issued_at),
        conclusion=report.conclusion,
        source_sha256=report.source_sha256,
        report=fhir_resource(body, version),
        etag=etag(report.version),
        signature=_signature(report.signature),
        might_supersede=f"reports/{older}" if (older := report.might_supersede) else "",
    )


def whole_report(
    report: StoredReport, version: FhirVersion = WRITTEN_FHIR_VERSION
) -> reports_pb2.Report:
    """Make the message with everything the report refers to."""
    documents = report.documents
    message = _message(report, documents.diagnostic_report, version)
    message.observations.extend(fhir_resource(o, version) for o in documents.observations)
    message.provenance.CopyFrom(fhir_resource(documents.provenance, version))
    message.device.CopyFrom(fhir_resource(documents.device, version))
    message.further.extend(fhir_resource(each, version) for each in documents.further)
    return message


def exported_report(
    resources: ExportedResources, cursor: str
) -> reports_pb2.ExportReportsResponse:
    """Make the message of one exported report."""
    documents, source = resources.documents, resources.source
    return reports_pb2.ExportReportsResponse(
        report=fhir_resource(documents.diagnostic_report),
        observations=[fhir_resource(body) for body in documents.observations],
        provenance=fhir_resource(documents.provenance),
        device=fhir_resource(documents.device),
        # in the version it came in, which its body tells
        ecg=None if source is None else resource_pb2.FhirResource(json=source),
        cursor=cursor,
    )


def _signature(signature: Signature | None) -> reports_pb2.Signature | None:
    if signature is None:
        return None
    return reports_pb2.Signature(
        subject=signature.subject,
        display_name=signature.name,
        role=signature.role,
        reason=signature.reason,
        conclusion=signature.conclusion or "",
    )


def _patient(report: StoredReport) -> str:
    if report.subject_reference is not None:
        return report.subject_reference
    if report.subject_identifier is None:
        return ""
    identifier = report.subject_identifier
    return (
        f"{identifier.system}|{identifier.value}" if identifier.system else identifier.value
    )


def timestamp(moment: datetime) -> Timestamp:
    """Make the message of a moment."""
    made = Timestamp()
    made.FromDatetime(moment)
    return made

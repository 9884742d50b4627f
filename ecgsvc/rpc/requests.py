"""Checks of the request fields that are not FHIR, and the names of resources."""

import re
from typing import get_args

from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.findings import SNOMED_CT, Coding
from ecgsvc.domain.report import FhirVersion
from ecgsvc.domain.signing import ReportStatus, StatusChange
from ecgsvc.v1 import reports_pb2, resource_pb2

MAX_REQUEST_ID_LENGTH = 128
MAX_PAGE_TOKEN_LENGTH = 1024
DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
MAX_FINDINGS = 50
MAX_ROLE_LENGTH = 100
MAX_REASON_LENGTH = 1000
MAX_CONCLUSION_LENGTH = 10_000

_REPORT_NAME = re.compile(
    r"reports/(?P<id>[A-Za-z0-9.\-]{1,64})(?:/versions/(?P<version>[1-9][0-9]{0,8}))?"
)


_ETAG = re.compile(r'"?[1-9][0-9]{0,8}"?')


def request_id(value: str) -> str:
    """Check an idempotency key: at most 128 printable characters."""
    if len(value) > MAX_REQUEST_ID_LENGTH or not value.isprintable():
        msg = f"request_id must have at most {MAX_REQUEST_ID_LENGTH} printable characters"
        raise InvalidRequest(msg, expression="request_id")
    return value


def fhir_version(
    observation: resource_pb2.FhirResource, patient: resource_pb2.FhirResource
) -> str:
    """Check the versions stated: known or empty, and the same for both resources."""
    for name, resource in (("observation", observation), ("patient", patient)):
        if resource.fhir_version not in ("", *get_args(FhirVersion)):
            msg = f"fhir_version must be one of {', '.join(get_args(FhirVersion))} or empty"
            raise InvalidRequest(msg, expression=f"{name}.fhir_version")
    stated = {observation.fhir_version, patient.fhir_version} - {""}
    if len(stated) > 1:
        msg = "observation and patient must have the same fhir_version"
        raise InvalidRequest(msg, expression="patient.fhir_version")
    return next(iter(stated), "")


def accepted_version(value: str) -> FhirVersion:
    """Check the version that answers shall have; R4 when none is stated."""
    for version in get_args(FhirVersion):
        if value in ("", version):
            known: FhirVersion = version
            return known
    msg = f"accept_fhir_version must be one of {', '.join(get_args(FhirVersion))} or empty"
    raise InvalidRequest(msg, expression="accept_fhir_version")


def report_name(name: str) -> tuple[str, int | None]:
    """Split ``reports/{id}`` or ``reports/{id}/versions/{n}`` into id and version."""
    match = _REPORT_NAME.fullmatch(name)
    if match is None:
        msg = "name must be reports/{report} or reports/{report}/versions/{version}"
        raise InvalidRequest(msg, expression="name")
    version = match["version"]
    return match["id"], None if version is None else int(version)


def latest_name(name: str, field: str) -> str:
    """Return the id of ``reports/{id}``; a version may not be named."""
    match = _REPORT_NAME.fullmatch(name)
    if match is None or match["version"] is not None:
        msg = f"{field} must be reports/{{report}}"
        raise InvalidRequest(msg, expression=field)
    return match["id"]


def required_text(value: str, field: str, longest: int) -> str:
    """Check a text: it is there, without control characters, and not too long."""
    text = value.strip()
    if not text or len(text) > longest or not text.replace("\n", " ").isprintable():
        msg = f"{field} must have 1 to {longest} printable characters"
        raise InvalidRequest(msg, expression=field)
    return text


def status_change(request: reports_pb2.UpdateReportStatusRequest) -> StatusChange:
    """Check what a clinician asks for."""
    if not _ETAG.fullmatch(request.etag):
        msg = "etag must be that of the report as it was read"
        raise InvalidRequest(msg, expression="etag")
    if request.status not in set(ReportStatus):
        msg = f"status must be one of {', '.join(ReportStatus)}"
        raise InvalidRequest(msg, expression="status")
    if len(request.findings) > MAX_FINDINGS:
        msg = f"at most {MAX_FINDINGS} findings"
        raise InvalidRequest(msg, expression="findings")
    conclusion = request.conclusion.strip()
    if conclusion:
        required_text(conclusion, "conclusion", MAX_CONCLUSION_LENGTH)
    return StatusChange(
        report_id=latest_name(request.name, "name"),
        base_version=int(request.etag.strip('"')),
        status=ReportStatus(request.status),
        role=required_text(request.role, "role", MAX_ROLE_LENGTH),
        reason=required_text(request.reason, "reason", MAX_REASON_LENGTH),
        conclusion=conclusion or None,
        codes=tuple(
            Coding(
                finding.system or SNOMED_CT,
                required_text(finding.code, f"findings[{i}].code", 64),
                required_text(finding.text, f"findings[{i}].text", MAX_REASON_LENGTH),
            )
            for i, finding in enumerate(request.findings)
        ),
    )


def etag(version: int) -> str:
    """Write the etag of a version."""
    return f'"{version}"'


def version_name(report_id: str, version: int) -> str:
    """Name a report version as resources are named on the wire."""
    return f"reports/{report_id}/versions/{version}"


def page_size(value: int) -> int:
    """Check a page size; 0 asks for the default, too much is cut (AIP-158)."""
    if value < 0:
        msg = "page_size must not be negative"
        raise InvalidRequest(msg, expression="page_size")
    return min(value or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def page_token(value: str) -> str:
    """Check the form of a page token; what it means is the store's."""
    if len(value) > MAX_PAGE_TOKEN_LENGTH or not (value.isascii() and value.isprintable()):
        msg = "page_token must be the next_page_token of the page before"
        raise InvalidRequest(msg, expression="page_token")
    return value

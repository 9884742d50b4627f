"""ECGs in: one Observation, a Bundle of them, or a question whether one would be taken."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Protocol
from urllib.parse import unquote

import orjson

from ecgsvc import fhir
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import (
    EcgsvcError,
    InvalidElement,
    InvalidRequest,
    UnsupportedContent,
)
from ecgsvc.domain.report import StoredReport
from ecgsvc.http.batches import Batch, BatchEntry, parse_batch
from ecgsvc.http.call import Call, Handle, Reply
from ecgsvc.http.errors import refusal
from ecgsvc.http.resources import (
    ECG_SUFFIX,
    ReportReader,
    Resource,
    ecg_resource,
    report_resource,
)
from ecgsvc.http.searching import parse_identifier

R4, R5 = "4.0.1", "5.0.0"
_FHIR_VERSIONS = {"4.0": R4, "4.3": R4, "5.0": R5}


class AnalyzedEcg(Protocol):
    """A stored report, and whether an earlier call with the same content made it."""

    @property
    def report(self) -> StoredReport:
        """The report version."""

    @property
    def replayed(self) -> bool:
        """True when nothing new was stored."""


class EcgAnalyzer(Protocol):
    """Analyses and validates ECG Observations; errors of `ecgsvc.domain.errors` only."""

    def analyze(
        self,
        caller: Caller,
        *,
        observation: bytes,
        fhir_version: str,
        patient: bytes,
        request_id: str,
        cancelled: Callable[[], bool],
    ) -> AnalyzedEcg:
        """Analyse, store and report."""

    def validate(
        self, caller: Caller, *, observation: bytes, fhir_version: str, patient: bytes
    ) -> tuple[bool, bytes]:
        """Say whether `analyze` would accept it, and the OperationOutcome as JSON."""


class Creating:
    """Answers POST."""

    def __init__(self, analyzer: EcgAnalyzer, reports: ReportReader) -> None:
        self._analyzer = analyzer
        self._reports = reports

    def ecg(self, kind: str) -> Handle:
        """Return what takes ECGs as resources of a type.

        201 with its place, 200 when the ECG was known already. With
        ``If-None-Exist: identifier=SYSTEM|VALUE`` a known ECG is not looked at.
        """
        return lambda call: self._ecg(call, kind)

    def _ecg(self, call: Call, kind: str) -> Reply:
        known = self._existing(call.caller, call.headers.get("if-none-exist", ""))
        if known is not None:
            return Reply(200, b"", _headers(call.base_url, known, kind))
        _check_type(call.body, kind)
        analyzed = self._analyze(call, call.body, call.headers.get("idempotency-key", ""))
        report = analyzed.report
        return Reply(
            200 if analyzed.replayed else 201,
            _representation(call, ecg_resource(report, call.body)),
            _headers(call.base_url, report, kind),
        )

    def batch(self, call: Call) -> Reply:
        """Take a Bundle of ECGs; each entry is answered for itself.

        Patients among the entries give age and sex of the ECGs that refer to them; they
        are not stored.
        """
        bundle = parse_batch(call.body)
        answers = [self._entry(call, bundle, entry) for entry in bundle.entries]
        kind: fhir.BundleType = (
            "batch-response" if bundle.type == "batch" else "transaction-response"
        )
        return Reply(200, fhir.bundle(kind, answers))

    def _entry(self, call: Call, bundle: Batch, entry: BatchEntry) -> fhir.BundleEntry:
        """Answer one entry; what the one of a transaction raises is the answer."""
        try:
            if entry.problem:
                raise UnsupportedContent(entry.problem, expression=entry.expression)
            if entry.is_patient:
                return _answered("200 OK", {}, fhir.all_ok_outcome())
            known = self._existing(call.caller, entry.if_none_exist)
            if known is not None:
                return _answered("200 OK", _headers(call.base_url, known))
            patient = bundle.patient_of(entry)
            analyzed = self._analyze(call, entry.resource, "", patient)
        except EcgsvcError as error:
            if bundle.type == "transaction":
                raise
            reply = refusal(error)
            status = f"{reply.status} {HTTPStatus(reply.status).phrase}"
            return _answered(status, {}, reply.body)
        status = "200 OK" if analyzed.replayed else "201 Created"
        report = analyzed.report
        made = _answered(status, _headers(call.base_url, report))
        return replace(
            made,
            resource=fhir.without_sheet(report.documents.diagnostic_report),
            full_url=f"{call.base_url}/{report_resource(report).name}",
        )

    def _existing(self, caller: Caller, condition: str) -> StoredReport | None:
        if not condition:
            return None
        name, _, value = condition.lstrip("?").partition("=")
        if name != "identifier" or "&" in value:
            msg = "If-None-Exist must be identifier=SYSTEM|VALUE"
            raise InvalidRequest(msg, expression="http.if-none-exist")
        return self._reports.find_by_identifier(caller, parse_identifier(unquote(value)))

    def _analyze(
        self, call: Call, observation: bytes, request_id: str, patient: bytes = b""
    ) -> AnalyzedEcg:
        return self._analyzer.analyze(
            call.caller,
            observation=observation,
            fhir_version=_fhir_version(call),
            patient=patient,
            request_id=request_id,
            cancelled=call.cancelled,
        )

    def validate(self, call: Call) -> Reply:
        """Say what is wrong with an ECG, or that all is well; nothing is stored."""
        body = _unwrapped(call.body)
        _, outcome = self._analyzer.validate(
            call.caller, observation=body, fhir_version=_fhir_version(call), patient=b""
        )
        return Reply(200, outcome)


def _check_type(body: bytes, kind: str) -> None:
    """Refuse a resource of another type than the path's; what is none is refused later."""
    try:
        resource = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    found = resource.get("resourceType") if isinstance(resource, dict) else kind
    if found is not None and found != kind:
        msg = f"post a {kind} here"
        raise InvalidElement(msg, expression=f"{kind}.resourceType")


def _headers(
    base_url: str, report: StoredReport, kind: str = "Observation"
) -> dict[str, str]:
    """Say where the ECG and its report are."""
    ecg = f"{kind}/{report.report_id}{ECG_SUFFIX}/_history/{report.version}"
    return {
        "location": f"{base_url}/{ecg}",
        "etag": f'W/"{report.version}"',
        "link": f"<{base_url}/{report_resource(report).name}>; "
        'rel="describedby"; title="DiagnosticReport"',
    }


def _answered(
    status: str, headers: Mapping[str, str], outcome: bytes | None = None
) -> fhir.BundleEntry:
    """Write the response of an entry."""
    written: dict[str, object] = {"status": status}
    if "location" in headers:
        written |= {"location": headers["location"], "etag": headers["etag"]}
    if outcome is not None:
        written["outcome"] = json.loads(outcome)
    return fhir.BundleEntry(None, more={"response": written})


def _representation(call: Call, ecg: Resource) -> bytes:
    preferred = call.headers.get("prefer", "")
    if "return=minimal" in preferred:
        return b""
    if "return=OperationOutcome" in preferred:
        return fhir.all_ok_outcome()
    return ecg.json


def _fhir_version(call: Call) -> str:
    """Return the version the content type states, empty when it states none."""
    _, _, stated = call.headers.get("content-type", "").partition("fhirVersion=")
    version = stated.partition(";")[0].strip().strip('"')
    if not version:
        return ""
    if version not in _FHIR_VERSIONS:
        msg = f"fhirVersion must be one of {', '.join(_FHIR_VERSIONS)}"
        raise UnsupportedContent(msg, expression="http.content-type")
    return _FHIR_VERSIONS[version]


def _unwrapped(body: bytes) -> bytes:
    """Take the resource out of Parameters; what is none is checked as it stands."""
    if b'"Parameters"' not in body[:4096]:
        return body
    try:
        parameters = json.loads(body)
    except ValueError:
        return body
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        return body
    entries = parameters.get("parameter")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == "resource":
            return json.dumps(entry.get("resource")).encode()
    msg = "the Parameters hold no parameter named resource"
    raise InvalidRequest(msg, expression="Parameters.parameter")

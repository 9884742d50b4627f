"""ECGs in: one Observation, a Bundle of them, or a question whether one would be taken."""

import json
from collections.abc import Callable
from typing import Protocol

from ecgsvc import fhir
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import InvalidRequest, UnsupportedContent
from ecgsvc.domain.report import StoredReport
from ecgsvc.http.call import Call, Reply
from ecgsvc.http.resources import Resource, ecg_resource, report_resource

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

    def __init__(self, analyzer: EcgAnalyzer) -> None:
        self._analyzer = analyzer

    def observation(self, call: Call) -> Reply:
        """Analyse an ECG; 201 with its place, 200 when it was known already."""
        analyzed = self._analyzer.analyze(
            call.caller,
            observation=call.body,
            fhir_version=_fhir_version(call),
            patient=b"",
            request_id=call.headers.get("idempotency-key", ""),
            cancelled=call.cancelled,
        )
        report = analyzed.report
        ecg = ecg_resource(report, call.body)
        headers = {
            "location": f"{call.base_url}/{ecg.version_name}",
            "etag": f'W/"{report.version}"',
            "link": f"<{call.base_url}/{report_resource(report).name}>; "
            'rel="describedby"; title="DiagnosticReport"',
        }
        return Reply(200 if analyzed.replayed else 201, _representation(call, ecg), headers)

    def validate(self, call: Call) -> Reply:
        """Say what is wrong with an ECG, or that all is well; nothing is stored."""
        body = _unwrapped(call.body)
        _, outcome = self._analyzer.validate(
            call.caller, observation=body, fhir_version=_fhir_version(call), patient=b""
        )
        return Reply(200, outcome)


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

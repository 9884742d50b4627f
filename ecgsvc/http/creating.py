"""ECGs in, one at a time, or a question whether one would be taken."""

import json
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import unquote

import orjson

from ecgsvc import fhir
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import InvalidElement, InvalidRequest
from ecgsvc.domain.report import SentEcg, StoredReport
from ecgsvc.http.call import Call, Handle, Reply
from ecgsvc.http.formats import media_type, sent_version
from ecgsvc.http.resources import (
    ECG_SUFFIX,
    ReportReader,
    ecg_resource,
    report_resource,
)
from ecgsvc.http.searching import parse_identifier


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

    def analyze_together(
        self, caller: Caller, ecgs: Sequence[SentEcg], *, cancelled: Callable[[], bool]
    ) -> Sequence[AnalyzedEcg]:
        """Analyse, store and report all of them, or none."""

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
        condition = call.headers.get("if-none-exist", "")
        known = existing(self._reports, call.caller, condition)
        if known is not None:
            return Reply(200, b"", places(call.base_url, known, kind))
        _check_type(call.body, kind)
        request_id = call.headers.get("idempotency-key", "")
        sent = SentEcg(call.body, sent_version(call.headers), request_id=request_id)
        [analyzed] = self._analyzer.analyze_together(
            call.caller, [sent], cancelled=call.cancelled
        )
        report = analyzed.report
        body, told_as = _representation(call, report)
        status = 200 if analyzed.replayed else 201
        return Reply(status, body, places(call.base_url, report, kind), told_as)

    def validate(self, call: Call) -> Reply:
        """Say what is wrong with an ECG, or that all is well; nothing is stored."""
        body = _unwrapped(call.body)
        _, outcome = self._analyzer.validate(
            call.caller,
            observation=body,
            fhir_version=sent_version(call.headers),
            patient=b"",
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


def existing(reports: ReportReader, caller: Caller, condition: str) -> StoredReport | None:
    """Find the report of the ECG that ``If-None-Exist`` means; None: there is none.

    Raises
    ------
    InvalidRequest
        The condition is neither empty nor ``identifier=SYSTEM|VALUE``.
    """
    if not condition:
        return None
    name, _, value = condition.lstrip("?").partition("=")
    if name != "identifier" or "&" in value:
        msg = "If-None-Exist must be identifier=SYSTEM|VALUE"
        raise InvalidRequest(msg, expression="http.if-none-exist")
    return reports.find_by_identifier(caller, parse_identifier(unquote(value)))


def places(base_url: str, report: StoredReport, kind: str) -> dict[str, str]:
    """Return the headers that say where an ECG and its report are."""
    ecg = f"{kind}/{report.report_id}{ECG_SUFFIX}/_history/{report.version}"
    return {
        "location": f"{base_url}/{ecg}",
        "etag": f'W/"{report.version}"',
        "link": f"<{base_url}/{report_resource(report).name}>; "
        'rel="describedby"; title="DiagnosticReport"',
    }


def _representation(call: Call, report: StoredReport) -> tuple[bytes, str]:
    """Return what the client wants back, and its media type where it is a stated one."""
    preferred = call.headers.get("prefer", "")
    if "return=minimal" in preferred:
        return b"", ""
    if "return=OperationOutcome" in preferred:
        return fhir.all_ok_outcome(), ""
    ecg, came_in = ecg_resource(report, call.body), report.source_fhir_version
    wanted = call.version or came_in
    told = fhir.ecg_in_version(ecg.type, ecg.json, came_in, wanted)
    if told is None:  # no reason to refuse any more, as it is stored
        return ecg.json, media_type(came_in)
    return told, media_type(wanted)


def _unwrapped(body: bytes) -> bytes:
    """Take the resource out of Parameters; what is none is checked as it stands."""
    if b'"Parameters"' not in body[:4096]:
        return body
    try:
        parameters = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        return body
    entries = parameters.get("parameter")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == "resource":
            return json.dumps(entry.get("resource")).encode()
    msg = "the Parameters hold no parameter named resource"
    raise InvalidRequest(msg, expression="Parameters.parameter")

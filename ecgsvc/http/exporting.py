"""Bulk ``$export`` (https://hl7.org/fhir/uv/bulkdata/): all reports, a file a type.

Nothing is prepared: a file is read from the store, page by page, while it is fetched. So
the manifest is there at once, and an export holds neither memory nor disk.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlencode

import orjson

from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import InvalidRequest, JobNotFound, UnsupportedContent
from ecgsvc.domain.export import Export, ExportContent, ExportedReport
from ecgsvc.domain.incidents import describe
from ecgsvc.domain.jobs import Job
from ecgsvc.domain.report import ReportQuery
from ecgsvc.export import Deidentifier, resources_of
from ecgsvc.http.call import Call, Reply
from ecgsvc.http.formats import NDJSON, NDJSON_KINDS
from ecgsvc.http.jobs import Jobs

TYPES = ("DiagnosticReport", "Observation", "Provenance", "Device", "RiskAssessment")
PARAMETERS = ("_type", "_since", "_outputFormat", "without-names")
COMMITTED_WITHIN = timedelta(minutes=1)
"""How long after its time of issue a report is committed at the latest. An export says that
it is so much older than it is, so that the next one since then misses nothing."""

_ASKS = "GET /$export"
_LOG = logging.getLogger("ecgsvc.http")


class JobReader(Protocol):
    """Finds jobs of the caller's own; `JobNotFound` where there is no such one."""

    def job(self, caller: Caller, job_id: str) -> Job:
        """Return a job."""


class ReportExporter(JobReader, Protocol):
    """Reads whole tenants, and finds the job that asked for it."""

    def export(
        self,
        caller: Caller,
        query: ReportQuery,
        content: ExportContent,
        *,
        details: Mapping[str, str],
    ) -> Export:
        """Begin to read all that a query means."""


class Exporting:
    """Answers ``$export``, its manifest and its files.

    `pseudonym_key` is that of exports without names; empty refuses them.
    """

    def __init__(self, reports: ReportExporter, jobs: Jobs, pseudonym_key: bytes) -> None:
        self._reports = reports
        self._jobs = jobs
        self._pseudonym_key = pseudonym_key
        jobs.answered_by(_ASKS, self._manifest)

    def begin(self, call: Call) -> Reply:
        """Say where the manifest will be."""
        asked = dict(call.query)
        if asked.keys() - {*PARAMETERS, "_format"} or len(asked) < len(call.query):
            msg = f"the parameters are {', '.join(PARAMETERS)}, each once"
            raise InvalidRequest(msg, expression="http.query")
        if asked.get("_outputFormat", NDJSON).replace(" ", "+") not in NDJSON_KINDS:
            msg = f"_outputFormat must be {NDJSON}"
            raise InvalidRequest(msg, expression="http.query")
        details = {
            "request": _url(call),
            "at": datetime.now(UTC).isoformat(),
            "types": _types(asked.get("_type", "")),
            "since": _since(asked.get("_since", "")),
            "without_names": _is_true(asked.get("without-names", "false")),
        }
        if details["without_names"]:
            self._names(call.caller)
        export = self._export(call.caller, details, "manifest")
        found = details if export.n_reports else details | {"types": []}
        return self._jobs.accept(call, _ASKS, found, None)

    def _manifest(self, call: Call, job: Job) -> Reply:
        asked, place = job.details, f"{call.base_url}/_jobs/{job.job_id}"
        at = datetime.fromisoformat(asked["at"]) - COMMITTED_WITHIN
        manifest = {
            "transactionTime": at.isoformat(),
            "request": asked["request"],
            "requiresAccessToken": True,
            "output": [{"type": kind, "url": f"{place}/{kind}"} for kind in asked["types"]],
            "error": [],
        }
        return Reply(200, orjson.dumps(manifest), media_type="application/json")

    def file(self, call: Call) -> Reply:
        """Send the resources of a type, a line each."""
        job = self._reports.job(call.caller, call.path["id"])
        kind, asked = call.path["type"], job.details
        if job.asks != _ASKS or kind not in asked["types"]:
            msg = "there is no such file"
            raise JobNotFound(msg)
        names = self._names(call.caller) if asked["without_names"] else None
        export = self._export(call.caller, asked, kind)
        lines = _lines(export.reports, kind, datetime.fromisoformat(asked["at"]), names)
        return Reply(200, media_type=NDJSON, stream=_logged(lines))

    def _export(self, caller: Caller, asked: Mapping[str, Any], file: str) -> Export:
        since = asked["since"]
        query = ReportQuery(issued_from=since and datetime.fromisoformat(since))
        details = {
            "form": f"bulk {file}",
            "without_names": str(asked["without_names"]).lower(),
        }
        return self._reports.export(caller, query, ExportContent.RESOURCES, details=details)

    def _names(self, caller: Caller) -> Deidentifier:
        if not self._pseudonym_key:
            msg = "this installation has no key of pseudonyms (pseudonym_key)"
            raise UnsupportedContent(msg, expression="http.query")
        return Deidentifier(self._pseudonym_key, caller.tenant)


def _lines(
    reports: Iterator[ExportedReport], kind: str, at: datetime, names: Deidentifier | None
) -> Iterator[bytes]:
    """Yield the resources of a type, those that several reports have once.

    A report that was new after `at` is left out; a later version of one that was there is
    in, as the version of `at` may be replaced by now.
    """
    devices = set[bytes]()
    for exported in reports:
        if exported.report.version == 1 and exported.report.issued_at > at:
            continue
        for own_kind, body in resources_of(exported, names).by_type():
            if own_kind != kind or body in devices:
                continue
            if kind == "Device":
                devices.add(body)
            yield body + b"\n"


def _logged(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Break the answer off when reading fails; the log gets no value."""
    try:
        yield from lines
    except Exception as error:
        _LOG.error("an export broke off\n%s", "\n".join(describe(error)))
        msg = "the export broke off"
        raise ConnectionAbortedError(msg) from None


def _url(call: Call) -> str:
    query = urlencode(call.query)
    return f"{call.base_url}/$export" + (f"?{query}" if query else "")


def _types(text: str) -> list[str]:
    asked = [each.strip() for each in text.split(",") if each.strip()] or [*TYPES]
    if not set(asked) <= set(TYPES):
        msg = f"_type must be some of {','.join(TYPES)}"
        raise InvalidRequest(msg, expression="http.query")
    return [kind for kind in TYPES if kind in asked]


def _since(text: str) -> str | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if moment.tzinfo is None or "T" not in text:
            raise ValueError
        return moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        msg = "_since must be a time with zone (2026-11-01T08:00:00Z); + is written %2B"
        raise InvalidRequest(msg, expression="http.query") from None


def _is_true(text: str) -> bool:
    if text not in ("true", "false"):
        msg = "without-names must be true or false"
        raise InvalidRequest(msg, expression="http.query")
    return text == "true"

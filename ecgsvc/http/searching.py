"""Searches: parameters to questions the store answers, and pages of the answer."""

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from ecgsvc import fhir
from ecgsvc.domain.errors import InvalidRequest, ReportNotFound
from ecgsvc.domain.report import DIAGNOSTIC_REPORT_STATUSES, Identifier, ReportQuery
from ecgsvc.http.call import Call, Reply
from ecgsvc.http.resources import report_id_of

DEFAULT_COUNT = 50
MAX_COUNT = 1000

_OF_A_PATIENT: Mapping[str, str] = {
    "_id": "token",
    "patient": "reference",
    "subject": "reference",
    "date": "date",
}
_OF_REPORTS = {**_OF_A_PATIENT, "identifier": "token", "code": "token", "status": "token"}
PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "DiagnosticReport": _OF_REPORTS,
    "Observation": _OF_REPORTS,
    "RiskAssessment": {**_OF_A_PATIENT, "report": "reference"},
}
"""Search parameters of each resource type, by their type."""

RESULT_PARAMETERS = frozenset({"_count", "_page", "_include", "_format", "_pretty"})

_DATE = re.compile(
    r"(?P<prefix>eq|ge|gt|le|lt|sa|eb)?(?P<year>\d{4})(-(?P<month>\d{2})"
    r"(-(?P<day>\d{2})(T(?P<time>\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)"
    r"(?P<zone>Z|[+-]\d{2}:\d{2}))?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Search:
    """A search as asked: the store's question and what concerns the answer alone."""

    query: ReportQuery
    resource_id: str | None
    report_id: str | None
    identifier: Identifier | None
    include_results: bool
    code: tuple[str | None, str] | None


def parse_search(parameters: Iterable[tuple[str, str]], *, resource: str) -> Search:
    """Read the parameters of a search.

    Unknown ones are refused: a search that ignores what it was asked answers another
    question.

    Raises
    ------
    InvalidRequest
        Names the parameter and what was expected.
    """
    query = ReportQuery(page_size=DEFAULT_COUNT)
    resource_id, report_id, identifier, include, code = None, None, None, False, None
    seen: set[str] = set()
    for name, value in parameters:
        if name in seen and name not in {"date", "_include"}:
            raise _bad(name, "is given once at most")
        seen.add(name)
        if "\0" in value:
            raise _bad(name, "holds a character that cannot be stored")
        if name not in {*PARAMETERS[resource], *RESULT_PARAMETERS}:
            known = ", ".join(sorted({*PARAMETERS[resource], *RESULT_PARAMETERS}))
            raise _bad(name, f"is not known here; known are {known}")
        match name:
            case "report":
                report_id = _report(value)
            case "_id":
                resource_id = value
            case "identifier":
                identifier = parse_identifier(value)
            case "patient" | "subject":
                if {"patient", "subject"} <= seen:
                    raise _bad(name, "and its synonym exclude each other")
                query = replace(query, patient=_patient(name, value))
            case "date":
                query = _between(query, value)
            case "code":
                system, bar, symbol = value.rpartition("|")
                code = (system if bar else None, symbol)
            case "status":
                query = replace(query, status=_status(value))
            case "_count":
                query = replace(query, page_size=parse_count(value))
            case "_page":
                query = replace(query, page_token=value)
            case "_include":
                if resource != "DiagnosticReport" or value != "DiagnosticReport:result":
                    raise _bad(name, "takes DiagnosticReport:result, for DiagnosticReport")
                include = True
            case _:  # of `RESULT_PARAMETERS`, about the form alone
                pass
    for name in sorted(seen & {"_id", "identifier", "report"}):
        if len(seen & PARAMETERS[resource].keys()) > 1:
            raise _bad(name, "stands alone: no other search parameter beside it")
    if resource_id is not None:
        report_id = _report_of(resource, resource_id)
    if resource == "DiagnosticReport" and code is not None:
        query = replace(query, code=code[1])
    return Search(query, resource_id, report_id, identifier, include, code)


def parse_identifier(value: str) -> Identifier:
    """Read ``SYSTEM|VALUE`` or ``VALUE``; the latter is an identifier without a system.

    Raises
    ------
    InvalidRequest
        The value is missing.
    """
    system, _, symbol = value.rpartition("|")
    if not symbol:
        raise _bad(name="identifier", what="must be SYSTEM|VALUE or VALUE")
    return Identifier(system or None, symbol)


def _patient(name: str, value: str) -> str:
    """Read ``Patient/1``, ``1`` or an identifier ``system|value``."""
    if not value:
        raise _bad(name, "must be Patient/ID, ID or SYSTEM|VALUE")
    return value if "|" in value or "/" in value else f"Patient/{value}"


def _report_of(resource: str, resource_id: str) -> str:
    """Return the report of a resource by its id; one of no report is found nowhere."""
    if resource == "DiagnosticReport":
        return resource_id
    try:
        return report_id_of(resource_id)
    except ReportNotFound:
        return "none"


def _report(value: str) -> str:
    """Read ``DiagnosticReport/ID`` or ``ID``."""
    kind, _, report_id = value.rpartition("/")
    if kind not in ("", "DiagnosticReport") or not report_id:
        raise _bad(name="report", what="must be DiagnosticReport/ID or ID")
    return report_id


def _status(value: str) -> str:
    status = value.rpartition("|")[2]
    if status not in DIAGNOSTIC_REPORT_STATUSES:
        known = ", ".join(sorted(DIAGNOSTIC_REPORT_STATUSES))
        raise _bad(name="status", what=f"must be one of {known}")
    return status


def parse_count(value: str) -> int:
    """Read ``_count``; too much is cut to `MAX_COUNT`."""
    if not re.fullmatch(r"\d{1,6}", value, re.ASCII) or int(value) < 1:
        raise _bad(name="_count", what="must be a whole number from 1 on")
    return min(int(value), MAX_COUNT)


def _between(query: ReportQuery, value: str) -> ReportQuery:
    """Narrow the half-open range of effective times (R4 search, 3.1.1.4.7)."""
    match = _DATE.fullmatch(value)
    try:
        if match is None:
            raise ValueError
        start, end = _span(match)
    except (ValueError, OverflowError):
        msg = "must be a date or time with zone, such as ge2026-11-01; + is written %2B"
        raise _bad(name="date", what=msg) from None
    bounds: Mapping[str, tuple[datetime | None, datetime | None]] = {
        "eq": (start, end),
        "ge": (start, None),
        "le": (None, end),
        "gt": (end, None),
        "sa": (end, None),
        "lt": (None, start),
        "eb": (None, start),
    }
    return query.between("effective", *bounds[match["prefix"] or "eq"])


def _span(match: re.Match[str]) -> tuple[datetime, datetime]:
    year, month, day = (int(match[part] or 1) for part in ("year", "month", "day"))
    if match["time"]:
        stamp = f"{match['year']}-{match['month']}-{match['day']}T{match['time']}"
        start = datetime.fromisoformat(stamp + match["zone"].replace("Z", "+00:00"))
        step = (
            timedelta(minutes=1)
            if match["time"].count(":") == 1
            else timedelta(microseconds=1)
            if "." in match["time"]
            else timedelta(seconds=1)
        )
        return start.astimezone(UTC), (start + step).astimezone(UTC)
    start = datetime(year, month, day, tzinfo=UTC)
    if match["day"]:
        n_days = 1
    elif match["month"]:
        n_days = monthrange(year, month)[1]
    else:
        n_days = 366 if monthrange(year, 2)[1] == 29 else 365
    return start, start + timedelta(days=n_days)


def _bad(name: str, what: str) -> InvalidRequest:
    """Refuse a parameter; its name is cut, as it is whatever the client sent."""
    shown = name if re.fullmatch(r"[A-Za-z_:.-]{1,40}", name) else "a parameter"
    return InvalidRequest(f"{shown} {what}", expression="http.query")


def searchset(
    call: Call, kind: str, entries: Iterable[fhir.BundleEntry], following: str
) -> Reply:
    """Answer a search: a page, and the link to the one after it."""
    asked = [(name, value) for name, value in call.query if name != "_page"]
    links = [("self", _url(call, kind, call.query))]
    if following:
        links.append(("next", _url(call, kind, [*asked, ("_page", following)])))
    return Reply(200, fhir.bundle("searchset", entries, links=links))


def _url(call: Call, kind: str, query: Iterable[tuple[str, str]]) -> str:
    written = urlencode(list(query))
    return f"{call.base_url}/{kind}" + (f"?{written}" if written else "")

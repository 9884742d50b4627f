"""Read, vread, history and search of what is stored."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from http import HTTPStatus

from ecgsvc import fhir
from ecgsvc.domain.errors import InvalidRequest, ReportNotFound
from ecgsvc.domain.report import ReportPage, StoredReport
from ecgsvc.http.call import Call, Handle, Reply
from ecgsvc.http.errors import NotServed
from ecgsvc.http.formats import media_type
from ecgsvc.http.resources import (
    ECG_SUFFIX,
    ReportReader,
    Resource,
    derived_resources,
    ecg_resource,
    in_wanted_version,
    report_id_of,
    report_resource,
)
from ecgsvc.http.searching import Search, parse_search, searchset

_N_RESULTS = 2
"""Observations that a report has beside the ECG: measurements and impression."""


class Reading:
    """Answers GET; one read of the store a call, so that one event enters the trail."""

    def __init__(self, reports: ReportReader) -> None:
        self._reports = reports

    def diagnostic_report(self, call: Call) -> Reply:
        """Return a DiagnosticReport, of a version when the path names one."""
        report = self._report(call, call.path["id"])
        return _one(call, report_resource(report))

    def observation(self, call: Call) -> Reply:
        """Return the ECG, the measurements or the impression."""
        if call.path["id"].endswith(ECG_SUFFIX):
            return self._ecg(call, "Observation")
        return self._derived(call, "Observation")

    def derived(self, kind: str) -> Handle:
        """Return what reads resources of a type that were made with a report."""
        return lambda call: self._derived(call, kind)

    def _derived(self, call: Call, kind: str) -> Reply:
        report = self._report(call, report_id_of(call.path["id"]))
        return _one(call, _named(derived_resources(report), kind, call.path["id"]))

    def file(self, kind: str) -> Handle:
        """Return what reads ECGs that came as a file in a resource of this type."""
        return lambda call: self._ecg(call, kind)

    def _ecg(self, call: Call, kind: str) -> Reply:
        report_id = report_id_of(call.path["id"])
        report, source = self._reports.get_with_source(
            call.caller, report_id, _version(call)
        )
        ecg = _named([ecg_resource(report, source)], kind, call.path["id"])
        came_in = report.source_fhir_version
        wanted = call.version or came_in
        told = fhir.ecg_in_version(kind, ecg.json, came_in, wanted)
        if told is None:
            msg = f"this ECG is served as it came: ask for {media_type(came_in)}"
            raise NotServed(HTTPStatus.NOT_ACCEPTABLE, msg)
        return _reply(call, ecg, told, media_type(wanted))

    def history(self, call: Call) -> Reply:
        """Return all versions of a report, the newest first, without sheets."""
        versions = self._reports.versions(call.caller, call.path["id"])
        entries = []
        for report in versions:
            resource = report_resource(report)
            url = f"{call.base_url}/{resource.name}"
            method = "POST" if report.version == 1 else "PUT"
            status = "201" if report.version == 1 else "200"
            made: dict[str, object] = {
                "request": {
                    "method": method,
                    "url": resource.name if method == "PUT" else resource.type,
                },
                "response": {"status": status, "etag": f'W/"{report.version}"'},
            }
            listed = in_wanted_version(call, fhir.without_sheet(resource.json))
            entries.append(fhir.BundleEntry(listed, url, made))
        return Reply(200, fhir.bundle("history", entries, total=len(entries)))

    def search_reports(self, call: Call) -> Reply:
        """Return a page of DiagnosticReports without sheets, with results when asked."""
        search = parse_search(call.query, resource="DiagnosticReport")
        reports, following = self._page(call, search)
        entries = []
        for report in reports:
            listed = report_resource(report)
            listed = replace(listed, json=fhir.without_sheet(listed.json))
            entries.append(_entry(call, listed, "match"))
            if search.include_results:
                results = _of_type(report, "Observation")
                entries += [_entry(call, each, "include") for each in results]
        return searchset(call, "DiagnosticReport", entries, following)

    def search_observations(self, call: Call) -> Reply:
        """Return a page of measurements and impressions; those of an ECG stay together.

        The ECGs themselves are read one by one: a page of waveforms is of no use.
        """
        search = parse_search(call.query, resource="Observation")
        n_kinds = _N_RESULTS if search.code is None else 1
        if search.query.page_size < n_kinds:
            msg = (
                f"_count must be {_N_RESULTS} or more when no code is given: "
                "the Observations of an ECG stay together"
            )
            raise InvalidRequest(msg, expression="http.query")
        return self._search_derived(call, search, "Observation", n_kinds)

    def search_risks(self, call: Call) -> Reply:
        """Return the RiskAssessments of a page of reports, of which some have none."""
        search = parse_search(call.query, resource="RiskAssessment")
        return self._search_derived(call, search, "RiskAssessment", 1)

    def _search_derived(self, call: Call, search: Search, kind: str, n_usual: int) -> Reply:
        """Return the resources of a type of as many reports as make a page."""

        def found_in(report: StoredReport) -> list[Resource]:
            return [
                each
                for each in _of_type(report, kind)
                if search.resource_id in {None, each.id} and _has_code(each, search.code)
            ]

        count = search.query.page_size
        query = replace(search.query, page_size=count // n_usual)
        reports, following = self._page(
            call,
            replace(search, query=query),
            lambda page: sum(len(found_in(each)) for each in page.reports) <= count,
        )
        entries = [
            _entry(call, each, "match") for report in reports for each in found_in(report)
        ]
        return searchset(call, kind, entries, following)

    def _report(self, call: Call, report_id: str) -> StoredReport:
        return self._reports.get(call.caller, report_id, _version(call))

    def _page(
        self,
        call: Call,
        search: Search,
        fits: Callable[[ReportPage], bool] = lambda _page: True,
    ) -> tuple[Iterable[StoredReport], str]:
        if search.identifier is not None:
            found = self._reports.find_by_identifier(call.caller, search.identifier)
            return (() if found is None else (found,)), ""
        if search.report_id is not None:
            try:
                return (self._reports.get(call.caller, search.report_id),), ""
            except ReportNotFound:
                return (), ""
        page = self._reports.list(call.caller, search.query, fits=fits)
        return page.reports, page.next_page_token


def _version(call: Call) -> int | None:
    version = call.path.get("version")
    if version is None:
        return None
    if not (version.isascii() and version.isdecimal()):
        msg = "there is no such version"
        raise ReportNotFound(msg)
    return int(version[:10])


def _of_type(report: StoredReport, kind: str) -> Iterator[Resource]:
    return (each for each in derived_resources(report) if each.type == kind)


def _has_code(resource: Resource, code: tuple[str | None, str] | None) -> bool:
    if code is None:
        return True
    system, symbol = code
    return any(
        symbol == own and system in {None, own_system} for own_system, own in resource.codes
    )


def _named(resources: Iterable[Resource], kind: str, wanted: str) -> Resource:
    for each in resources:
        if each.type == kind and each.id == wanted:
            return each
    msg = f"there is no such {kind}, or no such version of it"
    raise ReportNotFound(msg)


def _one(call: Call, resource: Resource) -> Reply:
    return _reply(call, resource, in_wanted_version(call, resource.json))


def _reply(call: Call, resource: Resource, body: bytes, kind: str = "") -> Reply:
    headers = {
        "etag": f'W/"{resource.version}"',
        "content-location": f"{call.base_url}/{resource.version_name}",
    }
    if call.headers.get("if-none-match") == headers["etag"]:
        return Reply(304, headers=headers)
    return Reply(200, body, headers, kind)


def _entry(call: Call, resource: Resource, mode: str) -> fhir.BundleEntry:
    body = in_wanted_version(call, resource.json)
    url = f"{call.base_url}/{resource.name}"
    return fhir.BundleEntry(body, url, {"search": {"mode": mode}})

"""Read, vread, history and search of what is stored."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from http import HTTPStatus

from ecgsvc import fhir
from ecgsvc.domain.errors import InvalidRequest, ReportNotFound
from ecgsvc.domain.report import StoredReport
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
        wanted = call.path["id"]
        if wanted.endswith(ECG_SUFFIX):
            return self._ecg(call, "Observation")
        report = self._report(call, report_id_of(wanted))
        return _one(call, _named(derived_resources(report), "Observation", wanted))

    def file(self, kind: str) -> Handle:
        """Return what reads ECGs that came as a file in a resource of this type."""
        return lambda call: self._ecg(call, kind)

    def _ecg(self, call: Call, kind: str) -> Reply:
        report_id = report_id_of(call.path["id"])
        report, source = self._reports.get_with_source(
            call.caller, report_id, _version(call)
        )
        ecg = ecg_resource(report, source, call.version)
        if ecg is None:
            came_in = media_type(report.source_fhir_version)
            msg = f"this ECG is served as it came: ask for {came_in}"
            raise NotServed(HTTPStatus.NOT_ACCEPTABLE, msg)
        served = _named([ecg.resource], kind, call.path["id"])
        return _reply(call, served, served.json, media_type(ecg.fhir_version))

    def provenance(self, call: Call) -> Reply:
        """Return the Provenance of a report."""
        report = self._report(call, report_id_of(call.path["id"]))
        return _one(call, _named(derived_resources(report), "Provenance", call.path["id"]))

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
        reports, following = self._page(call, search, search.resource_id)
        entries = []
        for report in reports:
            listed = report_resource(report)
            listed = replace(listed, json=fhir.without_sheet(listed.json))
            entries.append(_entry(call, listed, "match"))
            if search.include_results:
                entries += [_entry(call, each, "include") for each in _results(report)]
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
        query = replace(search.query, page_size=search.query.page_size // n_kinds)
        search = replace(search, query=query)
        own_id = search.resource_id
        report_id = None if own_id is None else own_id.rpartition("-")[0]
        reports, following = self._page(call, search, report_id)
        found = [
            _entry(call, each, "match")
            for report in reports
            for each in _results(report)
            if own_id in {None, each.id} and _has_code(each, search.code)
        ]
        return searchset(call, "Observation", found, following)

    def _report(self, call: Call, report_id: str) -> StoredReport:
        return self._reports.get(call.caller, report_id, _version(call))

    def _page(
        self, call: Call, search: Search, report_id: str | None
    ) -> tuple[Iterable[StoredReport], str]:
        if search.resource_id is not None:
            try:
                return (self._reports.get(call.caller, report_id or ""),), ""
            except ReportNotFound:
                return (), ""
        if search.identifier is not None:
            found = self._reports.find_by_identifier(call.caller, search.identifier)
            return (() if found is None else (found,)), ""
        page = self._reports.list(call.caller, search.query)
        return page.reports, page.next_page_token


def _version(call: Call) -> int | None:
    version = call.path.get("version")
    if version is None:
        return None
    if not (version.isascii() and version.isdecimal()):
        msg = "there is no such version"
        raise ReportNotFound(msg)
    return int(version[:10])


def _results(report: StoredReport) -> Iterator[Resource]:
    return (each for each in derived_resources(report) if each.type == "Observation")


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

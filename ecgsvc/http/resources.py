"""The resources of a report version under the ids they are served as.

A report with id R is ``DiagnosticReport/R``; its Observations are ``R-measurements`` and
``R-impression`` (as its documents say) and the ECG itself ``R-ecg``.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from ecgsvc import fhir
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import ReportNotFound
from ecgsvc.domain.report import (
    Identifier,
    ReportPage,
    ReportQuery,
    StoredReport,
)
from ecgsvc.http.call import Call
from ecgsvc.http.formats import WRITTEN_VERSION

_OF_REPORT = re.compile(r"(?P<report_id>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})-.")
ECG_SUFFIX = "-ecg"
ECG_TYPES = ("Observation", "DocumentReference", "Media", "Binary")
"""Resource types an ECG comes as: samples, or a file in one of the others."""


class ReportReader(Protocol):
    """Finds stored reports; raises errors of `ecgsvc.domain.errors` only."""

    def get(
        self, caller: Caller, report_id: str, version: int | None = None
    ) -> StoredReport:
        """Return a version, the latest when None; `ReportNotFound` when there is none."""

    def get_with_source(
        self, caller: Caller, report_id: str, version: int | None = None
    ) -> tuple[StoredReport, bytes]:
        """Return the same without documents, and the ECG as received."""

    def find_by_identifier(
        self, caller: Caller, identifier: Identifier
    ) -> StoredReport | None:
        """Return the latest report of the ECG with an identifier, None if unknown."""

    def versions(self, caller: Caller, report_id: str) -> tuple[StoredReport, ...]:
        """Return all versions, the newest first; `ReportNotFound` when there is none."""

    def list(
        self, caller: Caller, query: ReportQuery, *, fits: Callable[[ReportPage], bool]
    ) -> ReportPage:
        """Return one page that `fits`; a token stays valid when the page size changes."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as it is served; `codes` are those of ``code.coding``."""

    type: str
    id: str
    version: int
    json: bytes
    codes: frozenset[tuple[str, str]] = frozenset()

    @property
    def name(self) -> str:
        """``Type/id``."""
        return f"{self.type}/{self.id}"

    @property
    def version_name(self) -> str:
        """``Type/id/_history/version``."""
        return f"{self.name}/_history/{self.version}"


def report_resource(report: StoredReport) -> Resource:
    """Return the DiagnosticReport of a version."""
    return _resource(report.version, report.documents.diagnostic_report)


def derived_resources(report: StoredReport) -> Iterator[Resource]:
    """Yield all that was made with a report (Observations, Provenance …) but the ECG."""
    documents = report.documents
    own = (documents.provenance, documents.device, *documents.further)
    for body in (*documents.observations, *own):
        yield _resource(report.version, body)


def ecg_resource(report: StoredReport, source: bytes) -> Resource:
    """Return the ECG behind a report version, as it came."""
    own_id = report.report_id + ECG_SUFFIX
    kind, body = fhir.served_ecg(
        source, resource_id=own_id, version=report.version, last_updated=report.issued_at
    )
    return Resource(kind, own_id, report.version, body)


def in_wanted_version(call: Call, resource: bytes) -> bytes:
    """Return a resource of ours as the client wants it."""
    return fhir.in_version(resource, call.version or WRITTEN_VERSION)


def report_id_of(resource_id: str) -> str:
    """Return the report that a resource belongs to, by its id.

    Raises
    ------
    ReportNotFound
        No resource of ours has such an id.
    """
    match = _OF_REPORT.match(resource_id)
    if match is None:
        msg = "there is no such resource, or no such version of it"
        raise ReportNotFound(msg)
    return match["report_id"]


def _resource(version: int, body: bytes) -> Resource:
    parsed = json.loads(body)
    code = parsed.get("code")
    codings = code.get("coding", ()) if isinstance(code, dict) else ()
    return Resource(
        str(parsed["resourceType"]),
        str(parsed.get("id", "")),
        version,
        body,
        frozenset((str(c.get("system", "")), str(c.get("code", ""))) for c in codings),
    )

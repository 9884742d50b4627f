"""ReportService over whatever keeps reports."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

import grpc

from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import UnsupportedContent
from ecgsvc.domain.export import Export, ExportContent
from ecgsvc.domain.report import ReportPage, ReportQuery, StoredReport
from ecgsvc.domain.signing import StatusChange
from ecgsvc.export import Deidentifier, resources_of
from ecgsvc.rpc import requests
from ecgsvc.rpc.caller import caller_of
from ecgsvc.rpc.list_filter import parse_filter, parse_order
from ecgsvc.rpc.messages import exported_report, report_summary, whole_report
from ecgsvc.v1 import reports_pb2, reports_pb2_grpc

MAX_LIST_BYTES = 4_000_000
"""Under the 4 MiB that gRPC clients accept in one message unless told otherwise."""


MAX_PATIENT = 512
"""Longest name of a patient, in characters."""


class ReportReader(Protocol):
    """Finds stored reports; raises errors of `ecgsvc.domain.errors` only."""

    def get(
        self, caller: Caller, report_id: str, version: int | None = None
    ) -> StoredReport:
        """Return a version, the latest when None; `ReportNotFound` when there is none."""

    def list(
        self, caller: Caller, query: ReportQuery, *, fits: Callable[[ReportPage], bool]
    ) -> ReportPage:
        """Return one page that `fits`; a token stays valid when the page size changes."""

    def export(
        self,
        caller: Caller,
        query: ReportQuery,
        content: ExportContent,
        *,
        details: Mapping[str, str],
        after: str,
    ) -> Export:
        """Begin to read all that a query means, after a cursor."""


class ReportKeeper(Protocol):
    """What may be done with stored reports but reading and signing."""

    def versions(self, caller: Caller, report_id: str) -> tuple[StoredReport, ...]:
        """Return all versions, the newest first; `ReportNotFound` when there is none."""

    def erase_patient(self, caller: Caller, patient: str) -> int:
        """Erase all reports of a patient; return how many there were."""


class StatusUpdater(Protocol):
    """Makes versions in the name of clinicians."""

    def update_status(self, caller: Caller, change: StatusChange) -> StoredReport:
        """Make a version; `VersionConflict`, `IllegalTransition`, `ReportNotFound`."""


class ReportService(reports_pb2_grpc.ReportServiceServicer):
    """Translates messages to calls of whatever keeps reports, and back.

    `pseudonym_key` is that of exports without names; empty refuses them.
    """

    def __init__(
        self,
        reader: ReportReader,
        keeper: ReportKeeper,
        signer: StatusUpdater,
        pseudonym_key: bytes = b"",
    ) -> None:
        self._reader = reader
        self._keeper = keeper
        self._signer = signer
        self._pseudonym_key = pseudonym_key

    def GetReport(  # noqa: N802  # the name in the contract
        self, request: reports_pb2.GetReportRequest, context: grpc.ServicerContext
    ) -> reports_pb2.GetReportResponse:
        """Return one report with everything it refers to."""
        report_id, version = requests.report_name(request.name)
        fhir_version = requests.accepted_version(request.accept_fhir_version)
        report = self._reader.get(caller_of(context), report_id, version)
        return reports_pb2.GetReportResponse(report=whole_report(report, fhir_version))

    def ListReports(  # noqa: N802  # the name in the contract
        self, request: reports_pb2.ListReportsRequest, context: grpc.ServicerContext
    ) -> reports_pb2.ListReportsResponse:
        """Return one page of summaries, cut to what a client accepts in one message."""
        query = replace(
            parse_filter(request.filter),
            order=parse_order(request.order_by),
            page_size=requests.page_size(request.page_size),
            page_token=requests.page_token(request.page_token),
        )
        page = self._reader.list(caller_of(context), query, fits=_fits)
        return _response(page)

    def ListReportVersions(  # noqa: N802  # the name in the contract
        self, request: reports_pb2.ListReportVersionsRequest, context: grpc.ServicerContext
    ) -> reports_pb2.ListReportVersionsResponse:
        """Return all versions of a report, the newest first."""
        report_id = requests.latest_name(request.parent, "parent")
        versions = self._keeper.versions(caller_of(context), report_id)
        return reports_pb2.ListReportVersionsResponse(
            versions=map(report_summary, versions)
        )

    def UpdateReportStatus(  # noqa: N802  # the name in the contract
        self, request: reports_pb2.UpdateReportStatusRequest, context: grpc.ServicerContext
    ) -> reports_pb2.UpdateReportStatusResponse:
        """Make a version in the caller's name."""
        report = self._signer.update_status(
            caller_of(context), requests.status_change(request)
        )
        return reports_pb2.UpdateReportStatusResponse(report=whole_report(report))

    def ErasePatient(  # noqa: N802  # the name in the contract
        self, request: reports_pb2.ErasePatientRequest, context: grpc.ServicerContext
    ) -> reports_pb2.ErasePatientResponse:
        """Erase all reports of a patient on legal order."""
        patient = requests.required_text(request.patient, "patient", MAX_PATIENT)
        n_reports = self._keeper.erase_patient(caller_of(context), patient)
        return reports_pb2.ErasePatientResponse(report_count=n_reports)

    def ExportReports(  # noqa: N802  # the name in the contract
        self, request: reports_pb2.ExportReportsRequest, context: grpc.ServicerContext
    ) -> Iterator[reports_pb2.ExportReportsResponse]:
        """Send every report that a filter means, as long as the client listens."""
        caller = caller_of(context)
        names = self._names(caller) if request.without_names else None
        export = self._reader.export(
            caller,
            parse_filter(request.filter),
            ExportContent.RESOURCES_AND_ECGS
            if request.include_ecg
            else ExportContent.RESOURCES,
            details={"form": "stream", "without_names": str(request.without_names).lower()},
            after=requests.page_token(request.cursor),
        )
        for exported in export.reports:
            yield exported_report(resources_of(exported, names), exported.cursor)

    def _names(self, caller: Caller) -> Deidentifier:
        if not self._pseudonym_key:
            msg = "this installation has no key of pseudonyms (pseudonym_key)"
            raise UnsupportedContent(msg, expression="without_names")
        return Deidentifier(self._pseudonym_key, caller.tenant)


def _fits(page: ReportPage) -> bool:
    return _response(page).ByteSize() <= MAX_LIST_BYTES


def _response(page: ReportPage) -> reports_pb2.ListReportsResponse:
    return reports_pb2.ListReportsResponse(
        reports=[report_summary(report) for report in page.reports],
        next_page_token=page.next_page_token,
    )

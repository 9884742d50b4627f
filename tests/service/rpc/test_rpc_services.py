"""The services over their ports: nothing lost, nothing added."""

from datetime import timedelta

import grpc
import pytest
from rpc_fakes import EFFECTIVE, a_report, an_identifier, refused

from ecgsvc.domain.report import ReportDocuments, ReportQuery
from ecgsvc.v1 import analysis_pb2, reports_pb2


def test_an_analysis_carries_the_request_in_and_the_report_out(served):
    served.analyzer.report = a_report("r7", 3)
    served.analyzer.replayed = True
    reply = served.analyze(
        b"observation",
        patient={"json": b"patient", "fhir_version": "4.0.1"},
        request_id="k",
    )
    assert served.analyzer.asked == [
        {
            "observation": b"observation",
            "fhir_version": "4.0.1",
            "patient": b"patient",
            "request_id": "k",
            "explain": False,
        }
    ]
    assert reply.name == "reports/r7/versions/3"
    assert reply.replayed
    assert reply.report.json == b'{"r":1}'
    assert reply.report.fhir_version == "4.0.1"
    assert [each.json for each in reply.observations] == [b'{"m":1}', b'{"i":1}']
    assert (reply.provenance.json, reply.device.json) == (b"{}", b"[]")


@pytest.mark.parametrize(("body", "valid"), [(b"good", True), (b"bad", False)])
def test_validation_gives_the_verdict_and_the_outcome(served, body, valid):
    reply = served.analysis.ValidateEcg(
        analysis_pb2.ValidateEcgRequest(observation={"json": body}), timeout=10
    )
    assert reply.valid is valid
    assert reply.operation_outcome.json == b'{"issue": []}'


def test_a_report_is_got_by_its_name_and_by_its_version(served):
    served.reader.reports = [a_report("r1", 2), a_report("r1", 1, status="final")]
    latest = served.reports.GetReport(reports_pb2.GetReportRequest(name="reports/r1"))
    assert latest.report.name == "reports/r1/versions/2"
    first = served.reports.GetReport(
        reports_pb2.GetReportRequest(name="reports/r1/versions/1")
    ).report
    assert (first.name, first.status) == ("reports/r1/versions/1", "final")
    assert first.effective_time.ToDatetime(EFFECTIVE.tzinfo) == EFFECTIVE
    assert first.issued_time.ToDatetime(EFFECTIVE.tzinfo) == EFFECTIVE + timedelta(
        minutes=1
    )
    assert first.patient == "Patient/1"
    assert first.conclusion == "Sinus rhythm."
    assert first.source_sha256 == "0" * 64
    assert [each.json for each in first.observations] == [b'{"m":1}', b'{"i":1}']
    assert (first.provenance.json, first.device.json) == (b"{}", b"[]")


def test_a_report_that_is_not_there_is_not_found(served):
    with pytest.raises(grpc.RpcError) as caught:
        served.reports.GetReport(reports_pb2.GetReportRequest(name="reports/none"))
    assert refused(caught.value).code is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        (an_identifier("4711", "urn:oid:1.2"), "urn:oid:1.2|4711"),
        (an_identifier("4711"), "4711"),
        (None, ""),
    ],
)
def test_a_patient_known_by_identifier_is_named_as_the_filter_names_it(
    served, identifier, expected
):
    served.reader.reports = [
        a_report(subject_reference=None, subject_identifier=identifier)
    ]
    reply = served.reports.ListReports(reports_pb2.ListReportsRequest(), timeout=10)
    assert reply.reports[0].patient == expected


def test_a_list_asks_what_the_filter_says_and_shows_summaries(served):
    served.reader.reports = [a_report()]
    reply = served.reports.ListReports(
        reports_pb2.ListReportsRequest(
            page_size=5000,
            page_token="0",
            filter='patient = "Patient/1" AND status = final',
        )
    )
    assert served.reader.queries == [
        ReportQuery(patient="Patient/1", status="final", page_size=1000, page_token="0")
    ]
    [report] = reply.reports
    assert report.report.json == b'{"r":1}'
    assert not report.observations
    assert not report.HasField("provenance")
    assert not report.HasField("device")


def test_lists_leave_the_content_of_the_sheet_to_who_gets_the_report(served):
    form = '{"contentType":"application/pdf","data":"%s","size":9}' % ("A" * 90_000)
    body = b'{"meta":{},"presentedForm":[%s]}' % form.encode()
    served.reader.reports = [a_report(documents=ReportDocuments(body, (), b"", b""))]
    listed = served.reports.ListReports(reports_pb2.ListReportsRequest(), timeout=10)
    assert listed.ByteSize() < 1_000
    assert b'"size":9' in listed.reports[0].report.json
    got = served.reports.GetReport(
        reports_pb2.GetReportRequest(name=listed.reports[0].name), timeout=10
    )
    assert got.report.report.json == body


def test_a_page_never_exceeds_what_clients_accept(served):
    documents = ReportDocuments(b"x" * 600_000, (), b"", b"")
    served.reader.reports = [a_report(f"r{i}", documents=documents) for i in range(20)]
    names, token = [], ""
    while True:
        page = served.reports.ListReports(
            reports_pb2.ListReportsRequest(page_size=20, page_token=token), timeout=20
        )
        assert page.ByteSize() < 4 * 1024 * 1024
        names += [report.name for report in page.reports]
        token = page.next_page_token
        if not token:
            break
    assert names == [f"reports/r{i}/versions/1" for i in range(20)]


def test_one_report_larger_than_a_page_is_still_listed(served):
    documents = ReportDocuments(b"x" * 4_050_000, (), b"", b"")
    served.reader.reports = [a_report(f"r{i}", documents=documents) for i in range(2)]
    page = served.reports.ListReports(reports_pb2.ListReportsRequest(), timeout=20)
    assert len(page.reports) == 1
    assert page.next_page_token == "1"

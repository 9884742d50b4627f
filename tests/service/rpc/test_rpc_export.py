"""ExportReports: a message a report, gone on with, with and without names."""

import json
from collections.abc import Iterator

import grpc
import pytest
from rpc_fakes import EFFECTIVE, a_report, refused

from ecgsvc.client import EcgClient
from ecgsvc.domain.report import ReportDocuments, ReportQuery
from ecgsvc.v1 import reports_pb2

KEY = bytes(range(32))


def named_report(number: int):
    body = {"resourceType": "DiagnosticReport", "id": f"r{number}", "status": "final"}
    body |= {"conclusion": "Jane Doe", "effectiveDateTime": EFFECTIVE.isoformat()}
    documents = ReportDocuments(json.dumps(body, indent=1).encode(), (b"{}",), b"{}", b"{}")
    return a_report(f"r{number}", documents=documents)


@pytest.fixture
def exporting(serve):
    served = serve(pseudonym_key=KEY)
    served.reader.reports += [named_report(number) for number in range(5)]
    return served


@pytest.fixture
def client(exporting) -> Iterator[EcgClient]:
    with EcgClient(f"127.0.0.1:{exporting.server.port}") as connected:
        yield connected


def ids(replies) -> list[str]:
    return [json.loads(reply.report)["id"] for reply in replies]


def test_every_report_is_a_message_and_a_line(client, exporting):
    replies = list(client.export_reports('status = "final"'))
    assert ids(replies) == ["r0", "r1", "r2", "r3", "r4"]
    assert all(b"\n" not in reply.report for reply in replies)
    assert all(reply.ecg is None for reply in replies)
    assert exporting.reader.queries == [ReportQuery(status="final")]


def test_the_ecg_comes_when_it_is_asked_for(client):
    assert [reply.ecg for reply in client.export_reports(include_ecg=True)] == [b"{ }"] * 5


def test_an_export_goes_on_after_a_cursor(client):
    cursor = list(client.export_reports())[1].cursor
    assert ids(client.export_reports(cursor=cursor)) == ["r2", "r3", "r4"]


def test_without_names_nothing_names_anyone(client):
    replies = list(client.export_reports(without_names=True))
    assert len(replies) == 5
    for reply in replies:
        report = json.loads(reply.report)
        assert "conclusion" not in report
        assert not report["id"].startswith("r")
        assert report["effectiveDateTime"] != EFFECTIVE.isoformat()


def test_without_a_key_there_are_no_pseudonyms(serve):
    served = serve()
    request = reports_pb2.ExportReportsRequest(without_names=True)
    with pytest.raises(grpc.RpcError) as caught:
        list(served.reports.ExportReports(request, timeout=10))
    assert refused(caught.value).reason == "UNSUPPORTED_CONTENT"


def test_a_wrong_filter_and_a_wrong_cursor_are_refused(exporting):
    for fields in ({"filter": "name = x"}, {"cursor": "\n"}):
        request = reports_pb2.ExportReportsRequest(**fields)
        with pytest.raises(grpc.RpcError) as caught:
            list(exporting.reports.ExportReports(request, timeout=10))
        assert refused(caught.value).reason == "INVALID_REQUEST"


def test_a_client_goes_on_by_itself_when_the_server_goes_away(exporting, serve):
    port = exporting.server.port
    received = []
    with EcgClient(f"127.0.0.1:{port}", max_attempts=20) as client:
        for reply in client.export_reports():
            received.append(reply)
            if len(received) == 2:
                exporting.server.stop(0)
                again = serve(address=f"127.0.0.1:{port}")
                again.reader.reports += exporting.reader.reports
    assert ids(received) == ["r0", "r1", "r2", "r3", "r4"]

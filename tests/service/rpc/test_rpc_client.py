"""The Python client against a real server."""

import threading
import time

import grpc
import pytest
from rpc_fakes import EFFECTIVE, a_report

from ecgsvc.client import EcgClient, EcgServiceError, ExplanationReply
from ecgsvc.domain.errors import MissingElement, Overloaded, StoreUnavailable
from ecgsvc.sdk.errors import delay_s


@pytest.fixture
def client(served):
    with EcgClient(f"127.0.0.1:{served.server.port}", deadline_s=10) as client:
        yield client


def failing(n_times, error):
    """Work that fails some times before it succeeds."""
    left = [n_times]

    def work(_body, _cancelled):
        if left[0]:
            left[0] -= 1
            raise error

    return work


def test_an_analysis_comes_back_whole(served, client):
    served.analyzer.replayed = True
    reply = client.analyze(
        b"observation", patient=b"patient", request_id="key", fhir_version="4.0.1"
    )
    assert served.analyzer.asked == [
        {
            "observation": b"observation",
            "fhir_version": "4.0.1",
            "patient": b"patient",
            "request_id": "key",
            "explain": False,
        }
    ]
    assert reply.explanation is None
    assert reply.name == "reports/r1/versions/1"
    assert reply.replayed
    assert reply.report == b'{"r":1}'
    assert reply.observations == (b'{"m":1}', b'{"i":1}')
    assert (reply.provenance, reply.device) == (b"{}", b"[]")


def test_an_explanation_comes_back_when_it_is_asked_for(served, client):
    reply = client.analyze(b"observation", explain=True)
    assert served.analyzer.asked[0]["explain"]
    assert reply.explanation == ExplanationReply(b'{"e":1}', b"<svg/>")
    assert reply.report == b'{"r":1}'


def test_validation_comes_back_read(client):
    assert client.validate(b"good").valid
    assert client.validate(b"bad").operation_outcome == {"issue": []}


def test_a_report_comes_back_with_times_in_utc(served, client):
    served.reader.reports = [a_report()]
    report = client.get_report("reports/r1")
    assert report.effective_at == EFFECTIVE
    assert report.patient == "Patient/1"
    assert len(report.observations) == 2


def test_lists_run_over_all_pages(served, client):
    served.reader.reports = [a_report(f"r{i}") for i in range(7)]
    names = [report.name for report in client.list_reports("status = final", page_size=3)]
    assert names == [f"reports/r{i}/versions/1" for i in range(7)]
    assert [query.page_token for query in served.reader.queries] == ["", "3", "6"]
    assert {query.status for query in served.reader.queries} == {"final"}


def test_a_refusal_carries_its_outcome_and_is_not_tried_again(served, client):
    served.analyzer.work = failing(9, MissingElement("no subject", expression="a.subject"))
    with pytest.raises(EcgServiceError, match="INVALID_ARGUMENT: no subject") as caught:
        client.analyze(b"{}")
    error = caught.value
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.reason == "MISSING_ELEMENT"
    assert error.operation_outcome["issue"][0]["expression"] == ["a.subject"]
    assert len(served.analyzer.asked) == 1


@pytest.mark.parametrize("error", [StoreUnavailable("away"), Overloaded("full")])
def test_what_may_pass_is_tried_again_under_the_same_request_id(served, client, error):
    served.analyzer.work = failing(1, error)
    started = time.monotonic()
    assert client.analyze(b"x" * 1_000_000).name
    assert time.monotonic() - started > 0.7  # as the service asked
    request_ids = {each["request_id"] for each in served.analyzer.asked}
    assert len(served.analyzer.asked) == 2
    assert len(request_ids) == 1
    assert "" not in request_ids


def test_a_call_that_a_stopping_server_drops_is_tried_again():
    dropped = EcgServiceError(grpc.StatusCode.CANCELLED, "cancelled")
    refused = EcgServiceError(grpc.StatusCode.INVALID_ARGUMENT, "no subject")
    assert delay_s(dropped, attempt=1) > 0
    assert delay_s(refused, attempt=1) is None


def test_two_analyses_without_a_request_id_are_two(served, client):
    client.analyze(b"{}")
    client.analyze(b"{}")
    assert len({each["request_id"] for each in served.analyzer.asked}) == 2


def test_the_deadline_holds_for_all_tries_together(served):
    served.analyzer.work = failing(99, StoreUnavailable("away"))
    target = f"127.0.0.1:{served.server.port}"
    started = time.monotonic()
    with (
        EcgClient(target, deadline_s=1.5) as client,
        pytest.raises(EcgServiceError) as caught,
    ):
        client.analyze(b"{}")
    assert time.monotonic() - started < 2.5
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
    assert caught.value.retry_after_s == 1.0
    assert 1 <= len(served.analyzer.asked) <= 2


def test_work_that_takes_too_long_is_a_deadline_exceeded(served):
    served.analyzer.work = lambda _body, _cancelled: threading.Event().wait(0.5)
    target = f"127.0.0.1:{served.server.port}"
    with (
        EcgClient(target, deadline_s=0.2) as client,
        pytest.raises(EcgServiceError) as caught,
    ):
        client.analyze(b"{}")
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert caught.value.operation_outcome is None


def test_nobody_there_is_unavailable_in_time(served):
    port = served.server.port
    served.server.stop(0)
    with EcgClient(f"127.0.0.1:{port}", deadline_s=1) as client:
        for call in (lambda: client.analyze(b"{}"), lambda: client.wait_until_ready(0.2)):
            with pytest.raises(EcgServiceError) as caught:
                call()
            assert caught.value.code is grpc.StatusCode.UNAVAILABLE


def test_waiting_for_a_server_that_is_there_is_short(client):
    client.wait_until_ready(5)

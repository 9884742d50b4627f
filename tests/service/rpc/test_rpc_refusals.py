"""What a caller is told when a request cannot be served."""

import logging
import random
from contextlib import suppress

import grpc
import pytest
from rpc_fakes import refused

from ecgsvc.domain import errors as domain
from ecgsvc.rpc.errors import TABLE
from ecgsvc.v1 import analysis_pb2, reports_pb2

METHODS = [
    "/ecgsvc.v1.AnalysisService/AnalyzeEcg",
    "/ecgsvc.v1.AnalysisService/ValidateEcg",
    "/ecgsvc.v1.ReportService/GetReport",
    "/ecgsvc.v1.ReportService/ListReports",
]
MIB = 1024 * 1024


def raising(error):
    def work(_body, _cancelled):
        raise error

    return work


def refusal_of(call, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **kwargs)
    return refused(caught.value)


@pytest.mark.parametrize("kind", list(TABLE), ids=lambda kind: kind.__name__)
def test_every_domain_error_arrives_as_its_row_says(served, kind):
    served.analyzer.work = raising(kind("what is wrong", expression="Observation.code"))
    got = refusal_of(served.analyze)
    row = TABLE[kind]
    assert (got.code, got.message, got.reason) == (row.code, "what is wrong", row.reason)
    assert got.retry_after_s == row.retry_after_s
    is_content = issubclass(kind, domain.RefusedContent)
    assert got.violations == ([("Observation.code", row.reason)] if is_content else [])
    [issue] = got.outcome["issue"]
    assert issue["code"] == kind.__name__
    assert issue["expression"] == ["Observation.code"]


def test_the_issues_of_one_body_arrive_together(served):
    first = domain.MissingElement("subject", expression="Observation.subject")
    second = domain.InvalidElement("status", expression="Observation.status")
    served.analyzer.work = raising(first.with_others([second]))
    got = refusal_of(served.analyze)
    assert got.violations == [
        ("Observation.subject", "MISSING_ELEMENT"),
        ("Observation.status", "INVALID_ELEMENT"),
    ]
    assert len(got.outcome["issue"]) == 2


@pytest.mark.parametrize("text", ["x", "é", "😀", "%", "\n"])
@pytest.mark.parametrize("n_issues", [1, 5, 200])
def test_giant_messages_arrive_within_six_kilobytes(served, text, n_issues):
    issues = [
        domain.InvalidElement(text * 50_000, expression="Observation." + text * 5_000)
        for _ in range(n_issues)
    ]
    served.analyzer.work = raising(issues[0].with_others(issues[1:]))
    for _ in range(3):
        got = refusal_of(served.analyze)
        assert got.code is grpc.StatusCode.INVALID_ARGUMENT
        assert got.wire_bytes < 6_000
        assert got.outcome["issue"]


def test_a_bug_is_an_incident_and_its_text_stays_inside(served, caplog):
    served.analyzer.work = raising(RuntimeError("Jane Doe"))
    with caplog.at_level(logging.INFO):
        got = refusal_of(served.analyze)
    assert got.code is grpc.StatusCode.INTERNAL
    assert got.reason == "INTERNAL"
    assert got.message.startswith("internal error, incident ")
    assert got.message.split()[-1] in caplog.text
    assert got.outcome["issue"]
    assert "Jane Doe" not in caplog.text + repr(got)


@pytest.mark.parametrize("method", METHODS)
def test_bytes_that_are_no_protobuf_are_refused_with_an_outcome(served, method):
    call = served.channel.unary_unary(method)
    for bytes_sent in (b"\xff", b"\x0a\xff\x01", b'{"resourceType":"Observation"}'):
        got = refusal_of(call, bytes_sent, timeout=10)
        assert got.code is grpc.StatusCode.INVALID_ARGUMENT
        assert got.violations == [
            (method.rpartition("/")[2] + "Request", "INVALID_REQUEST")
        ]
        assert got.outcome["issue"]


@pytest.mark.parametrize("method", METHODS)
def test_random_bytes_never_give_internal(served, method):
    randomness = random.Random(20261101)
    call = served.channel.unary_unary(method)
    for _ in range(100):
        with suppress(grpc.RpcError):
            call(randomness.randbytes(randomness.randrange(60)), timeout=10)
    codes = {code for (called, code) in served.server.request_counts if called == method}
    assert codes <= {"OK", "INVALID_ARGUMENT", "NOT_FOUND"}
    assert "INVALID_ARGUMENT" in codes


@pytest.mark.parametrize(
    "method",
    [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_the_standard_services_refuse_broken_bytes_too(served, method):
    call = served.channel.stream_stream(method)
    with pytest.raises(grpc.RpcError) as caught:
        list(call(iter([b"\xff"]), timeout=10))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_call_without_a_message_is_refused(served):
    call = served.channel.stream_unary(METHODS[0])
    got = refusal_of(call, iter([]), timeout=10)
    assert got.code is grpc.StatusCode.INVALID_ARGUMENT
    assert got.reason == "INVALID_REQUEST"


def test_an_oversized_ecg_is_answered_by_the_service(served):
    got = refusal_of(served.analyze, b"x" * (16 * MIB + 1))
    assert (got.code, got.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_LARGE")
    assert got.retry_after_s is None
    assert got.outcome["issue"][0]["expression"] == ["AnalyzeEcgRequest"]
    assert not served.analyzer.asked


def test_an_ecg_at_the_limit_is_served(served):
    overhead = len(
        analysis_pb2.AnalyzeEcgRequest(
            observation={"json": b"x" * (15 * MIB)}
        ).SerializeToString()
    ) - (15 * MIB)
    served.analyze(b"x" * (16 * MIB - overhead))
    assert len(served.analyzer.asked) == 1


def test_more_than_the_transport_takes_is_refused_by_the_transport(served):
    with pytest.raises(grpc.RpcError) as caught:
        served.analyze(b"x" * (20 * MIB + 1))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    served.analyze()


def test_a_small_message_that_unpacks_to_a_giant_is_refused(served):
    call = served.channel.unary_unary(METHODS[0])
    with pytest.raises(grpc.RpcError) as caught:
        call(b"\x0a" + bytes(64 * MIB), compression=grpc.Compression.Gzip, timeout=20)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_unknown_method_is_unimplemented(served):
    with pytest.raises(grpc.RpcError) as caught:
        served.channel.unary_unary("/ecgsvc.v1.AnalysisService/Nothing")(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ({"request_id": "x" * 129}, "request_id"),
        ({"request_id": "a\nb"}, "request_id"),
        ({"patient": {"json": b"{}", "fhir_version": "3.0"}}, "patient.fhir_version"),
    ],
)
def test_wrong_request_fields_are_named(served, fields, expression):
    got = refusal_of(served.analyze, **fields)
    assert got.code is grpc.StatusCode.INVALID_ARGUMENT
    assert got.violations == [(expression, "INVALID_REQUEST")]
    assert not served.analyzer.asked


def test_a_request_without_an_observation_misses_it(served):
    for call, request in (
        (served.analysis.AnalyzeEcg, analysis_pb2.AnalyzeEcgRequest()),
        (served.analysis.ValidateEcg, analysis_pb2.ValidateEcgRequest()),
    ):
        got = refusal_of(call, request, timeout=10)
        assert got.violations == [("Observation", "MISSING_ELEMENT")]


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ({"page_size": -1}, "page_size"),
        ({"page_token": "é"}, "page_token"),
        ({"filter": "patient = "}, "filter"),
    ],
)
def test_wrong_list_requests_are_named(served, fields, expression):
    request = reports_pb2.ListReportsRequest(**fields)
    got = refusal_of(served.reports.ListReports, request, timeout=10)
    assert got.code is grpc.StatusCode.INVALID_ARGUMENT
    assert got.violations == [(expression, "INVALID_REQUEST")]


def test_calls_are_counted_and_logged_without_content(served, caplog):
    with caplog.at_level(logging.INFO, logger="ecgsvc.rpc"):
        served.analyze(b'{"name":"Jane Doe"}', request_id="Jane")
    assert served.counted("/AnalyzeEcg", "OK") == 1
    [record] = [r for r in caplog.records if r.name == "ecgsvc.rpc"]
    assert record.method == METHODS[0]
    assert record.status == "OK"
    assert record.request_bytes == 29
    assert record.response_bytes > 0
    assert record.elapsed_ms >= 0
    assert "Jane" not in caplog.text + repr(vars(record))

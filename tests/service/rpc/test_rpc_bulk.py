"""Many ECGs over one call: an answer each, whatever happens to the others."""

import threading

import grpc
import pytest
from rpc_fakes import refused

from ecgsvc.client import EcgClient, EcgServiceError, SentEcg
from ecgsvc.domain.errors import MissingElement, StoreUnavailable
from ecgsvc.v1 import analysis_pb2


@pytest.fixture
def client(served):
    with EcgClient(f"127.0.0.1:{served.server.port}") as client:
        yield client


def ecgs(n):
    return [SentEcg(f"ecg {i}".encode(), name=str(i)) for i in range(n)]


def test_one_that_is_refused_does_not_end_the_others(served, client):
    def work(body, _cancelled):
        if body == b"ecg 1":
            wrong = [MissingElement(f"no {i}", expression=f"O.c[{i}]") for i in range(8)]
            raise wrong[0].with_others(wrong[1:])
        if body == b"ecg 3":
            raise ValueError("Mr Smith")

    served.analyzer.work = work
    replies = list(client.analyze_many(ecgs(5)))
    assert [each.name for each in replies] == ["0", "1", "2", "3", "4"]
    assert [each.error is None for each in replies] == [True, False, True, False, True]
    assert replies[0].analyzed.name == "reports/r1/versions/1"
    assert replies[0].analyzed.observations == (b'{"m":1}', b'{"i":1}')
    wrong, ours = replies[1].error, replies[3].error
    assert (wrong.code, wrong.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "MISSING_ELEMENT",
    )
    assert len(wrong.operation_outcome["issue"]) == 8  # all, not the five of a trailer
    assert ours.code is grpc.StatusCode.INTERNAL
    assert "incident" in ours.message
    assert "Smith" not in str(ours.operation_outcome)
    entered = [(each.method.rpartition("/")[2], each.by_us) for each in served.refused]
    assert entered == [("AnalyzeEcgs", False), ("AnalyzeEcgs", True)]


def test_what_has_no_answer_is_sent_again_under_its_own_id(served, client):
    failures = iter([StoreUnavailable("locked"), StoreUnavailable("locked")])

    def work(body, _cancelled):
        if body == b"ecg 2" and (error := next(failures, None)):
            raise error

    served.analyzer.work = work
    replies = list(client.analyze_many(ecgs(5)))
    assert [each.name for each in replies] == ["0", "1", "2", "3", "4"]
    assert all(each.error is None for each in replies)
    ids = {}
    for asked in served.analyzer.asked:
        ids.setdefault(asked["observation"], set()).add(asked["request_id"])
    assert len(ids) == 5
    assert all(len(each) == 1 for each in ids.values())
    assert len(set.union(*ids.values())) == 5


def test_a_failure_that_lasts_is_the_answer_of_its_ecg(served):
    served.analyzer.work = lambda _body, _cancelled: raise_(StoreUnavailable("locked"))
    with EcgClient(f"127.0.0.1:{served.server.port}", max_attempts=1) as client:
        replies = list(client.analyze_many(ecgs(2)))
    assert {each.error.reason for each in replies} == {"STORE_UNAVAILABLE"}


def raise_(error):
    raise error


def test_no_more_is_taken_than_the_window_holds(served, client):
    go_on, taken = threading.Event(), []
    served.analyzer.work = lambda _body, _cancelled: go_on.wait(10)

    def source():
        for each in ecgs(20):
            taken.append(each)
            if len(taken) == 3:
                threading.Timer(0.1, go_on.set).start()
            yield each

    replies = client.analyze_many(source(), window=3)
    next(replies)
    assert len(taken) <= 5
    assert len(list(replies)) == 19


def test_a_fault_of_the_source_is_the_callers(client):
    def source():
        yield from ecgs(2)
        raise KeyError("file")

    replies = client.analyze_many(source())
    assert [next(replies).name, next(replies).name] == ["0", "1"]
    with pytest.raises(KeyError):
        next(replies)


def test_nothing_to_send_is_nothing_to_say(client):
    assert list(client.analyze_many([])) == []


def test_a_stream_that_waits_does_not_hold_up_the_end(served):
    go_on = threading.Event()

    def requests():
        yield analysis_pb2.AnalyzeEcgsRequest(ecg={"observation": {"json": b"{}"}})
        go_on.wait(30)

    call = served.analysis.AnalyzeEcgs(requests())
    next(call)
    stopping = threading.Thread(target=served.server.stop, args=(30.0,))
    stopping.start()
    with pytest.raises(grpc.RpcError) as caught:
        next(call)
    assert caught.value.code() in (
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNAVAILABLE,
    )
    go_on.set()
    stopping.join(20)
    assert not stopping.is_alive()


def test_a_call_that_may_not_be_made_ends_as_a_whole(serve):
    served = serve(authenticate=lambda _credentials: raise_(StoreUnavailable("gone")))
    with pytest.raises(grpc.RpcError) as caught:
        list(served.analysis.AnalyzeEcgs(iter([analysis_pb2.AnalyzeEcgsRequest()])))
    assert refused(caught.value).reason == "STORE_UNAVAILABLE"
    with (
        EcgClient(f"127.0.0.1:{served.server.port}", max_attempts=2) as client,
        pytest.raises(EcgServiceError, match="gone"),
    ):
        list(client.analyze_many(ecgs(1)))

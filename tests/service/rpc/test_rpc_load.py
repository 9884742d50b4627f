"""Many requests at once, and more than is accepted."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rpc_fakes import refused


def test_two_hundred_requests_at_once_get_their_own_answers(serve):
    served = serve(n_workers=8, max_pending=200)
    served.analyzer.work = lambda _body, _cancelled: time.sleep(0.002)
    bodies = [f'{{"n":{i}}}'.encode() for i in range(200)]
    with ThreadPoolExecutor(40) as callers:
        replies = list(callers.map(served.analyze, bodies))
    assert len(replies) == 200
    assert {each["observation"] for each in served.analyzer.asked} == set(bodies)
    assert served.counted("/AnalyzeEcg", "OK") == 200


class Gate:
    """Work that waits until the gate opens."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def __call__(self, _body, _cancelled):
        assert self.opened.wait(10)


@pytest.fixture
def full(serve):
    """A server with as much work as it accepts; yields it and the calls it has."""
    served = serve(n_workers=2, max_pending=4)
    served.analyzer.work = gate = Gate()
    with ThreadPoolExecutor(4) as callers:
        calls = [callers.submit(served.analyze) for _ in range(4)]
        end_s = time.monotonic() + 5
        while served.server.n_pending < 4 and time.monotonic() < end_s:
            time.sleep(0.005)
        yield served, gate, calls
        gate.opened.set()


def test_what_is_too_much_is_refused_at_once_and_asked_to_come_back(full):
    served, gate, calls = full
    started = time.monotonic()
    for _ in range(20):
        with pytest.raises(grpc.RpcError) as caught:
            served.analyze(b"x" * 1_000_000)
        got = refused(caught.value)
        assert (got.code, got.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert got.retry_after_s > 0
        assert got.outcome["issue"]
    assert time.monotonic() - started < 3
    gate.opened.set()
    assert all(call.result(timeout=5) for call in calls)
    served.analyze()


def test_health_answers_while_all_threads_are_busy(full):
    served, _gate, _calls = full
    check = health_pb2_grpc.HealthStub(served.channel).Check
    reply = check(health_pb2.HealthCheckRequest(), timeout=2)
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


def test_calls_given_up_while_waiting_do_not_count_for_ever(full):
    served, gate, calls = full
    gate.opened.set()
    for call in calls:
        call.result(timeout=5)
    gate.opened.clear()
    with ThreadPoolExecutor(4) as callers:
        late = [callers.submit(served.analyze, timeout=0.1) for _ in range(4)]
        assert all(call.exception(timeout=5) for call in late)
    gate.opened.set()
    end_s = time.monotonic() + 5
    while served.server.n_pending and time.monotonic() < end_s:
        time.sleep(0.005)
    served.analyze()

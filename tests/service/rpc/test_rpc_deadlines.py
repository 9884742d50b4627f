"""Work stops when nobody waits for it any more."""

import threading
import time

import grpc
import pytest

from ecgsvc.domain.errors import DeadlineExceeded
from ecgsvc.v1 import analysis_pb2


class Stages:
    """Work in many stages that asks between them whether to go on."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.stopped = threading.Event()

    def __call__(self, _body, cancelled):
        self.started.set()
        end_s = time.monotonic() + 10
        while time.monotonic() < end_s:
            if cancelled():
                self.stopped.set()
                msg = "the deadline passed; nothing was stored"
                raise DeadlineExceeded(msg)
            time.sleep(0.005)


def eventually(condition, timeout_s=5.0):
    end_s = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.01)
    return condition()


def n_given_up(served):
    """Calls past their deadline; the client's own clock may have cancelled them first."""
    codes = ("DEADLINE_EXCEEDED", "CANCELLED")
    return sum(served.counted("/AnalyzeEcg", code) for code in codes)


def test_work_stops_at_the_deadline(served):
    served.analyzer.work = stages = Stages()
    with pytest.raises(grpc.RpcError) as caught:
        served.analyze(timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert stages.stopped.wait(2)
    assert eventually(lambda: n_given_up(served) == 1)


def test_work_stops_when_the_client_goes_away(served):
    served.analyzer.work = stages = Stages()
    request = analysis_pb2.AnalyzeEcgRequest(observation={"json": b"{}"})
    call = served.analysis.AnalyzeEcg.future(request, timeout=30)
    assert stages.started.wait(5)
    call.cancel()
    assert stages.stopped.wait(2)
    assert eventually(lambda: served.counted("/AnalyzeEcg", "CANCELLED") == 1)


def test_a_call_without_a_deadline_is_never_late(served):
    asked = []
    served.analyzer.work = lambda _body, cancelled: asked.append(cancelled())
    served.analyze(timeout=None)
    assert asked == [False]


def test_a_request_that_waited_past_its_deadline_is_not_begun(serve):
    served = serve(n_workers=1)
    release = threading.Event()
    served.analyzer.work = lambda _body, _cancelled: release.wait(10)
    first = threading.Thread(target=served.analyze, args=(b"first",))
    first.start()
    assert eventually(lambda: len(served.analyzer.asked) == 1)
    with pytest.raises(grpc.RpcError):
        served.analyze(b"second", timeout=0.2)
    release.set()
    first.join()
    assert eventually(lambda: n_given_up(served) == 1)
    assert [each["observation"] for each in served.analyzer.asked] == [b"first"]


def test_a_client_that_never_sends_its_message_frees_its_thread(serve):
    served = serve(n_workers=1, receive_timeout_s=0.2)
    hold = threading.Event()

    def nothing():
        hold.wait(10)
        yield b""

    stalled = served.channel.stream_unary("/ecgsvc.v1.AnalysisService/AnalyzeEcg").future(
        nothing(), timeout=None
    )
    served.analyze(timeout=5)
    assert stalled.code() is grpc.StatusCode.CANCELLED
    hold.set()

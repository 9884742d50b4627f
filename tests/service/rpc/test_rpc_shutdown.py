"""What was accepted is finished; then the process ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rpc_fakes import anyone

from ecgsvc.rpc.server import CannotListen, ServerSettings, build_server
from ecgsvc.v1 import analysis_pb2, analysis_pb2_grpc

HERE = Path(__file__).parent
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Process:
    """`slow_server.py`, running."""

    def __init__(self, grace_s: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "slow_server.py"), str(grace_s)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONPATH": str(HERE.parents[2])},
        )
        self.port = int(self.line())
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")

    def line(self) -> str:
        return self.process.stdout.readline().strip()

    def await_started(self, n_analyses: int) -> None:
        assert [self.line() for _ in range(n_analyses)] == ["started"] * n_analyses
        time.sleep(0.3)  # for those that wait behind them

    def said(self) -> list[str]:
        return [word for word in self.process.stdout.read().split() if word != "started"]

    def analyze(self, seconds: float):
        request = analysis_pb2.AnalyzeEcgRequest(
            observation={"json": str(seconds).encode()}
        )
        stub = analysis_pb2_grpc.AnalysisServiceStub(self.channel)
        return stub.AnalyzeEcg(request, timeout=30)

    def close(self) -> None:
        self.channel.close()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start() -> Iterator[type[Process]]:
    started: list[Process] = []

    def start(grace_s: float) -> Process:
        started.append(Process(grace_s))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_accepted_work_finish_and_then_ends_the_process(start, stop):
    server = start(grace_s=20)
    with ThreadPoolExecutor(4) as callers:
        # Two run and two wait for a thread: all four were accepted.
        calls = [callers.submit(server.analyze, 1) for _ in range(4)]
        server.await_started(2)
        server.process.send_signal(stop)
        time.sleep(0.1)
        with pytest.raises(grpc.RpcError) as caught:
            server.analyze(0)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert all(call.result().name for call in calls)
    assert server.process.wait(5) == 0
    assert server.said() == ["done"] * 4 + [stop.name]


def test_work_longer_than_the_grace_is_cancelled(start):
    server = start(grace_s=0.3)
    with ThreadPoolExecutor(1) as callers:
        call = callers.submit(server.analyze, 20)
        server.await_started(1)
        server.process.terminate()
        assert isinstance(call.exception(timeout=5), grpc.RpcError)
    assert server.process.wait(5) == 0
    assert server.said() == ["cancelled", "SIGTERM"]


def test_a_second_signal_ends_the_process_at_once(start):
    server = start(grace_s=20)
    with ThreadPoolExecutor(1) as callers:
        call = callers.submit(server.analyze, 20)
        server.await_started(1)
        server.process.terminate()
        time.sleep(0.2)
        assert server.process.poll() is None
        server.process.terminate()
        assert server.process.wait(2) == 128 + signal.SIGTERM
        assert isinstance(call.exception(timeout=5), grpc.RpcError)


def test_watchers_are_told_and_do_not_delay_the_end(served):
    stub = health_pb2_grpc.HealthStub(served.channel)

    def seen(watch) -> list[int]:
        statuses = [next(watch).status]
        watching.release()
        with suppress(grpc.RpcError):
            statuses.extend(reply.status for reply in watch)
        return statuses

    watching = threading.Semaphore(0)
    with ThreadPoolExecutor(3) as watchers:
        seens = [
            watchers.submit(seen, stub.Watch(health_pb2.HealthCheckRequest()))
            for _ in range(3)
        ]
        assert all(watching.acquire(timeout=5) for _ in seens)
        started = time.monotonic()
        served.server.stop(30)
        assert time.monotonic() - started < 5
        assert [each.result(5) for each in seens] == [[SERVING, NOT_SERVING]] * 3


def test_a_reflection_stream_left_open_does_not_delay_the_end(served):
    hold = threading.Event()

    def nothing():
        hold.wait(10)
        yield b""

    call = served.channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    )(nothing())
    time.sleep(0.2)
    started = time.monotonic()
    served.server.stop(30)
    assert time.monotonic() - started < 5
    hold.set()
    assert call.code() is not grpc.StatusCode.OK


def test_stopping_twice_is_stopping(served):
    served.server.stop(1)
    served.server.stop(1)


def test_a_port_in_use_is_said_so(served):
    address = f"127.0.0.1:{served.server.port}"
    with pytest.raises(
        CannotListen, match=f"cannot listen on {address}: the port is in use"
    ):
        build_server(
            ServerSettings(address),
            analyzer=served.analyzer,
            reports=served.reader,
            signer=served.reader,
            authenticate=anyone,
            operation_outcome=lambda _errors: b"",
            record_refusal=lambda _refused: None,
        )


def test_processes_may_share_a_port_when_asked_to(serve):
    first = serve(reuse_port=True)
    second = serve(reuse_port=True, address=f"127.0.0.1:{first.server.port}")
    assert second.server.port == first.server.port

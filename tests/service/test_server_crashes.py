"""A server is killed and its PostgreSQL restarted under clients of gRPC.

What was acknowledged is there, once, and the trail has one event for each call.
"""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from ecgsvc.store import TrailAuditor, migrate
from ecgsvc.store.engine import make_engine
from ecgsvc.trail import SigningKey
from ecgsvc.v1 import analysis_pb2, analysis_pb2_grpc, reports_pb2, reports_pb2_grpc
from tests.clusters import Cluster, running_cluster
from tests.servers import Server, running_server
from tests.service.test_end_to_end import observation

GONE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
"""What a client may be told while the server or its database is away, and then repeats."""
FASTER = {grpc.StatusCode.ABORTED, grpc.StatusCode.FAILED_PRECONDITION}
"""Another signer was."""
BODY = observation(1, identifier="ecg-identifier")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running_cluster() as made:
        yield made


@dataclass
class Load:
    """Clients that post and sign, and what they were told, by the id of each call."""

    over: threading.Event = field(default_factory=threading.Event)
    server: Server | None = None
    posted: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Identifier of the ECG, and name of the report."""
    signed: dict[str, str] = field(default_factory=dict)
    clients: list[Future[None]] = field(default_factory=list)

    def write(self, writer: int) -> None:
        number = 0
        while not self.over.is_set():
            value, number = f"ecg-{writer}-{number}", number + 1
            body = BODY.replace(b"ecg-identifier", value.encode())
            request = analysis_pb2.AnalyzeEcgRequest(
                observation={"json": body}, request_id=value
            )
            while not self.over.is_set():
                call_id, reply = self.call("AnalyzeEcg", request, GONE)
                if reply is not None:
                    self.posted[call_id] = value, reply.name
                    break

    def sign(self, _signer: int) -> None:
        ask = reports_pb2.ListReportsRequest(
            filter='status = "preliminary"', page_size=5, order_by="issued_time"
        )
        while not self.over.is_set():
            _, page = self.call("ListReports", ask, GONE)
            for report in page.reports if page is not None else ():
                request = reports_pb2.UpdateReportStatusRequest(
                    name=report.name.partition("/versions")[0],
                    etag=report.etag, status="final", role="cardiologist", reason="read",
                )  # fmt: skip
                call_id, reply = self.call("UpdateReportStatus", request, GONE | FASTER)
                if reply is not None:
                    self.signed[call_id] = reply.report.name
            time.sleep(0.1)

    def call(
        self, method: str, request: Any, may_fail: set[grpc.StatusCode]
    ) -> tuple[str, Any]:
        """Call once; the call's id, and the reply, or None when it failed as it may."""
        call_id, server = str(uuid.uuid4()), self.server
        if server is None:
            time.sleep(0.1)
            return call_id, None
        metadata = [
            ("authorization", f"Bearer {server.token()}"),
            ("x-request-id", call_id),
        ]
        with grpc.insecure_channel(server.address) as channel:
            stub = (
                analysis_pb2_grpc.AnalysisServiceStub(channel)
                if method == "AnalyzeEcg"
                else reports_pb2_grpc.ReportServiceStub(channel)
            )
            call = getattr(stub, method)
            try:
                return call_id, call(request, timeout=20, metadata=metadata)
            except grpc.RpcError as error:
                if error.code() not in may_fail:
                    raise
                time.sleep(0.05)
                return call_id, None

    def wait(self, n_posts: int, n_signs: int, least_s: float) -> None:
        """Until so many more were acknowledged, and so much time has passed."""
        goal = len(self.posted) + n_posts, len(self.signed) + n_signs
        start_s = time.monotonic()
        while True:
            time.sleep(0.05)
            for client in self.clients:
                if client.done():
                    client.result()
            passed_s = time.monotonic() - start_s
            done = len(self.posted) >= goal[0] and len(self.signed) >= goal[1]
            if done and passed_s >= least_s:
                return
            assert passed_s < least_s + 120, (len(self.posted), len(self.signed), goal)


def crash(
    cluster: Cluster, folder: Path, n_writers: int, n_signers: int, least_s: float
) -> Load:
    migrate(cluster.url)
    load, log = Load(), folder / "server.log"
    options = ("--profile", "fast")
    with ThreadPoolExecutor(n_writers + n_signers) as pool:
        load.clients += [pool.submit(load.write, number) for number in range(n_writers)]
        load.clients += [pool.submit(load.sign, number) for number in range(n_signers)]
        try:
            with running_server(cluster.url, log, *options) as load.server:
                load.wait(4, 1, least_s / 3)
                load.server.kill()
                load.server = None
            with running_server(cluster.url, log, *options) as load.server:
                load.wait(2, 1, least_s / 3)
                cluster.control("restart", "-m", "immediate")
                load.wait(2, 1, least_s / 3)
                load.over.set()
                for client in load.clients:
                    client.result(60)
        finally:
            load.over.set()
    return load


def check(url: str, key: SigningKey, load: Load) -> None:
    with TrailAuditor.opened(url, [key.public]) as auditor:
        assert auditor.verify("default").problems == ()
    engine = make_engine(url, timeout_s=None)
    with engine.connect() as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

        reports = dict(rows("SELECT value, report_id FROM identifiers"))
        (n_ecgs,) = rows("SELECT count(*) FROM ecgs")[0]
        versions = Counter(
            name for (name,) in rows("SELECT report_id FROM reports ORDER BY version")
        )
        events = rows(
            "SELECT request_id, operation, report_id, report_version FROM audit_events "
            "WHERE operation <> 'disclose'"
        )
    engine.dispose()
    assert len(reports) == n_ecgs == len(set(reports.values())), "an ECG has two reports"
    for value, name in load.posted.values():
        assert name == f"reports/{reports[value]}/versions/1", "acknowledged, and lost"
    assert set(versions.values()) <= {1, 2}, "a report was signed twice"
    once = Counter(request_id for request_id, *_ in events)
    assert {n for call_id, n in once.items() if call_id} == {1}, "a call has two events"
    entered = {
        call_id: (operation, f"reports/{report_id}/versions/{version}")
        for call_id, operation, report_id, version in events
    }
    for call_id, (_, name) in load.posted.items():
        assert entered[call_id] in {("create", name), ("replay", name)}
    for call_id, name in load.signed.items():
        assert entered[call_id] == ("update", name)
    n_signed = sum(1 for n in versions.values() if n == 2)
    assert n_signed >= len(set(load.signed.values())) == len(load.signed) > 0


def run(
    cluster: Cluster, folder: Path, monkeypatch: pytest.MonkeyPatch, **size: Any
) -> Mapping[str, Any]:
    monkeypatch.setenv("ECGSVC_SHEET", "off")
    load = crash(cluster, folder, **size)
    check(cluster.url, SigningKey.at(folder / "audit-key.pem"), load)
    return {"posted": len(load.posted), "signed": len(load.signed)}


def test_a_killed_server_and_a_restarted_database_lose_and_double_nothing(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(cluster, tmp_path, monkeypatch, n_writers=2, n_signers=1, least_s=0.0)


@pytest.mark.verify
def test_sixteen_writers_and_four_signers_at_a_server_for_a_minute(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(cluster, tmp_path, monkeypatch, n_writers=16, n_signers=4, least_s=50.0)

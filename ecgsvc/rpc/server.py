"""The gRPC server: put together, started, drained.

Threads rather than asyncio: signal core and models release the GIL, and the threaded
server answered about twice as many requests a second on messages of this shape.
"""

import os
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from ecgsvc.domain.audit import RefusedCall
from ecgsvc.rpc import health
from ecgsvc.rpc.admission import Authenticate, admit
from ecgsvc.rpc.analysis_service import AnalysisService, EcgAnalyzer
from ecgsvc.rpc.audit_service import AuditService, TrailReader
from ecgsvc.rpc.bulk import EcgRefuser
from ecgsvc.rpc.delivery_service import DeliveryService, OutboxKeeper
from ecgsvc.rpc.errors import OutcomeFactory
from ecgsvc.rpc.guard import GuardSettings, RequestCounts
from ecgsvc.rpc.interceptor import RpcInterceptor
from ecgsvc.rpc.report_service import (
    ReportKeeper,
    ReportReader,
    ReportService,
    StatusUpdater,
)
from ecgsvc.rpc.slow_senders import SlowSenders
from ecgsvc.rpc.stop_signals import stop_signals
from ecgsvc.rpc.tls import TlsFiles, server_credentials
from ecgsvc.rpc.work_pool import WorkPool
from ecgsvc.v1 import (
    analysis_pb2,
    analysis_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    deliveries_pb2,
    deliveries_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
)

MIB = 1024 * 1024
TRANSPORT_LIMIT_BYTES = 20 * MIB
"""Above the service's own limit, so that an oversized ECG is answered by the service."""

SERVICES = (
    analysis_pb2.DESCRIPTOR.services_by_name["AnalysisService"],
    reports_pb2.DESCRIPTOR.services_by_name["ReportService"],
    audit_pb2.DESCRIPTOR.services_by_name["AuditService"],
    deliveries_pb2.DESCRIPTOR.services_by_name["DeliveryService"],
)
"""The services of the contract, as it defines them."""

_SERVICE_NAMES = tuple(service.full_name for service in SERVICES)
_SIDE_THREADS = 4


class Reports(ReportReader, ReportKeeper, TrailReader, OutboxKeeper, Protocol):
    """What keeps reports, their outbox, and the trail of all that happens to them."""


class CannotListen(OSError):
    """The address cannot be bound."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How to serve.

    Parameters
    ----------
    address
        ``HOST:PORT``; port 0 takes a free one.
    n_workers
        Threads that analyse.
    max_pending
        Calls running or waiting; the next one is refused as `Overloaded`.
    max_request_bytes
        Largest request message.
    receive_timeout_s
        A call whose message has not arrived by then is cancelled.
    reuse_port
        Share the port among processes (``SO_REUSEPORT``). Off, a second server on the
        same port fails to start, as it should.
    reflection
        Answer what services there are.
    compression
        Send replies with gzip. Off by default: it costs far more than it saves. Requests
        may always come with gzip; the transport limit holds for what is unpacked.
    tls
        None serves in clear text.
    pseudonym_key
        Of exports without names; empty refuses them.
    """

    address: str = "127.0.0.1:50051"
    n_workers: int = 8
    max_pending: int = 64
    max_request_bytes: int = 16 * MIB
    receive_timeout_s: float = 60.0
    reuse_port: bool = False
    reflection: bool = True
    compression: bool = False
    tls: TlsFiles | None = None
    pseudonym_key: bytes = field(default=b"", repr=False)


class RunningServer:
    """A started server; leave it through `stop` or `serve_until_signalled`."""

    def __init__(
        self,
        server: grpc.Server,
        port: int,
        *,
        work: WorkPool,
        side: ThreadPoolExecutor,
        interceptor: RpcInterceptor,
        guard_settings: GuardSettings,
        health_servicer: health.Health,
    ) -> None:
        self.port = port
        self._server = server
        self._work = work
        self._side = side
        self._interceptor = interceptor
        self._guard_settings = guard_settings
        self._health = health_servicer

    @property
    def request_counts(self) -> Mapping[tuple[str, str], int]:
        """Finished calls by (method, name of status code)."""
        return self._guard_settings.counts.snapshot()

    @property
    def n_pending(self) -> int:
        """Calls that run or wait for a thread now."""
        return self._work.pending

    def stop(self, grace_s: float) -> None:
        """Say NOT_SERVING, accept no more, finish what was accepted, and return.

        After `grace_s` seconds the calls still running are cancelled: they stop at their
        next stage, store nothing, and are waited for.
        """
        self._health.stop_serving(self._side)
        self._guard_settings.slow_senders.end_streams()
        stopped = self._server.stop(grace_s)
        self._interceptor.end_side_calls()
        stopped.wait()
        self._work.shutdown(wait=True, cancel_futures=True)
        self._side.shutdown(wait=True, cancel_futures=True)
        self._guard_settings.slow_senders.close()

    def serve_until_signalled(
        self, grace_s: float, *, when_ready: Callable[[], object] = bool
    ) -> signal.Signals:
        """Wait for SIGTERM or SIGINT, stop as `stop` does, and return the signal.

        `when_ready` is called once the signals are listened to. A second signal ends the
        process at once, with status 128 + its number. To be called in the main thread.
        """
        with stop_signals(lambda number: os._exit(128 + number)) as heard:
            when_ready()
            number = heard.recv(1)[0]
            self.stop(grace_s)
        return signal.Signals(number)


def build_server(
    settings: ServerSettings,
    *,
    analyzer: EcgAnalyzer,
    reports: Reports,
    signer: StatusUpdater,
    authenticate: Authenticate,
    operation_outcome: OutcomeFactory,
    record_refusal: Callable[[RefusedCall], None],
) -> RunningServer:
    """Put a server together, bind it and start it.

    `authenticate` says who is behind a call; `permissions` what they may do. Calls that are
    refused are given to `record_refusal`; the others are entered by whom they reach.

    Raises
    ------
    CannotListen
        The address is in use or is not this machine's.
    OSError
        A TLS file cannot be read.
    """
    work = WorkPool(settings.n_workers)
    side = ThreadPoolExecutor(_SIDE_THREADS, thread_name_prefix="rpc-side")
    guard_settings = GuardSettings(
        max_request_bytes=settings.max_request_bytes,
        slow_senders=SlowSenders(settings.receive_timeout_s),
        operation_outcome=operation_outcome,
        counts=RequestCounts(),
        admit=lambda method, context: admit(method, context, authenticate),
        record_refusal=record_refusal,
    )
    interceptor = RpcInterceptor(
        work=work,
        max_pending=settings.max_pending,
        side=side,
        side_services=frozenset({health.SERVICE_NAME, reflection.SERVICE_NAME}),
        guard_settings=guard_settings,
    )
    server = grpc.server(
        work,
        interceptors=[interceptor],
        options=_options(settings),
        compression=(
            grpc.Compression.Gzip
            if settings.compression
            else grpc.Compression.NoCompression
        ),
    )
    refuse = EcgRefuser(operation_outcome, record_refusal)
    health_servicer = _add_services(server, settings, analyzer, reports, signer, refuse)
    port = _bind(server, settings)
    guard_settings.slow_senders.start()
    server.start()
    return RunningServer(
        server,
        port,
        work=work,
        side=side,
        interceptor=interceptor,
        guard_settings=guard_settings,
        health_servicer=health_servicer,
    )


def _add_services(
    server: grpc.Server,
    settings: ServerSettings,
    analyzer: EcgAnalyzer,
    reports: Reports,
    signer: StatusUpdater,
    refuse: EcgRefuser,
) -> health.Health:
    analysis_pb2_grpc.add_AnalysisServiceServicer_to_server(
        AnalysisService(analyzer, refuse), server
    )
    reports_pb2_grpc.add_ReportServiceServicer_to_server(
        ReportService(reports, reports, signer, settings.pseudonym_key), server
    )
    audit_pb2_grpc.add_AuditServiceServicer_to_server(AuditService(reports), server)
    deliveries_pb2_grpc.add_DeliveryServiceServicer_to_server(
        DeliveryService(reports), server
    )
    health_servicer = health.Health(_SERVICE_NAMES)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    if settings.reflection:
        names = (*_SERVICE_NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
    return health_servicer


def _bind(server: grpc.Server, settings: ServerSettings) -> int:
    credentials = None if settings.tls is None else server_credentials(settings.tls)
    try:
        if credentials is None:
            return server.add_insecure_port(settings.address)
        return server.add_secure_port(settings.address, credentials)
    except RuntimeError as error:
        msg = (
            f"cannot listen on {settings.address}: the port is in use, "
            "or the address is not one of this machine"
        )
        raise CannotListen(msg) from error


def _options(settings: ServerSettings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", TRANSPORT_LIMIT_BYTES),
        ("grpc.max_send_message_length", TRANSPORT_LIMIT_BYTES),
        ("grpc.so_reuseport", int(settings.reuse_port)),
        # Notice dead clients; let live ones ping every 10 s, also between calls.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ]

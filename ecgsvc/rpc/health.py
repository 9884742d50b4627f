"""The standard health service (grpc.health.v1).

Not that of grpcio-health-checking: its servicer waits for a message to be sent while it
holds the lock that its close callback takes in gRPC's only serving thread, so that one
watcher leaving at the wrong moment stops the whole server (seen with 1.85). Here nothing is
sent under a lock which that thread takes.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, wait
from threading import Lock
from typing import TypeAlias

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVICE_NAME = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
NOTICE_TIMEOUT_S = 1.0

_Response = health_pb2.HealthCheckResponse
_Send: TypeAlias = Callable[[_Response | None], None]


class _Watcher:
    """One stream of statuses; `tell` sends the one that holds when its turn comes."""

    def __init__(self, current: Callable[[], _Response], send: _Send) -> None:
        self._current = current
        self._send = send
        self._turn = Lock()

    def tell(self) -> None:
        """Send the current status, and wait until it is sent."""
        with self._turn:
            self._send(self._current())


class Health(health_pb2_grpc.HealthServicer):
    """All services are SERVING until `stop_serving`, from then on NOT_SERVING.

    Parameters
    ----------
    services
        Full names; the empty name, for the whole server, is added.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._services = frozenset(("", *services))
        self._serving = True
        self._lock = Lock()
        self._watchers: set[_Watcher] = set()

    def stop_serving(self, executor: Executor) -> None:
        """Say NOT_SERVING, to watchers at once; give up on those that take too long."""
        with self._lock:
            self._serving = False
            watchers = tuple(self._watchers)
        told = [executor.submit(watcher.tell) for watcher in watchers]
        wait(told, timeout=NOTICE_TIMEOUT_S)

    def Check(  # noqa: N802  # the name in the contract
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> _Response:
        """Give the status of one service; NOT_FOUND when it is not known."""
        if request.service not in self._services:
            context.set_code(grpc.StatusCode.NOT_FOUND)
        return self._status(request.service)

    def List(  # noqa: N802  # the name in the contract
        self, _request: Message, _context: grpc.ServicerContext
    ) -> Message:
        """Give the status of all services."""
        statuses = {service: self._status(service) for service in self._services}
        reply: Message = health_pb2.HealthListResponse(statuses=statuses)  # type: ignore[attr-defined]  # newer than the stubs
        return reply

    def Watch(  # type: ignore[override]  # noqa: N802  # as gRPC calls it when non-blocking
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send: _Send,
    ) -> None:
        """Send the status of one service now and when it changes; holds no thread."""
        watcher = _Watcher(lambda: self._status(request.service), send)
        with self._lock:
            self._watchers.add(watcher)
        if not context.add_callback(lambda: self._forget(watcher)):
            self._forget(watcher)
        watcher.tell()

    Watch.experimental_non_blocking = True  # type: ignore[attr-defined]  # gRPC's way

    def _status(self, service: str) -> _Response:
        if service not in self._services:
            return _Response(status=_Response.SERVICE_UNKNOWN)
        return _Response(
            status=_Response.SERVING if self._serving else _Response.NOT_SERVING
        )

    def _forget(self, watcher: _Watcher) -> None:
        with self._lock:
            self._watchers.discard(watcher)

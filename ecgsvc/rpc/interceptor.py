"""The one interceptor: puts a guard around every handler and bounds the work."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import grpc

from ecgsvc.domain.errors import Overloaded
from ecgsvc.rpc.guard import Context, Guard, GuardSettings, Handler
from ecgsvc.rpc.work_pool import WorkPool


class RpcInterceptor(grpc.ServerInterceptor):
    """Wraps handlers of all kinds.

    Parameters
    ----------
    work, max_pending
        The server's own pool; with `max_pending` calls running or waiting in it the next
        one is refused as `Overloaded`, at once.
    side, side_services
        A second pool for those refusals and for the services named (health, reflection),
        which so answer while all work threads are busy.
    guard_settings
        What all guards share.
    """

    def __init__(
        self,
        *,
        work: WorkPool,
        max_pending: int,
        side: ThreadPoolExecutor,
        side_services: frozenset[str],
        guard_settings: GuardSettings,
    ) -> None:
        self._work = work
        self._max_pending = max_pending
        self._side = side
        self._side_services = side_services
        self._guard_settings = guard_settings
        self._handlers: dict[str, Handler] = {}
        self._lock = Lock()
        self._side_calls: set[Context] = set()

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Choose the handler of a call that arrives; runs in gRPC's own thread."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        on_side = method.strip("/").partition("/")[0] in self._side_services
        if not on_side and self._work.pending >= self._max_pending:
            return self._overloaded(Guard(method, handler, self._guard_settings))
        if method not in self._handlers:
            guard = Guard(method, handler, self._guard_settings)
            self._handlers[method] = (
                self._on_side(guard, handler) if on_side else _on_work(guard, handler)
            )
        return self._handlers[method]

    def end_side_calls(self) -> None:
        """Cancel health watches and reflection streams: they never end by themselves."""
        with self._lock:
            contexts = tuple(self._side_calls)
        for context in contexts:
            context.cancel()

    def _overloaded(self, guard: Guard) -> Handler:
        def refuse(_messages: Iterator[bytes], context: Context) -> bytes:
            msg = "the service has as much work as it accepts; try again later"
            guard.refuse(Overloaded(msg), context)

        return grpc.stream_unary_rpc_method_handler(_in_pool(self._side, refuse))

    def _on_side(self, guard: Guard, handler: Handler) -> Handler:
        behaviour: Callable[..., Any]
        if getattr(handler.unary_stream, "experimental_non_blocking", False):
            behaviour = guard.watch
        else:
            behaviour = guard.stream if handler.response_streaming else guard.unary

        def tracked(messages: Iterator[bytes], context: Context, *send: Any) -> Any:  # noqa: ANN401
            with self._lock:
                self._side_calls.add(context)
            if not context.add_callback(lambda: self._forget(context)):
                self._forget(context)
            return behaviour(messages, context, *send)

        tracked.experimental_non_blocking = behaviour == guard.watch  # type: ignore[attr-defined]  # gRPC's way
        _in_pool(self._side, tracked)
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(tracked)
        return grpc.stream_unary_rpc_method_handler(tracked)

    def _forget(self, context: Context) -> None:
        with self._lock:
            self._side_calls.discard(context)


def _on_work(guard: Guard, handler: Handler) -> Handler:
    if handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(guard.stream)
    return grpc.stream_unary_rpc_method_handler(guard.unary)


def _in_pool(pool: ThreadPoolExecutor, behaviour: Callable[..., Any]) -> Callable[..., Any]:
    """Have gRPC run a behaviour in another pool than the server's."""
    behaviour.experimental_thread_pool = pool  # type: ignore[attr-defined]  # gRPC's way
    return behaviour

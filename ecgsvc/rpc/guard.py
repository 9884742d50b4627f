"""What surrounds every handler: who asks, parsing, time, errors, the log line.

gRPC answers INTERNAL by itself when a request deserializer fails. Therefore handlers are
given to gRPC without one and the bytes are parsed here, in the worker thread, where a
failure is a refusal like any other. All are given as handlers that read a stream, whatever
the method's kind: only those get their context before the message has arrived.
"""

import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError

from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.caller import NOBODY, Caller
from ecgsvc.domain.errors import (
    DeadlineExceeded,
    EcgsvcError,
    InvalidRequest,
    TooLarge,
    perhaps_entered,
)
from ecgsvc.domain.incidents import describe
from ecgsvc.identity import request_id
from ecgsvc.rpc.admission import credentials_of
from ecgsvc.rpc.caller import known_caller
from ecgsvc.rpc.errors import OUR_FAILURES, OutcomeFactory, Refusal, refusal
from ecgsvc.rpc.permissions import is_open
from ecgsvc.rpc.slow_senders import SlowSenders

_LOG = logging.getLogger("ecgsvc.rpc")

if TYPE_CHECKING:
    Handler: TypeAlias = grpc.RpcMethodHandler[Any, Any]
else:  # generic in the stubs only
    Handler: TypeAlias = grpc.RpcMethodHandler
Context: TypeAlias = grpc.ServicerContext


class RequestCounts:
    """Finished calls by method and name of status code."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, method: str, code: str) -> None:
        """Count one call."""
        with self._lock:
            self._counts[method, code] += 1

    def snapshot(self) -> Mapping[tuple[str, str], int]:
        """Copy the counts of this moment."""
        with self._lock:
            return dict(self._counts)


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """What all methods share.

    Parameters
    ----------
    max_request_bytes
        Largest request message.
    admit
        Returns who may make a call of a method, None for anyone; raises otherwise.
    record_refusal
        Enters a refused call in the audit trail.
    """

    max_request_bytes: int
    slow_senders: SlowSenders
    operation_outcome: OutcomeFactory
    counts: RequestCounts
    admit: Callable[[str, Context], Caller | None]
    record_refusal: Callable[[RefusedCall], None]


@dataclass(slots=True)
class _Call:
    request_id: str
    caller: Caller | None = None
    started_s: float = field(default_factory=time.monotonic)
    request_bytes: int = 0
    response_bytes: int = 0


class Guard:
    """The faces of one method's handler as gRPC calls it: bytes in, bytes out.

    Parameters
    ----------
    method
        Full name, ``/ecgsvc.v1.AnalysisService/AnalyzeEcg``.
    handler
        The handler as registered, of any kind.
    """

    def __init__(self, method: str, handler: Handler, settings: GuardSettings) -> None:
        self._method = method
        self._handler = handler
        self._settings = settings

    def unary(self, messages: Iterator[bytes], context: Context) -> bytes:
        """Answer with one message."""
        with self._answering(context) as call:
            behave = self._handler.unary_unary or self._handler.stream_unary
            reply = _given(behave)(self._request(messages, context, call), context)
            return self._serialized(reply, call)
        raise AssertionError  # the refusal has left already

    def stream(self, messages: Iterator[bytes], context: Context) -> Iterator[bytes]:
        """Answer with a stream."""
        with self._answering(context) as call:
            behave = self._handler.unary_stream or self._handler.stream_stream
            for reply in _given(behave)(self._request(messages, context, call), context):
                yield self._serialized(reply, call)

    def watch(
        self,
        messages: Iterator[bytes],
        context: Context,
        send: Callable[[bytes | None], None],
    ) -> None:
        """Start a stream that holds no thread (``experimental_non_blocking``)."""
        with self._answering(context) as call:
            _given(self._handler.unary_stream)(
                self._request(messages, context, call),
                context,
                lambda reply: send(
                    None if reply is None else self._serialized(reply, call)
                ),
            )

    def refuse(self, error: EcgsvcError, context: Context) -> NoReturn:
        """Refuse a call without reading its message."""
        call = _started(context)
        with suppress(EcgsvcError):  # the trail should know who it was
            call.caller = self._settings.admit(self._method, context)
        self._abort(call, error, context)

    @contextmanager
    def _answering(self, context: Context) -> Iterator[_Call]:
        call = _started(context)
        try:
            call.caller = self._settings.admit(self._method, context)
            if not context.is_active() or context.time_remaining() <= 0:
                msg = "the deadline passed before the work began; nothing was stored"
                raise DeadlineExceeded(msg)
            yield call
        except GeneratorExit:  # the client left a stream
            self._record(call, grpc.StatusCode.CANCELLED)
            raise
        except Exception as error:
            if isinstance(error, grpc.RpcError) and not context.is_active():
                self._record(call, grpc.StatusCode.CANCELLED)
                raise  # gRPC's own: the client went away while it was sending
            caught = error
        else:
            self._record(call, _code(context))
            return
        self._abort(call, caught, context)

    def _abort(self, call: _Call, error: Exception, context: Context) -> NoReturn:
        """Refuse; a client that went away before its deadline is logged as such."""
        made = refusal(error, self._settings.operation_outcome)
        left = not context.is_active() and context.time_remaining() > 0
        self._record(call, grpc.StatusCode.CANCELLED if left else made.code)
        if not is_open(self._method):
            self._enter(call, made, perhaps_entered(error), context)
        context.set_trailing_metadata(made.trailers)
        context.abort(made.code, made.message)

    def _enter(
        self, call: _Call, made: Refusal, entered: tuple[str, ...], context: Context
    ) -> None:
        """Enter the refusal in the trail; if that fails too, the caller still hears why."""
        known = call.caller or known_caller(context)
        caller = known or replace(NOBODY, request_id=call.request_id)
        refused = RefusedCall(
            event_id=str(uuid.uuid4()),
            refused_at=datetime.now(UTC),
            caller=caller,
            method=self._method,
            reason=made.reason,
            by_us=made.code in OUR_FAILURES,
            entered=entered,
        )
        try:
            self._settings.record_refusal(refused)
        except Exception as error:
            _LOG.error("a refusal is not in the trail\n%s", "\n".join(describe(error)))

    def _request(self, messages: Iterator[bytes], context: Context, call: _Call) -> Any:  # noqa: ANN401  # one message, or an iterator of them
        parsed = self._parsed(messages, context, call)
        if self._handler.stream_unary or self._handler.stream_stream:
            return parsed
        request = next(parsed, None)
        if request is None:
            msg = "the call carried no message; send exactly one"
            raise InvalidRequest(msg, expression=self._request_name)
        return request

    def _parsed(
        self, messages: Iterator[bytes], context: Context, call: _Call
    ) -> Iterator[Any]:
        parse, limit = self._handler.request_deserializer, self._settings.max_request_bytes
        n_messages = 0
        while True:
            waiting = self._settings.slow_senders.waiting
            with waiting(context, for_one_more=n_messages > 0):
                message = next(messages, None)
            if message is None:
                return
            n_messages += 1
            call.request_bytes += len(message)
            if len(message) > limit:
                msg = f"the request has {len(message)} bytes; at most {limit} are accepted"
                raise TooLarge(msg, expression=self._request_name)
            try:
                yield _given(parse)(message)
            except DecodeError as error:
                msg = f"the bytes sent are no protobuf message {self._request_name}"
                raise InvalidRequest(msg, expression=self._request_name) from error

    @property
    def _request_name(self) -> str:
        return self._method.rpartition("/")[2] + "Request"

    def _serialized(self, reply: Any, call: _Call) -> bytes:  # noqa: ANN401  # any message
        data: bytes = _given(self._handler.response_serializer)(reply)
        call.response_bytes += len(data)
        return data

    def _record(self, call: _Call, code: grpc.StatusCode) -> None:
        self._settings.counts.add(self._method, code.name)
        elapsed_ms = (time.monotonic() - call.started_s) * 1000
        tenant = call.caller.tenant if call.caller else ""
        _LOG.info(
            "%s %s %.1f ms tenant=%s request=%s",
            self._method,
            code.name,
            elapsed_ms,
            tenant or "-",
            call.request_id or "-",
            extra={
                "method": self._method,
                "status": code.name,
                "tenant": tenant,
                "request_id": call.request_id,
                "elapsed_ms": round(elapsed_ms, 1),
                "request_bytes": call.request_bytes,
                "response_bytes": call.response_bytes,
            },
        )


def _started(context: Context) -> _Call:
    return _Call(request_id(credentials_of(context).request_id))


def _code(context: Any) -> grpc.StatusCode:  # noqa: ANN401  # code() is not in the stubs
    code: grpc.StatusCode | None = context.code()
    return code or grpc.StatusCode.OK


def _given(function: Callable[..., Any] | None) -> Callable[..., Any]:
    """Assert that a handler has the function its kind says it has."""
    assert function is not None  # noqa: S101
    return function

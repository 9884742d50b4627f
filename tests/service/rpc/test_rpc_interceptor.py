"""The interceptor around handlers of all four kinds."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from rpc_fakes import operation_outcome, refused

from ecgsvc.domain.errors import InvalidElement
from ecgsvc.rpc.guard import GuardSettings, RequestCounts
from ecgsvc.rpc.interceptor import RpcInterceptor
from ecgsvc.rpc.slow_senders import SlowSenders
from ecgsvc.rpc.work_pool import WorkPool
from ecgsvc.v1.resource_pb2 import FhirResource

KINDS = ["unary_unary", "unary_stream", "stream_unary", "stream_stream"]


def check(message):
    if message.json == b"refuse":
        msg = "refused"
        raise InvalidElement(msg, expression="x")
    if message.json == b"bug":
        raise ZeroDivisionError
    return message


def unary_unary(message, _context):
    return check(message)


def unary_stream(message, _context):
    yield message
    yield check(message)


def stream_unary(messages, _context):
    return [check(message) for message in messages][-1]


def stream_stream(messages, _context):
    for message in messages:
        yield check(message)


@pytest.fixture(scope="module")
def kinds():
    """A channel to a service with a method of every kind, and the counts."""
    counts = RequestCounts()
    work, side = WorkPool(2), ThreadPoolExecutor(1)
    interceptor = RpcInterceptor(
        work=work,
        max_pending=10,
        side=side,
        side_services=frozenset(),
        guard_settings=GuardSettings(
            1000,
            SlowSenders(10.0),
            operation_outcome,
            counts,
            lambda _method, _context: None,
            lambda _refused: None,
        ),
    )
    server = grpc.server(work, interceptors=[interceptor])
    handlers = {
        kind: getattr(grpc, f"{kind}_rpc_method_handler")(
            globals()[kind],
            request_deserializer=FhirResource.FromString,
            response_serializer=FhirResource.SerializeToString,
        )
        for kind in KINDS
    }
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Kinds", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel, counts
    server.stop(1).wait()
    side.shutdown()


def called(channel, kind, *bodies):
    """Call a method as its kind is called; return all replies."""
    call = getattr(channel, kind)(
        f"/test.Kinds/{kind}", response_deserializer=FhirResource.FromString
    )
    argument = iter(bodies) if kind.startswith("stream") else bodies[0]
    replies = call(argument, timeout=10)
    return list(replies) if kind.endswith("stream") else [replies]


def wire(body):
    return FhirResource(json=body).SerializeToString()


@pytest.mark.parametrize("kind", KINDS)
def test_good_messages_pass(kinds, kind):
    channel, counts = kinds
    replies = called(channel, kind, wire(b"good"), wire(b"last"))
    assert replies[-1].json == (b"last" if kind.startswith("stream") else b"good")
    assert counts.snapshot()[f"/test.Kinds/{kind}", "OK"] >= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (wire(b"refuse"), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ELEMENT"),
        (b"\xff", grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
        (wire(b"x" * 1000), grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_LARGE"),
        (wire(b"bug"), grpc.StatusCode.INTERNAL, "INTERNAL"),
    ],
)
def test_errors_of_every_kind_of_handler_are_translated(kinds, kind, body, code, reason):
    channel, _counts = kinds
    with pytest.raises(grpc.RpcError) as caught:
        called(channel, kind, body)
    got = refused(caught.value)
    assert (got.code, got.reason) == (code, reason)
    assert got.outcome["issue"]


def test_a_stream_breaks_at_its_bad_message_after_the_good_ones(kinds):
    channel, _counts = kinds
    call = channel.stream_stream("/test.Kinds/stream_stream")
    replies = call(iter([wire(b"good"), b"\xff"]), timeout=10)
    assert next(replies) == wire(b"good")
    with pytest.raises(grpc.RpcError) as caught:
        next(replies)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT

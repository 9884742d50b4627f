"""MLLP over real sockets: frames however they are cut, and engines that misbehave."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.domain.delivery import Verdict
from ecgsvc.hl7v2 import MllpClient
from ecgsvc.hl7v2.mllp import BrokenFrame, FrameReader, framed

MESSAGES = st.lists(
    st.binary(max_size=40).map(lambda b: b.replace(b"\x1c", b"")), max_size=4
)


@given(messages=MESSAGES, cuts=st.lists(st.integers(1, 7), min_size=1))
def test_frames_are_the_same_however_they_are_cut(
    messages: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(map(framed, messages))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        at = 0
        for number in range(len(stream)):
            if at >= len(stream):
                break
            cut = cuts[number % len(cuts)]
            theirs.sendall(stream[at : at + cut])
            at += cut
        theirs.shutdown(socket.SHUT_WR)
        reader = FrameReader(ours, max_bytes=1000)
        assert [reader.read(5.0) for _ in messages] == messages
        assert reader.read(5.0) is None


@pytest.mark.parametrize(
    "stream", [b"MSH|", b"\x0bMSH|", b"\x0b" + b"x" * 101 + b"\x1c\r", b"\x1c\r"]
)
def test_what_is_no_frame_is_refused(stream: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(stream)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(BrokenFrame):
            FrameReader(ours, max_bytes=100).read(5.0)


def test_a_byte_now_and_then_does_not_hold_the_reader() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\x0bM")
        with pytest.raises(TimeoutError):
            FrameReader(ours, max_bytes=100).read(0.05)


@contextmanager
def engine(answer: Callable[[bytes], bytes | None]) -> Iterator[int]:
    """Serve one connection at a time; None closes it without an answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    reader = FrameReader(connection, 10_000)
                    while (message := reader.read(10.0)) is not None:
                        if (reply := answer(message)) is None:
                            break
                        connection.sendall(reply)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def ack(code: str, message_id: str = "M1", error: str = "") -> bytes:
    return framed(f"MSH|^~\\&|E\rMSA|{code}|{message_id}\r{error}".encode())


@pytest.mark.parametrize(
    ("reply", "verdict", "says"),
    [
        (ack("AA"), Verdict.ACCEPTED, "AA"),
        (ack("CA"), Verdict.ACCEPTED, "CA"),
        (ack("AE"), Verdict.LATER, "AE"),
        (ack("AR"), Verdict.REFUSED, "AR"),
        (ack("AR", error="ERR||PID^1^5|101^missing|E\r"), Verdict.REFUSED, "ERR-3 101"),
        (ack("AA", "M2"), Verdict.LATER, "another message"),
        (ack("??"), Verdict.LATER, "no acknowledgement code"),
        (framed(b"hello"), Verdict.LATER, "no MSA"),
        (framed(b""), Verdict.LATER, "no MSA"),
        (b"HTTP/1.1 400", Verdict.UNREACHABLE, "no MLLP frame"),
        (None, Verdict.UNREACHABLE, "without an acknowledgement"),
    ],
)
def test_an_acknowledgement_is_judged(
    reply: bytes | None, verdict: Verdict, says: str
) -> None:
    with engine(lambda _: reply) as port:
        client = MllpClient("127.0.0.1", port, timeout_s=5.0)
        answer = client.send("MSH|^~\\&|\r", "M1")
        client.close()
    assert answer.verdict is verdict
    assert says in answer.text


def test_an_engine_that_restarted_gets_the_next_message() -> None:
    turns = iter([ack("AA"), None, ack("AA")])
    with engine(lambda _: next(turns)) as port:
        client = MllpClient("127.0.0.1", port, timeout_s=5.0)
        verdicts = [client.send("MSH|^~\\&|\r", "M1").verdict for _ in range(3)]
        client.close()
    assert verdicts == [Verdict.ACCEPTED, Verdict.UNREACHABLE, Verdict.ACCEPTED]


def test_an_engine_that_is_not_there_or_silent_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        client = MllpClient("127.0.0.1", port, timeout_s=0.1)
        assert "in time" in client.send("MSH|^~\\&|\r", "M1").text
    client = MllpClient("127.0.0.1", port, timeout_s=0.5)
    assert client.send("MSH|^~\\&|\r", "M1").verdict is Verdict.UNREACHABLE

"""The MLLP listener over real sockets, and senders that misuse it."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ecgsvc.domain.delivery import Verdict
from ecgsvc.hl7v2 import (
    Bounds,
    CannotListenMllp,
    ListenerTls,
    MllpClient,
    MllpTls,
    listening,
)
from ecgsvc.hl7v2.mllp import FrameReader, framed

BOUNDS = Bounds(connections=8, message_bytes=1000, message_s=0.3, idle_s=10.0)
ACK = b"MSH|^~\\&|E\rMSA|AA|M1\r"


@contextmanager
def serving(
    answer: Callable[[bytes], bytes | None] = lambda _: ACK,
    *,
    bounds: Bounds = BOUNDS,
    tls: ListenerTls | None = None,
) -> Iterator[int]:
    with listening("127.0.0.1:0", answer, bounds=bounds, tls=tls, grace_s=5.0) as address:
        yield int(address.rpartition(":")[2])


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10.0)


def is_closed(connection: socket.socket) -> bool:
    """Wait for the end of a connection that carried no answer."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def answers(port: int) -> bool:
    client = MllpClient("127.0.0.1", port, timeout_s=10.0)
    verdict = client.send("MSH|", "M1").verdict
    client.close()
    return verdict is Verdict.ACCEPTED


def test_messages_of_a_connection_are_answered_in_their_order() -> None:
    with serving(lambda message: message[::-1]) as port, connect(port) as sender:
        sender.sendall(framed(b"one") + framed(b"two") + b"\x0bthr")
        reader = FrameReader(sender, 100)
        assert [reader.read(10.0), reader.read(10.0)] == [b"eno", b"owt"]
        sender.sendall(b"ee\x1c\r")
        assert reader.read(10.0) == b"eerht"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00",  # a TLS greeting to a listener without TLS
        b"\x0b" + b"x" * 1001,
        b"\x0bMSH|" + b"\x0b",  # no end, and then nothing
        b"\x1c\r",
    ],
)
def test_what_is_no_frame_ends_its_connection_alone(sent: bytes) -> None:
    with serving() as port, connect(port) as sender:
        sender.sendall(sent)
        assert is_closed(sender)
        assert answers(port)


def test_a_hundred_megabytes_are_not_taken_in() -> None:
    taken: list[bytes] = []
    with serving(lambda m: taken.append(m)) as port, connect(port) as sender:
        sender.sendall(b"\x0b")
        n_sent = sent_until_closed(sender, b"x" * 65536, 1600, 0.0)
    assert n_sent < 800  # what the kernel's buffers hold, and no more
    assert taken == []


def sent_until_closed(
    sender: socket.socket, chunk: bytes, n_chunks: int, pause_s: float
) -> int:
    """Send until the other side has had enough; return how many chunks went."""
    for number in range(n_chunks):
        try:
            sender.sendall(chunk)
        except ConnectionError:
            return number
        time.sleep(pause_s)
    return n_chunks


def test_half_a_message_is_none() -> None:
    taken: list[bytes] = []
    with serving(lambda m: taken.append(m)) as port:
        with connect(port) as sender:
            sender.sendall(b"\x0bMSH|half")
        assert answers_none(port)
    assert taken == [b"MSH|"]


def answers_none(port: int) -> bool:
    client = MllpClient("127.0.0.1", port, timeout_s=10.0)
    answer = client.send("MSH|", "M1")
    client.close()
    return answer.verdict is Verdict.UNREACHABLE


def test_a_byte_now_and_then_does_not_hold_a_connection() -> None:
    with serving() as port, connect(port) as sender:
        sender.sendall(b"\x0b")
        assert sent_until_closed(sender, b"M", 500, 0.02) < 500


def test_two_hundred_connections_are_eight_and_come_free_again() -> None:
    with serving() as port, ExitStack() as stack:
        connections = [stack.enter_context(connect(port)) for _ in range(200)]
        before = threading.active_count()
        assert all(is_closed(each) for each in connections[8:])
        assert threading.active_count() <= before
        for each in connections[:8]:
            each.sendall(framed(b"MSH|"))
            assert FrameReader(each, 100).read(10.0) == ACK
            each.close()
        until = time.monotonic() + 10.0
        while not answers(port):
            assert time.monotonic() < until
        assert answers(port)


def test_no_acknowledgement_is_a_closed_connection() -> None:
    with serving(lambda _: None) as port:
        client = MllpClient("127.0.0.1", port, timeout_s=10.0)
        answer = client.send("MSH|", "M1")
    assert answer.verdict is Verdict.UNREACHABLE
    assert "without an acknowledgement" in answer.text


def test_a_message_that_has_arrived_is_answered_before_the_end() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(_message: bytes) -> bytes:
        begun.set()
        go_on.wait(10.0)
        return ACK

    with ExitStack() as server:
        port = server.enter_context(serving(slowly))
        with connect(port) as sender, connect(port) as idle:
            sender.sendall(framed(b"MSH|"))
            begun.wait(10.0)
            stopping = threading.Thread(target=server.close)
            stopping.start()
            assert is_closed(idle)
            go_on.set()
            assert FrameReader(sender, 100).read(10.0) == ACK
            stopping.join()


def test_a_port_that_is_taken_is_said() -> None:
    with (
        serving() as port,
        pytest.raises(CannotListenMllp, match="in use"),
        listening(f"127.0.0.1:{port}", lambda _: ACK),
    ):
        pass


def test_processes_share_a_port() -> None:
    def one(name: bytes, address: str = "127.0.0.1:0"):
        return listening(address, lambda _: name, reuse_port=True, grace_s=5.0)

    with one(b"first") as address, one(b"second", address):
        names = set()
        for _ in range(64):
            with connect(int(address.rpartition(":")[2])) as sender:
                sender.sendall(framed(b"MSH|"))
                names.add(FrameReader(sender, 100).read(10.0))
        assert names == {b"first", b"second"}


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    for name in ("server", "client"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{name}.key",
             "-out", f"{name}.pem"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    return folder


def test_tls_with_the_senders_certificate(pem: Path) -> None:
    tls = ListenerTls(pem / "server.pem", pem / "server.key", pem / "client.pem")
    with serving(tls=tls) as port:

        def send(ours: MllpTls | None) -> Verdict:
            client = MllpClient("127.0.0.1", port, timeout_s=10.0, tls=ours)
            verdict = client.send("MSH|", "M1").verdict
            client.close()
            return verdict

        known = MllpTls(pem / "server.pem", pem / "client.pem", pem / "client.key")
        assert send(known) is Verdict.ACCEPTED
        assert send(MllpTls(pem / "server.pem")) is Verdict.UNREACHABLE
        assert send(None) is Verdict.UNREACHABLE
        assert send(known) is Verdict.ACCEPTED


def test_a_handshake_that_does_not_come_ends_the_connection(pem: Path) -> None:
    tls = ListenerTls(pem / "server.pem", pem / "server.key")
    with serving(tls=tls) as port, connect(port) as sender:
        assert is_closed(sender)


def test_files_of_tls_that_cannot_be_used_are_said(pem: Path) -> None:
    tls = ListenerTls(pem / "server.key", pem / "server.key")
    with pytest.raises(OSError, match="no PEM of a certificate"), serving(tls=tls):
        pass

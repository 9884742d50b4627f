"""Listens for HL7 v2 messages over MLLP: a thread a connection, and only so many."""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ecgsvc.domain.incidents import describe
from ecgsvc.hl7v2.mllp import BrokenFrame, FrameReader, framed

_LOG = logging.getLogger(__name__)

Answer: TypeAlias = Callable[[bytes], bytes | None]
"""Takes a message, returns its acknowledgement; None closes the connection without one."""


class CannotListenMllp(OSError):
    """The address cannot be bound."""


class UnusableListenerTls(OSError):
    """A certificate or key is none, or they do not belong together."""


@dataclass(frozen=True, slots=True)
class ListenerTls:
    """PEM files; with `client_ca` a client must show a certificate signed by it."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Load the files.

        Raises
        ------
        UnusableListenerTls, OSError
            One of them cannot be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except ssl.SSLError as error:
            files = ", ".join(map(str, (self.certificate, self.key, self.client_ca)))
            msg = f"no PEM of a certificate and its key: {files} ({error.reason})"
            raise UnusableListenerTls(msg) from None
        return context


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one sender can take of the service.

    Parameters
    ----------
    connections
        Open at a time; more are closed at once.
    message_bytes
        Longest message; a connection that sends more is closed.
    message_s
        How long a message may take from its first byte to its last; also TLS' handshake,
        and the acknowledgement's way back.
    idle_s
        How long a connection may be silent between messages.
    """

    connections: int = 32
    message_bytes: int = 16 * 1024 * 1024
    message_s: float = 30.0
    idle_s: float = 3600.0


class MllpServer:
    """Serves one address.

    Parameters
    ----------
    answer
        Called in the connection's thread, one message of a connection after another.
    """

    def __init__(
        self,
        listener: socket.socket,
        answer: Answer,
        *,
        bounds: Bounds | None = None,
        tls: ListenerTls | None = None,
    ) -> None:
        self._listener = listener
        self._answer = answer
        self._bounds = bounds or Bounds()
        self._tls = tls.context() if tls is not None else None
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._stopping = threading.Event()
        self._acceptor = threading.Thread(target=self._accept, name="hl7", daemon=True)

    def start(self) -> None:
        """Begin to accept connections."""
        self._acceptor.start()

    def stop(self, grace_s: float) -> None:
        """Accept nothing more; messages that have arrived are answered, in `grace_s`."""
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            with suppress(OSError):  # of the base class: TLS must still carry the answer
                socket.socket.shutdown(connection, socket.SHUT_RD)
        until = time.monotonic() + grace_s
        for thread in connections.values():
            thread.join(max(0.0, until - time.monotonic()))

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                if self._stopping.is_set():
                    return
                time.sleep(0.1)  # no file descriptors left: do not spin
                continue
            with self._lock:
                is_full = len(self._open) >= self._bounds.connections
                if not is_full:
                    thread = threading.Thread(
                        target=self._serve, args=(connection,), name="hl7-in", daemon=True
                    )
                    self._open[connection] = thread
            if is_full:
                _LOG.warning("hl7: a connection more than %d", self._bounds.connections)
                connection.close()
                continue
            thread.start()

    def _serve(self, accepted: socket.socket) -> None:
        connection = accepted
        try:
            accepted.settimeout(self._bounds.message_s)
            if self._tls is not None:
                connection = self._tls.wrap_socket(accepted, server_side=True)
                with self._lock:
                    self._open[connection] = self._open.pop(accepted)
            self._talk(connection)
        except BrokenFrame as error:
            _LOG.warning("hl7: connection closed: %s", error)
        except TimeoutError:
            _LOG.warning("hl7: connection closed: nothing came in time")
        except OSError as error:
            _LOG.warning("hl7: connection lost (%s)", type(error).__name__)
        except Exception as error:
            _LOG.error("hl7: connection closed\n%s", "\n".join(describe(error)))
        finally:
            connection.close()
            with self._lock:
                self._open.pop(connection, None)
                self._open.pop(accepted, None)

    def _talk(self, connection: socket.socket) -> None:
        bounds = self._bounds
        reader = FrameReader(connection, bounds.message_bytes)
        while not self._stopping.is_set():
            message = reader.read(bounds.message_s, idle_s=bounds.idle_s)
            if message is None:
                return
            reply = self._answer(message)
            if reply is None:
                return
            connection.settimeout(bounds.message_s)
            connection.sendall(framed(reply))


@contextmanager
def listening(
    address: str,
    answer: Answer,
    *,
    bounds: Bounds | None = None,
    tls: ListenerTls | None = None,
    reuse_port: bool = False,
    grace_s: float = 30.0,
) -> Iterator[str]:
    """Serve until left; yields the address with the port that was bound.

    Raises
    ------
    CannotListenMllp
        The address is in use or is not this machine's.
    OSError
        A TLS file cannot be used.
    """
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, ValueError) as error:
        raise _cannot(address) from error
    with listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(where)
            listener.listen(128)
        except OSError as error:
            raise _cannot(address) from error
        server = MllpServer(listener, answer, bounds=bounds, tls=tls)
        bound = listener.getsockname()[1]
        server.start()
        try:
            yield f"{host}:{bound}"
        finally:
            server.stop(grace_s)


def _cannot(address: str) -> CannotListenMllp:
    return CannotListenMllp(
        f"cannot listen on {address}: it is in use, or not of this machine"
    )

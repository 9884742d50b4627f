"""MLLP: the framing of HL7 messages on a TCP stream (HL7 implementation guide)."""

import socket
import time
from collections.abc import Callable

START, END, CARRIAGE_RETURN = b"\x0b", b"\x1c", b"\x0d"
_CHUNK = 65536


class BrokenFrame(Exception):
    """What came is no MLLP frame, or too long for one."""


def framed(message: bytes) -> bytes:
    """Put a message into its frame."""
    return START + message + END + CARRIAGE_RETURN


class FrameReader:
    """Takes frames off a socket.

    Parameters
    ----------
    max_bytes
        Longest message.
    """

    def __init__(self, connection: socket.socket, max_bytes: int) -> None:
        self._connection = connection
        self._max_bytes = max_bytes
        self._rest = b""

    def read(
        self,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        idle_s: float | None = None,
    ) -> bytes | None:
        """Return the next message; None when the other side has closed between frames.

        The time is that of the whole message, so that nobody holds a reader with a byte a
        minute; with `idle_s` that is how long it may be until a message begins.

        Raises
        ------
        BrokenFrame
            Bytes outside a frame, a message longer than allowed, or an end within one.
        TimeoutError
        OSError
            The connection broke.
        """
        until = clock() + (timeout_s if idle_s is None else idle_s)
        parts, n_bytes, begun = [], 0, False
        while True:
            if self._rest:
                chunk, self._rest = self._rest, b""
                if not begun:
                    chunk = chunk.lstrip(b"\r\n")
                    if not chunk:
                        continue
                    if not chunk.startswith(START):
                        msg = "expected the start of a frame (0x0B)"
                        raise BrokenFrame(msg)
                    chunk, begun = chunk[1:], True
                    if idle_s is not None:
                        until = clock() + timeout_s
                content, end, after = chunk.partition(END)
                n_bytes += len(content)
                if n_bytes > self._max_bytes:
                    msg = f"a message holds at most {self._max_bytes} bytes"
                    raise BrokenFrame(msg)
                parts.append(content)
                if end:
                    self._rest = after
                    return b"".join(parts)
            left = until - clock()
            if left <= 0:
                raise TimeoutError
            self._connection.settimeout(left)
            received = self._connection.recv(_CHUNK)
            if not received:
                if begun:
                    msg = "the connection ended within a message"
                    raise BrokenFrame(msg)
                return None
            self._rest = received

"""Ends calls whose message does not arrive: each of them holds a thread.

A call without a deadline whose client stalled half-way would hold its thread for ever,
and a handful of them would stop the service.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc


class SlowSenders:
    """Cancels calls that wait for a message longer than `timeout_s`."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._waiting: dict[grpc.ServicerContext, float] = {}
        self._between: set[grpc.ServicerContext] = set()
        self._is_ending = False
        self._closed = threading.Event()
        self._thread = threading.Thread(
            target=self._watch, name="rpc-slow-senders", daemon=True
        )

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def end_streams(self) -> None:
        """Cancel calls that wait for one more message, now and from now on."""
        with self._lock:
            self._is_ending = True
            between = list(self._between)
        for context in between:
            context.cancel()

    @contextmanager
    def waiting(
        self, context: grpc.ServicerContext, *, for_one_more: bool = False
    ) -> Iterator[None]:
        """Mark that a call waits for a message inside the block."""
        with self._lock:
            self._waiting[context] = time.monotonic() + self._timeout_s
            if for_one_more:
                self._between.add(context)
            is_ended = for_one_more and self._is_ending
        if is_ended:
            context.cancel()
        try:
            yield
        finally:
            with self._lock:
                del self._waiting[context]
                self._between.discard(context)

    def _watch(self) -> None:
        while not self._closed.wait(min(1.0, self._timeout_s / 2)):
            now = time.monotonic()
            with self._lock:
                late = [context for context, end in self._waiting.items() if end <= now]
            for context in late:
                context.cancel()

"""Leaves a destination alone that does not answer."""

import threading
import time
from collections.abc import Callable


class Breaker:
    """Opens after some failures in a row; then one try at a time shows whether it is back.

    Safe to share between threads.

    Parameters
    ----------
    failures
        In a row, until it opens.
    pause_s
        Before the first try of an open breaker; doubles with every further failure.
    longest_pause_s
        The most that the pause grows to.
    """

    def __init__(
        self,
        failures: int = 5,
        pause_s: float = 10.0,
        longest_pause_s: float = 300.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed_failures = failures
        self._pause_s = pause_s
        self._longest_pause_s = longest_pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether the destination is left alone, or tried with single deliveries."""
        with self._lock:
            return self._failures >= self._allowed_failures

    @property
    def is_resting(self) -> bool:
        """Whether nothing may be tried now."""
        with self._lock:
            is_open = self._failures >= self._allowed_failures
            return is_open and (self._probing or self._clock() < self._closed_until)

    def allows(self) -> bool:
        """Ask for a try; who gets it says how it went."""
        with self._lock:
            if self._failures < self._allowed_failures:
                return True
            if self._probing or self._clock() < self._closed_until:
                return False
            self._probing = True
            return True

    def succeeded(self) -> None:
        """Say that the destination answered."""
        with self._lock:
            self._failures, self._probing = 0, False

    def failed(self) -> None:
        """Say that it did not."""
        with self._lock:
            self._failures += 1
            self._probing = False
            beyond = self._failures - self._allowed_failures
            if beyond >= 0:
                pause_s = self._pause_s * 2.0 ** min(beyond, 30)
                self._closed_until = self._clock() + min(pause_s, self._longest_pause_s)

    def not_used(self) -> None:
        """Give a try back: there was nothing to deliver."""
        with self._lock:
            self._probing = False

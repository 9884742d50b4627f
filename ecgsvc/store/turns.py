"""Lets one thread in after another, in the order in which they came."""

import threading
from collections import deque


class Turns:
    """A lock that is handed to whoever waits longest; who works in the background is last.

    `threading.Lock` goes to whoever is quickest: a thread that gives it back and takes it
    again, as one that delivers does, is always quicker than one that has to be woken.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._in_background: deque[threading.Event] = deque()
        self._is_taken = False

    def acquire(self, timeout_s: float, *, in_background: bool = False) -> bool:
        """Wait for the turn; False: it did not come in time."""
        queue = self._in_background if in_background else self._waiting
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return True
            mine = threading.Event()
            queue.append(mine)
        if mine.wait(timeout_s):
            return True
        with self._lock:
            if mine.is_set():  # it came at the last moment
                return True
            queue.remove(mine)
            return False

    def release(self) -> None:
        """Let the next one in."""
        with self._lock:
            queue = self._waiting or self._in_background
            if queue:
                queue.popleft().set()
            else:
                self._is_taken = False

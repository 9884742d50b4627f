"""The threads that serve requests, and how much work they have."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class WorkPool(ThreadPoolExecutor):
    """A thread pool that knows how many calls run or wait in it."""

    def __init__(self, n_threads: int) -> None:
        super().__init__(max_workers=n_threads, thread_name_prefix="rpc-work")
        self._lock = threading.Lock()
        self._pending = 0

    @property
    def pending(self) -> int:
        """Calls submitted and not yet finished."""
        return self._pending

    def submit(
        self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> Future[_T]:
        """Submit a call and count it until it is done or cancelled."""
        with self._lock:
            self._pending += 1
        try:
            future = super().submit(fn, *args, **kwargs)
        except BaseException:
            self._one_less()
            raise
        future.add_done_callback(self._one_less)
        return future

    def _one_less(self, _done: object = None) -> None:
        with self._lock:
            self._pending -= 1

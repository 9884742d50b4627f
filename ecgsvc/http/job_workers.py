"""Threads that do jobs, and one that keeps their leases."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol, TypeAlias

from ecgsvc.domain.errors import StoreUnavailable
from ecgsvc.domain.incidents import describe
from ecgsvc.domain.jobs import ClaimedJob

LEASE = timedelta(seconds=6)
"""How long a job waits for another worker once its own has died."""

_RENEW_EVERY_S = 2.0
_LOG = logging.getLogger("ecgsvc.http")

Run: TypeAlias = Callable[[ClaimedJob, Callable[[], bool]], bytes | None]
"""Does a job; asks now and then whether it shall stop."""


class JobQueue(Protocol):
    """Where jobs wait."""

    def claim_job(self, lease_for: timedelta) -> ClaimedJob | None:
        """Lease the oldest job that nobody works at."""

    def renew_job(self, claimed: ClaimedJob, lease_for: timedelta) -> bool:
        """Keep a lease; False when it is lost."""

    def settle_job(self, claimed: ClaimedJob, result: bytes) -> bool:
        """Say how a job ended."""


class JobWorkers:
    """Does the jobs of a queue from `start` to `stop`; several processes may share it.

    Parameters
    ----------
    n_threads
        Jobs at a time.
    poll_s
        How often an idle thread looks at the queue.
    """

    def __init__(
        self, queue: JobQueue, run: Run, n_threads: int, *, poll_s: float = 0.5
    ) -> None:
        self._queue = queue
        self._run = run
        self._poll_s = poll_s
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._under_way: dict[str, tuple[ClaimedJob, threading.Event]] = {}
        self._threads = [
            threading.Thread(target=self._work, name="jobs", daemon=True)
            for _ in range(n_threads)
        ]
        self._renewer = threading.Thread(target=self._renew, name="leases", daemon=True)

    def start(self) -> None:
        """Begin to look at the queue."""
        for thread in (*self._threads, self._renewer):
            thread.start()

    def stop(self, grace_s: float) -> None:
        """Take up nothing more, and wait for what is under way.

        What does not end in time is done by another, once its lease has run out.
        """
        self._stopping.set()
        for thread in self._threads:
            thread.join(grace_s)
        self._ended.set()
        self._renewer.join(grace_s)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                claimed = self._queue.claim_job(LEASE)
                if claimed is not None:
                    self._do(claimed)
                    continue
            except StoreUnavailable as error:
                _LOG.warning("jobs wait: %s", error)
            except Exception as error:
                _LOG.error("a job failed\n%s", "\n".join(describe(error)))
            self._stopping.wait(self._poll_s)

    def _do(self, claimed: ClaimedJob) -> None:
        lost = threading.Event()
        with self._lock:
            self._under_way[claimed.lease] = claimed, lost
        try:
            result = self._run(claimed, lost.is_set)
        finally:
            with self._lock:
                del self._under_way[claimed.lease]
        if result is not None:
            self._queue.settle_job(claimed, result)

    def _renew(self) -> None:
        while not self._ended.wait(_RENEW_EVERY_S):
            with self._lock:
                under_way = list(self._under_way.values())
            for claimed, lost in under_way:
                try:
                    if not self._queue.renew_job(claimed, LEASE):
                        lost.set()
                except StoreUnavailable as error:
                    _LOG.warning("a lease could not be renewed: %s", error)

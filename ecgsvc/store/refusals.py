"""Enters refused calls in the trail, now or as soon as the database can take them."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.errors import StoreUnavailable
from ecgsvc.store.spool import RefusalSpool

_LOG = logging.getLogger("ecgsvc.store")
_STORE_UNAVAILABLE = "STORE_UNAVAILABLE"


class RefusalStore(Protocol):
    """Where refusals go."""

    def record_refusals(self, refused: Sequence[RefusedCall]) -> None:
        """Enter those that are not there yet; `StoreUnavailable` when it cannot."""


class RefusalLog:
    """Keeps every refusal: in the trail, or in the spool until the trail takes it."""

    def __init__(self, store: RefusalStore, spool: RefusalSpool) -> None:
        self._store = store
        self._spool = spool

    def record(self, refused: RefusedCall) -> None:
        """Enter a refusal; it survives a crash from here on. `OSError` when it cannot."""
        if refused.reason != _STORE_UNAVAILABLE:
            try:
                self._store.record_refusals([refused])
            except StoreUnavailable:
                pass
            else:
                return
        self._spool.add(refused)

    def enter_spooled(self) -> None:
        """Enter what waits; it goes on waiting when the database cannot take it."""
        if self._spool.is_empty:
            return
        try:
            with self._spool.emptied() as refused:
                self._store.record_refusals(refused)
        except StoreUnavailable:
            return
        _LOG.info("%d refusals were entered in the trail late", len(refused))


class Repeated:
    """Does something again and again in a thread of its own, until it is stopped.

    An error is logged, by its type alone, and does not end it.
    """

    def __init__(self, work: Callable[[], None], every_s: float) -> None:
        self._work = work
        self._every_s = every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="repeated", daemon=True)

    def start(self) -> None:
        """Begin, at once."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being done, do it once more, and end."""
        self._stopped.set()
        self._thread.join()
        self._once()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._once()
            self._stopped.wait(self._every_s)

    def _once(self) -> None:
        try:
            self._work()
        except Exception as error:
            _LOG.error("repeated work failed: %s", type(error).__qualname__)

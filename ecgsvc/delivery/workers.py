"""Threads that deliver: one that looks what is due, and one a busy destination.

A destination that hangs holds its own threads only; nothing here is on the way of an
analysis, which ends with the commit of its report and outbox rows.
"""

import logging
import threading
from collections.abc import Sequence

from ecgsvc.delivery.lanes import Lane, Outbox, drain
from ecgsvc.domain.errors import StoreUnavailable

_LOG = logging.getLogger(__name__)


class DeliveryWorkers:
    """Delivers what the outbox holds from `start` to `stop`.

    Several processes may work on one outbox.

    Parameters
    ----------
    poll_s
        How often the outbox is looked at; what is due waits that long at most.
    """

    def __init__(
        self, outbox: Outbox, lanes: Sequence[Lane], *, poll_s: float = 0.5
    ) -> None:
        self._outbox = outbox
        self._lanes = {(lane.tenant, lane.destination): lane for lane in lanes}
        self._poll_s = poll_s
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._busy: dict[tuple[str, str], int] = dict.fromkeys(self._lanes, 0)
        self._threads: set[threading.Thread] = set()
        self._watcher: threading.Thread | None = None
        self._unknown: set[tuple[str, str]] = set()

    def start(self) -> None:
        """Begin to look at the outbox."""
        self._watcher = threading.Thread(target=self._watch, name="deliveries", daemon=True)
        self._watcher.start()

    def stop(self, grace_s: float = 30.0) -> None:
        """Take up nothing more, and wait for the tries under way.

        What does not end in time is tried again once its lease has run out.
        """
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join(grace_s)
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(grace_s)

    def _watch(self) -> None:
        while not self._stopping.wait(self._poll_s):
            try:
                due = self._outbox.due_destinations()
            except StoreUnavailable as error:
                _LOG.warning("the outbox cannot be read: %s", error)
                continue
            for place in due:
                self._take_up(place)

    def _take_up(self, place: tuple[str, str]) -> None:
        lane = self._lanes.get(place)
        if lane is None:
            if place not in self._unknown:
                self._unknown.add(place)
                _LOG.warning(
                    "deliveries wait for destination %s of tenant %s, which is not "
                    "configured", place[1], place[0],
                )  # fmt: skip
            return
        if lane.breaker.is_resting:
            return
        with self._lock:
            if self._busy[place] >= lane.width:
                return
            self._busy[place] += 1
            name = f"delivery {lane.tenant}/{lane.destination}"
            thread = threading.Thread(
                target=self._run, args=(lane, place), name=name, daemon=True
            )
            self._threads.add(thread)
        thread.start()

    def _run(self, lane: Lane, place: tuple[str, str]) -> None:
        try:
            drain(lane, self._outbox, self._stopping)
        except StoreUnavailable as error:
            _LOG.warning("deliveries to %s pause: %s", lane.destination, error)
        except Exception:
            _LOG.exception("deliveries to %s stopped", lane.destination)
        finally:
            with self._lock:
                self._busy[place] -= 1
                self._threads.discard(threading.current_thread())

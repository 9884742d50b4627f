"""How long a report waits for its commit while deliveries are tried again and again.

    python benchmarks/deliveries.py [--lanes 8] [--seconds 10] [--database URL]

Reports are stored one after another, with pauses, beside as many lanes as asked, none at
first. Each lane claims a delivery and enters at once that it is to be tried again: the most
that any receiver can ask of the database. In a new SQLite file unless an empty database is
named. Times are of the wall and depend on what else the machine does: quote both rows.
"""

import sys

# Last instead of first: signal.py here would hide the standard library's.
sys.path.append(sys.path.pop(0))

import argparse
import random
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import count

from records import CALLER, KEY_FILE, a_report

from ecgsvc import fhir
from ecgsvc.domain.delivery import Attempt, DeliveryState
from ecgsvc.store import Notary, ReportStore, migrate
from ecgsvc.trail import SigningKey

DESTINATIONS = ("ehr", "engine")
N_PENDING = 60
PAUSE_S = 0.05


def main() -> None:
    """Store reports without and with lanes at work, and print how long each took."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lanes", type=int, default=8)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--database", default="")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{folder}/deliveries.sqlite3"
        migrate(url)
        notary = Notary(SigningKey.at(KEY_FILE, make=True), fhir.audit_event)
        store = ReportStore(url, notary, routes=lambda _tenant, _status: DESTINATIONS)
        rng, numbers = random.Random(1), count()
        for _ in range(N_PENDING):
            store.add(CALLER, a_report(rng, next(numbers)))
        for n_lanes in (0, given.lanes):
            tries, waited_s = measured(store, rng, numbers, n_lanes, given.seconds)
            waited_s.sort()
            print(
                f"{n_lanes} lanes, {tries / given.seconds:.0f} tries/s: a report takes "
                f"{statistics.median(waited_s) * 1e3:.1f} ms, of 20 the slowest "
                f"{waited_s[int(0.95 * len(waited_s))] * 1e3:.1f} ms, at most "
                f"{waited_s[-1] * 1e3:.1f} ms ({len(waited_s)} reports)"
            )
        store.close()


def measured(
    store: ReportStore,
    rng: random.Random,
    numbers: "count[int]",
    n_lanes: int,
    seconds: float,
) -> tuple[int, list[float]]:
    """Return how often lanes tried, and how long each report took."""
    stopping, tries = threading.Event(), count()

    def lane(destination: str) -> None:
        while not stopping.is_set():
            claimed = store.claim_delivery(CALLER, destination, timedelta(minutes=1))
            if claimed is not None:
                again = Attempt(DeliveryState.PENDING, "503", datetime.now(UTC))
                store.settle_delivery(CALLER, claimed, again)
                next(tries)

    threads = [
        threading.Thread(target=lane, args=(DESTINATIONS[number % 2],))
        for number in range(n_lanes)
    ]
    for thread in threads:
        thread.start()
    waited_s = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        report = a_report(rng, next(numbers))
        start_s = time.perf_counter()
        store.add(CALLER, report)
        waited_s.append(time.perf_counter() - start_s)
        time.sleep(PAUSE_S)
    stopping.set()
    for thread in threads:
        thread.join()
    return next(tries), waited_s


if __name__ == "__main__":
    main()

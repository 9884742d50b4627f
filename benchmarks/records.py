"""What the trail costs: storing, verifying everything, proving one report.

    python benchmarks/records.py [--reports 100000] [--database URL]

Stores reports through the store, sources of 2 kB, then verifies the whole trail and every
row it vouches for, and proves one report. Without --database a SQLite file in a temporary
folder is used; a PostgreSQL database must be new.
"""

import sys
from pathlib import Path

# Last instead of first: signal.py here would hide the standard library's.
sys.path.append(sys.path.pop(0))

import argparse
import hashlib
import tempfile
import time
import tracemalloc
from datetime import UTC, datetime, timedelta

sys.path.append(str(Path(__file__).parent.parent / "tests" / "integration"))

from factories import CALLER, KEY, a_report, a_source, an_identifier, open_store

from ecgsvc.domain.report import ReportSlot
from ecgsvc.store import TrailAuditor, migrate

SOURCE_BYTES = 2_000
START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--reports", type=int, default=100_000)
    options.add_argument("--database", default="")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{folder}/records.sqlite3"
        migrate(url)
        last = fill(url, given.reports)
        verify(url, last)


def fill(url: str, n_reports: int) -> str:
    """Store so many reports; return the id of the last."""
    store = open_store(url)
    slot = ReportSlot("", 1)
    start_s = time.perf_counter()
    for number in range(n_reports):
        content = hashlib.sha256(str(number).encode()).digest()
        source = a_source(
            an_identifier(f"e{number}"),
            content=content,
            size=SOURCE_BYTES - len(content),
            subject_reference=f"Patient/{number % 5000}",
            effective_at=START + timedelta(minutes=number),
        )
        place = store.lookup(CALLER, "", source.sha256, source)
        assert isinstance(place, ReportSlot)
        slot = place
        store.add(CALLER, a_report(slot, source))
    store.close()
    took_s = time.perf_counter() - start_s
    each_ms = 1e3 * took_s / n_reports
    print(f"{n_reports} reports stored in {took_s:.1f} s, {each_ms:.2f} ms each")
    return slot.report_id


def verify(url: str, report_id: str) -> None:
    """Verify the trail and prove one report."""
    with TrailAuditor.opened(url, [KEY.public]) as auditor:
        start_s = time.perf_counter()
        verdict = auditor.verify(CALLER.tenant)
        took_s = time.perf_counter() - start_s
        assert not verdict.problems, verdict.problems
        print(f"{verdict.n_events} events and all their rows verified in {took_s:.1f} s")
        start_s = time.perf_counter()
        proof = auditor.prove(CALLER.tenant, report_id)
        took_s = time.perf_counter() - start_s
        print(f"one report proved in {took_s:.2f} s, {len(proof) / 1e3:.0f} kB")
        tracemalloc.start()
        auditor.verify(CALLER.tenant)
        print(
            f"memory of a verification: {tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB"
        )


if __name__ == "__main__":
    main()

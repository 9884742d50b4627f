"""Many threads and processes at once: one report for one ECG, versions without gaps."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest
from factories import CALLER, a_source, an_identifier, open_store, submit

from ecgsvc.domain.errors import DuplicateWithOtherContent
from ecgsvc.domain.report import ReportQuery, StoredReport
from ecgsvc.store import ReportStore

Result = TypeVar("Result")
WRITER = Path(__file__).parent / "store_writer.py"


def at_once(n_threads: int, work: Callable[[int], Result]) -> list[Result]:
    """Run `work(0)`, `work(1)`, … in as many threads, all starting together."""
    barrier = Barrier(n_threads)

    def run(number: int) -> Result:
        barrier.wait(30)
        return work(number)

    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(run, range(n_threads)))


def start_writer(url: str, name: str, n_reports: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WRITER), url, name, str(n_reports)],
        stdout=subprocess.PIPE,
        text=True,
    )


def stored_values(store: ReportStore) -> list[str]:
    """The identifier each stored report was made for, as its source's bytes say it."""
    values: list[str] = []
    query = ReportQuery(page_size=1000)
    for report in store.list(CALLER, query).reports:
        body = store.get_with_source(CALLER, report.report_id, report.version)[1]
        values.append(body.rstrip(b"\0").decode())
    return values


def test_fifty_identical_requests_make_one_report(store: ReportStore) -> None:
    source = a_source()
    stored = at_once(50, lambda _: submit(store, source, request_id="r"))
    assert len({report.report_id for report in stored}) == 1
    assert store.list(CALLER, ReportQuery()).reports == (stored[0],)


def test_fifty_sendings_of_one_ecg_make_one_report(store: ReportStore) -> None:
    source = a_source(an_identifier(), an_identifier())
    stored = at_once(50, lambda n: submit(store, source, request_id=f"r{n}"))
    assert len({(report.report_id, report.version) for report in stored}) == 1
    for number in range(50):
        assert submit(store, source, request_id=f"r{number}") == stored[0]


def test_fifty_amendments_are_versions_without_a_gap(store: ReportStore) -> None:
    identifier = an_identifier()
    first = submit(store, a_source(identifier))
    amendments = [a_source(identifier, status="amended") for _ in range(50)]
    stored = at_once(50, lambda n: submit(store, amendments[n]))
    assert sorted(report.version for report in stored) == list(range(2, 52))
    assert {report.report_id for report in stored} == {first.report_id}
    for report, amendment in zip(stored, amendments, strict=True):
        assert (
            store.get_with_source(CALLER, report.report_id, report.version)[1]
            == amendment.body
        )
    assert store.list(CALLER, ReportQuery()).reports == (
        store.get(CALLER, first.report_id, 51),
    )


def test_one_of_many_contents_of_a_request_id_wins(store: ReportStore) -> None:
    def send(number: int) -> StoredReport | None:
        try:
            return submit(store, a_source(content=bytes([number])), request_id="r")
        except DuplicateWithOtherContent:
            return None

    stored = [report for report in at_once(20, send) if report]
    assert len(stored) == 1
    assert store.list(CALLER, ReportQuery()).reports == (stored[0],)


def test_overlapping_identifiers_in_any_order_never_deadlock(store: ReportStore) -> None:
    shared = [an_identifier(str(number)) for number in range(4)]

    def send(number: int) -> StoredReport:
        rotated = shared[number % 4 :] + shared[: number % 4]
        return submit(store, a_source(*rotated, status="amended"))

    stored = at_once(16, send)
    assert sorted(report.version for report in stored) == list(range(1, 17))


def test_processes_share_a_database(store: ReportStore, database_url: str) -> None:
    writers = [start_writer(database_url, name, 15) for name in ("same", "same", "other")]
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    expected = [f"{name}-{number}" for name in ("other", "same") for number in range(15)]
    assert sorted(stored_values(store)) == sorted(expected)


@pytest.mark.parametrize("kill_after", [1, 12, 25])
def test_what_was_acknowledged_before_a_kill_is_there_once(
    database_url: str, kill_after: int
) -> None:
    writer = start_writer(database_url, "w", 10_000)
    assert writer.stdout
    acknowledged = [writer.stdout.readline().strip() for _ in range(kill_after)]
    writer.kill()
    acknowledged += writer.stdout.read().split()
    writer.stdout.close()
    writer.wait(30)
    store = open_store(database_url)
    resent = a_source(an_identifier("w-0"), content=b"w-0", size=20_000)
    submit(store, resent, request_id="w-0")
    found = stored_values(store)
    store.close()
    assert len(found) == len(set(found))
    assert set(acknowledged) <= set(found)
    assert len(found) <= len(acknowledged) + 1

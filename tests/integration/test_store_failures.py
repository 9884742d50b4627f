"""When the database fails, nothing is half-written and nothing of a patient is told."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from factories import CALLER, a_report, a_source, an_identifier, open_store, submit
from sqlalchemy.engine import make_url

from ecgsvc.domain.errors import StoreUnavailable
from ecgsvc.domain.report import Identifier, ReportQuery, ReportSlot
from ecgsvc.store import ReportStore


def file_of(url: str) -> str:
    return str(make_url(url).database)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No SQLite file grows past 150 pages of 4 KiB."""

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 150")

    sa.event.listen(sa.Engine, "connect", limit)
    yield
    sa.event.remove(sa.Engine, "connect", limit)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_is_unavailable_and_leaves_whole_reports_only(sqlite_url: str) -> None:
    store = open_store(sqlite_url)
    acknowledged: list[str] = []

    def fill() -> None:
        for _ in range(100):
            acknowledged.append(submit(store, a_source(size=30_000)).report_id)

    with pytest.raises(StoreUnavailable, match="SQLITE_FULL"):
        fill()
    assert acknowledged
    with pytest.raises(StoreUnavailable):
        submit(store, a_source(size=30_000))
    store.ping()
    listed = {report.report_id for report in store.list(CALLER, ReportQuery()).reports}
    assert listed == set(acknowledged)
    store.close()
    connection = sqlite3.connect(file_of(sqlite_url))
    for table in ("ecgs", "sources", "reports", "measurements"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (
            len(acknowledged),
        )
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_a_locked_sqlite_is_waited_for_and_then_unavailable(sqlite_url: str) -> None:
    store = open_store(sqlite_url, timeout_s=0.3)
    stored = submit(store, a_source())
    other = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"):
        submit(store, a_source())
    with pytest.raises(StoreUnavailable):  # what the trail cannot say is not read either
        store.get(CALLER, stored.report_id)
    other.execute("ROLLBACK")
    assert submit(store, a_source()).version == 1
    other.close()
    store.close()


def test_a_writer_that_finds_a_long_queue_is_told(sqlite_url: str) -> None:
    store = open_store(sqlite_url, timeout_s=0.3)
    other = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    failures: list[StoreUnavailable] = []

    def send() -> None:
        try:
            submit(store, a_source())
        except StoreUnavailable as error:
            failures.append(error)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(failures) == 4
    other.close()
    store.close()


def test_a_locked_postgres_row_is_waited_for_and_then_unavailable(
    postgres_url: str,
) -> None:
    store = open_store(postgres_url, timeout_s=0.3)
    plain = make_url(postgres_url).set(drivername="postgresql")
    with psycopg.connect(plain.render_as_string(hide_password=False)) as other:
        other.execute("LOCK TABLE ecgs IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match="SQLSTATE 57014"):
            submit(store, a_source())
        other.rollback()
    assert submit(store, a_source()).version == 1
    store.close()


def test_a_restarted_postgres_is_connected_to_again(postgres_url: str) -> None:
    store = open_store(postgres_url)
    stored = submit(store, a_source())
    plain = make_url(postgres_url).set(drivername="postgresql")
    with psycopg.connect(plain.render_as_string(hide_password=False)) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert store.get(CALLER, stored.report_id) == stored
    store.close()


def test_errors_tell_nothing_of_the_patient(store: ReportStore) -> None:
    secret = "Mustermann-4711"
    source = a_source(
        an_identifier(secret), subject_identifier=Identifier("urn:mrn", secret)
    )
    nowhere = a_report(ReportSlot("00000000-0000-0000-0000-000000000000", 2), source)
    with pytest.raises(StoreUnavailable) as caught:  # no such ECG: a foreign key refuses
        store.add(CALLER, nowhere)
    assert secret not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_damaged_file_is_unavailable_to_ping(sqlite_url: str) -> None:
    store = open_store(sqlite_url)
    store.close()
    Path(file_of(sqlite_url)).write_bytes(b"this is no database" * 1000)
    with pytest.raises(StoreUnavailable, match="SQLITE_NOTADB"):
        store.ping()

"""Migrations build what the models say, on both databases, also when run at once."""

import multiprocessing
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from factories import a_source, open_store, submit

from ecgsvc.domain.errors import StoreUnavailable
from ecgsvc.store import current_revision, migrate
from ecgsvc.store.engine import make_engine
from ecgsvc.store.migrations import newest_revision
from ecgsvc.store.schema import metadata


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    make: Callable[[], str] = request.getfixturevalue("empty_postgres")
    return make()


def test_models_and_migrations_agree(database_url: str) -> None:
    engine = make_engine(database_url, timeout_s=5.0)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_down_and_up_again_gives_a_working_database(empty_url: str) -> None:
    assert current_revision(empty_url) is None
    migrate(empty_url)
    assert current_revision(empty_url) == newest_revision()
    migrate(empty_url)
    migrate(empty_url, "base")
    assert current_revision(empty_url) is None
    with pytest.raises(StoreUnavailable, match="ecgsvc migrate"):
        open_store(empty_url)
    migrate(empty_url, "+1")
    migrate(empty_url, "-1")
    migrate(empty_url, "head")
    store = open_store(empty_url)
    assert submit(store, a_source()).version == 1
    store.close()


def test_processes_that_migrate_at_once_wait_for_each_other(empty_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=migrate, args=(empty_url,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert current_revision(empty_url) == newest_revision()


def test_an_unknown_revision_is_refused(database_url: str) -> None:
    with pytest.raises(StoreUnavailable, match="nonsense"):
        migrate(database_url, "nonsense")
    assert current_revision(database_url) == newest_revision()


def test_a_failing_migration_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "taken.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE requests (other TEXT)")  # the last table to be made
    connection.commit()
    connection.close()
    with pytest.raises(StoreUnavailable):
        migrate(f"sqlite:///{file}")
    connection = sqlite3.connect(file)
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    assert names.fetchall() == [("requests",)]
    connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "rubbish",
        "mysql://root@127.0.0.1/ecg",
        "sqlite:////no/such/folder/ecg.db",
        "postgresql+psycopg://postgres@127.0.0.1:1/ecg",
    ],
)
def test_a_database_that_cannot_be_reached_is_unavailable(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        migrate(url)
    with pytest.raises(StoreUnavailable):
        open_store(url)

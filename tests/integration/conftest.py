"""Real databases: a SQLite file a test, and a PostgreSQL database a session."""

import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from ecgsvc.store import ReportStore, migrate
from ecgsvc.store.schema import metadata

sys.path.insert(0, str(Path(__file__).parent))  # `factories`, for tests and their processes

POSTGRES_URL = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"


def _execute(url: str, statement: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True, connect_timeout=3) as connection:
        connection.execute(statement)


@pytest.fixture(scope="session")
def empty_postgres() -> Iterator[Callable[[], str]]:
    """Make empty databases, dropped at the end of the session.

    Without a server the tests are skipped, unless $ECGSVC_TEST_POSTGRES_URL asks for one.
    """
    server = os.environ.get("ECGSVC_TEST_POSTGRES_URL")
    made: list[str] = []

    def make() -> str:
        name = f"ecgsvc_test_{uuid.uuid4().hex[:12]}"
        try:
            _execute(server or POSTGRES_URL, f"CREATE DATABASE {name}")
        except psycopg.OperationalError:
            if server:
                raise
            pytest.skip("no PostgreSQL on 127.0.0.1:5432 (or $ECGSVC_TEST_POSTGRES_URL)")
        made.append(name)
        url = make_url(server or POSTGRES_URL).set(database=name)
        return url.render_as_string(hide_password=False)

    yield make
    for name in made:
        _execute(server or POSTGRES_URL, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def migrated_postgres(empty_postgres: Callable[[], str]) -> str:
    url = empty_postgres()
    migrate(url)
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "ecg.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'ecg.db')}"


@pytest.fixture
def postgres_url(migrated_postgres: str) -> str:
    # DELETE: on small tables far quicker than TRUNCATE, which makes new files
    emptied = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
    no_triggers = "SET session_replication_role = replica"
    _execute(migrated_postgres, "; ".join([no_triggers, *emptied]))
    return migrated_postgres


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of either kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(database_url: str) -> Iterator[ReportStore]:
    from factories import open_store  # found through the path set above

    store = open_store(database_url)
    yield store
    store.close()

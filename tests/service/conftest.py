"""Real databases, and a real server process over one."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ecgsvc.store import migrate
from tests.servers import Server, running_server

POSTGRES = os.environ.get(
    "ECGSVC_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres"
)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'reports.sqlite3'}"
    migrate(url)
    return url


@pytest.fixture
def postgres_url() -> Iterator[str]:
    try:
        admin = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("PostgreSQL is not reachable")
    name = f"ecgsvc_test_{uuid.uuid4().hex[:12]}"
    with admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    url = POSTGRES.replace("postgresql://", "postgresql+psycopg://").rsplit("/", 1)[0]
    migrate(f"{url}/{name}")
    yield f"{url}/{name}"
    with psycopg.connect(POSTGRES, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def server(sqlite_url: str, tmp_path: Path) -> Iterator[Server]:
    with running_server(sqlite_url, tmp_path / "server.log") as running:
        yield running

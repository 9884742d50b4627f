"""A real server process over a real database."""

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from ecgsvc.store import migrate

POSTGRES = os.environ.get("ECGSVC_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@dataclass(frozen=True)
class Server:
    """A running `ecgsvc serve`."""

    address: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)


@contextmanager
def running_server(url: str, log: Path, *options: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "ecgsvc", "serve", "--listen", "127.0.0.1:0"]
    with (
        log.open("a") as stderr,
        subprocess.Popen(
            [*command, "--database", url, *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("serving on "), log.read_text()
            yield Server(line.removeprefix("serving on ").strip(), process)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=60)


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


def have(command: str) -> bool:
    return shutil.which(command) is not None

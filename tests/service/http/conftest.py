"""A real server with its REST face, shared by all tests here."""

from collections.abc import Iterator

import pytest

from ecgsvc.store import migrate
from tests.servers import Server, running_server


@pytest.fixture(scope="session")
def rest_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("rest")
    url = f"sqlite:///{folder / 'reports.sqlite3'}"
    migrate(url)
    with running_server(url, folder / "log", "--http", "127.0.0.1:0") as running:
        yield running

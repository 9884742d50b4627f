"""A real server with its REST face, shared by the tests of a module."""

from collections.abc import Iterator

import pytest

from ecgsvc.store import migrate
from tests.servers import Server, running_server


@pytest.fixture(scope="module")
def rest_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("rest")
    url = f"sqlite:///{folder / 'reports.sqlite3'}"
    migrate(url)
    with running_server(url, folder / "log", "--http", "127.0.0.1:0") as running:
        yield running

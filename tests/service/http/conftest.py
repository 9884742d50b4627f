"""A real server with its REST face, shared by all tests here.

It has a hospital's own model where `onnx` is there to write one.
"""

from collections.abc import Iterator

import pytest

from ecgsvc.store import migrate
from tests.plug_in_models import write_model
from tests.servers import Server, running_server
from tests.service.http.rest import HAS_OWN_MODEL


@pytest.fixture(scope="session")
def rest_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("rest")
    url = f"sqlite:///{folder / 'reports.sqlite3'}"
    migrate(url)
    with pytest.MonkeyPatch.context() as environment:
        if HAS_OWN_MODEL:
            model = write_model(folder / "model")
            environment.setenv("ECGSVC_EXTRA_MODELS", str(model))
        with running_server(url, folder / "log", "--http", "127.0.0.1:0") as running:
            yield running

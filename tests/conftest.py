"""What all tests share: where recordings and databases are, and that CI skips nothing.

Hypothesis tries the same examples each time, so that a change fails for what it changed;
with `ECGSVC_EXPLORE` set it looks for new ones.
"""

import os
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).parent.parent

settings.register_profile("repeatable", derandomize=True)
if not os.environ.get("ECGSVC_EXPLORE"):
    settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of the public recordings (`make data`)."""
    folder = Path(os.environ.get("ECGSVC_DATA", "~/.cache/ecgsvc")).expanduser()
    if not (folder / "mitdb").is_dir():
        pytest.skip("the public recordings are not there (make data)")
    return folder


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI everything a test needs must be there: a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and exitstatus == 0 and os.environ.get("ECGSVC_ALLOW_NO_SKIPS"):
        reporter.write_line(
            "skipped tests are failures here (ECGSVC_ALLOW_NO_SKIPS)", red=True
        )
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

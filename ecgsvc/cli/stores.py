"""The database that a command works on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecgsvc.cli.console import one_line_errors
from ecgsvc.cli.options import settings_with

if TYPE_CHECKING:
    from ecgsvc.store import ReportStore


@contextmanager
def opened_store(database: str | None) -> Iterator["ReportStore"]:
    """Open the store of the settings and close it; errors of ours end the command."""
    from ecgsvc.app import open_store

    with one_line_errors():
        store = open_store(settings_with(database_url=database))
        try:
            yield store
        finally:
            store.close()

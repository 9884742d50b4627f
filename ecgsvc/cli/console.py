"""What the commands share: output, progress, errors as one line, input files."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ecgsvc import __version__
from ecgsvc.domain.errors import EcgsvcError, RefusedContent

FILE_WIDTH = 160
"""Columns of tables that go to a file or a pipe."""

out = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
err = Console(stderr=True, width=None if sys.stderr.isatty() else FILE_WIDTH)


def version_callback(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Answer options that stand before any command."""
    if version:
        out.print(f"ecgsvc {__version__}", highlight=False)
        raise typer.Exit


def print_json(value: object) -> None:
    """Write one JSON document on standard output, and nothing else."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def print_markdown(*tables: Table) -> None:
    """Write tables as Markdown on standard output."""
    from ecgsvc.evaluation import to_markdown

    text = "\n\n".join(map(to_markdown, tables))
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def progress() -> Progress:
    """Show a progress bar on standard error, so that piped output stays clean."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def describe(error: EcgsvcError) -> str:
    """One line an error: which element, what is wrong."""
    errors = error.all if isinstance(error, RefusedContent) else (error,)
    return "\n".join(
        f"{e.expression}: {e.message}" if e.expression else e.message for e in errors
    )


class Failures:
    """Inputs that failed; one bad input never stops the others."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def caught(self, name: str) -> Iterator[None]:
        """Report an error of ours, or of the file system, and go on."""
        try:
            yield
        except EcgsvcError as error:
            self.add(name, describe(error))
        except OSError as error:
            self.add(name, error.strerror or type(error).__name__)

    def add(self, name: str, message: str) -> None:
        """Report one failed input."""
        self.count += 1
        err.print(f"[red]{name}[/red]: ", end="")
        err.print(message, markup=False, highlight=False)

    def exit_if_any(self) -> None:
        """End with a non-zero status when anything failed."""
        if self.count:
            raise typer.Exit(1)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the command with one line instead of a trace, for errors of ours and of files."""
    try:
        yield
    except EcgsvcError as error:
        message = describe(error)
    except OSError as error:
        message = str(error)
    else:
        return
    err.print(message, markup=False, highlight=False, style="red")
    raise typer.Exit(1)

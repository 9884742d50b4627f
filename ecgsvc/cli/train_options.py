"""What the commands of `ecgsvc train` share: their options, and how they end."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from ecgsvc.cli.console import err, one_line_errors, out, print_markdown, progress

BUILD = Path("build/training")

Mitdb = Annotated[Path, typer.Option(help="Folder of the MIT-BIH Arrhythmia Database.")]
OutputDir = Annotated[
    Path, typer.Option("--output-dir", "-o", help="Gets the model and checkpoints.")
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same weights.")]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Those of the shipped model when not given.")
]
Folds = Annotated[
    int, typer.Option(min=1, max=5, help="How many of the five folds to leave out.")
]
Threads = Annotated[int, typer.Option(min=1, help="Of PyTorch.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoints.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print tables as Markdown.")]


@contextmanager
def training() -> Iterator[Progress]:
    """Import and run training in one line of progress; errors end the command in a line.

    A value that does not go ends it with 2, a package or a file that is not there with 1.
    """
    try:
        with one_line_errors(), progress() as bar:
            yield bar
    except ModuleNotFoundError as error:
        err.print(f"{error.name} is missing: pip install 'ecgsvc[train]'", markup=False)
        raise typer.Exit(1) from None
    except (ValueError, KeyError) as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None


def print_tables(tables: Iterable[Table], *, as_markdown: bool) -> None:
    """Print figures for the eye, or for a document."""
    if as_markdown:
        print_markdown(*tables)
    else:
        out.print(*tables)


def print_written(path: Path) -> None:
    """Say where the model is; not among the tables."""
    err.print(f"wrote {path}", highlight=False)

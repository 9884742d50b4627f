"""What the evaluation commands share: options, and the serving path's stages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ecgsvc.cli.console import progress
from ecgsvc.domain.waveform import SampleIndices, Waveform

Directory = Annotated[Path, typer.Argument(help="Folder of WFDB records.", metavar="DIR")]
Extension = Annotated[str, typer.Option(help="The reference annotator.")]
Model = Annotated[
    Path | None, typer.Option(help="Model folder; the shipped one when not given.")
]
Markdown = Annotated[
    bool, typer.Option("--markdown", help="Print the gross figures as Markdown.")
]
OnRecord = Callable[[str, int, int], None]


def detect(waveform: Waveform) -> SampleIndices:
    """Find the R peaks as the service does."""
    from ecgsvc import dsp
    from ecgsvc.signal_path import find_r_peaks

    return find_r_peaks(waveform, dsp.assess_quality(waveform))


@contextmanager
def record_bar(description: str) -> Iterator[OnRecord]:
    """Show how many records are done."""
    with progress() as bar:
        task = bar.add_task(description, total=None)
        yield lambda _name, done, total: bar.update(task, completed=done, total=total)

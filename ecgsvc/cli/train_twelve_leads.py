"""`ecgsvc train diagnosis` and `ecgsvc train intervals`: the models of twelve leads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from ecgsvc.cli.console import err, one_line_errors, out, print_markdown, progress

OutputDir = Annotated[
    Path, typer.Option("--output-dir", "-o", help="Gets the model and checkpoints.")
]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Those of the shipped model when not given.")
]
Threads = Annotated[int, typer.Option(min=1, help="Of PyTorch.")]
Resume = Annotated[bool, typer.Option("--resume", help="Take what the checkpoints hold.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print tables as Markdown.")]


@contextmanager
def _wrong_values() -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, FileNotFoundError) as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None


def _needs_train(error: ModuleNotFoundError) -> typer.Exit:
    err.print(f"{error.name} is missing: pip install 'ecgsvc[train]'", markup=False)
    return typer.Exit(1)


def diagnosis(
    data: Annotated[Path, typer.Option(help="Folder of PTB-XL.")],
    output_dir: OutputDir = Path("build/training"),
    fusion: Annotated[
        Literal["attention", "concatenation", "none"],
        typer.Option(help="How age and sex come in."),
    ] = "attention",
    sizes: Annotated[
        bool, typer.Option("--sizes/--no-sizes", help="Whether amplitudes are seen.")
    ] = True,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Networks of the ensemble.")
    ] = None,
    epochs: Epochs = None,
    threads: Threads = 1,
    resume: Resume = False,
    as_markdown: Markdown = False,
) -> None:
    """Train the networks for twelve-lead diagnoses on PTB-XL and export them as one.

    Without options it makes the shipped model again. Folds 1-8 are trained on, 9 decides,
    10 is scored once, at the end.
    """
    try:
        from ecgsvc.training.diagnosis import (
            DIAGNOSIS_EPOCHS,
            DIAGNOSIS_SEEDS,
            train_diagnosis,
        )
    except ModuleNotFoundError as error:
        raise _needs_train(error) from None
    from ecgsvc.evaluation import figures_table

    with one_line_errors(), progress() as bar, _wrong_values():
        trained = train_diagnosis(
            data,
            output_dir,
            seeds=DIAGNOSIS_SEEDS if seeds is None else seeds,
            epochs=DIAGNOSIS_EPOCHS if epochs is None else epochs,
            fusion=fusion,
            sizes=sizes,
            threads=threads,
            resume=resume,
            progress=bar,
        )
    tables = map(figures_table, trained.tables)
    if as_markdown:
        print_markdown(*tables)
    else:
        out.print(*tables)
    err.print(f"wrote {trained.folder}", highlight=False)


def intervals(
    data: Annotated[Path, typer.Option(help="Holds the folders ludb and ptbxl.")],
    output_dir: OutputDir = Path("build/training"),
    model: Annotated[
        str,
        typer.Option(help="aicrn, aicrn-without-attention, lenet, xresnet or qtnet."),
    ] = "aicrn",
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 0,
    epochs: Epochs = None,
    folds: Annotated[
        int, typer.Option(min=1, max=5, help="How many of the five folds to leave out.")
    ] = 5,
    threads: Threads = 1,
    resume: Resume = False,
    as_markdown: Markdown = False,
) -> None:
    """Train the network that measures intervals a second time, and export it.

    A network is fitted without each fold of LUDB's patients for the figures, and one on
    all of them, which ships. Without options it makes the shipped model again.
    """
    try:
        from ecgsvc.training.intervals import INTERVALS_EPOCHS, train_intervals
    except ModuleNotFoundError as error:
        raise _needs_train(error) from None
    from ecgsvc.evaluation import figures_table

    with one_line_errors(), progress() as bar, _wrong_values():
        trained = train_intervals(
            data,
            output_dir,
            model=model,
            seed=seed,
            epochs=INTERVALS_EPOCHS if epochs is None else epochs,
            folds=folds,
            threads=threads,
            resume=resume,
            progress=bar,
        )
    tables = map(figures_table, trained.tables)
    if as_markdown:
        print_markdown(*tables)
    else:
        out.print(*tables)
    err.print(f"wrote {trained.folder}", highlight=False)

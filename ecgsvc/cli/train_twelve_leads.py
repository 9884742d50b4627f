"""`ecgsvc train diagnosis` and `ecgsvc train intervals`: the models of twelve leads."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ecgsvc.cli.train_options import (
    BUILD,
    Epochs,
    Folds,
    Markdown,
    OutputDir,
    Resume,
    Seed,
    Threads,
    print_tables,
    print_written,
    training,
)


def diagnosis(
    data: Annotated[Path, typer.Option(help="Folder of PTB-XL.")],
    output_dir: OutputDir = BUILD,
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
    """Train networks and trees for twelve-lead diagnoses on PTB-XL, exported as one.

    Without options it makes the shipped model again. Folds 1-8 are trained on; they, out of
    fold, and 9 decide; 10 is scored once, at the end.
    """
    with training() as bar:
        from ecgsvc.evaluation import figures_table
        from ecgsvc.training.diagnosis import (
            DIAGNOSIS_EPOCHS,
            DIAGNOSIS_SEEDS,
            train_diagnosis,
        )

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
    print_tables(map(figures_table, trained.tables), as_markdown=as_markdown)
    print_written(trained.folder)


def intervals(
    data: Annotated[Path, typer.Option(help="Holds the folders ludb and ptbxl.")],
    output_dir: OutputDir = BUILD,
    model: Annotated[
        str,
        typer.Option(help="aicrn, aicrn-without-attention, lenet, xresnet or qtnet."),
    ] = "aicrn",
    seed: Seed = 0,
    epochs: Epochs = None,
    folds: Folds = 5,
    threads: Threads = 1,
    resume: Resume = False,
    as_markdown: Markdown = False,
) -> None:
    """Train the network that measures intervals a second time, and export it.

    A network is fitted without each fold of LUDB's patients for the figures, and one on
    all of them, which ships. Without options it makes the shipped model again.
    """
    with training() as bar:
        from ecgsvc.evaluation import figures_table
        from ecgsvc.training.intervals import INTERVALS_EPOCHS, train_intervals

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
    print_tables(map(figures_table, trained.tables), as_markdown=as_markdown)
    print_written(trained.folder)

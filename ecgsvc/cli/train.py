"""`ecgsvc train`: make the models that ship."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ecgsvc.cli.console import err, one_line_errors, out, print_markdown, progress
from ecgsvc.cli.train_beat_table import beat_gan, beat_table
from ecgsvc.cli.train_twelve_leads import diagnosis, intervals

app = typer.Typer(
    no_args_is_help=True, help=r"Train the models that ship (needs ecgsvc\[train])."
)


@app.callback()
def train() -> None:
    r"""Train the models that ship (needs ecgsvc\[train])."""


@app.command("beats")
def beats(
    data: Annotated[Path, typer.Option(help="Folder of the MIT-BIH Arrhythmia Database.")],
    svdb: Annotated[
        Path | None, typer.Option(help="Folder of the Supraventricular one: track B.")
    ] = None,
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Gets the model and checkpoints.")
    ] = Path("build/training"),
    model: Annotated[str, typer.Option(help="Name of the network.")] = "cnn-lstm-attention",
    loss: Annotated[
        Literal["focal", "cross-entropy"], typer.Option(help="Focal by Lin et al. 2017.")
    ] = "focal",
    augmentation: Annotated[
        Literal["noise", "none"], typer.Option(help="Noise, gain, place of R, pace.")
    ] = "noise",
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 0,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Those of the shipped model when not given.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of PyTorch.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoints.")
    ] = False,
) -> None:
    """Train a beat classifier on DS1 and more, export it, and measure it.

    With both databases and no other option it makes the shipped model again. Model
    choice rests on cross-validation inside the training records; DS2 is read once, at the
    end.
    """
    try:
        from ecgsvc.training.fit import FitPlan
        from ecgsvc.training.train import EPOCHS, BeatData, train_beats
    except ModuleNotFoundError as error:
        err.print(f"{error.name} is missing: pip install 'ecgsvc[train]'", markup=False)
        raise typer.Exit(1) from None
    with one_line_errors(), progress() as bar:
        try:
            plan = FitPlan(
                EPOCHS if epochs is None else epochs,
                seed,
                output_dir / "checkpoints",
                resume=resume,
                loss=loss,
                augmentation=augmentation,
            )
            trained = train_beats(
                BeatData(data, svdb),
                output_dir,
                plan,
                model=model,
                threads=threads,
                progress=bar,
            )
        except ValueError as error:
            err.print(str(error), style="red", markup=False)
            raise typer.Exit(2) from None
    out.print(f"wrote {trained.folder}", highlight=False)


@app.command("waves")
def waves(
    data: Annotated[Path, typer.Option(help="Folder of LUDB.")],
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Gets the model and checkpoints.")
    ] = Path("build/training"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 0,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Those of the shipped model when not given.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of PyTorch.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take what the checkpoints hold.")
    ] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown")] = False,
) -> None:
    """Train the wave model on LUDB and export it; print its figures on held-out records.

    Five networks are fitted for the figures, each without a fifth of the patients, and one
    on all of them, which ships.
    """
    try:
        from ecgsvc.training.waves import WAVES_EPOCHS, train_waves
    except ModuleNotFoundError as error:
        err.print(f"{error.name} is missing: pip install 'ecgsvc[train]'", markup=False)
        raise typer.Exit(1) from None
    from ecgsvc.evaluation import delineation_tables

    with one_line_errors(), progress() as bar:
        try:
            trained = train_waves(
                data,
                output_dir,
                seed=seed,
                epochs=WAVES_EPOCHS if epochs is None else epochs,
                threads=threads,
                resume=resume,
                progress=bar,
            )
        except ValueError as error:
            err.print(str(error), style="red", markup=False)
            raise typer.Exit(2) from None
    tables = delineation_tables(trained.held_out)
    if as_markdown:
        print_markdown(*tables)
    else:
        out.print(*tables)
    err.print(f"wrote {trained.folder}", highlight=False)


@app.command("malignant")
def malignant(
    data: Annotated[
        Path, typer.Option(help="Holds the folders vfdb, mitdb, svdb and cinc2017.")
    ],
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Gets the model and checkpoints.")
    ] = Path("build/training"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 0,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Those of the shipped model when not given.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of PyTorch.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoints.")
    ] = False,
) -> None:
    """Train the detector of ventricular fibrillation, flutter and tachycardia.

    Five folds of whole records give the figures and the threshold, then a network is
    fitted to all records and exported. Without options it makes the shipped model again.
    """
    try:
        from ecgsvc.training.malignant import EPOCHS, train_malignant
    except ModuleNotFoundError as error:
        err.print(f"{error.name} is missing: pip install 'ecgsvc[train]'", markup=False)
        raise typer.Exit(1) from None
    with one_line_errors(), progress() as bar:
        try:
            trained = train_malignant(
                data,
                output_dir,
                seed=seed,
                epochs=EPOCHS if epochs is None else epochs,
                threads=threads,
                resume=resume,
                progress=bar,
            )
        except ValueError as error:
            err.print(str(error), style="red", markup=False)
            raise typer.Exit(2) from None
    out.print(f"wrote {trained.folder}", highlight=False)


@app.command("r-peaks")
def r_peaks(
    data: Annotated[Path, typer.Option(help="Folder of the MIT-BIH Arrhythmia Database.")],
    as_markdown: Annotated[bool, typer.Option("--markdown")] = False,
) -> None:
    """Search the fitted constants of the R-peak detector by folds; nothing is written.

    Prints what is found with each fifth of the records left out and with none, and the
    figures out of fold, in sample and as shipped.
    """
    from ecgsvc.training.detector_constants import fit_detector_constants
    from ecgsvc.training.detector_tables import detector_tables

    with one_line_errors(), progress() as bar:
        task = bar.add_task("runs over all records", total=None)
        fitted = fit_detector_constants(
            data, on_run=lambda n_runs: bar.update(task, completed=n_runs)
        )
    tables = detector_tables(fitted)
    if as_markdown:
        print_markdown(*tables)
    else:
        out.print(*tables)


@app.command("rhythm")
def rhythm(
    data: Annotated[
        Path, typer.Option(help="Folder of PhysioNet/CinC 2017 with REFERENCE-v3.csv.")
    ],
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Gets the model and checkpoints.")
    ] = Path("build/training"),
    model: Annotated[
        str, typer.Option(help="canet, mobilenet, vgg or features.")
    ] = "canet",
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 0,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Those of the shipped model when not given.")
    ] = None,
    folds: Annotated[
        int, typer.Option(min=1, max=5, help="How many of the five folds to leave out.")
    ] = 5,
    threads: Annotated[int, typer.Option(min=1, help="Of PyTorch.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoints.")
    ] = False,
) -> None:
    """Train the rhythm classifier without each fold in turn and export the networks as one.

    Without options it makes the shipped model again. Figures in the card are out of fold.
    """
    try:
        from ecgsvc.training.rhythm import train_rhythm
    except ModuleNotFoundError as error:
        err.print(f"{error.name} is missing: pip install 'ecgsvc[train]'", markup=False)
        raise typer.Exit(1) from None
    with one_line_errors(), progress() as bar:
        try:
            trained = train_rhythm(
                data,
                output_dir,
                model=model,
                seed=seed,
                epochs=epochs,
                folds=tuple(range(folds)),
                threads=threads,
                resume=resume,
                progress=bar,
            )
        except ValueError as error:
            err.print(str(error), style="red", markup=False)
            raise typer.Exit(2) from None
    out.print(f"wrote {trained.folder}", highlight=False)


@app.command("explain")
def explain(
    folder: Annotated[Path, typer.Argument(help="A model's: model.onnx and card.toml.")],
) -> None:
    """Write the graph a model's answers are explained by (Grad-CAM, attention).

    It goes beside the model as explain.onnx, its SHA-256 into the card. The commands that
    train beats and rhythm end with it.
    """
    try:
        from ecgsvc.training.explanation_graph import NoExplanation, add_explanation
    except ModuleNotFoundError as error:
        err.print(f"{error.name} is missing: pip install 'ecgsvc[train]'", markup=False)
        raise typer.Exit(1) from None
    with one_line_errors():
        try:
            add_explanation(folder)
        except NoExplanation as error:
            err.print(str(error), style="red", markup=False)
            raise typer.Exit(2) from None
    out.print(f"wrote {folder / 'explain.onnx'}", highlight=False)


app.command("beat-table")(beat_table)
app.command("beat-gan")(beat_gan)
app.command("diagnosis")(diagnosis)
app.command("intervals")(intervals)

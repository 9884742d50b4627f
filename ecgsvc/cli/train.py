"""`ecgsvc train`: make the models that ship."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ecgsvc.cli.train_beat_table import beat_gan, beat_table
from ecgsvc.cli.train_options import (
    BUILD,
    Epochs,
    Folds,
    Markdown,
    Mitdb,
    OutputDir,
    Resume,
    Seed,
    Threads,
    print_tables,
    print_written,
    training,
)
from ecgsvc.cli.train_twelve_leads import diagnosis, intervals

app = typer.Typer(
    no_args_is_help=True, help=r"Train the models that ship (needs ecgsvc\[train])."
)


@app.callback()
def train() -> None:
    r"""Train the models that ship (needs ecgsvc\[train])."""


@app.command("beats")
def beats(
    data: Mitdb,
    svdb: Annotated[
        Path | None, typer.Option(help="Folder of the Supraventricular one: track B.")
    ] = None,
    output_dir: OutputDir = BUILD,
    model: Annotated[str, typer.Option(help="Name of the network.")] = "cnn-lstm-attention",
    loss: Annotated[
        Literal["focal", "cross-entropy"], typer.Option(help="Focal by Lin et al. 2017.")
    ] = "focal",
    augmentation: Annotated[
        Literal["noise", "none"], typer.Option(help="Noise, gain, place of R, pace.")
    ] = "noise",
    seed: Seed = 0,
    epochs: Epochs = None,
    threads: Threads = 1,
    resume: Resume = False,
) -> None:
    """Train a beat classifier on DS1 and more, export it, and measure it.

    With both databases and no other option it makes the shipped model again. Model
    choice rests on cross-validation inside the training records; DS2 is read once, at the
    end.
    """
    with training() as bar:
        from ecgsvc.training.fit import FitPlan
        from ecgsvc.training.train import EPOCHS, BeatData, train_beats

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
    print_written(trained.folder)


@app.command("waves")
def waves(
    data: Annotated[Path, typer.Option(help="Folder of LUDB.")],
    output_dir: OutputDir = BUILD,
    seed: Seed = 0,
    epochs: Epochs = None,
    threads: Threads = 1,
    resume: Resume = False,
    as_markdown: Markdown = False,
) -> None:
    """Train the wave model on LUDB and export it; print its figures on held-out records.

    Five networks are fitted for the figures, each without a fifth of the patients, and one
    on all of them, which ships.
    """
    with training() as bar:
        from ecgsvc.evaluation import delineation_tables
        from ecgsvc.training.waves import WAVES_EPOCHS, train_waves

        trained = train_waves(
            data,
            output_dir,
            seed=seed,
            epochs=WAVES_EPOCHS if epochs is None else epochs,
            threads=threads,
            resume=resume,
            progress=bar,
        )
    print_tables(delineation_tables(trained.held_out), as_markdown=as_markdown)
    print_written(trained.folder)


@app.command("malignant")
def malignant(
    data: Annotated[
        Path, typer.Option(help="Holds the folders vfdb, mitdb, svdb and cinc2017.")
    ],
    output_dir: OutputDir = BUILD,
    seed: Seed = 0,
    epochs: Epochs = None,
    threads: Threads = 1,
    resume: Resume = False,
) -> None:
    """Train the detector of ventricular fibrillation, flutter and tachycardia.

    Five folds of whole records give the figures and the threshold, then a network is
    fitted to all records and exported. Without options it makes the shipped model again.
    """
    with training() as bar:
        from ecgsvc.training.malignant import EPOCHS, train_malignant

        trained = train_malignant(
            data,
            output_dir,
            seed=seed,
            epochs=EPOCHS if epochs is None else epochs,
            threads=threads,
            resume=resume,
            progress=bar,
        )
    print_written(trained.folder)


@app.command("r-peaks")
def r_peaks(
    data: Mitdb,
    as_markdown: Markdown = False,
) -> None:
    """Search the fitted constants of the R-peak detector by folds; nothing is written.

    Prints what is found with each fifth of the records left out and with none, and the
    figures out of fold, in sample and as shipped.
    """
    with training() as bar:
        from ecgsvc.training.detector_constants import fit_detector_constants
        from ecgsvc.training.detector_tables import detector_tables

        task = bar.add_task("runs over all records", total=None)
        fitted = fit_detector_constants(
            data, on_run=lambda n_runs: bar.update(task, completed=n_runs)
        )
    print_tables(detector_tables(fitted), as_markdown=as_markdown)


@app.command("rhythm")
def rhythm(
    data: Annotated[
        Path, typer.Option(help="Folder of PhysioNet/CinC 2017 with REFERENCE-v3.csv.")
    ],
    output_dir: OutputDir = BUILD,
    model: Annotated[
        str, typer.Option(help="canet, mobilenet, vgg or features.")
    ] = "canet",
    seed: Seed = 0,
    epochs: Epochs = None,
    folds: Folds = 5,
    threads: Threads = 1,
    resume: Resume = False,
) -> None:
    """Train the rhythm classifier without each fold in turn and export the networks as one.

    Without options it makes the shipped model again. Figures in the card are out of fold.
    """
    with training() as bar:
        from ecgsvc.training.rhythm import train_rhythm

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
    print_written(trained.folder)


@app.command("explain")
def explain(
    folder: Annotated[Path, typer.Argument(help="A model's: model.onnx and card.toml.")],
) -> None:
    """Write the graph a model's answers are explained by (Grad-CAM, attention).

    It goes beside the model as explain.onnx, its SHA-256 into the card. The commands that
    train beats and rhythm end with it.
    """
    with training():
        from ecgsvc.training.explanation_graph import add_explanation

        add_explanation(folder)
    print_written(folder / "explain.onnx")


app.command("beat-table")(beat_table)
app.command("beat-gan")(beat_gan)
app.command("diagnosis")(diagnosis)
app.command("intervals")(intervals)

"""`ecgsvc train beat-table` and `beat-gan`: the beat networks of the literature."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from ecgsvc.cli.console import err, out
from ecgsvc.cli.train_options import (
    BUILD,
    Markdown,
    Mitdb,
    Seed,
    Threads,
    print_tables,
    print_written,
    training,
)

Name = TypeVar("Name", bound=str)


def beat_table(
    data: Mitdb,
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Keeps what is done.")
    ] = BUILD / "table",
    model: Annotated[
        list[str] | None, typer.Option(help="Only these networks; may be repeated.")
    ] = None,
    loss: Annotated[list[str] | None, typer.Option(help="Only these.")] = None,
    augmentation: Annotated[
        list[str] | None,
        typer.Option(help="none, noise or gan; none when not given."),
    ] = None,
    split: Annotated[list[str] | None, typer.Option(help="Only these.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0 to this less one.")] = 1,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Those of the table when not given.")
    ] = None,
    threads: Threads = 1,
    as_markdown: Markdown = False,
) -> None:
    """Compare the beat networks of the literature on both splits of MIT-BIH.

    Cells that were made before are read, so that the command can be stopped and goes on.
    """
    with training() as bar:
        from ecgsvc.training.comparison import all_cells, compare_beats
        from ecgsvc.training.comparison_table import comparison_table
        from ecgsvc.training.losses import LOSSES
        from ecgsvc.training.networks import BEAT_NETWORKS

        cells = all_cells(
            _chosen(model, list(BEAT_NETWORKS)),
            _chosen(loss, list(LOSSES)),
            _chosen(augmentation, ["none", "noise", "gan"], default=["none"]),
            _chosen(split, ["random", "inter-patient"]),
            range(seeds),
        )
        results = compare_beats(
            data, output_dir, list(cells), epochs=epochs, threads=threads, progress=bar
        )
    print_tables([comparison_table(results)], as_markdown=as_markdown)


def beat_gan(
    data: Mitdb,
    figure: Annotated[
        Path, typer.Option(help="SVG to write: real and generated beats.")
    ] = BUILD / "table/beat-gan.svg",
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="As of beat-table: keeps the GAN.")
    ] = BUILD / "table",
    split: Annotated[
        Literal["random", "inter-patient"], typer.Option(help="Whose training beats.")
    ] = "inter-patient",
    seed: Seed = 0,
    threads: Threads = 1,
) -> None:
    """Train the generator of S, V and F beats, draw them, and tell them from real ones.

    `beat-table --augmentation gan` trains on the beats of the same generator.
    """
    with training() as bar:
        from ecgsvc.training.beat_gan_figure import (
            compare_generated,
            gan_figure,
            told_apart,
        )
        from ecgsvc.training.comparison import split_generator

        generator, real = split_generator(
            data, output_dir, split, seed, threads=threads, progress=bar
        )
        pairs = compare_generated(generator, real, seed)
        figure.parent.mkdir(parents=True, exist_ok=True)
        figure.write_text(gan_figure(pairs))
    for pair in pairs:
        out.print(
            f"{pair.name}: generated told from real beats with ROC area "
            f"{told_apart(pair):.3f}",
            highlight=False,
        )
    print_written(figure)


def _chosen(
    given: list[str] | None, possible: list[Name], default: list[Name] | None = None
) -> list[Name]:
    """What was asked for of what is possible; everything or `default` when nothing was."""
    unknown = [name for name in given or () if name not in possible]
    if unknown:
        err.print(f"not known: {', '.join(unknown)}", style="red", markup=False)
        raise typer.Exit(2)
    if not given:
        return possible if default is None else default
    return [name for name in possible if name in given]

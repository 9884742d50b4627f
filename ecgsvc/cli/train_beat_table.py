"""`ecgsvc train beat-table`: the beat networks of the literature side by side."""

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from ecgsvc.cli.console import err, one_line_errors, out, print_markdown, progress

Name = TypeVar("Name", bound=str)


def beat_table(
    data: Annotated[Path, typer.Option(help="Folder of the MIT-BIH Arrhythmia Database.")],
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Keeps what is done.")
    ] = Path("build/training/table"),
    model: Annotated[
        list[str] | None, typer.Option(help="Only these networks; may be repeated.")
    ] = None,
    loss: Annotated[list[str] | None, typer.Option(help="Only these.")] = None,
    augmentation: Annotated[
        list[str] | None,
        typer.Option(help="Noise when not given."),
    ] = None,
    split: Annotated[list[str] | None, typer.Option(help="Only these.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds 0 to this less one.")] = 1,
    epochs: Annotated[int, typer.Option(min=1, help="At most; stops early.")] = 12,
    threads: Annotated[int, typer.Option(min=1, help="Of PyTorch.")] = 1,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table as Markdown.")
    ] = False,
) -> None:
    """Compare the beat networks of the literature on both splits of MIT-BIH.

    Cells that were made before are read, so that the command can be stopped and goes on.
    """
    try:
        from ecgsvc.training.comparison import all_cells, compare_beats
        from ecgsvc.training.comparison_table import comparison_table
        from ecgsvc.training.losses import LOSSES
        from ecgsvc.training.networks import BEAT_NETWORKS
    except ModuleNotFoundError as error:
        err.print(f"{error.name} is missing: pip install 'ecgsvc[train]'", markup=False)
        raise typer.Exit(1) from None
    cells = all_cells(
        _chosen(model, list(BEAT_NETWORKS)),
        _chosen(loss, list(LOSSES)),
        _chosen(augmentation, ["noise", "none"], default=["noise"]),
        _chosen(split, ["random", "inter-patient"]),
        range(seeds),
    )
    with one_line_errors(), progress() as bar:
        results = compare_beats(
            data, output_dir, list(cells), epochs=epochs, threads=threads, progress=bar
        )
    table = comparison_table(results)
    if as_markdown:
        print_markdown(table)
    else:
        out.print(table)


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

"""`ecgsvc models`: look at model folders before a server does."""

from pathlib import Path
from typing import Annotated

import typer

from ecgsvc.cli.console import one_line_errors, out, print_json
from ecgsvc.cli.options import Json, settings_with

app = typer.Typer(no_args_is_help=True, help="Check a hospital's own models.")


@app.callback()
def models() -> None:
    """Check a hospital's own models."""


@app.command("check")
def check(
    folder: Annotated[Path, typer.Argument(help="Folder with model.onnx and card.toml.")],
    as_json: Json = False,
) -> None:
    """Say whether a server would take a plug-in model, as it would when it starts.

    The card is read, the ONNX file compared with it, and the model run once on zeros.
    """
    from ecgsvc.app import plug_ins

    with one_line_errors():
        (model,) = plug_ins(settings_with(extra_models=(folder,)))
    card = model.card
    if as_json:
        print_json(
            {
                "name": card.identity.name,
                "version": card.identity.version,
                "title": card.title,
                "inputs": {each.name: list(each.shape) for each in card.inputs},
                "labels": list(card.labels),
                "reported_as": card.reported_as,
            }
        )
        return
    takes = ", ".join(f"{each.name} {list(each.shape)}" for each in card.inputs)
    out.print(f"{card.identity.name} {card.identity.version}: {card.title}")
    out.print(f"takes {takes}", markup=False, highlight=False)
    out.print(f"says {', '.join(card.labels)}, as {card.reported_as}", highlight=False)

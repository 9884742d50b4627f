"""`ecgsvc train`."""

import typer

app = typer.Typer(
    no_args_is_help=True, help="Train the models that ship (needs ecgsvc[train])."
)


@app.callback()
def train() -> None:
    """Train the models that ship (needs ecgsvc[train])."""

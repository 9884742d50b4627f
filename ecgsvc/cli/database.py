"""`ecgsvc database`: what its administrator does."""

from typing import Annotated

import typer

from ecgsvc.cli.console import out

app = typer.Typer(help="Administer the database.", no_args_is_help=True)


@app.callback()
def database() -> None:
    """Administer the database."""


@app.command("grants")
def grants(
    role: Annotated[str, typer.Argument(help="A role of PostgreSQL that owns no table.")],
    read_only: Annotated[
        bool, typer.Option("--read-only", help="For auditors: reading alone.")
    ] = False,
) -> None:
    """Print the SQL that lets a role serve, and neither change nor cut the audit trail.

    Run it as the owner of the tables, after every `ecgsvc migrate`:
    `ecgsvc database grants ecgsvc | psql …`
    """
    from ecgsvc.store import grants

    sql = grants(role, read_only=read_only)
    out.print(sql, end="", markup=False, highlight=False, soft_wrap=True)

"""`ecgsvc token`: tokens of the installation's own key."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ecgsvc.cli.console import err, one_line_errors, out
from ecgsvc.cli.options import Database, settings_with
from ecgsvc.domain.caller import Caller, Role


def token(
    role: Annotated[
        list[Role], typer.Option("--role", help="What the bearer may do; repeatable.")
    ],
    tenant: Annotated[str, typer.Option(help="The hospital.")] = "default",
    subject: Annotated[
        str | None,
        typer.Option(help="Who bears it, for the trail; the roles if not given."),
    ] = None,
    name: Annotated[str, typer.Option(help="The same for people to read.")] = "",
    hours: Annotated[float, typer.Option(min=0.001, max=8784, help="Valid so long.")] = 12,
    key: Annotated[
        Path | None,
        typer.Option(help="The server's token_key; made when missing."),
    ] = None,
    database: Database = None,
) -> None:
    """Print a bearer token signed with the installation's own key.

    For development and small installations. The key lies beside the SQLite database unless
    --key names it. Who can read it can be anybody: hospitals with an identity provider set
    ECGSVC_TOKEN_KEYS and ECGSVC_TOKEN_ISSUER instead.
    """
    from ecgsvc.identity import OwnKey, is_tenant

    path = settings_with(token_key=key, database_url=database).own_key
    if path is None:
        err.print("name the key with --key: there is no own key beside this database")
        raise typer.Exit(2)
    if not is_tenant(tenant):
        err.print("--tenant must be 1 to 64 of A-Z a-z 0-9 . _ -", markup=False)
        raise typer.Exit(2)
    with one_line_errors():
        own = OwnKey(path, make=True)
    who = subject or "+".join(sorted(role))
    caller = Caller(tenant, who, name, frozenset(role))
    made = own.token(caller, timedelta(hours=hours))
    out.print(made, markup=False, highlight=False, soft_wrap=True)

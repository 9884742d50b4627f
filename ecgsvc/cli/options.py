"""Options that several commands share, and the settings they override."""

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from ecgsvc.cli.console import err
from ecgsvc.config import Settings
from ecgsvc.domain.caller import Caller, Role

Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="SQLAlchemy URL: sqlite:///FILE or postgresql+psycopg://USER@HOST/DB.",
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(help="accurate, or fast: a small rhythm model, less often right."),
]
Token = Annotated[
    str | None,
    typer.Option(help="Bearer token (`ecgsvc token`); or set ECGSVC_TOKEN."),
]
TokenFile = Annotated[
    Path | None, typer.Option(help="A file with the token; or set ECGSVC_TOKEN_FILE.")
]
Tenant = Annotated[str, typer.Option(help="The hospital whose records these are.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Patient = Annotated[str, typer.Option(help="Reference of the subject, such as Patient/1.")]
Effective = Annotated[
    str | None,
    typer.Option(help="Start of the recording, ISO 8601 with zone; now when not given."),
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", min=1, help="Samples a second of a CSV that does not say so."),
]
Unit = Annotated[
    str | None, typer.Option("--unit", help="mV, uV … of a CSV that does not say so.")
]


def settings_with(**overrides: Any) -> Settings:  # noqa: ANN401 (pydantic checks them)
    """Read the environment, override it by the options given, and check all of it."""
    try:
        return Settings(**{k: v for k, v in overrides.items() if v is not None})
    except ValidationError as error:
        for problem in error.errors():
            where = ".".join(str(part) for part in problem["loc"]) or "settings"
            err.print(f"{where}: {problem['msg']}", style="red", markup=False)
        raise typer.Exit(2) from None


def local_caller(tenant: str, *roles: Role) -> Caller:
    """Who runs this command, for the audit trail: the user of the operating system."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return Caller(tenant, f"os-user:{user}", name=user, roles=frozenset(roles))


def parsed_time(text: str | None) -> datetime:
    """Read an ISO 8601 time with its zone; the current time when there is none."""
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        msg = "expected an ISO 8601 time with its zone, such as 2026-11-21T09:30:00+01:00"
        raise typer.BadParameter(msg, param_hint="--effective")
    return time

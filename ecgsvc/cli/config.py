"""`ecgsvc config`: checks the file of tenants."""

from pathlib import Path
from typing import Annotated

import typer

from ecgsvc.cli.console import one_line_errors, out

app = typer.Typer(help="Check configuration.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """Check configuration."""


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="TOML of tenants, see docs/deliver.md.")],
) -> None:
    """Say every mistake with its place, or what the file asks for."""
    from ecgsvc.delivering import lanes
    from ecgsvc.receiving import tls_of
    from ecgsvc.tenancy import read_tenants

    with one_line_errors():
        tenants = read_tenants(file)
        n_lanes = len(list(lanes(tenants)))  # keys are read here
        listeners = [each for tenant in tenants.tenant for each in tenant.listener]
        for listener in listeners:
            if (tls := tls_of(listener)) is not None:
                tls.context()
    for tenant in tenants.tenant:
        out.print(f"tenant {tenant.name}", highlight=False)
        for each in tenant.destination:
            statuses = ", ".join(each.statuses) or "all"
            where = each.url if each.kind == "fhir" else each.address
            out.print(
                f"  {each.name}: {each.kind} {where}, reports: {statuses}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
        for listener in tenant.listener:
            senders = ", ".join(listener.senders) or "any"
            out.print(
                f"  {listener.name}: HL7 v2 on {listener.address}, senders: {senders}",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
    out.print(
        f"{len(tenants.tenant)} tenants, {n_lanes} destinations, "
        f"{len(listeners)} listeners",
        highlight=False,
    )

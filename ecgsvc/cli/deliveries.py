"""`ecgsvc deliveries`: what is on its way to other systems, and what did not arrive."""

from typing import Annotated

import typer
from rich.table import Table

from ecgsvc.cli.console import out, print_json
from ecgsvc.cli.options import Database, Json, Tenant, local_caller
from ecgsvc.cli.stores import opened_store
from ecgsvc.domain.caller import Role
from ecgsvc.domain.delivery import Delivery, DeliveryKey, DeliveryQuery, DeliveryState

app = typer.Typer(
    help="Look after reports on their way to other systems.", no_args_is_help=True
)

Destination = Annotated[str, typer.Argument(help="Name of the destination.")]
ReportId = Annotated[str, typer.Argument(help="Id of the report.")]
Version = Annotated[int, typer.Argument(min=1, help="Version of the report.")]


@app.command("list")
def list_deliveries(
    state: Annotated[
        DeliveryState | None, typer.Option(help="pending, delivered or dead; all without.")
    ] = None,
    destination: Annotated[str | None, typer.Option(help="Of one destination.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    tenant: Tenant = "default",
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List deliveries, the newest first."""
    with opened_store(database) as store:
        query = DeliveryQuery(state, destination, page_size=limit)
        found = store.list_deliveries(local_caller(tenant, Role.OPERATOR), query).deliveries
    if as_json:
        print_json([_as_json(each) for each in found])
        return
    table = Table("destination", "report", "state", "tries", "next try (UTC)", "answer")
    for each in found:
        is_pending = each.state is DeliveryState.PENDING
        table.add_row(
            each.key.destination,
            f"{each.key.report_id} v{each.key.version}",
            each.state.value,
            str(each.attempts),
            f"{each.not_before:%Y-%m-%d %H:%M:%S}" if is_pending else "",
            each.answer,
        )
    out.print(table)


@app.command("show")
def show(
    destination: Destination,
    report_id: ReportId,
    version: Version,
    tenant: Tenant = "default",
    database: Database = None,
) -> None:
    """Show one delivery as JSON; its tries stand in the audit trail."""
    key = DeliveryKey(tenant, destination, report_id, version)
    with opened_store(database) as store:
        found = store.delivery(local_caller(tenant, Role.OPERATOR), key)
    print_json(_as_json(found))


@app.command("replay")
def replay(
    destination: Destination,
    report_id: ReportId,
    version: Version,
    tenant: Tenant = "default",
    database: Database = None,
) -> None:
    """Try a dead delivery again; a server that runs takes it up at once."""
    key = DeliveryKey(tenant, destination, report_id, version)
    with opened_store(database) as store:
        store.replay_delivery(local_caller(tenant, Role.OPERATOR), key)
    out.print(f"{report_id} v{version} is on its way to {destination}", highlight=False)


def _as_json(delivery: Delivery) -> dict[str, object]:
    key = delivery.key
    return {
        "destination": key.destination,
        "report_id": key.report_id,
        "version": key.version,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "created_at": delivery.created_at,
        "not_before": delivery.not_before,
        "finished_at": delivery.finished_at,
        "answer": delivery.answer,
    }

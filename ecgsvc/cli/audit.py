"""`ecgsvc audit`: what an auditor asks."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ecgsvc.cli.console import err, one_line_errors, out, print_json, progress
from ecgsvc.cli.options import Database, Json, Tenant, local_caller, settings_with
from ecgsvc.cli.reports import Filter, query_of, utc
from ecgsvc.domain.caller import Role
from ecgsvc.domain.export import ExportContent

app = typer.Typer(no_args_is_help=True, help="Watch the service as an auditor.")


@app.command("summary")
def summary(
    since: Annotated[
        datetime | None, typer.Option(help="ECGs recorded at this time (UTC) or later.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="ECGs recorded before this time (UTC).")
    ] = None,
    where: Filter = "",
    reference_weeks: Annotated[
        int | None,
        typer.Option(min=1, help="So many first weeks drift is held against; else 8."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="SVG to draw the weeks into.")
    ] = None,
    tenant: Tenant = "default",
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Count ECGs, findings, open questions, drift, and agreement with signers.

    By week of the recording, sex and age; shares with Wilson's 95 % interval.
    """
    from ecgsvc.app import open_store
    from ecgsvc.evaluation.monitoring import REFERENCE_WEEKS, monitor
    from ecgsvc.evaluation.monitoring_tables import (
        monitoring_json,
        monitoring_panels,
        monitoring_tables,
    )
    from ecgsvc.render.week_chart import week_charts

    with one_line_errors():
        times = {"effective_from": utc(since), "effective_before": utc(until)}
        query = query_of(where, "", times)
        store = open_store(settings_with(database_url=database))
        try:
            export = store.export(
                local_caller(tenant, Role.AUDITOR),
                query,
                ExportContent.VALUES,
                details={"form": "summary", "without_names": "true"},
            )
            with progress() as bar:
                read = bar.track(export.reports, export.n_reports, description="counting")
                weeks = reference_weeks or REFERENCE_WEEKS
                found = monitor(read, reference_weeks=weeks)
        finally:
            store.close()
        if picture is not None:
            picture.write_bytes(week_charts(monitoring_panels(found), f"ecgsvc, {tenant}"))
            err.print(f"drawn: {picture}", highlight=False)
    if as_json:
        print_json(monitoring_json(found))
        return
    out.print(f"{found.n_reports} ECGs, {found.n_signed} signed", highlight=False)
    for table in monitoring_tables(found):
        out.print(table)

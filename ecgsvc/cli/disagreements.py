"""`ecgsvc reports disagreements`: where another analysis says something else."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ecgsvc.cli.console import out, print_json
from ecgsvc.cli.options import Database, Json, Tenant, local_caller
from ecgsvc.cli.reports import Filter, query_of
from ecgsvc.cli.stores import opened_store
from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.errors import ReportNotFound
from ecgsvc.domain.report import Reanalysed, ReportQuery, StoredReport
from ecgsvc.domain.serial import SerialComparison

if TYPE_CHECKING:
    from ecgsvc.store import ReportStore


def disagreements(
    where: Filter = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    tenant: Tenant = "default",
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List analyses that differ from the signed report they stand beside.

    In their findings, or in a value by more than two measurements of one ECG vary. The
    newest ECG comes first.
    """
    from ecgsvc.render.serial_document import serial_document

    found = []
    with opened_store(database) as store:
        caller = local_caller(tenant, Role.READER)
        query = replace(query_of(where, "", {}), reanalysed=Reanalysed.ANY)
        for report, comparison in _differing(store, caller, query):
            found.append((report, comparison))
            if len(found) == limit:
                break
    if as_json:
        print_json(
            [
                {"name": f"reports/{report.report_id}/versions/{report.version}"}
                | {"differs_from": serial_document(comparison)}
                for report, comparison in found
            ]
        )
        return
    table = Table("analysis", "of the signed report", "only now", "only before", "values")
    for report, comparison in found:
        values = (
            f"{each.name} {each.before:.0f} → {each.after:.0f}"
            for each in comparison.changes
            if each.exceeds
        )
        table.add_row(
            f"{report.report_id} v{report.version}",
            f"{comparison.report_id} v{comparison.version}",
            "\n".join(each.text for each in comparison.appeared),
            "\n".join(each.text for each in comparison.vanished),
            "\n".join(values),
        )
    out.print(table)


def _differing(
    store: "ReportStore", caller: Caller, query: ReportQuery
) -> Iterator[tuple[StoredReport, SerialComparison]]:
    from ecgsvc import interpretation

    while True:
        page = store.list(caller, query)
        for report in page.reports:
            try:
                before = store.measured(caller, str(report.might_supersede))
            except ReportNotFound:  # erased
                continue
            now = store.measured(caller, report.report_id)
            compared = interpretation.compare(
                before, now.measurements, now.findings, now.models
            )
            beyond = any(each.exceeds for each in compared.changes)
            if beyond or compared.appeared or compared.vanished:
                yield report, compared
        if not page.next_page_token:
            return
        query = replace(query, page_token=page.next_page_token)

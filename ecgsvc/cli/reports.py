"""`ecgsvc reports`: find stored reports in the database."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.table import Table

from ecgsvc.cli.console import err, out, print_json
from ecgsvc.cli.options import Database, Json, Tenant, local_caller
from ecgsvc.cli.report_view import show_report
from ecgsvc.cli.stores import opened_store
from ecgsvc.domain.caller import Role
from ecgsvc.domain.report import ReportQuery, StoredReport

app = typer.Typer(no_args_is_help=True, help="Find stored reports in the database.")


Filter = Annotated[
    str,
    typer.Option(
        "--filter",
        help="As ListReports takes it, such as 'qtc_ms > 500 AND status = preliminary'.",
    ),
]


@app.command("list")
def list_reports(
    patient: Annotated[
        str | None,
        typer.Option(help="Subject reference (Patient/1) or identifier (system|value)."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="ECGs recorded at this time (UTC) or later.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="ECGs recorded before this time (UTC).")
    ] = None,
    code: Annotated[
        str | None, typer.Option(help="Code of the report or of a finding.")
    ] = None,
    status: Annotated[str | None, typer.Option(help="For example preliminary.")] = None,
    where: Filter = "",
    order_by: Annotated[
        str,
        typer.Option(help="effective_time or issued_time, followed by desc or nothing."),
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    page_token: Annotated[
        str, typer.Option(help="Go on where a list with the same options ended.")
    ] = "",
    tenant: Tenant = "default",
    database: Database = None,
    as_json: Json = False,
) -> None:
    """List the latest versions of reports, newest ECG first."""
    options = {
        "patient": patient,
        "effective_from": utc(since),
        "effective_before": utc(until),
        "code": code,
        "status": status,
    }
    with opened_store(database) as store:
        query = query_of(where, order_by, options)
        query = replace(query, page_size=limit, page_token=page_token)
        page = store.list(local_caller(tenant, Role.READER), query)
    if as_json:
        print_json([_summary(report) for report in page.reports])
        if page.next_page_token:
            err.print(f"--page-token {page.next_page_token}", markup=False, soft_wrap=True)
        return
    table = Table("report", "recorded (UTC)", "patient", "status", "conclusion")
    for report in page.reports:
        table.add_row(
            f"{report.report_id} v{report.version}",
            f"{report.effective_at:%Y-%m-%d %H:%M:%S}",
            _patient(report),
            report.status,
            report.conclusion,
        )
    out.print(table)
    if page.next_page_token:
        out.print("There are more:", style="dim")
        out.print(f"--page-token {page.next_page_token}", style="dim", soft_wrap=True)


def query_of(where: str, order_by: str, options: Mapping[str, object]) -> ReportQuery:
    """Read a filter, and narrow it by the options that were given."""
    from ecgsvc.rpc import parse_filter, parse_order

    given: dict[str, Any] = {name: v for name, v in options.items() if v is not None}
    return replace(parse_filter(where), order=parse_order(order_by), **given)


@app.command("show")
def show(
    report_id: Annotated[str, typer.Argument(help="Id of the report.")],
    version: Annotated[int | None, typer.Option(help="The latest when not given.")] = None,
    tenant: Tenant = "default",
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Show one report; with --json its FHIR resources as stored."""
    with opened_store(database) as store:
        report = store.get(local_caller(tenant, Role.READER), report_id, version)
    documents = report.documents
    if as_json:
        print_json(
            {
                **_summary(report),
                "report": orjson.Fragment(documents.diagnostic_report),
                "observations": [orjson.Fragment(o) for o in documents.observations],
                "provenance": orjson.Fragment(documents.provenance),
                "device": orjson.Fragment(documents.device),
                "further": [orjson.Fragment(each) for each in documents.further],
            }
        )
        return
    show_report(
        out,
        f"{report.report_id} version {report.version}",
        orjson.loads(documents.diagnostic_report),
        [orjson.loads(o) for o in documents.observations],
    )


@app.command("sheet")
def sheet(
    report_id: Annotated[str, typer.Argument(help="Id of the report.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The sheet, PDF.")],
    version: Annotated[int | None, typer.Option(help="The latest when not given.")] = None,
    tenant: Tenant = "default",
    database: Database = None,
) -> None:
    """Write the ECG sheet of a report, as the report carries it."""
    from ecgsvc.fhir import sheet_of

    with opened_store(database) as store:
        report = store.get(local_caller(tenant, Role.READER), report_id, version)
    content = sheet_of(report.documents.diagnostic_report)
    if content is None:
        err.print("this report has no sheet (ECGSVC_SHEET was off)", style="red")
        raise typer.Exit(1)
    output.write_bytes(content)
    out.print(f"wrote {output}", highlight=False)


@app.command("compare")
def compare(
    report_id: Annotated[str, typer.Argument(help="Id of the report.")],
    earlier_id: Annotated[str, typer.Argument(help="Id of the one to compare with.")],
    tenant: Tenant = "default",
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Compare two reports: values beyond variability, findings that came or went.

    By the latest versions. Whether both are of one patient is for you to know.
    """
    from ecgsvc import interpretation
    from ecgsvc.render.serial_document import serial_document

    caller = local_caller(tenant, Role.READER)
    with opened_store(database) as store:
        now, before = (store.measured(caller, each) for each in (report_id, earlier_id))
    serial = interpretation.compare(before, now.measurements, now.findings, now.models)
    if as_json:
        print_json(serial_document(serial))
        return
    table = Table("", "before", "now", "difference", "varies by", "")
    for each in serial.changes:
        table.add_row(
            each.name, f"{each.before:.0f}", f"{each.after:.0f}",
            f"{each.difference:+.0f} {each.unit}", f"{each.limit:.0f}",
            "changed" if each.exceeds else "",
        )  # fmt: skip
    out.print(table)
    for sentence in interpretation.serial_sentences(serial):
        out.print(sentence.text, highlight=False)


def utc(moment: datetime | None) -> datetime | None:
    """Take a time without a zone for UTC."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def _patient(report: StoredReport) -> str:
    if report.subject_reference is not None:
        return report.subject_reference
    identifier = report.subject_identifier
    return "" if identifier is None else f"{identifier.system or ''}|{identifier.value}"


def _summary(report: StoredReport) -> dict[str, object]:
    return {
        "report_id": report.report_id,
        "version": report.version,
        "status": report.status,
        "patient": _patient(report),
        "effective_at": report.effective_at.isoformat(),
        "issued_at": report.issued_at.isoformat(),
        "source_sha256": report.source_sha256,
        "conclusion": report.conclusion,
    }

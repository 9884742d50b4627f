"""`ecgsvc reports export`: reports into files."""

from pathlib import Path
from typing import Annotated

import typer

from ecgsvc.cli.console import err, one_line_errors, out, progress
from ecgsvc.cli.options import Database, Tenant, local_caller, settings_with
from ecgsvc.cli.reports import Filter
from ecgsvc.domain.caller import Role
from ecgsvc.domain.export import ExportContent
from ecgsvc.export import Deidentifier, ExportFolder, Form, read_key


def export(
    folder: Annotated[
        Path, typer.Argument(help="Where the files are put; made if missing.")
    ],
    form: Annotated[
        Form,
        typer.Option(
            "--format", help="ndjson: FHIR resources; csv, parquet: a table for statistics."
        ),
    ] = "ndjson",
    where: Filter = "",
    with_ecgs: Annotated[
        bool, typer.Option(help="Also the ECGs as received (ndjson only).")
    ] = False,
    without_names: Annotated[
        bool, typer.Option(help="Nothing that names a person, for research.")
    ] = False,
    pseudonym_key: Annotated[
        Path | None,
        typer.Option(help="Key of the pseudonyms; made when missing. Keep it in house."),
    ] = None,
    tenant: Tenant = "default",
    database: Database = None,
) -> None:
    """Write the latest versions of reports to files, the oldest report first.

    Broken off, the same command goes on where it was; finished, it adds what is new since.
    """
    from ecgsvc.app import open_store
    from ecgsvc.rpc import parse_filter

    if with_ecgs and form != "ndjson":
        err.print("--with-ecgs goes with --format ndjson", markup=False)
        raise typer.Exit(2)
    content = ExportContent.VALUES
    if form == "ndjson":
        content = ExportContent.RESOURCES_AND_ECGS if with_ecgs else ExportContent.RESOURCES
    settings = settings_with(database_url=database, pseudonym_key=pseudonym_key)
    with one_line_errors():
        query = parse_filter(where)
        names = _names(settings.pseudonym_key_file, tenant) if without_names else None
        what = {"tenant": tenant, "filter": where, "with_ecgs": with_ecgs}
        target = ExportFolder(folder, form, what, names)
        store = open_store(settings)
        try:
            export = store.export(
                local_caller(tenant, Role.OPERATOR),
                query,
                content,
                details={"form": form, "without_names": str(without_names).lower()},
                after=target.cursor,
            )
            with progress() as bar:
                task = bar.add_task("exporting", total=export.n_reports)
                target.write(export.reports, lambda _report: bar.advance(task))
        finally:
            store.close()
    out.print(f"{target.n_reports} reports are in {folder}", highlight=False)


def _names(key_file: Path | None, tenant: str) -> Deidentifier:
    if key_file is None:
        err.print("name a key with --pseudonym-key: there is none beside this database")
        raise typer.Exit(2)
    return Deidentifier(read_key(key_file), tenant)

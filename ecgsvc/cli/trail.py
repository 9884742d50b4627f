"""`ecgsvc audit`: the trail's key, its events and its checkpoints."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.table import Table

from ecgsvc.cli.console import err, one_line_errors, out, print_json
from ecgsvc.cli.options import Database, Json, Tenant, local_caller, settings_with
from ecgsvc.domain.audit import AuditQuery
from ecgsvc.domain.caller import Role

if TYPE_CHECKING:
    from ecgsvc.trail import VerifyingKey

Key = Annotated[
    Path | None,
    typer.Option("--key", help="The server's audit_key; beside the SQLite database."),
]
PublicKeys = Annotated[
    list[Path] | None,
    typer.Option(
        "--public-key",
        help="PEM; believe it instead of the server's own. Repeatable, the newest last.",
    ),
]


def key(
    path: Annotated[
        Path | None, typer.Argument(help="The file; audit_key's if not given.")
    ] = None,
    database: Database = None,
) -> None:
    """Make the key that signs the trail, if it is not there, and print the public one.

    After those that signed before it, if there are any. Keep the private key off the
    database's machine, and give the public ones to auditors.
    """
    from ecgsvc.trail import SigningKey, retired_keys

    file = path or settings_with(database_url=database).signing_key
    if file is None:
        err.print("say where the key lies: there is no SQLite database beside it")
        raise typer.Exit(2)
    with one_line_errors():
        made = SigningKey.at(file, make=True)
        keys = [*retired_keys(file), made.public]
    err.print(f"{file}, id {made.public.fingerprint}", highlight=False)
    for each in keys:
        out.print(each.pem().decode(), end="", markup=False, highlight=False)


def rotate(
    lost: Annotated[
        bool,
        typer.Option("--lost", help="The old key is lost; its file is not there."),
    ] = False,
    database: Database = None,
    key: Key = None,
) -> None:
    """Let a new key sign the trails from here on, in the place of the old one.

    Stop the servers, rotate, and start them with the new file. The old key signs in the
    trails that the new one takes over; only its public half is kept, in FILE.retired.
    """
    from ecgsvc.app import open_store
    from ecgsvc.trail import SigningKey, replace_key

    settings = settings_with(database_url=database, audit_key=key)
    caller = local_caller("", Role.OPERATOR)
    with one_line_errors():
        file = settings.signing_key
        if file is not None and lost == file.exists():
            hint = "is there: leave --lost out" if lost else "is not there: see --lost"
            err.print(f"{file} {hint}", style="red", highlight=False)
            raise typer.Exit(2)
        store = open_store(settings)  # which makes the key that is lost
        assert file is not None  # noqa: S101  # `open_store` has asked for it
        try:
            if lost:
                new = SigningKey.at(file)
                store.replace_key(caller, new, lost=True)
            else:
                new = replace_key(file, lambda new: store.replace_key(caller, new))
        finally:
            store.close()
    out.print(f"{file}, id {new.public.fingerprint}", highlight=False)


def list_events(
    report: Annotated[str | None, typer.Option(help="Id of a report.")] = None,
    subject: Annotated[str | None, typer.Option(help="Who called.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    tenant: Tenant = "default",
    database: Database = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """List the latest events; with --json the AuditEvents themselves."""
    from ecgsvc.app import open_store

    query = AuditQuery(report_id=report, subject=subject, page_size=limit)
    with one_line_errors():
        store = open_store(settings_with(database_url=database, audit_key=key))
        try:
            page = store.audit_events(local_caller(tenant, Role.AUDITOR), query)
        finally:
            store.close()
    if as_json:
        print_json([orjson.Fragment(event.event) for event in page.events])
        return
    table = Table("event", "recorded (UTC)", "who", "what", "outcome", "report", "patient")
    for event in page.events:
        version = f" v{event.report_version}" if event.report_version else ""
        table.add_row(
            str(event.sequence),
            f"{event.recorded_at:%Y-%m-%d %H:%M:%S}",
            event.subject,
            event.operation,
            event.outcome,
            f"{event.report_id or ''}{version}",
            event.patient or "",
        )
    out.print(table)


def checkpoint(
    folder: Annotated[
        Path | None, typer.Argument(help="Add one file for each tenant there.")
    ] = None,
    database: Database = None,
    key: Key = None,
    public_keys: PublicKeys = None,
) -> None:
    """Print the signed end of every tenant's trail, or put each into a file of its own.

    Run it on a schedule, into a folder that the database's administrators cannot change: a
    trail that is cut or replaced later is found against it.
    """
    from ecgsvc.store import TrailAuditor
    from ecgsvc.trail import Checkpoint

    settings = settings_with(database_url=database, audit_key=key)
    with one_line_errors():
        keys = believed_keys(settings.signing_key, public_keys)
        with TrailAuditor.opened(settings.database_url, keys) as auditor:
            notes = [note for t in auditor.tenants() if (note := auditor.checkpoint(t))]
        for note in notes:
            state = Checkpoint.read(note, keys)
            if folder is None:
                out.print(note, markup=False, highlight=False)
                continue
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{state.tenant}-{state.size:012d}.checkpoint"
            file.write_text(note)
            out.print(str(file), markup=False, highlight=False)


def adopt(tenant: Tenant = "default", database: Database = None, key: Key = None) -> None:
    """Begin the trail of a hospital whose reports are older than it.

    Once, after the upgrade from a version without a trail; a hospital that has one is left
    alone.
    """
    from ecgsvc.app import open_store

    with one_line_errors():
        store = open_store(settings_with(database_url=database, audit_key=key))
        try:
            n_versions = store.adopt(local_caller(tenant, Role.OPERATOR))
        finally:
            store.close()
    out.print(f"{tenant}: {n_versions} report versions adopted", highlight=False)


def believed_keys(own: Path | None, public: Sequence[Path] | None) -> list["VerifyingKey"]:
    """Read the public keys that are given, or else the server's own."""
    from ecgsvc.trail import SigningKey, VerifyingKey, retired_keys

    if public:
        return [each for path in public for each in VerifyingKey.read(path)]
    if own is None:
        err.print("say which key is believed: --public-key or --key")
        raise typer.Exit(2)
    return [*retired_keys(own), SigningKey.at(own).public]


def expire(
    older_than: Annotated[
        int, typer.Option(min=1, help="Erase ECGs recorded so many days ago or earlier.")
    ],
    tenant: Tenant = "default",
    database: Database = None,
    key: Key = None,
) -> None:
    """Erase what is older than the retention allows; tombstones stay in the trail."""
    from ecgsvc.app import open_store

    before = datetime.now(UTC) - timedelta(days=older_than)
    n_erased = 0
    with one_line_errors():
        store = open_store(settings_with(database_url=database, audit_key=key))
        try:
            while n_more := store.expire(local_caller(tenant, Role.OPERATOR), before):
                n_erased += n_more
        finally:
            store.close()
    out.print(f"{tenant}: {n_erased} reports erased", highlight=False)

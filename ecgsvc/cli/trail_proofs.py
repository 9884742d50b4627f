"""`ecgsvc audit`: verify the trail, from the database or from files, and write those."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecgsvc.cli.console import err, one_line_errors, out
from ecgsvc.cli.options import Database, Tenant, settings_with
from ecgsvc.cli.trail import Key, PublicKeys, believed_keys
from ecgsvc.domain.audit import TrailVerdict

if TYPE_CHECKING:
    from ecgsvc.trail import VerifiedProof

Output = Annotated[Path, typer.Option("--output", "-o", help="The proof, JSON.")]


def verify(
    tenant: Annotated[
        str | None, typer.Option(help="One hospital; all if not given.")
    ] = None,
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint",
            help="A file of `ecgsvc audit checkpoint`, kept apart. Repeatable.",
        ),
    ] = None,
    exports: Annotated[
        list[Path] | None,
        typer.Option(
            "--export",
            help="Verify this file of `ecgsvc audit export`, not the database. Repeatable.",
        ),
    ] = None,
    proofs: Annotated[
        list[Path] | None,
        typer.Option(
            "--proof",
            help="Verify this file of `ecgsvc audit prove` or `consistency`, not the "
            "database. Repeatable.",
        ),
    ] = None,
    database: Database = None,
    key: Key = None,
    public_keys: PublicKeys = None,
) -> None:
    """Verify that nothing in the trail, and in what it vouches for, was changed.

    Ends with status 1 and names what was altered, inserted, reordered or cut, the first one
    first. Reads the database only, and the servers may go on meanwhile; or nothing but the
    files of `audit export` and of proofs.
    """
    from ecgsvc.store import TrailAuditor
    from ecgsvc.trail import Checkpoint, verified_export, verified_proof

    settings = settings_with(database_url=database, audit_key=key)
    with one_line_errors():
        keys = believed_keys(settings.signing_key, public_keys)
        kept = [Checkpoint.read(file.read_text(), keys) for file in checkpoints or ()]
        proven = [verified_proof(file.read_bytes(), keys) for file in proofs or ()]
        led_to = [each for proof in proven for each in proof.checkpoints]
        if exports:
            verdicts = []
            for file in exports:
                with file.open("rb") as lines:
                    verdicts.append(verified_export(lines, keys, [*kept, *led_to]))
        elif proofs:
            verdicts = []
        else:
            with TrailAuditor.opened(settings.database_url, keys) as auditor:
                tenants = [tenant] if tenant else auditor.tenants()
                verdicts = [auditor.verify(each, kept) for each in tenants]
    if verdicts or not proofs:
        followed = {each.tenant for each in verdicts}
        gone = {each.tenant for each in kept} - followed if tenant is None else ()
        unmet = [f"{name}: the whole trail is gone" for name in sorted(gone)]
    else:
        unmet = [
            f"no proof leads to the checkpoint of {each.size} events of {each.tenant}"
            for each in kept
            if each not in led_to
        ]
    _tell(verdicts, proven, unmet)


def _tell(
    verdicts: Sequence[TrailVerdict], proven: Sequence["VerifiedProof"], unmet: list[str]
) -> None:
    """Print what holds, then what does not, and end with status 1 when there is any."""
    whole = [proof.summary for proof in proven if not proof.problems]
    whole += [
        f"{verdict.tenant}: {verdict.n_events} events, nothing was changed"
        for verdict in verdicts
        if not verdict.problems
    ]
    problems = [text for proof in proven for text in proof.problems]
    problems += [
        f"{verdict.tenant}: {problem.text}"
        for verdict in verdicts
        for problem in verdict.problems
    ]
    for text in whole:
        out.print(text, markup=False, highlight=False)
    for text in (*problems, *unmet):
        err.print(text, style="red", markup=False, highlight=False)
    if problems or unmet:
        raise typer.Exit(1)


def export(
    folder: Annotated[Path, typer.Argument(help="Add one file for each tenant there.")],
    tenant: Annotated[
        str | None, typer.Option(help="One hospital; all if not given.")
    ] = None,
    database: Database = None,
) -> None:
    """Write the whole trail into a file for each tenant, for an auditor to keep.

    JSON lines: every event, and the signed checkpoint of exactly these events. Patients
    appear by pseudonym. `ecgsvc audit verify --export FILE --public-key KEY` verifies it
    without the database.
    """
    from ecgsvc.store import TrailAuditor

    settings = settings_with(database_url=database)
    with (
        one_line_errors(),
        TrailAuditor.opened(settings.database_url, ()) as auditor,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        for each in [tenant] if tenant else auditor.tenants():
            file = folder / f"{each}.trail.jsonl"
            draft = file.with_name(f".{file.name}.{os.getpid()}")
            with draft.open("wb") as opened:
                opened.writelines(auditor.export(each))
                opened.flush()
                os.fsync(opened.fileno())
            draft.replace(file)
            out.print(str(file), markup=False, highlight=False)


def prove(
    report_id: Annotated[str, typer.Argument(help="Id of the report.")],
    output: Output,
    tenant: Tenant = "default",
    database: Database = None,
) -> None:
    """Write what proves a report: its rows, its events, and where they stand in the trail.

    `ecgsvc audit verify --proof FILE --public-key KEY` verifies it without the database.
    """
    from ecgsvc.store import TrailAuditor

    settings = settings_with(database_url=database)
    with (
        one_line_errors(),
        TrailAuditor.opened(settings.database_url, ()) as auditor,
    ):
        output.write_bytes(auditor.prove(tenant, report_id))


def consistency(
    older: Annotated[Path, typer.Argument(help="The checkpoint that was kept.")],
    output: Output,
    newer: Annotated[
        Path | None, typer.Argument(help="A later one; the trail's end if not given.")
    ] = None,
    database: Database = None,
    key: Key = None,
    public_keys: PublicKeys = None,
) -> None:
    """Write what proves that the trail of one checkpoint begins with that of another.

    `ecgsvc audit verify --proof FILE --checkpoint OLDER --public-key KEY` verifies it
    without the database.
    """
    from ecgsvc.store import TrailAuditor

    settings = settings_with(database_url=database, audit_key=key)
    with one_line_errors():
        keys = believed_keys(settings.signing_key, public_keys)
        later = newer.read_text() if newer else ""
        with TrailAuditor.opened(settings.database_url, keys) as auditor:
            output.write_bytes(auditor.prove_consistency(older.read_text(), later))

"""Keeps the versions that clinicians make, and shows the history of a report."""

import secrets
from dataclasses import replace
from datetime import UTC

from sqlalchemy import Connection, Table, insert, select

from ecgsvc import __version__
from ecgsvc.domain.audit import Operation
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import SlotTaken, VersionConflict
from ecgsvc.domain.report import StoredReport
from ecgsvc.domain.signing import SignedVersion
from ecgsvc.store import schema
from ecgsvc.store.contents import VERSIONED, Contents, Row
from ecgsvc.store.events import about
from ecgsvc.store.inserting import document_rows
from ecgsvc.store.limits import storable
from ecgsvc.store.reading import (
    check_key,
    not_found,
    read_reports,
    read_version,
    select_reports,
)
from ecgsvc.store.trail import Entry
from ecgsvc.store.transactions import Transactions

_WRITTEN_ANEW = (
    schema.reports,
    schema.identifiers,
    schema.documents,
    schema.signer_codes,
)
_CARRIED_OVER = [table for table in VERSIONED if table not in _WRITTEN_ANEW]
"""What the machine has measured and found, which no clinician's action changes."""


class Signing(Transactions):
    """Versions by clinicians."""

    def peek(
        self, caller: Caller, report_id: str, version: int | None = None
    ) -> StoredReport:
        """Return a version for a step whose own end is entered in the trail.

        Raises
        ------
        ReportNotFound, StoreUnavailable
        """
        with self._reading() as connection:
            return read_version(connection, caller.tenant, (report_id, version))

    def add_signed(self, caller: Caller, new: SignedVersion) -> StoredReport:
        """Store a version that a clinician made, on top of the one they have seen.

        What the machine measured and found is carried over as it was.

        Raises
        ------
        VersionConflict
            When there is a newer version by now; nothing was stored.
        ReportNotFound, StoreUnavailable
        """
        key = (new.report_id, new.base_version + 1)
        try:
            with self._writing() as connection:
                latest = read_version(connection, caller.tenant, (new.report_id, None))
                if latest.version != new.base_version:
                    raise _conflict()
                contents = _insert_signed(connection, caller.tenant, new)
                stored = read_version(connection, caller.tenant, key)
                draft = replace(
                    about(connection, caller, Operation.UPDATE, stored),
                    details={"status": new.status.value, "before": latest.status},
                )
                self._enter(connection, caller, draft, contents, {})
        except SlotTaken:
            raise _conflict() from None
        return stored

    def versions(self, caller: Caller, report_id: str) -> tuple[StoredReport, ...]:
        """Return all versions of a report, the newest first.

        Raises
        ------
        ReportNotFound, StoreUnavailable
        """
        check_key(report_id, None)
        columns = schema.reports.c
        query = select_reports(caller.tenant).where(columns.report_id == report_id)
        with self._writing() as connection:
            found = read_reports(
                connection, caller.tenant, query.order_by(columns.version.desc())
            )
            if not found:
                raise not_found()
            draft = about(connection, caller, Operation.HISTORY, found[0])
            self._trail.append(connection, caller, [Entry(draft)])
        return tuple(found)


def _conflict() -> VersionConflict:
    msg = "there is a newer version of this report; read it and decide again"
    return VersionConflict(msg, expression="etag")


def _insert_signed(connection: Connection, tenant: str, new: SignedVersion) -> Contents:
    salt = secrets.token_hex(16)
    contents = Contents(salt)
    key = {"tenant": tenant, "report_id": new.report_id, "version": new.base_version + 1}

    def put(table: Table, rows: list[Row]) -> None:
        if keyed := [row | key for row in rows]:
            connection.execute(insert(table), keyed)
            contents.add(table, keyed)

    [report] = _rows_of(connection, schema.reports, tenant, new)
    signature = new.signature
    put(
        schema.reports,
        [
            report
            | {
                "status": new.status.value,
                "issued_at": new.issued_at.astimezone(UTC),
                "software_version": __version__,
                "salt": salt,
                "signer_subject": storable(signature.subject),
                "signer_name": storable(signature.name),
                "signer_role": storable(signature.role),
                "reason": signature.reason,
                "signer_conclusion": signature.conclusion,
            }
        ],
    )
    for table in _CARRIED_OVER:
        put(table, _rows_of(connection, table, tenant, new))
    put(schema.documents, list(document_rows(new.documents)))
    codes = enumerate(signature.codes)
    put(
        schema.signer_codes,
        [
            {
                "position": position,
                "system": storable(coding.system),
                "code": storable(coding.code, 64),
                "text": coding.display,
            }
            for position, coding in codes
        ],
    )
    return contents


def _rows_of(
    connection: Connection, table: Table, tenant: str, new: SignedVersion
) -> list[Row]:
    """Read the rows of the version before, without its key."""
    columns = table.c
    query = select(table).where(
        columns.tenant == tenant,
        columns.report_id == new.report_id,
        columns.version == new.base_version,
    )
    return [dict(row) for row in connection.execute(query).mappings()]

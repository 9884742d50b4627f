"""Enters in the trail what was stored before there was one."""

from sqlalchemy import Connection, Table, delete, insert, select

from ecgsvc.domain.audit import AuditDraft, Operation
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.report import Identifier
from ecgsvc.store import schema
from ecgsvc.store.contents import VERSIONED, Contents, Row
from ecgsvc.store.patients import pseudonym_of, subject_key
from ecgsvc.store.trail import Entry
from ecgsvc.store.transactions import Transactions


class Adopting(Transactions):
    """The beginning of a trail over reports that are older than it."""

    def adopt(self, caller: Caller) -> int:
        """Vouch for every stored report version of the tenant, if its trail is empty.

        From now on they cannot be changed unseen; what happened to them before, nobody can
        tell.

        Returns
        -------
        int
            How many versions were entered; 0 when the tenant has a trail.

        Raises
        ------
        StoreUnavailable
        """
        heads, reports = schema.audit_heads.c, schema.reports
        with self._writing() as connection:
            known = select(heads.size).where(heads.tenant == caller.tenant)
            if connection.scalar(known) is not None:
                return 0
            query = (
                select(reports)
                .where(reports.c.tenant == caller.tenant)
                .order_by(reports.c.report_id, reports.c.version)
            )
            rows = [dict(row) for row in connection.execute(query).mappings()]
            seen: set[tuple[object, object]] = set()
            for row in rows:
                self._adopt(connection, caller, row, seen)
        return len(rows)

    def _adopt(
        self,
        connection: Connection,
        caller: Caller,
        report: Row,
        seen: set[tuple[object, object]],
    ) -> None:
        report_id, version = report["report_id"], report["version"]
        contents = Contents(str(report["salt"]))
        tables = [(table, version) for table in VERSIONED]
        if (source := (report_id, report["source_version"])) not in seen:
            seen.add(source)
            tables.append((schema.sources, report["source_version"]))
        for table, key in tables:
            if rows := _rows(connection, table, caller.tenant, report_id, key):
                contents.add(table, rows)
        if version == 1:
            rows = _rows(connection, schema.ecgs, caller.tenant, report_id)
            contents.add(schema.ecgs, rows)
        contents.note(source_version=report["source_version"])
        system, value = report["subject_system"], report["subject_value"]
        identifier = None if value is None else Identifier(str(system or ""), str(value))
        reference = report["subject_reference"]
        subject = subject_key(None if reference is None else str(reference), identifier)
        patient = pseudonym_of(connection, caller.tenant, subject)
        if patient and patient.new_row:
            salt = str(patient.new_row["salt"])
            contents.add(schema.patients, [patient.new_row], salt=salt)
        requests = _rows(connection, schema.requests, caller.tenant, report_id, version)
        if requests:
            contents.add(schema.requests, requests, salt="")
        draft = AuditDraft(
            Operation.ADOPT,
            report_id=str(report_id),
            version=int(str(version)),
            patient=patient.value if patient else None,
        )
        entry = Entry(draft, contents.as_json())
        sequence = self._trail.append(connection, caller, [entry])
        _point_to(connection, requests, sequence)


def _rows(
    connection: Connection, table: Table, tenant: str, report_id: object, *version: object
) -> list[Row]:
    columns = table.c
    query = select(table).where(columns.tenant == tenant, columns.report_id == report_id)
    if version:
        query = query.where(columns.version == version[0])
    return [dict(row) for row in connection.execute(query).mappings()]


def _point_to(connection: Connection, requests: list[Row], sequence: int) -> None:
    """Have the idempotency keys name the event that vouches for them."""
    columns = schema.requests.c
    for row in requests:
        connection.execute(
            delete(schema.requests).where(
                columns.tenant == row["tenant"], columns.request_id == row["request_id"]
            )
        )
        connection.execute(insert(schema.requests), row | {"sequence": sequence})

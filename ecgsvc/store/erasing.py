"""Takes away what patients have said and shown; tombstones stay, and the trail verifies."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, exists, insert, select

from ecgsvc.domain.audit import AuditDraft, Operation
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.report import Identifier
from ecgsvc.store import schema
from ecgsvc.store.conditions import is_about
from ecgsvc.store.contents import Contents, Row
from ecgsvc.store.limits import is_storable
from ecgsvc.store.patients import known_pseudonyms, subject_key
from ecgsvc.store.trail import Entry
from ecgsvc.store.transactions import Transactions

_AT_ONCE = 200
_KEPT = {"audit_events", "erasures"}
_OF_REPORTS = [
    table
    for table in reversed(schema.metadata.sorted_tables)
    if "report_id" in table.c and table.name not in _KEPT
]
"""Every table that says something of a report, those that refer to others first."""

ERASABLE = (*_OF_REPORTS, schema.patients)
"""Tables that an erasure takes rows from."""


class Erasing(Transactions):
    """Erasure by patient, and by age."""

    def erase_patient(self, caller: Caller, patient: str) -> int:
        """Erase all reports of a patient, and the patient's name in the trail.

        Parameters
        ----------
        patient
            As in `ReportQuery`: a reference, or an identifier.

        Returns
        -------
        int
            How many reports were erased. None is no error: the order is entered anyway.

        Raises
        ------
        StoreUnavailable
        """
        reports = schema.reports.c
        with self._writing() as connection:
            found: list[str] = []
            if is_storable(patient):
                query = (
                    select(reports.report_id)
                    .distinct()
                    .where(reports.tenant == caller.tenant, is_about(patient))
                )
                found = list(connection.scalars(query))
            self._erase(connection, caller, found, basis="legal order")
        return len(found)

    def expire(self, caller: Caller, before: datetime) -> int:
        """Erase some of the ECGs recorded before a moment; call until it returns 0.

        Raises
        ------
        StoreUnavailable
        """
        reports = schema.reports.c
        query = (
            select(reports.report_id)
            .distinct()
            .where(reports.tenant == caller.tenant, reports.effective_at < before)
            .limit(_AT_ONCE)
        )
        with self._writing() as connection:
            found = list(connection.scalars(query))
            if found:
                self._erase(connection, caller, found, basis="retention")
        return len(found)

    def _erase(
        self, connection: Connection, caller: Caller, report_ids: list[str], *, basis: str
    ) -> None:
        tenant = caller.tenant
        subjects = _subjects(connection, tenant, report_ids)
        for start in range(0, len(report_ids), _AT_ONCE):
            some = report_ids[start : start + _AT_ONCE]
            for table in _OF_REPORTS:
                columns = table.c
                connection.execute(
                    delete(table).where(
                        columns.tenant == tenant, columns.report_id.in_(some)
                    )
                )
        gone = _forget(connection, tenant, subjects)
        tombstones: list[Row] = [
            {"tenant": tenant, "kind": kind, "name": name}
            for kind, names in (("report", report_ids), ("patient", gone))
            for name in names
        ]
        contents = Contents()
        if tombstones:
            contents.add(schema.erasures, tombstones)
        details = {"basis": basis, "n_reports": str(len(report_ids))}
        only = gone[0] if len(gone) == 1 else None
        draft = AuditDraft(Operation.ERASE, patient=only, details=details)
        entry = Entry(draft, contents.as_json())
        sequence = self._trail.append(connection, caller, [entry])
        if tombstones:
            rows = [row | {"sequence": sequence} for row in tombstones]
            connection.execute(insert(schema.erasures), rows)


def _subjects(
    connection: Connection, tenant: str, report_ids: Collection[str]
) -> dict[str, tuple[str | None, str | None, str | None]]:
    """Return what the patients of some reports are known by, and the columns it is from."""
    columns, wanted = schema.reports.c, list(report_ids)
    found = {}
    for start in range(0, len(wanted), _AT_ONCE):
        query = select(
            columns.subject_reference, columns.subject_system, columns.subject_value
        ).where(
            columns.tenant == tenant,
            columns.report_id.in_(wanted[start : start + _AT_ONCE]),
        )
        for reference, system, value in connection.execute(query.distinct()):
            identifier = None if value is None else Identifier(system or None, value)
            if key := subject_key(reference, identifier):
                found[key] = (reference, system, value)
    return found


def _forget(
    connection: Connection,
    tenant: str,
    subjects: dict[str, tuple[str | None, str | None, str | None]],
) -> list[str]:
    """Erase the pseudonyms of patients of whom no report is left; return them."""
    columns, patients = schema.reports.c, schema.patients
    gone = []
    for subject, (reference, system, value) in subjects.items():
        same = (
            [columns.subject_reference == reference]
            if reference is not None
            else [
                columns.subject_reference.is_(None),
                columns.subject_system == system,
                columns.subject_value == value,
            ]
        )
        left = select(exists().where(columns.tenant == tenant, *same))
        if not connection.scalar(left):
            gone.append(subject)
    known = known_pseudonyms(connection, tenant, gone)
    for subject in known:
        connection.execute(
            delete(patients).where(
                patients.c.tenant == tenant, patients.c.subject == subject
            )
        )
    return sorted(known.values())

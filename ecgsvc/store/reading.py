"""How report versions are read back from their rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select, tuple_

from ecgsvc.domain.report import Identifier, ReportDocuments, StoredReport
from ecgsvc.store import schema

ReportKey = tuple[str, int]
"""Id and version of a report."""


def select_reports() -> Select[Any]:
    """Select report versions with what `read_reports` needs of them."""
    reports, sources = schema.reports, schema.sources
    of_report = (sources.c.report_id == reports.c.report_id) & (
        sources.c.version == reports.c.source_version
    )
    return select(reports, sources.c.sha256).join_from(reports, sources, of_report)


def read_reports(connection: Connection, query: Select[Any]) -> list[StoredReport]:
    """Run a `select_reports` query and fetch the documents of what it finds."""
    rows = connection.execute(query).mappings().all()
    keys = [(row["report_id"], row["version"]) for row in rows]
    documents = _read_documents(connection, keys)
    return [
        _stored_report(row, documents[key]) for key, row in zip(keys, rows, strict=True)
    ]


def _read_documents(
    connection: Connection, keys: Sequence[ReportKey]
) -> dict[ReportKey, ReportDocuments]:
    columns = schema.documents.c
    if not keys:
        return {}
    query = (
        select(schema.documents)
        .where(tuple_(columns.report_id, columns.version).in_(keys))
        .order_by(columns.report_id, columns.version, columns.kind, columns.position)
    )
    bodies: dict[ReportKey, dict[str, list[bytes]]] = {}
    for row in connection.execute(query):
        kinds = bodies.setdefault((row.report_id, row.version), {})
        kinds.setdefault(row.kind, []).append(row.body)
    return {
        key: ReportDocuments(
            diagnostic_report=kinds["diagnostic_report"][0],
            observations=tuple(kinds.get("observation", ())),
            provenance=kinds["provenance"][0],
            device=kinds["device"][0],
        )
        for key, kinds in bodies.items()
    }


def _stored_report(row: RowMapping, documents: ReportDocuments) -> StoredReport:
    has_identifier = row["subject_value"] is not None
    return StoredReport(
        report_id=row["report_id"],
        version=row["version"],
        status=row["status"],
        subject_reference=row["subject_reference"],
        subject_identifier=(
            Identifier(row["subject_system"] or None, row["subject_value"])
            if has_identifier
            else None
        ),
        effective_at=row["effective_at"],
        issued_at=row["issued_at"],
        source_sha256=row["sha256"],
        conclusion=row["conclusion"],
        documents=documents,
    )

"""How report versions are read back from their rows."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select, tuple_

from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.errors import ReportNotFound
from ecgsvc.domain.report import (
    Identifier,
    Reanalysis,
    ReportDocuments,
    Signature,
    StoredReport,
)
from ecgsvc.store import schema
from ecgsvc.store.limits import is_storable

_MAX_VERSION = 2**31 - 1

ReportKey = tuple[str, int]
"""Id and version of a report."""


NO_DOCUMENTS = ReportDocuments(b"", (), b"", b"")
"""Of reports whose documents were not asked for."""


def select_reports(tenant: str) -> Select[Any]:
    """Select a tenant's report versions with what `read_reports` needs of them."""
    reports, sources = schema.reports, schema.sources
    of_report = (
        (sources.c.tenant == reports.c.tenant)
        & (sources.c.report_id == reports.c.report_id)
        & (sources.c.version == reports.c.source_version)
    )
    selected = select(reports, sources.c.sha256, sources.c.fhir_version).join_from(
        reports, sources, of_report
    )
    return selected.where(reports.c.tenant == tenant)


def read_reports(
    connection: Connection, tenant: str, query: Select[Any], *, with_documents: bool = True
) -> list[StoredReport]:
    """Run a `select_reports` query and fetch the documents of what it finds.

    Without them, which are most of a report, the documents are empty.
    """
    rows = connection.execute(query).mappings().all()
    keys = [(row["report_id"], row["version"]) for row in rows]
    documents = (
        _read_documents(connection, tenant, keys)
        if with_documents
        else dict.fromkeys(keys, NO_DOCUMENTS)
    )
    return [
        _stored_report(row, documents[key]) for key, row in zip(keys, rows, strict=True)
    ]


def _read_documents(
    connection: Connection, tenant: str, keys: Sequence[ReportKey]
) -> dict[ReportKey, ReportDocuments]:
    columns = schema.documents.c
    if not keys:
        return {}
    # two plain INs, not one of pairs, for which SQLite reads the whole table; the few
    # versions that nobody asked for are left out below
    query = (
        select(schema.documents)
        .where(
            columns.tenant == tenant,
            columns.report_id.in_({report_id for report_id, _ in keys}),
            columns.version.in_({version for _, version in keys}),
        )
        .order_by(columns.report_id, columns.version, columns.kind, columns.position)
    )
    bodies: dict[ReportKey, dict[str, list[bytes]]]
    bodies = {key: defaultdict(list) for key in keys}
    for row in connection.execute(query):
        if (kinds := bodies.get((row.report_id, row.version))) is not None:
            kinds[row.kind].append(row.body)
    return {
        key: ReportDocuments(
            diagnostic_report=kinds["diagnostic_report"][0],
            observations=tuple(kinds["observation"]),
            provenance=kinds["provenance"][0],
            device=kinds["device"][0],
            further=tuple(kinds["further"]),
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
        signature=_signature(row),
        might_supersede=row["might_supersede"],
        source_fhir_version=row["fhir_version"],
    )


def _signature(row: RowMapping) -> Signature | None:
    if row["signer_subject"] is None:
        return None
    return Signature(
        subject=row["signer_subject"],
        name=row["signer_name"],
        role=row["signer_role"],
        reason=row["reason"],
        conclusion=row["signer_conclusion"],
    )


def read_version(
    connection: Connection,
    tenant: str,
    key: tuple[str, int | None],
    *,
    with_documents: bool = True,
) -> StoredReport:
    """Read a version of a report, the latest when None; `ReportNotFound` without one."""
    report_id, version = key
    check_key(report_id, version)
    columns = schema.reports.c
    query = select_reports(tenant).where(columns.report_id == report_id)
    if version is None:
        query = query.order_by(columns.version.desc()).limit(1)
    else:
        query = query.where(columns.version == version)
    found = read_reports(connection, tenant, query, with_documents=with_documents)
    if not found:
        raise not_found()
    return found[0]


def check_key(report_id: str, version: int | None) -> None:
    """Refuse names that no report can have and that a database would choke on."""
    if not is_storable(report_id) or not 1 <= (version or 1) <= _MAX_VERSION:
        raise not_found()


def not_found() -> ReportNotFound:
    """Make the error; it says nothing of what there is."""
    return ReportNotFound("there is no such report, or no such version of it")


def stored_ecg(connection: Connection, tenant: str, report: StoredReport) -> Reanalysis:
    """Read what another analysis of the ECG behind a report starts from."""
    key = (tenant, report.report_id, report.version)
    reports, sources, models = schema.reports, schema.sources, schema.report_models
    source = connection.execute(
        select(sources.c.version, sources.c.body).where(
            tuple_(reports.c.tenant, reports.c.report_id, reports.c.version) == key,
            sources.c.tenant == reports.c.tenant,
            sources.c.report_id == reports.c.report_id,
            sources.c.version == reports.c.source_version,
        )
    ).one()
    found = connection.execute(
        select(models.c.name, models.c.model_version, models.c.sha256)
        .where(tuple_(models.c.tenant, models.c.report_id, models.c.version) == key)
        .order_by(models.c.position)
    )
    known = schema.demographics.c
    person = connection.execute(
        select(known.sex, known.age_years).where(
            tuple_(known.tenant, known.report_id, known.version) == key
        )
    ).one_or_none()
    return Reanalysis(
        report=report,
        body=source.body,
        source_version=source.version,
        models=tuple(ModelIdentity(*row) for row in found),
        sex=person.sex if person else None,
        age_years=person.age_years if person else None,
    )

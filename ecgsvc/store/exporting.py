"""Reads reports page by page with all that is told of them outside.

Every page is a transaction of its own: an export of hours holds nothing, and needs the
memory of one page.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, func, select

from ecgsvc.domain.export import ExportContent, ExportedReport
from ecgsvc.domain.findings import Coding, Urgency
from ecgsvc.domain.model_identity import ModelIdentity
from ecgsvc.domain.report import ReportOrder, ReportQuery, StoredReport
from ecgsvc.store import schema
from ecgsvc.store.listing import position_of, select_keys, select_page, token_after
from ecgsvc.store.reading import ReportKey, read_reports

PAGE_SIZE = 200
_MOST_URGENT_FIRST = tuple(Urgency)


def export_order(query: ReportQuery, after: str) -> ReportQuery:
    """Ask for a query's reports in the order of an export: what is new comes last."""
    return replace(query, order=ReportOrder.OLDEST_REPORT, page_token=after)


def count_reports(connection: Connection, tenant: str, query: ReportQuery) -> int:
    """Count what an export has still before it."""
    position = position_of(tenant, query) if query.page_token else None
    keys = select_keys(connection, tenant, query, position).order_by(None).subquery()
    return connection.scalar(select(func.count()).select_from(keys)) or 0


def export_page(
    connection: Connection, tenant: str, query: ReportQuery, content: ExportContent
) -> list[ExportedReport]:
    """Read the next reports; an empty list is the end.

    Raises
    ------
    InvalidRequest
        When the page token was not given for this query.
    """
    position = position_of(tenant, query) if query.page_token else None
    statement = select_page(connection, tenant, query, position, PAGE_SIZE)
    reports = read_reports(
        connection, tenant, statement, with_documents=content is not ExportContent.VALUES
    )
    rows = _Rows(connection, tenant, [(each.report_id, each.version) for each in reports])
    has_sources = content is ExportContent.RESOURCES_AND_ECGS
    sources = _sources(connection, tenant, rows.keys) if has_sources else {}
    return [
        replace(
            rows.exported(report, token_after(tenant, query, report)),
            source=sources.get((report.report_id, report.version)),
        )
        for report in reports
    ]


class _Rows:
    """What other tables have of report versions."""

    def __init__(
        self, connection: Connection, tenant: str, keys: Sequence[ReportKey]
    ) -> None:
        self.keys = frozenset(keys)
        self._tables = {
            table: _rows_of(connection, tenant, table, self.keys)
            for table in (
                schema.reports,
                schema.signer_codes,
                schema.measurements,
                schema.findings,
                schema.undetermined,
                schema.report_models,
                schema.scores,
                schema.demographics,
            )
        }

    def exported(self, report: StoredReport, cursor: str) -> ExportedReport:
        """Put together what is told of one report."""

        def of(table: Table) -> Sequence[RowMapping]:
            return self._tables[table].get((report.report_id, report.version), ())

        nothing: Mapping[Any, Any] = {}
        measured = next(iter(of(schema.measurements)), nothing)
        person = next(iter(of(schema.demographics)), nothing)
        findings, [version] = of(schema.findings), of(schema.reports)
        return ExportedReport(
            report=report,
            cursor=cursor,
            measurements={
                name: value
                for name, value in measured.items()
                if name not in schema.REPORT_KEY
            },
            findings=tuple(Coding(f["system"], f["code"], f["text"]) for f in findings),
            urgency=_most_urgent({f["urgency"] for f in findings}),
            undetermined=tuple(row["path"] for row in of(schema.undetermined)),
            models=tuple(
                ModelIdentity(row["name"], row["model_version"], row["sha256"])
                for row in of(schema.report_models)
            ),
            scores={
                f"{row['model']}/{row['label']}": row["score"] for row in of(schema.scores)
            },
            sex=person.get("sex"),
            age_years=person.get("age_years"),
            signer=version["signer_subject"],
            signed_codes=_signed_codes(version, findings, of(schema.signer_codes)),
        )


def _signed_codes(
    version: RowMapping, findings: Sequence[RowMapping], own: Sequence[RowMapping]
) -> tuple[str, ...] | None:
    """Return the codes a signer stands for; None when there is nothing to compare."""
    if version["signer_subject"] is None or version["status"] == "entered-in-error":
        return None
    if version["signer_conclusion"] is not None and not own:
        return None
    return tuple(row["code"] for row in own or findings)


def _rows_of(
    connection: Connection, tenant: str, table: Table, keys: Collection[ReportKey]
) -> Mapping[ReportKey, list[RowMapping]]:
    """Read a table's rows of report versions, in the order of its key."""
    found: dict[ReportKey, list[RowMapping]] = defaultdict(list)
    if not keys:
        return found
    # two plain INs, as for the documents of a list
    query = (
        select(table)
        .where(
            table.c.tenant == tenant,
            table.c.report_id.in_({report_id for report_id, _ in keys}),
            table.c.version.in_({version for _, version in keys}),
        )
        .order_by(*table.primary_key.columns)
    )
    for row in connection.execute(query).mappings():
        key = (row["report_id"], row["version"])
        if key in keys:
            found[key].append(row)
    return found


def _sources(
    connection: Connection, tenant: str, keys: Collection[ReportKey]
) -> dict[ReportKey, bytes]:
    """Read the Observations behind report versions."""
    if not keys:
        return {}
    reports, sources = schema.reports.c, schema.sources.c
    query = select(reports.report_id, reports.version, sources.body).where(
        reports.tenant == tenant,
        reports.report_id.in_({report_id for report_id, _ in keys}),
        reports.version.in_({version for _, version in keys}),
        sources.tenant == reports.tenant,
        sources.report_id == reports.report_id,
        sources.version == reports.source_version,
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def _most_urgent(graded: Collection[str | None]) -> Urgency | None:
    return next((each for each in _MOST_URGENT_FIRST if each.value in graded), None)

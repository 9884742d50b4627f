"""What is read of stored reports to compare other ECGs with."""

from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.report import EcgSource
from ecgsvc.domain.serial import MeasuredReport, StatedFinding
from ecgsvc.store import schema

RETRACTED = ("entered-in-error", "cancelled")
_VALUES = tuple(
    column.name for column in schema.measurements.c if column.name not in schema.REPORT_KEY
)


def previous_of(
    connection: Connection, tenant: str, source: EcgSource, report_id: str
) -> MeasuredReport | None:
    """Find the newest earlier ECG of the same subject, by its latest version.

    The subject is the same when its reference is, or its identifier with the system. An ECG
    whose latest version was retracted is none. Versions of `report_id` itself do not count.
    """
    reports = schema.reports.c
    same = []
    if source.subject_reference is not None:
        same.append(reports.subject_reference == source.subject_reference)
    if (identifier := source.subject_identifier) is not None:
        same.append(
            and_(
                reports.subject_value == identifier.value,
                reports.subject_system == (identifier.system or ""),
            )
        )
    if not same:
        return None
    query = (
        _select_measured(tenant)
        .where(
            or_(*same),
            reports.effective_at < source.effective_at,
            reports.report_id != report_id,
            reports.version == _latest_version(),
            reports.status.not_in(RETRACTED),
        )
        .order_by(reports.effective_at.desc(), reports.report_id)
        .limit(1)
    )
    return _read_measured(connection, tenant, query)


def measured_report(
    connection: Connection, tenant: str, report_id: str
) -> MeasuredReport | None:
    """Read the latest version of a report; None when there is no such report."""
    reports = schema.reports.c
    query = _select_measured(tenant).where(
        reports.report_id == report_id, reports.version == _latest_version()
    )
    return _read_measured(connection, tenant, query)


def _select_measured(tenant: str) -> Select[Any]:
    reports, measured = schema.reports, schema.measurements
    of_report = and_(*(reports.c[key] == measured.c[key] for key in schema.REPORT_KEY))
    chosen = (
        reports.c.report_id,
        reports.c.version,
        reports.c.effective_at,
        *(measured.c[name] for name in _VALUES),
    )
    selected = select(*chosen).join_from(reports, measured, of_report)
    return selected.where(reports.c.tenant == tenant)


def _latest_version() -> Any:  # noqa: ANN401 (SQLAlchemy's scalar subquery)
    reports, others = schema.reports, schema.reports.alias()
    return (
        select(func.max(others.c.version))
        .where(
            others.c.tenant == reports.c.tenant,
            others.c.report_id == reports.c.report_id,
        )
        .correlate(reports)
        .scalar_subquery()
    )


def _read_measured(
    connection: Connection, tenant: str, query: Select[Any]
) -> MeasuredReport | None:
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    findings, models = schema.findings, schema.report_models

    def of_report(table: Any) -> Select[Any]:  # noqa: ANN401
        return (
            select(table)
            .where(
                table.c.tenant == tenant,
                table.c.report_id == row["report_id"],
                table.c.version == row["version"],
            )
            .order_by(table.c.position)
        )

    return MeasuredReport(
        row["report_id"],
        row["version"],
        row["effective_at"],
        Measurements(**{name: row[name] for name in _VALUES}),
        tuple(
            StatedFinding(each.system, each.code, each.text)
            for each in connection.execute(of_report(findings))
        ),
        tuple(
            (each.name, each.model_version)
            for each in connection.execute(of_report(models))
        ),
    )

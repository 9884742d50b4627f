"""Where a report stands: what makes a request or an ECG the same as an earlier one."""

import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from ecgsvc.domain.errors import DuplicateWithOtherContent
from ecgsvc.domain.report import EcgSource, ReportSlot
from ecgsvc.store import schema
from ecgsvc.store.reading import ReportKey

IdentifierKey = tuple[str, str]
"""System, empty when missing, and value."""

_CORRECTIONS = frozenset({"amended", "corrected"})


def identifier_keys(source: EcgSource) -> list[IdentifierKey]:
    """Return the distinct identifiers of an ECG, (system, value), sorted.

    Sorted, because two writers that take the same keys in one order cannot deadlock.
    """
    return sorted({(each.system or "", each.value) for each in source.identifiers})


def known_identifiers(
    connection: Connection, tenant: str, keys: Sequence[IdentifierKey]
) -> dict[IdentifierKey, str]:
    """Return which ECG each of the identifiers belongs to, as far as they are known."""
    if not keys:
        return {}
    columns = schema.identifiers.c
    # two plain INs, not one of pairs, for which SQLite reads the whole table
    query = select(columns.system, columns.value, columns.report_id).where(
        columns.tenant == tenant,
        columns.system.in_({system for system, _ in keys}),
        columns.value.in_({value for _, value in keys}),
    )
    found = {
        (system, value): report_id for system, value, report_id in connection.execute(query)
    }
    return {key: found[key] for key in keys if key in found}


def answer_to(
    connection: Connection, tenant: str, request_id: str, request_sha256: str
) -> ReportKey | None:
    """Return the report version a request id was answered with, if it was."""
    if not request_id:
        return None
    columns = schema.requests.c
    row = connection.execute(
        select(schema.requests).where(
            columns.tenant == tenant, columns.request_id == request_id
        )
    ).one_or_none()
    if row is None:
        return None
    if row.request_sha256 != request_sha256:
        msg = "this request_id was used before with other content"
        raise DuplicateWithOtherContent(msg)
    return row.report_id, row.version


def place_of(
    connection: Connection, tenant: str, source: EcgSource
) -> ReportKey | ReportSlot:
    """Return the report version on these bytes of this ECG, or the slot for one."""
    owners = set(known_identifiers(connection, tenant, identifier_keys(source)).values())
    if not owners:
        return ReportSlot(str(uuid.uuid4()), 1)
    if len(owners) > 1:
        msg = "the identifiers belong to different ECGs"
        raise DuplicateWithOtherContent(msg, expression="Observation.identifier")
    [report_id] = owners
    reports, sources = schema.reports.c, schema.sources.c
    on_same_bytes = select(func.max(reports.version)).where(
        reports.tenant == tenant,
        reports.report_id == report_id,
        sources.tenant == tenant,
        sources.report_id == reports.report_id,
        sources.version == reports.source_version,
        sources.sha256 == source.sha256,
    )
    version = connection.scalar(on_same_bytes)
    if version is not None:
        return report_id, version
    if source.status not in _CORRECTIONS:
        msg = (
            "an ECG with this identifier is stored with other content; "
            "a correction must have the status amended or corrected"
        )
        raise DuplicateWithOtherContent(msg, expression="Observation.identifier")
    newest = select(func.max(reports.version)).where(
        reports.tenant == tenant, reports.report_id == report_id
    )
    return ReportSlot(report_id, connection.execute(newest).scalar_one() + 1)

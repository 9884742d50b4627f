"""Which reports a query means, page by page."""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, or_, select, tuple_

from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.report import ReportPage, ReportQuery, StoredReport
from ecgsvc.store import schema
from ecgsvc.store.limits import is_storable
from ecgsvc.store.reading import read_reports, select_reports

MAX_PAGE_SIZE = 1000
_DIGEST_SIZE = 12
_Position = tuple[datetime, str]


def list_page(connection: Connection, tenant: str, query: ReportQuery) -> ReportPage:
    """Read one page, newest effective time first, of the latest version of each report.

    Pages follow each other by position, not by count: what is stored meanwhile moves
    nothing.

    Raises
    ------
    InvalidRequest
        When the page token is not one given for the same filter, or the page size is less
        than 1 (more than 1000 is read as 1000).
    """
    if query.page_size < 1:
        msg = "page_size must be at least 1"
        raise InvalidRequest(msg, expression="page_size")
    position = _position(tenant, query) if query.page_token else None
    terms = (query.patient, query.code, query.status)
    if not all(is_storable(term) for term in terms if term is not None):
        return ReportPage((), "")
    page_size = min(query.page_size, MAX_PAGE_SIZE)
    selected = _select(tenant, query, position).limit(page_size + 1)
    found = read_reports(connection, tenant, selected)
    page = tuple(found[:page_size])
    more = len(found) > page_size
    return ReportPage(page, _token(tenant, query, page[-1]) if more else "")


def _select(tenant: str, query: ReportQuery, position: _Position | None) -> Select[Any]:
    reports, codes = schema.reports.c, schema.report_codes.c
    has_code = (
        (codes.tenant == tenant)
        & (codes.report_id == reports.report_id)
        & (codes.version == reports.version)
        & (codes.code == query.code)
    )
    selected, order = select_reports(tenant), reports
    conditions = [_is_latest()]
    if query.patient is not None:
        conditions.append(_is_about(query.patient))
        if query.code is not None:
            conditions.append(select(codes.code).where(has_code).exists())
    elif query.code is not None:  # read in the order of the code's own index
        selected, order = selected.join(schema.report_codes, has_code), codes
    if query.effective_from is not None:
        conditions.append(order.effective_at >= query.effective_from)
    if query.effective_before is not None:
        conditions.append(order.effective_at < query.effective_before)
    if query.status is not None:
        conditions.append(reports.status == query.status)
    if position is not None:
        conditions.append(tuple_(order.effective_at, order.report_id) < position)
    return selected.where(*conditions).order_by(
        order.effective_at.desc(), order.report_id.desc()
    )


def _is_latest() -> ColumnElement[bool]:
    newer = schema.reports.alias("newer")
    return ~(
        select(newer.c.version)
        .where(
            newer.c.tenant == schema.reports.c.tenant,
            newer.c.report_id == schema.reports.c.report_id,
            newer.c.version > schema.reports.c.version,
        )
        .exists()
    )


def _is_about(patient: str) -> ColumnElement[bool]:
    """Match the subject's reference, or its identifier as a FHIR token search would."""
    columns = schema.reports.c
    system, bar, value = patient.partition("|")
    by_identifier = columns.subject_value == (value if bar else patient)
    if bar:
        by_identifier &= columns.subject_system == system
    return or_(columns.subject_reference == patient, by_identifier)


def _token(tenant: str, query: ReportQuery, last: StoredReport) -> str:
    position = f"{last.effective_at.isoformat()} {last.report_id}".encode()
    return base64.urlsafe_b64encode(_digest(tenant, query, position) + position).decode()


def _position(tenant: str, query: ReportQuery) -> _Position:
    """Read a page token back.

    The digest finds tokens that are damaged or were given for another filter. It is no
    secret: a token says where to go on, not what may be seen.
    """
    try:
        raw = base64.b64decode(query.page_token.encode("ascii"), b"-_", validate=True)
        digest, position = raw[:_DIGEST_SIZE], raw[_DIGEST_SIZE:]
        if digest != _digest(tenant, query, position):
            raise ValueError
        time, _, report_id = position.decode("ascii").partition(" ")
        effective_at = datetime.fromisoformat(time).astimezone(UTC)
    except (ValueError, OverflowError):
        msg = "the page token is none that was given for this filter"
        raise InvalidRequest(msg, expression="page_token") from None
    return effective_at, report_id


def _digest(tenant: str, query: ReportQuery, position: bytes) -> bytes:
    terms = (
        tenant,
        query.patient,
        query.code,
        query.status,
        query.effective_from and query.effective_from.astimezone(UTC).isoformat(),
        query.effective_before and query.effective_before.astimezone(UTC).isoformat(),
    )
    return hashlib.blake2b(
        repr(terms).encode() + position, digest_size=_DIGEST_SIZE
    ).digest()

"""Which reports a query means, page by page.

Two shapes of statement, chosen by counting at most `COMMON` entries of each condition in
its index. A rare condition leads: its versions are looked up, checked and sorted. Otherwise
reports are read in the order of the list until the page is full, which common conditions
fill soon; several together may not, so one of some thousands leads when there are others.
Statistics of the database do not matter, so that SQLite, which keeps none, and PostgreSQL
answer alike. Only keys are looked for and sorted; a page's reports are read at the end.
"""

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.report import ReportOrder, ReportPage, ReportQuery, StoredReport
from ecgsvc.store import schema
from ecgsvc.store.conditions import (
    Condition,
    conditions_of,
    is_latest,
    same_report,
    search_terms,
)
from ecgsvc.store.limits import is_storable
from ecgsvc.store.reading import read_reports, select_reports

MAX_PAGE_SIZE = 1000
RARE = 2_000
"""Most versions that may be looked up one by one for a page, on one condition alone."""
COMMON = 10_000
"""Most versions that may be looked up when others of the conditions sift them."""

_DIGEST_SIZE = 12
_Position = tuple[datetime, str]


def list_page(connection: Connection, tenant: str, query: ReportQuery) -> ReportPage:
    """Read one page of the latest version of each report, in the order asked.

    Pages follow each other by position, not by count: what is stored meanwhile moves
    nothing.

    Raises
    ------
    InvalidRequest
        When the page token is not one given for the same filter and order, the page size
        is less than 1 (more than 1000 is read as 1000), or a measured value is not one
        that reports are searched by.
    """
    if query.page_size < 1:
        msg = "page_size must be at least 1"
        raise InvalidRequest(msg, expression="page_size")
    position = position_of(tenant, query) if query.page_token else None
    if not all(is_storable(term) for term in search_terms(query).values()):
        return ReportPage((), "")
    page_size = min(query.page_size, MAX_PAGE_SIZE)
    statement = select_page(connection, tenant, query, position, page_size + 1)
    found = read_reports(connection, tenant, statement)
    page = tuple(found[:page_size])
    more = len(found) > page_size
    return ReportPage(page, token_after(tenant, query, page[-1]) if more else "")


def select_page(
    connection: Connection,
    tenant: str,
    query: ReportQuery,
    position: _Position | None,
    limit: int,
) -> Select[Any]:
    """Write the statement for the reports that come after a position."""
    keys = select_keys(connection, tenant, query, position).limit(limit).subquery("page")
    statement = select_reports(tenant).join(keys, same_report(keys))
    return statement.order_by(*_ordered(query.order, _time_column(query.order)))


def select_keys(
    connection: Connection, tenant: str, query: ReportQuery, position: _Position | None
) -> Select[Any]:
    """Write the statement for the keys of all reports that come after a position."""
    conditions = conditions_of(tenant, query)
    lead = _leading(connection, conditions)
    reports, time = schema.reports, _time_column(query.order)
    statement = select(*(reports.c[name] for name in schema.REPORT_KEY))
    statement = statement.where(reports.c.tenant == tenant)
    key: FromClause = reports
    if lead is not None:
        # neither database merges a limited select into the outer one: it is read first
        leads = lead.leads
        if lead.also is not None:
            leads = tuple(each.where(lead.also) for each in leads)
            conditions = [each for each in conditions if each.also is None]
        some = union_all(*leads).limit(COMMON).subquery()
        key = select(some).distinct().subquery("leading")
        statement = statement.join(key, same_report(key))
    elif (ordered := _in_order(conditions, query.order)) and ordered.joined:
        lead, (key, holds) = ordered, ordered.joined
        time = key.c.effective_at
        statement = statement.join(key, same_report(key)).where(holds)
        # also of the other table's time, which its index begins to read at
        if query.effective_from is not None:
            statement = statement.where(time >= query.effective_from)
        if query.effective_before is not None:
            statement = statement.where(time < query.effective_before)
    # SQLite looks up in the order written: nearly all versions are the latest
    checks = (each.check(key) for each in conditions if each is not lead)
    statement = statement.where(*checks, is_latest())
    if position is not None:
        at = tuple_(time, reports.c.report_id)
        is_after = at < position if _is_newest_first(query.order) else at > position
        statement = statement.where(is_after)
    return statement.order_by(*_ordered(query.order, time))


def _leading(connection: Connection, conditions: list[Condition]) -> Condition | None:
    """Return the condition that fewest versions fulfil, if they are few enough."""
    counted: list[tuple[int, Condition]] = []
    for condition in conditions:
        # no column is asked for, so that the index alone is read
        some = [
            lead.with_only_columns(literal(1)).limit(COMMON).subquery()
            for lead in condition.leads
        ]
        counts = [connection.scalar(select(func.count()).select_from(s)) or 0 for s in some]
        if counts:
            counted.append((sum(counts), condition))
    n, rarest = min(counted, key=lambda each: each[0], default=(COMMON, None))
    return rarest if n < (RARE if len(counted) == 1 else COMMON) else None


def _in_order(conditions: list[Condition], order: ReportOrder) -> Condition | None:
    """Return a condition whose index is in the order asked."""
    if order not in (ReportOrder.NEWEST_ECG, ReportOrder.OLDEST_ECG):
        return None
    return next((each for each in conditions if each.ordered), None)


def _time_column(order: ReportOrder) -> Column[datetime]:
    reports = schema.reports.c
    by_ecg = order in (ReportOrder.NEWEST_ECG, ReportOrder.OLDEST_ECG)
    return reports.effective_at if by_ecg else reports.issued_at


def _is_newest_first(order: ReportOrder) -> bool:
    return order in (ReportOrder.NEWEST_ECG, ReportOrder.NEWEST_REPORT)


def _ordered(
    order: ReportOrder, time: ColumnElement[datetime]
) -> Iterator[ColumnElement[Any]]:
    for column in (time, schema.reports.c.report_id):
        yield column.desc() if _is_newest_first(order) else column.asc()


def token_after(tenant: str, query: ReportQuery, last: StoredReport) -> str:
    """Make the token with which a list goes on after a report."""
    by_ecg = query.order in (ReportOrder.NEWEST_ECG, ReportOrder.OLDEST_ECG)
    time = last.effective_at if by_ecg else last.issued_at
    position = f"{time.isoformat()} {last.report_id}".encode()
    return base64.urlsafe_b64encode(_digest(tenant, query, position) + position).decode()


def position_of(tenant: str, query: ReportQuery) -> _Position:
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
        moment = datetime.fromisoformat(time).astimezone(UTC)
    except (ValueError, OverflowError):
        msg = "the page token is none that was given for this filter and order"
        raise InvalidRequest(msg, expression="page_token") from None
    return moment, report_id


def _digest(tenant: str, query: ReportQuery, position: bytes) -> bytes:
    terms = repr((tenant, search_terms(query))).encode()
    return hashlib.blake2b(terms + position, digest_size=_DIGEST_SIZE).digest()

"""The outbox: report versions that other systems shall have, and how far each is.

A version's rows are written in the transaction that writes the version, so that neither
exists without the other. Their order is that of the audit events: writers of a tenant take
turns from the event to the commit, so that the numbers grow in the order of the commits.
A worker leases what it tries; who dies leaves a lease that runs out.
"""

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    exists,
    insert,
    or_,
    select,
    update,
)

from ecgsvc.domain.audit import Operation
from ecgsvc.domain.delivery import (
    Attempt,
    Delivery,
    DeliveryKey,
    DeliveryPage,
    DeliveryQuery,
    DeliveryState,
    Routes,
)
from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.report import Identifier
from ecgsvc.store import schema
from ecgsvc.store.limits import is_storable, storable
from ecgsvc.store.patients import subject_key

MAKES_A_VERSION = frozenset({Operation.CREATE, Operation.UPDATE, Operation.REANALYZE})
"""Operations whose events say that a report version was written."""

_COLUMNS = schema.deliveries.c


@dataclass(frozen=True, slots=True)
class Lease:
    """What a worker asks for: work of one destination, for a while."""

    tenant: str
    destination: str
    now: datetime
    duration: timedelta


def enqueue(
    connection: Connection,
    routes: Routes,
    tenant: str,
    report_id: str,
    version: int,
    *,
    sequence: int,
    now: datetime,
) -> None:
    """Put a version that this transaction has written on its way."""
    reports = schema.reports.c
    row = connection.execute(
        select(
            reports.status,
            reports.subject_reference,
            reports.subject_system,
            reports.subject_value,
        ).where(
            reports.tenant == tenant,
            reports.report_id == report_id,
            reports.version == version,
        )
    ).one()
    destinations = routes(tenant, row.status)
    if not destinations:
        return
    value = row.subject_value
    identifier = None if value is None else Identifier(row.subject_system or None, value)
    stream = subject_key(row.subject_reference, identifier) or report_id
    connection.execute(
        insert(schema.deliveries),
        [
            {
                "tenant": tenant,
                "destination": destination,
                "report_id": report_id,
                "version": version,
                "sequence": sequence,
                "stream": hashlib.sha256(stream.encode()).hexdigest(),
                "state": DeliveryState.PENDING.value,
                "attempts": 0,
                "created_at": now,
                "not_before": now,
                "answer": "",
            }
            for destination in destinations
        ],
    )


def due_destinations(connection: Connection, now: datetime) -> list[tuple[str, str]]:
    """Return tenant and destination of all work that is due, whoever is before it."""
    query = select(_COLUMNS.tenant, _COLUMNS.destination).where(_is_free(now)).distinct()
    return [(row.tenant, row.destination) for row in connection.execute(query)]


def has_work(connection: Connection, lease: Lease) -> bool:
    """Tell whether `claim` would find something, without locking."""
    query = _next_of(lease).with_only_columns(_COLUMNS.sequence)
    return connection.execute(query).one_or_none() is not None


def claim(connection: Connection, lease: Lease) -> tuple[Delivery, str] | None:
    """Lease the oldest due delivery of a destination; None: there is none.

    What is behind another pending delivery of the same patient is not due.
    """
    one = _next_of(lease).with_for_update(of=schema.deliveries, skip_locked=True)
    row = connection.execute(one).one_or_none()
    if row is None:
        return None
    token = str(uuid.uuid4())
    connection.execute(
        update(schema.deliveries)
        .where(*_is(_key(row)))
        .values(
            lease=token,
            leased_until=lease.now + lease.duration,
            attempts=row.attempts + 1,
        )
    )
    return _delivery(row), token


def settle(
    connection: Connection, key: DeliveryKey, lease: str, attempt: Attempt, now: datetime
) -> bool:
    """Enter how a try ended; False: the lease is another's by now, or the report erased."""
    ended = attempt.state is not DeliveryState.PENDING
    done = connection.execute(
        update(schema.deliveries)
        .where(*_is(key), _COLUMNS.lease == lease)
        .values(
            state=attempt.state.value,
            answer=storable(attempt.answer, schema.MAX_ANSWER),
            not_before=attempt.not_before or now,
            finished_at=now if ended else None,
            lease=None,
            leased_until=None,
        )
    )
    return done.rowcount == 1


def replay(connection: Connection, key: DeliveryKey, now: datetime) -> bool:
    """Try a dead delivery again, from now; False: it is not dead, or came too late."""
    done = connection.execute(
        update(schema.deliveries)
        .where(
            *_is(key),
            _COLUMNS.state == DeliveryState.DEAD.value,
            ~_newer_was_delivered(key),
        )
        .values(
            state=DeliveryState.PENDING.value,
            created_at=now,
            not_before=now,
            finished_at=None,
        )
    )
    return done.rowcount == 1


def find(connection: Connection, key: DeliveryKey) -> Delivery | None:
    """Return one delivery; None: there is no such one."""
    row = connection.execute(select(schema.deliveries).where(*_is(key))).one_or_none()
    return None if row is None else _delivery(row)


def list_deliveries(
    connection: Connection, tenant: str, query: DeliveryQuery
) -> DeliveryPage:
    """Return one page of a tenant's deliveries, the newest versions first.

    Raises
    ------
    InvalidRequest
        The page token is none that was given here.
    """
    selected = select(schema.deliveries).where(_COLUMNS.tenant == tenant)
    if query.state is not None:
        selected = selected.where(_COLUMNS.state == query.state.value)
    if query.destination is not None:
        if not is_storable(query.destination):
            return DeliveryPage((), "")
        selected = selected.where(_COLUMNS.destination == query.destination)
    if query.page_token:
        sequence, destination = _position(query.page_token)
        selected = selected.where(
            or_(
                _COLUMNS.sequence < sequence,
                (_COLUMNS.sequence == sequence) & (_COLUMNS.destination > destination),
            )
        )
    order = (_COLUMNS.sequence.desc(), _COLUMNS.destination)
    rows = connection.execute(selected.order_by(*order).limit(query.page_size + 1))
    found = [_delivery(row) for row in rows]
    page = tuple(found[: query.page_size])
    if len(found) <= query.page_size:
        return DeliveryPage(page, "")
    return DeliveryPage(page, f"{page[-1].sequence}.{page[-1].key.destination}")


def _position(token: str) -> tuple[int, str]:
    found = re.fullmatch(r"([0-9]{1,18})\.([a-z0-9._-]{1,64})", token)
    if found is None:
        msg = "the page token is none that was given for this list"
        raise InvalidRequest(msg, expression="page_token")
    return int(found[1]), found[2]


def _next_of(lease: Lease) -> Select[Any]:
    before = schema.deliveries.alias("before")
    is_behind = exists().where(
        before.c.tenant == _COLUMNS.tenant,
        before.c.destination == _COLUMNS.destination,
        before.c.stream == _COLUMNS.stream,
        before.c.state == DeliveryState.PENDING.value,
        before.c.sequence < _COLUMNS.sequence,
    )
    return (
        select(schema.deliveries)
        .where(
            _COLUMNS.tenant == lease.tenant,
            _COLUMNS.destination == lease.destination,
            _is_free(lease.now),
            ~is_behind,
        )
        .order_by(_COLUMNS.sequence)
        .limit(1)
    )


def _newer_was_delivered(key: DeliveryKey) -> ColumnElement[bool]:
    newer = schema.deliveries.alias("newer")
    return exists().where(
        newer.c.tenant == key.tenant,
        newer.c.destination == key.destination,
        newer.c.report_id == key.report_id,
        newer.c.version > key.version,
        newer.c.state == DeliveryState.DELIVERED.value,
    )


def _is_free(now: datetime) -> ColumnElement[bool]:
    is_due = (_COLUMNS.state == DeliveryState.PENDING.value) & (_COLUMNS.not_before <= now)
    return is_due & or_(_COLUMNS.leased_until.is_(None), _COLUMNS.leased_until < now)


def _is(key: DeliveryKey) -> Sequence[ColumnElement[bool]]:
    return (
        _COLUMNS.tenant == key.tenant,
        _COLUMNS.destination == key.destination,
        _COLUMNS.report_id == key.report_id,
        _COLUMNS.version == key.version,
    )


def _key(row: Row[Any]) -> DeliveryKey:
    return DeliveryKey(row.tenant, row.destination, row.report_id, row.version)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        _key(row),
        row.sequence,
        DeliveryState(row.state),
        row.attempts,
        row.created_at,
        row.not_before,
        row.finished_at,
        row.answer,
    )

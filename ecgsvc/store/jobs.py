"""Requests that are answered later: taken, done by whoever leases them, and forgotten.

As in the outbox, who dies leaves a lease that runs out. A job may be done twice then; what
it stores, it stores once, by the ids of its requests.
"""

import uuid
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select, update

from ecgsvc.domain.audit import AuditDraft, Operation
from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.errors import JobNotFound, Overloaded
from ecgsvc.domain.jobs import ClaimedJob, Job, NewJob
from ecgsvc.store import schema
from ecgsvc.store.limits import is_storable, storable
from ecgsvc.store.trail import Entry
from ecgsvc.store.transactions import Transactions

MAX_WAITING = 1000
"""Jobs of a tenant that are not done; the next is refused."""

_COLUMNS = schema.jobs.c
_IS_WAITING = _COLUMNS.finished_at.is_(None)


class JobKeeping(Transactions):
    """Jobs and their trail."""

    def add_job(self, caller: Caller, new: NewJob) -> None:
        """Take a job; it will be done in the caller's name.

        Raises
        ------
        Overloaded
            Too many of the tenant's jobs are waiting.
        StoreUnavailable
        """
        now = datetime.now(UTC)
        waiting = (
            select(func.count())
            .select_from(schema.jobs)
            .where(_COLUMNS.tenant == caller.tenant, _IS_WAITING)
        )
        row = {
            "tenant": caller.tenant,
            "job_id": new.job_id,
            "subject": storable(caller.subject, schema.MAX_SUBJECT),
            "subject_name": storable(caller.name),
            "roles": " ".join(sorted(caller.roles)),
            "request_id": storable(caller.request_id, schema.MAX_REQUEST_ID),
            "asks": new.asks,
            "details": orjson.dumps(new.details).decode(),
            "body": new.body or b"",
            "result": b"",
            "attempts": 0,
            "created_at": now,
            "finished_at": now if new.body is None else None,
        }
        with self._writing() as connection:
            if (connection.scalar(waiting) or 0) >= MAX_WAITING:
                msg = f"{MAX_WAITING} requests of this tenant are waiting; try again later"
                raise Overloaded(msg)
            connection.execute(insert(schema.jobs), row)
            entry = _event(Operation.ACCEPT, new.job_id, new.asks)
            self._trail.append(connection, caller, [entry])

    def job(self, caller: Caller, job_id: str) -> Job:
        """Return a job of the caller's own; asking how it is enters no event.

        Raises
        ------
        JobNotFound, StoreUnavailable
        """
        with self._reading() as connection:
            row = connection.execute(
                select(schema.jobs).where(*_own(caller, job_id))
            ).one_or_none()
        if row is None:
            raise _not_found()
        return Job(
            row.job_id, row.asks, orjson.loads(row.details), row.created_at,
            row.lease is not None, row.finished_at, row.result,
        )  # fmt: skip

    def cancel_job(self, caller: Caller, job_id: str) -> None:
        """Forget a job of the caller's own; who works at it stops.

        Raises
        ------
        JobNotFound, StoreUnavailable
        """
        with self._writing() as connection:
            asks = connection.scalar(select(_COLUMNS.asks).where(*_own(caller, job_id)))
            if asks is None:
                raise _not_found()
            connection.execute(delete(schema.jobs).where(*_own(caller, job_id)))
            entry = _event(Operation.CANCEL, job_id, asks)
            self._trail.append(connection, caller, [entry])

    def claim_job(self, lease_for: timedelta) -> ClaimedJob | None:
        """Lease the oldest job that nobody works at, of any tenant; None: there is none.

        Raises
        ------
        StoreUnavailable
        """
        now, lease = datetime.now(UTC), str(uuid.uuid4())
        with self._reading() as connection:  # SQLite's lock is not for looking around
            if connection.execute(_next(now)).first() is None:
                return None
        with self._writing() as connection:
            query = _next(now).with_for_update(skip_locked=True)
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            connection.execute(
                update(schema.jobs)
                .where(_COLUMNS.tenant == row.tenant, _COLUMNS.job_id == row.job_id)
                .values(
                    lease=lease, leased_until=now + lease_for, attempts=row.attempts + 1
                )
            )
        roles = frozenset(map(Role, row.roles.split()))
        caller = Caller(row.tenant, row.subject, row.subject_name, roles, row.request_id)
        return ClaimedJob(
            row.job_id, caller, lease, row.attempts + 1,
            row.asks, orjson.loads(row.details), row.body,
        )  # fmt: skip

    def renew_job(self, claimed: ClaimedJob, lease_for: timedelta) -> bool:
        """Keep a lease; False: the job was cancelled, or is another worker's by now.

        Raises
        ------
        StoreUnavailable
        """
        until = datetime.now(UTC) + lease_for
        with self._writing() as connection:
            renewed = (
                update(schema.jobs).where(*_leased(claimed)).values(leased_until=until)
            )
            return connection.execute(renewed).rowcount == 1

    def settle_job(self, claimed: ClaimedJob, result: bytes) -> bool:
        """Say how a job ended and forget what was sent; False: as of `renew_job`.

        Raises
        ------
        StoreUnavailable
        """
        settled = (
            update(schema.jobs)
            .where(*_leased(claimed))
            .values(
                body=b"", result=result, finished_at=datetime.now(UTC), lease=None,
                leased_until=None,
            )
        )  # fmt: skip
        with self._writing() as connection:
            return connection.execute(settled).rowcount == 1

    def forget_jobs(self, before: datetime) -> int:
        """Delete jobs that were done before a moment; return how many.

        Raises
        ------
        StoreUnavailable
        """
        with self._writing() as connection:
            done = delete(schema.jobs).where(_COLUMNS.finished_at < before)
            return connection.execute(done).rowcount


def _next(now: datetime) -> Select[tuple[object, ...]]:
    is_free = or_(_COLUMNS.leased_until.is_(None), _COLUMNS.leased_until < now)
    return (
        select(schema.jobs)
        .where(_IS_WAITING, is_free)
        .order_by(_COLUMNS.created_at, _COLUMNS.job_id)
        .limit(1)
    )


def _own(caller: Caller, job_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        _COLUMNS.tenant == caller.tenant,
        _COLUMNS.job_id == (job_id if is_storable(job_id) else ""),
        _COLUMNS.subject == storable(caller.subject, schema.MAX_SUBJECT),
    )


def _leased(claimed: ClaimedJob) -> tuple[ColumnElement[bool], ...]:
    return (
        _COLUMNS.tenant == claimed.caller.tenant,
        _COLUMNS.job_id == claimed.job_id,
        _COLUMNS.lease == claimed.lease,
    )


def _event(operation: Operation, job_id: str, asks: str) -> Entry:
    return Entry(AuditDraft(operation, details={"job": job_id, "asks": asks}))


def _not_found() -> JobNotFound:
    return JobNotFound("there is no such job of yours")

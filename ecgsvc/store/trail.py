"""Enters events in the audit trail, in the transaction of what they describe."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ecgsvc.domain.audit import ACTIONS, AuditDraft, AuditRecord, Operation
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import StoreUnavailable
from ecgsvc.store import schema
from ecgsvc.store.limits import storable
from ecgsvc.trail import (
    GENESIS,
    ChainedEvent,
    Checkpoint,
    Frontier,
    SigningKey,
    VerifyingKey,
    hand_over,
    link,
    names_signer,
)


@dataclass(frozen=True, slots=True)
class Notary:
    """What the trail needs from outside the store.

    Parameters
    ----------
    key
        Signs the head at each commit; never in the database.
    write_event
        Writes the AuditEvent of a record, canonical JSON.
    now
        Current time, time-zone aware.
    retired
        Keys that signed before this one, the oldest first.
    """

    key: SigningKey
    write_event: Callable[[AuditRecord], bytes]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    retired: tuple[VerifyingKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """An event to enter, and the digests of the rows it describes, as JSON.

    `event_id` and `recorded_at` are given for what happened earlier.
    """

    draft: AuditDraft
    contents: str = ""
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    recorded_at: datetime | None = None


ENTERED = "ecgsvc_entered"
"""Where a connection's `info` lists the ids of the events of its transaction."""


class Trail:
    """Appends to the chains of all tenants.

    Writers of one tenant take turns from here to their commit: on PostgreSQL by the lock
    on the head's row, on SQLite by that of the database. So this comes last in every
    transaction that writes, and nothing waits while holding it.
    """

    def __init__(self, notary: Notary) -> None:
        self._notary = notary

    @property
    def keys(self) -> list[VerifyingKey]:
        """The keys that verify what this trail signs and has signed, the newest last."""
        return [*self._notary.retired, self._notary.key.public]

    def append(
        self, connection: Connection, caller: Caller, entries: Sequence[Entry]
    ) -> int:
        """Enter events in the chain of the caller's tenant and sign its new head.

        Returns
        -------
        int
            The sequence number of the first of them.

        Raises
        ------
        StoreUnavailable
            The trail is signed by another key.
        """
        head = _locked_head(connection, caller.tenant)
        self.check_signing_key(head.checkpoint)
        return self._enter(connection, caller, entries, head, self._notary.key)

    def check_signing_key(self, checkpoint: str) -> None:
        """Raise `StoreUnavailable` when a head is signed, and by another key than ours."""
        key = self._notary.key.public
        if checkpoint and not names_signer(checkpoint, key):
            msg = (
                "the audit trail is signed by another key than this one, id "
                f"{key.fingerprint} (audit_key)"
            )
            raise StoreUnavailable(msg)

    def hand_over(
        self, connection: Connection, caller: Caller, new: SigningKey, *, lost: bool
    ) -> bool:
        """Enter that another key signs from here on, and sign with it.

        Parameters
        ----------
        lost
            The old key is not there to sign that, so whoever believes it alone will not
            believe the new one.

        Returns
        -------
        bool
            False when the new key has signed already.

        Raises
        ------
        StoreUnavailable
            The trail is signed by another key than this one.
        """
        head = _locked_head(connection, caller.tenant)
        if names_signer(head.checkpoint, new.public):
            return False
        old = self._notary.key
        if not lost and not names_signer(head.checkpoint, old.public):
            msg = f"the trail of {caller.tenant} is not signed by the key to be replaced"
            raise StoreUnavailable(msg)
        details = {"setting": "audit_key", "new": new.public.fingerprint}
        if not lost:
            details["old"] = old.public.fingerprint
        contents = hand_over(caller.tenant, None if lost else old, new.public)
        entry = Entry(AuditDraft(Operation.CONFIGURE, details=details), contents)
        self._enter(connection, caller, [entry], head, new)
        return True

    def _enter(
        self,
        connection: Connection,
        caller: Caller,
        entries: Sequence[Entry],
        head: "_Head",
        key: SigningKey,
    ) -> int:
        frontier = Frontier.from_bytes(head.size, head.frontier)
        caller = _storable_caller(caller)
        first, previous_hash = head.size + 1, head.hash
        rows = []
        for sequence, entry in enumerate(entries, first):
            event = self._chained(caller, entry, sequence, previous_hash)
            previous_hash = link(event)
            frontier.add(bytes.fromhex(previous_hash))
            rows.append({name: getattr(event, name) for name in event.__slots__})
            rows[-1]["hash"] = previous_hash
        connection.execute(insert(schema.audit_events), rows)
        connection.info.setdefault(ENTERED, []).extend(entry.event_id for entry in entries)
        checkpoint = Checkpoint(
            tenant=caller.tenant,
            size=frontier.size,
            root=frontier.root,
            chain=previous_hash,
            signed_at=self._notary.now().astimezone(UTC),
        )
        connection.execute(
            update(schema.audit_heads)
            .where(schema.audit_heads.c.tenant == caller.tenant)
            .values(
                size=frontier.size,
                hash=previous_hash,
                frontier=frontier.to_bytes(),
                checkpoint=checkpoint.signed(key),
            )
        )
        return first

    def _chained(
        self, caller: Caller, entry: Entry, sequence: int, previous_hash: str
    ) -> ChainedEvent:
        draft = entry.draft
        recorded_at = (entry.recorded_at or self._notary.now()).astimezone(UTC)
        record = AuditRecord(entry.event_id, recorded_at, caller, draft)
        return ChainedEvent(
            tenant=caller.tenant,
            sequence=sequence,
            event_id=entry.event_id,
            recorded_at=recorded_at,
            operation=draft.operation.value,
            action=ACTIONS[draft.operation],
            outcome=draft.outcome.value,
            subject=caller.subject,
            report_id=draft.report_id,
            report_version=draft.version,
            patient=draft.patient,
            request_id=caller.request_id,
            event=self._notary.write_event(record),
            contents=entry.contents,
            previous_hash=previous_hash,
        )


def _storable_caller(caller: Caller) -> Caller:
    return replace(
        caller,
        subject=storable(caller.subject, schema.MAX_SUBJECT),
        name=storable(caller.name),
        request_id=storable(caller.request_id, schema.MAX_REQUEST_ID),
    )


@dataclass(frozen=True, slots=True)
class _Head:
    size: int
    hash: str
    frontier: bytes
    checkpoint: str


def _locked_head(connection: Connection, tenant: str) -> _Head:
    columns = schema.audit_heads.c
    query = (
        select(columns.size, columns.hash, columns.frontier, columns.checkpoint)
        .where(columns.tenant == tenant)
        .with_for_update()
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        insert_once = (
            postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        )
        first = {"size": 0, "hash": GENESIS, "frontier": b"", "checkpoint": ""}
        statement = insert_once(schema.audit_heads).values(tenant=tenant, **first)
        connection.execute(statement.on_conflict_do_nothing())
        row = connection.execute(query).one()
    return _Head(*row)

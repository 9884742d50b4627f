"""What auditors ask over the wire; each question is an event of the trail itself."""

from collections.abc import Sequence

from sqlalchemy import select

from ecgsvc.domain.audit import (
    AuditDraft,
    AuditPage,
    AuditQuery,
    Operation,
    Outcome,
    StoredEvent,
    TrailVerdict,
)
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.store import schema
from ecgsvc.store.auditor import TrailAuditor
from ecgsvc.store.limits import is_storable
from ecgsvc.store.trail import Entry
from ecgsvc.store.transactions import Transactions
from ecgsvc.trail import Checkpoint, InvalidCheckpoint

_MAX_PAGE_SIZE = 1000
_COLUMNS = [schema.audit_events.c[name] for name in StoredEvent.__slots__]


class Auditing(Transactions):
    """The trail of the caller's tenant."""

    def audit_events(self, caller: Caller, query: AuditQuery) -> AuditPage:
        """Return one page of events, the newest first.

        Raises
        ------
        InvalidRequest
            The page token is none, or the page size is below 1.
        StoreUnavailable
        """
        if query.page_size < 1:
            msg = "page_size must be at least 1"
            raise InvalidRequest(msg, expression="page_size")
        size = min(query.page_size, _MAX_PAGE_SIZE)
        columns = schema.audit_events.c
        terms = {
            "report_id": query.report_id,
            "subject": query.subject,
            "patient": query.patient,
        }
        asked = {name: text for name, text in terms.items() if text is not None}
        selected = select(*_COLUMNS).where(columns.tenant == caller.tenant)
        for name, text in asked.items():
            selected = selected.where(columns[name] == text)
        if query.page_token:
            selected = selected.where(columns.sequence < _sequence(query.page_token))
        selected = selected.order_by(columns.sequence.desc()).limit(size + 1)
        with self._writing() as connection:
            found = []
            if all(map(is_storable, asked.values())):
                found = [StoredEvent(*row) for row in connection.execute(selected)]
            page = tuple(found[:size])
            draft = AuditDraft(
                Operation.READ_TRAIL,
                details={"by": " ".join(asked) or "all", "n_events": str(len(page))},
            )
            self._trail.append(connection, caller, [Entry(draft)])
        return AuditPage(page, str(page[-1].sequence) if len(found) > size else "")

    def audit_checkpoint(self, caller: Caller) -> tuple[str, str]:
        """Return the signed end of the trail, and the PEM of the key that verifies it.

        Raises
        ------
        StoreUnavailable
        """
        with self._writing() as connection:
            draft = AuditDraft(Operation.READ_TRAIL, details={"by": "checkpoint"})
            self._trail.append(connection, caller, [Entry(draft)])
            keys = self._trail.keys
            note = TrailAuditor(connection, keys).checkpoint(caller.tenant)
        return note, keys[-1].pem().decode()

    def verify_trail(self, caller: Caller, checkpoints: Sequence[str]) -> TrailVerdict:
        """Verify the trail, all rows it vouches for, and checkpoints that were kept.

        Raises
        ------
        InvalidRequest
            A checkpoint is none of this tenant's, or signed by no key of this service.
        StoreUnavailable
        """
        keys = self._trail.keys
        kept = []
        for position, note in enumerate(checkpoints):
            try:
                kept.append(Checkpoint.read(note, keys))
            except InvalidCheckpoint as error:
                where = f"checkpoints[{position}]"
                raise InvalidRequest(str(error), expression=where) from None
            if kept[-1].tenant != caller.tenant:
                msg = "the checkpoint is not of this tenant's trail"
                raise InvalidRequest(msg, expression=f"checkpoints[{position}]")
        verdict = TrailAuditor(self._engine, keys).verify(caller.tenant, kept)
        outcome = Outcome.SERIOUS_FAILURE if verdict.problems else Outcome.SUCCESS
        details = {
            "n_events": str(verdict.n_events),
            "n_problems": str(len(verdict.problems)),
        }
        with self._writing() as connection:
            draft = AuditDraft(Operation.VERIFY_TRAIL, outcome, details=details)
            self._trail.append(connection, caller, [Entry(draft)])
        return verdict


def _sequence(token: str) -> int:
    if not (token.isascii() and token.isdigit() and len(token) < 19):
        msg = "the page token is none that was given for this list"
        raise InvalidRequest(msg, expression="page_token")
    return int(token)

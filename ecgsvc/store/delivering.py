"""What workers and operators do with the outbox, each in one transaction with its event."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from ecgsvc.domain.audit import AuditDraft, Operation, Outcome
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.delivery import (
    Attempt,
    ClaimedDelivery,
    Delivery,
    DeliveryKey,
    DeliveryPage,
    DeliveryQuery,
    DeliveryState,
)
from ecgsvc.domain.errors import InvalidRequest, ReportNotFound
from ecgsvc.domain.report import StoredReport
from ecgsvc.store import outbox, schema
from ecgsvc.store.events import about
from ecgsvc.store.limits import storable
from ecgsvc.store.outbox import Lease
from ecgsvc.store.reading import read_version
from ecgsvc.store.trail import Entry
from ecgsvc.store.transactions import Transactions

EVERY_DELIVERY = DeliveryQuery()


class Delivering(Transactions):
    """The outbox and its trail."""

    def due_destinations(self) -> list[tuple[str, str]]:
        """Return tenant and destination of all deliveries that are due.

        Raises
        ------
        StoreUnavailable
        """
        with self._reading() as connection:
            return outbox.due_destinations(connection, datetime.now(UTC))

    def claim_delivery(
        self, caller: Caller, destination: str, lease_for: timedelta
    ) -> ClaimedDelivery | None:
        """Lease the oldest due delivery, with what there is to deliver; None: no work.

        A patient's deliveries come in the order of their versions: what is behind another
        that is still pending is not due. That the report leaves the house is entered in
        the trail here, before it does. Nothing is locked where there is no work, nor while
        the documents are read.

        Raises
        ------
        StoreUnavailable
        """
        lease = Lease(caller.tenant, destination, datetime.now(UTC), lease_for)
        while True:
            with self._reading() as connection:
                if not outbox.has_work(connection, lease):
                    return None
            with self._writing(in_background=True) as connection:
                claimed = outbox.claim(connection, lease)
                if claimed is None:
                    return None
                delivery, token = claimed
                key, attempt = delivery.key, delivery.attempts + 1
                report = _report_of(connection, key)
                draft = replace(
                    about(connection, caller, Operation.DELIVER, report),
                    details={"destination": destination, "attempt": str(attempt)},
                )
                self._trail.append(connection, caller, [Entry(draft)])
            with self._reading() as connection, suppress(ReportNotFound):  # erased since
                version = (key.report_id, key.version)
                report = read_version(connection, key.tenant, version)
                body, fhir_version = _source_of(connection, key)
                return ClaimedDelivery(
                    key, attempt, token, delivery.created_at,
                    report, body, fhir_version,
                )  # fmt: skip

    def settle_delivery(
        self, caller: Caller, claimed: ClaimedDelivery, attempt: Attempt
    ) -> bool:
        """Enter how a try ended, in outbox and trail.

        Returns
        -------
        bool
            False: another worker has it by now, or the report was erased meanwhile.

        Raises
        ------
        StoreUnavailable
        """
        key = claimed.key
        with self._writing(in_background=True) as connection:
            ours = outbox.settle(connection, key, claimed.lease, attempt, datetime.now(UTC))
            draft = about(connection, caller, Operation.DELIVER, claimed.report)
            details = {
                "destination": key.destination,
                "attempt": str(claimed.attempt),
                "state": attempt.state.value,
                "reason": attempt.answer,
            }
            draft = replace(draft, outcome=_OUTCOMES[attempt.state], details=details)
            self._trail.append(connection, caller, [Entry(draft)])
        return ours

    def list_deliveries(
        self, caller: Caller, query: DeliveryQuery = EVERY_DELIVERY
    ) -> DeliveryPage:
        """Return one page of the caller's tenant's deliveries.

        Raises
        ------
        InvalidRequest
            The page token is none that was given here.
        StoreUnavailable
        """
        state = query.state and query.state.value
        asked = {"state": state, "destination": query.destination}
        stated = "&".join(
            f"{name}={storable(text)}" for name, text in asked.items() if text
        )
        with self._writing() as connection:
            page = outbox.list_deliveries(connection, caller.tenant, query)
            details = {
                "query": f"deliveries?{stated}",
                "n_reports": str(len(page.deliveries)),
            }
            draft = AuditDraft(Operation.SEARCH, details=details)
            self._trail.append(connection, caller, [Entry(draft)])
        return page

    def delivery(self, caller: Caller, key: DeliveryKey) -> Delivery:
        """Return one delivery.

        Raises
        ------
        ReportNotFound
            There is no such delivery.
        StoreUnavailable
        """
        with self._writing() as connection:
            found = _found(connection, key)
            draft = replace(
                about(connection, caller, Operation.VREAD, _report_of(connection, key)),
                details={"content": "delivery", "destination": key.destination},
            )
            self._trail.append(connection, caller, [Entry(draft)])
        return found

    def replay_delivery(self, caller: Caller, key: DeliveryKey) -> None:
        """Try a dead delivery again, with all its time ahead.

        Raises
        ------
        ReportNotFound
            There is no such delivery.
        InvalidRequest
            It is not dead; or a newer version of the report has arrived, which an older
            one must not overwrite.
        StoreUnavailable
        """
        with self._writing() as connection:
            found = _found(connection, key)
            if not outbox.replay(connection, key, datetime.now(UTC)):
                msg = (
                    f"this delivery is {found.state.value}: only a dead one is replayed"
                    if found.state is not DeliveryState.DEAD
                    else "a newer version of this report has arrived there"
                )
                raise InvalidRequest(msg)
            draft = replace(
                about(connection, caller, Operation.DELIVER, _report_of(connection, key)),
                details={"destination": key.destination, "state": "replayed"},
            )
            self._trail.append(connection, caller, [Entry(draft)])


_OUTCOMES = {
    DeliveryState.DELIVERED: Outcome.SUCCESS,
    DeliveryState.PENDING: Outcome.MINOR_FAILURE,
    DeliveryState.DEAD: Outcome.SERIOUS_FAILURE,
}


def _source_of(connection: Connection, key: DeliveryKey) -> tuple[bytes, str]:
    reports, sources = schema.reports.c, schema.sources.c
    source = connection.execute(
        select(sources.body, sources.fhir_version).where(
            reports.tenant == key.tenant,
            reports.report_id == key.report_id,
            reports.version == key.version,
            sources.tenant == reports.tenant,
            sources.report_id == reports.report_id,
            sources.version == reports.source_version,
        )
    )
    row = source.one()
    return row.body, row.fhir_version


def _found(connection: Connection, key: DeliveryKey) -> Delivery:
    found = outbox.find(connection, key)
    if found is None:
        msg = "there is no such delivery"
        raise ReportNotFound(msg)
    return found


def _report_of(connection: Connection, key: DeliveryKey) -> StoredReport:
    """Read the report of a delivery, without its documents."""
    version = (key.report_id, key.version)
    return read_version(connection, key.tenant, version, with_documents=False)

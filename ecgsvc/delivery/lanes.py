"""One destination's deliveries, one after another."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ecgsvc.delivery.breaker import Breaker
from ecgsvc.delivery.retries import RetryPolicy
from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.delivery import Answer, Attempt, ClaimedDelivery, Verdict
from ecgsvc.domain.errors import EcgsvcError

_LOG = logging.getLogger(__name__)


class Outbox(Protocol):
    """What a lane needs of the store."""

    def due_destinations(self) -> list[tuple[str, str]]:
        """Return tenant and destination of all deliveries that are due."""

    def claim_delivery(
        self, caller: Caller, destination: str, lease_for: timedelta
    ) -> ClaimedDelivery | None:
        """Lease the oldest due delivery."""

    def settle_delivery(
        self, caller: Caller, claimed: ClaimedDelivery, attempt: Attempt
    ) -> bool:
        """Enter how a try ended."""


class Sender(Protocol):
    """A connection to a destination; used by one thread."""

    def send(self, claimed: ClaimedDelivery) -> Answer:
        """Deliver, and say what the destination answered.

        Raises
        ------
        EcgsvcError
            This report cannot be delivered there, whatever the destination's state.
        """

    def close(self) -> None:
        """Close what is open."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A destination of a tenant, and how it is treated.

    Parameters
    ----------
    connect
        Makes a sender, without connecting yet.
    lease_for
        Longer than any try can take.
    width
        Deliveries at a time; those of one patient always follow each other.
    """

    tenant: str
    destination: str
    connect: Callable[[], Sender]
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: Breaker = field(default_factory=Breaker)
    lease_for: timedelta = timedelta(minutes=2)
    width: int = 1

    @property
    def caller(self) -> Caller:
        """Who the audit trail says delivers."""
        return Caller(
            self.tenant,
            f"ecgsvc:delivery:{self.destination}",
            name=f"delivery to {self.destination}",
            roles=frozenset({Role.OPERATOR}),
        )


def drain(lane: Lane, outbox: Outbox, stopping: threading.Event) -> None:
    """Deliver what is due until nothing is, the breaker opens, or the service stops.

    Raises
    ------
    StoreUnavailable
        The outbox cannot be read or written; leases run out by themselves.
    """
    sender = lane.connect()
    try:
        while not stopping.is_set() and lane.breaker.allows():
            try:
                delivered = _deliver_one(lane, outbox, sender)
            except BaseException:
                lane.breaker.not_used()
                raise
            if not delivered:
                lane.breaker.not_used()
                return
    finally:
        sender.close()


def _deliver_one(lane: Lane, outbox: Outbox, sender: Sender) -> bool:
    claimed = outbox.claim_delivery(lane.caller, lane.destination, lane.lease_for)
    if claimed is None:
        return False
    try:
        answer = sender.send(claimed)
    except EcgsvcError as error:
        answer = Answer(Verdict.REFUSED, error.message)
    except Exception as error:  # a fault of ours in one report must not stop the others
        _LOG.exception("delivery to %s failed", lane.destination)
        answer = Answer(Verdict.LATER, f"internal error ({type(error).__name__})")
    if answer.verdict is Verdict.UNREACHABLE:
        lane.breaker.failed()
    else:
        lane.breaker.succeeded()
    now = datetime.now(UTC)
    attempt = lane.retries.judge(answer, claimed.attempt, claimed.created_at, now)
    ours = outbox.settle_delivery(lane.caller, claimed, attempt)
    key = claimed.key
    _LOG.info(
        "delivery tenant=%s destination=%s report=%s/%d attempt=%d %s: %s%s",
        key.tenant, key.destination, key.report_id, key.version, claimed.attempt,
        attempt.state.value, answer.text, "" if ours else " (the lease had run out)",
    )  # fmt: skip
    return True

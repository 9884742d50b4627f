"""One event of the trail and how it hangs on the one before."""

from dataclasses import dataclass
from datetime import datetime

import orjson

from ecgsvc.trail.digests import sha256_hex

GENESIS = "0" * 64
"""`previous_hash` of the first event of a chain."""


@dataclass(frozen=True, slots=True)
class ChainedEvent:
    """An event as it stands in the trail; all of it goes into its hash.

    Parameters
    ----------
    sequence
        1, 2, 3 … in each tenant, without a gap.
    event
        The AuditEvent, canonical JSON.
    contents
        Digests of the rows the event describes, JSON; empty when it describes none.
    """

    tenant: str
    sequence: int
    event_id: str
    recorded_at: datetime
    operation: str
    action: str
    outcome: str
    subject: str
    report_id: str | None
    report_version: int | None
    patient: str | None
    request_id: str
    event: bytes
    contents: str
    previous_hash: str


def link(event: ChainedEvent) -> str:
    """Return the hash of an event, lower-case hex: of its columns and the hash before."""
    return sha256_hex(
        orjson.dumps(
            [
                "ecgsvc audit event 1",
                event.tenant,
                event.sequence,
                event.event_id,
                event.recorded_at,
                event.operation,
                event.action,
                event.outcome,
                event.subject,
                event.report_id,
                event.report_version,
                event.patient,
                event.request_id,
                sha256_hex(event.event),
                event.contents,
                event.previous_hash,
            ]
        )
    )

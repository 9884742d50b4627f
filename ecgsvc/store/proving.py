"""Writes proofs, of one report and of two checkpoints, from the database."""

import base64
import functools
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from ecgsvc.domain.errors import InvalidRequest, ReportNotFound
from ecgsvc.store import schema
from ecgsvc.store.verifying import chained, contents_of
from ecgsvc.store.vouched import VouchedRows
from ecgsvc.trail import (
    CONSISTENCY_FORMAT,
    FORMAT,
    consistency_proof,
    event_as_json,
    inclusion_proof,
    root_of,
    row_as_json,
    sha256_hex,
)

_EVENTS = schema.audit_events.c


def proof_of(connection: Connection, tenant: str, report_id: str) -> bytes:
    """Write the proof of what the trail says of a report.

    Paths are computed from ranges of hashes that are streamed: memory does not grow with
    the trail, time does.
    """
    heads = schema.audit_heads.c
    head = connection.execute(
        select(heads.size, heads.checkpoint).where(heads.tenant == tenant)
    ).one_or_none()
    query = (
        select(schema.audit_events)
        .where(_EVENTS.tenant == tenant, _EVENTS.report_id == report_id)
        .order_by(_EVENTS.sequence)
    )
    rows = connection.execute(query).mappings().all()
    if head is None or not rows:
        msg = "the trail has no event about this report"
        raise ReportNotFound(msg)
    described = [(row, contents_of(row)) for row in rows]
    vouched = VouchedRows(connection, tenant, described)
    range_root = functools.cache(functools.partial(_range_root, connection, tenant))
    bodies: dict[str, str] = {}
    events = [
        {
            "event": event_as_json(chained(row)),
            "path": [
                step.hex()
                for step in inclusion_proof(row["sequence"] - 1, head.size, range_root)
            ],
            "rows": {
                name: {"salt": salt, "rows": [_hashed(each, bodies) for each in group]}
                for name, salt, group in vouched.groups(row, contents)
            },
        }
        for row, contents in described
    ]
    proof = {
        "format": FORMAT,
        "report_id": report_id,
        "checkpoint": head.checkpoint,
        "events": events,
        "bodies": bodies,
    }
    return orjson.dumps(proof, option=orjson.OPT_INDENT_2)


def consistency_of(
    connection: Connection, tenant: str, older: tuple[int, str], newer: tuple[int, str]
) -> bytes:
    """Write the proof that a checkpoint's trail begins with that of an older one.

    Parameters
    ----------
    older, newer
        Size and text of the signed checkpoints.

    Raises
    ------
    InvalidRequest
        The older is not the shorter, or empty, or the trail is shorter than the newer.
    """
    size = connection.scalar(select(func.count()).where(_EVENTS.tenant == tenant)) or 0
    if not 0 < older[0] <= newer[0] <= size:
        msg = (
            f"there is no trail from {older[0]} to {newer[0]} events: it has {size}, and "
            "the older checkpoint comes first"
        )
        raise InvalidRequest(msg)
    range_root = functools.partial(_range_root, connection, tenant)
    path = [step.hex() for step in consistency_proof(older[0], newer[0], range_root)]
    proof = {
        "format": CONSISTENCY_FORMAT,
        "older": older[1],
        "newer": newer[1],
        "path": path,
    }
    return orjson.dumps(proof, option=orjson.OPT_INDENT_2)


def _hashed(row: dict[str, object], bodies: dict[str, str]) -> Any:  # noqa: ANN401  # JSON
    """Return a row as it is hashed, and keep its body aside."""
    body = row.get("body")
    if isinstance(body, bytes):
        bodies[sha256_hex(body)] = base64.b64encode(body).decode()
    return orjson.loads(row_as_json(row))


def _range_root(connection: Connection, tenant: str, start: int, end: int) -> bytes:
    query = (
        select(_EVENTS.hash)
        .where(_EVENTS.tenant == tenant, _EVENTS.sequence > start, _EVENTS.sequence <= end)
        .order_by(_EVENTS.sequence)
        .execution_options(yield_per=10_000)
    )
    return root_of(bytes.fromhex(each) for each in connection.scalars(query))

"""Writes the proof of one report from the database."""

import base64
from typing import Any

import orjson
from sqlalchemy import Connection, select

from ecgsvc.domain.errors import ReportNotFound
from ecgsvc.store import schema
from ecgsvc.store.verifying import chained, contents_of
from ecgsvc.store.vouched import VouchedRows
from ecgsvc.trail import (
    FORMAT,
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
    known: dict[tuple[int, int], bytes] = {}

    def range_root(start: int, end: int) -> bytes:
        if (start, end) not in known:
            known[start, end] = _range_root(connection, tenant, start, end)
        return known[start, end]

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

"""Files that prove what the trail says, without the database; JSON.

Of a report: the signed checkpoint; each event about the report with its columns and its
path in the Merkle tree; and the rows that the events describe, as they are hashed, with
their bodies. Of two checkpoints: both, and the path that shows that the trail of the newer
begins with that of the older.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from ecgsvc.trail.chain import ChainedEvent, link
from ecgsvc.trail.checkpoints import Checkpoint, InvalidCheckpoint
from ecgsvc.trail.digests import digest_of_rows, sha256_hex
from ecgsvc.trail.keys import VerifyingKey
from ecgsvc.trail.merkle import is_consistent, root_from_inclusion

FORMAT = "ecgsvc audit proof 1"
CONSISTENCY_FORMAT = "ecgsvc audit consistency 1"


@dataclass(frozen=True, slots=True)
class VerifiedProof:
    """What a proof proves, or why it does not; the checkpoints it leads to."""

    summary: str
    problems: tuple[str, ...]
    checkpoints: tuple[Checkpoint, ...] = ()


def verified_proof(content: bytes, keys: Sequence[VerifyingKey]) -> VerifiedProof:
    """Verify a proof of either kind; nothing but the keys is believed."""
    try:
        proof = orjson.loads(content)
        if proof["format"] == FORMAT:
            return _of_report(proof, keys)
        if proof["format"] == CONSISTENCY_FORMAT:
            return _of_consistency(proof, keys)
    except InvalidCheckpoint as error:
        return VerifiedProof("", (str(error),))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return VerifiedProof("", ("the file is no proof of ecgsvc, or damaged",))
    return VerifiedProof("", ("the file is no proof of ecgsvc",))


def _of_report(proof: Mapping[str, Any], keys: Sequence[VerifyingKey]) -> VerifiedProof:
    checkpoint = Checkpoint.read(proof["checkpoint"], keys)
    problems = tuple(_problems(proof, checkpoint))
    n_events = len(proof["events"])
    summary = (
        f"report {proof['report_id']} of {checkpoint.tenant}: {n_events} events are in the "
        f"trail of {checkpoint.size} signed {checkpoint.signed_at.isoformat()}, and what "
        "they describe is unchanged"
    )
    return VerifiedProof(summary, problems, (checkpoint,))


def _of_consistency(
    proof: Mapping[str, Any], keys: Sequence[VerifyingKey]
) -> VerifiedProof:
    older, newer = (Checkpoint.read(proof[name], keys) for name in ("older", "newer"))
    path = [bytes.fromhex(each) for each in proof["path"]]
    is_whole = older.tenant == newer.tenant and is_consistent(
        older.size, older.root, newer.size, newer.root, path
    )
    problem = (
        f"the trail of {newer.size} events of {newer.tenant} does not begin with the "
        f"{older.size} events of {older.tenant}"
    )
    summary = (
        f"{newer.tenant}: the trail of {newer.size} events signed "
        f"{newer.signed_at.isoformat()} begins with the {older.size} signed "
        f"{older.signed_at.isoformat()}, unchanged"
    )
    return VerifiedProof(summary, () if is_whole else (problem,), (older, newer))


def _problems(proof: Mapping[str, Any], checkpoint: Checkpoint) -> Iterator[str]:
    if not proof["events"]:
        yield "the proof has no event"
    for entry in proof["events"]:
        event = event_from_json(entry["event"])
        sequence = event.sequence
        leaf = bytes.fromhex(link(event))
        path = [bytes.fromhex(each) for each in entry["path"]]
        root = root_from_inclusion(sequence - 1, checkpoint.size, leaf, path)
        if event.tenant != checkpoint.tenant or root != checkpoint.root:
            yield f"event {sequence} is not in the trail, or was altered"
        if event.report_id != proof["report_id"]:
            yield f"event {sequence} is about another report"
        yield from _differing(event, entry["rows"], proof["bodies"])


def _differing(
    event: ChainedEvent, rows: Mapping[str, Any], bodies: Mapping[str, str]
) -> Iterator[str]:
    said = orjson.loads(event.contents) if event.contents else {}
    for name, digest in said.items():
        if name in ("source_version", "source_sha256") or name not in rows:
            continue
        group = rows[name]
        if digest_of_rows(group["rows"], group["salt"]) != digest:
            yield f"{name} of event {event.sequence} differs from its digest"
        for sha256 in (row["body"] for row in group["rows"] if "body" in row):
            if sha256_hex(base64.b64decode(bodies[sha256], validate=True)) != sha256:
                yield f"a body of {name} of event {event.sequence} differs"
    if "reports" in said and "reports" not in rows:
        yield f"the rows of event {event.sequence} are not in the proof"


def event_as_json(event: ChainedEvent) -> dict[str, object]:
    """Write an event's columns for a proof."""
    columns = {name: getattr(event, name) for name in event.__slots__}
    return columns | {"event": base64.b64encode(event.event).decode()}


def event_from_json(columns: Mapping[str, Any]) -> ChainedEvent:
    """Read an event of a proof."""
    return ChainedEvent(
        **{
            **columns,
            "recorded_at": datetime.fromisoformat(columns["recorded_at"]),
            "event": base64.b64decode(columns["event"], validate=True),
        }
    )

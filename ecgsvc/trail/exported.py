"""A tenant's whole trail as a file that an auditor keeps, written and read line by line.

JSON lines: the format and the tenant; every event with its columns and its hash; the signed
checkpoint of exactly these events.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson

from ecgsvc.domain.audit import TrailProblem, TrailVerdict
from ecgsvc.trail.chain import ChainedEvent
from ecgsvc.trail.checkpoints import Checkpoint
from ecgsvc.trail.following import ChainFollower
from ecgsvc.trail.keys import VerifyingKey
from ecgsvc.trail.proofs import event_as_json, event_from_json

EXPORT_FORMAT = "ecgsvc audit trail 1"
MAX_PROBLEMS = 100
"""So many problems are told; the first is the one that matters."""


class NoTrailExport(OSError):
    """A file is no export of a trail."""


def export_lines(
    tenant: str, events: Iterable[tuple[ChainedEvent, str]], checkpoint: str
) -> Iterator[bytes]:
    """Write an export; memory does not grow with it.

    Parameters
    ----------
    events
        All events in their order, each with its hash.
    checkpoint
        The signed end of the trail.
    """
    yield _line({"format": EXPORT_FORMAT, "tenant": tenant})
    for event, event_hash in events:
        yield _line(event_as_json(event) | {"hash": event_hash})
    yield _line({"checkpoint": checkpoint})


def verified_export(
    lines: Iterable[bytes],
    keys: Sequence[VerifyingKey],
    checkpoints: Sequence[Checkpoint] = (),
) -> TrailVerdict:
    """Verify an export; nothing but the keys and the kept checkpoints is believed.

    Parameters
    ----------
    lines
        As `export_lines` wrote them.
    checkpoints
        Checkpoints that were kept apart; those of other tenants do not count.

    Raises
    ------
    NoTrailExport
        The first line is none of an export.
    """
    read = iter(lines)
    try:
        head = orjson.loads(next(read, b""))
        tenant, is_export = str(head["tenant"]), head["format"] == EXPORT_FORMAT
    except (ValueError, TypeError, KeyError):
        is_export = False
    if not is_export:
        msg = "the file is no export of a trail"
        raise NoTrailExport(msg)
    own = [each for each in checkpoints if each.tenant == tenant]
    pass_ = _Pass(ChainFollower(tenant, keys, own))
    problems = tuple(islice(pass_.problems(read), MAX_PROBLEMS))
    return TrailVerdict(tenant, pass_.chain.n_events, problems, pass_.checkpoint)


@dataclass
class _Pass:
    chain: ChainFollower
    checkpoint: str = ""
    n_lines: int = field(default=0, init=False)

    def problems(self, lines: Iterable[bytes]) -> Iterator[TrailProblem]:
        for line in lines:
            self.n_lines += 1
            if self.checkpoint:
                yield TrailProblem(None, "something follows the end of the export")
                return
            content = _content(line)
            if content is None:
                text = f"event {self.n_lines} cannot be read"
                yield TrailProblem(self.n_lines, text)
            elif isinstance(content, str):
                self.checkpoint = content
            else:
                yield from self.chain.follow([content])
        yield from self.chain.beyond_the_end()
        n_events = self.chain.n_events
        if not self.checkpoint:
            yield TrailProblem(n_events + 1, f"the export breaks off after {n_events}")
        elif not self.chain.ends_with(self.checkpoint):
            text = f"the signed head does not fit the last event, {n_events}"
            yield TrailProblem(n_events, text)


def _content(line: bytes) -> tuple[ChainedEvent, str] | str | None:
    """Return an event and its hash, the checkpoint, or None: neither."""
    try:
        content: dict[str, Any] = orjson.loads(line)
        if content.keys() == {"checkpoint"}:
            return str(content["checkpoint"])
        event_hash = str(content.pop("hash"))
        return event_from_json(content), event_hash
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _line(content: dict[str, object]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)

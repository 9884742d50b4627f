"""Refusals that the database could not take, kept in a file until it can.

One JSON line each, appended and synced before the caller hears of it. Processes share the
file under its lock; it is emptied after the commit that entered its lines. An event's id
tells whether a line was entered already, should the power fail in between.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO

import orjson

from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.caller import Caller, Role


class RefusalSpool:
    """A file of refused calls; made when the first one comes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits, as far as can be seen without the lock."""
        try:
            return self._path.stat().st_size == 0
        except FileNotFoundError:
            return True

    def add(self, refused: RefusedCall) -> None:
        """Keep a refusal; it is on the disk when this returns. `OSError` when it is not."""
        with self._locked() as file:
            file.seek(0, os.SEEK_END)
            file.write(_line(refused))
            file.flush()
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def emptied(self) -> Iterator[Sequence[RefusedCall]]:
        """Give all refusals, and forget them when the block ends without an error."""
        with self._locked() as file:
            file.seek(0)
            # a line that was cut by a crash was never acknowledged
            whole = [line for line in file.readlines() if line.endswith(b"\n")]
            yield [_refused(line) for line in whole]
            file.truncate(0)
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _line(refused: RefusedCall) -> bytes:
    columns = asdict(refused)
    columns["caller"]["roles"] = sorted(refused.caller.roles)
    return orjson.dumps(columns, option=orjson.OPT_APPEND_NEWLINE)


def _refused(line: bytes) -> RefusedCall:
    columns = orjson.loads(line)
    caller = columns.pop("caller")
    roles = frozenset(map(Role, caller.pop("roles")))
    refused_at = datetime.fromisoformat(columns.pop("refused_at"))
    entered = tuple(columns.pop("entered", ()))  # earlier versions wrote none
    return RefusedCall(
        refused_at=refused_at,
        caller=Caller(**caller, roles=roles),
        entered=entered,
        **columns,
    )

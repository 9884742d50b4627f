"""Puts the signed ends of all trails into a folder that an auditor keeps elsewhere."""

import os
from pathlib import Path

from sqlalchemy import select

from ecgsvc.store import schema
from ecgsvc.store.transactions import Transactions


class CheckpointKeeping(Transactions):
    """Checkpoints as files."""

    def keep_checkpoints(self, folder: Path) -> list[Path]:
        """Write each tenant's checkpoint to a file of its own, unless it is there.

        Returns
        -------
        list of Path
            The files written, ``TENANT-SIZE.checkpoint``.

        Raises
        ------
        StoreUnavailable
        OSError
            A file cannot be written.
        """
        heads = schema.audit_heads.c
        query = select(heads.tenant, heads.size, heads.checkpoint).order_by(heads.tenant)
        with self._reading() as connection:
            rows = connection.execute(query).all()
        written = []
        folder.mkdir(parents=True, exist_ok=True)
        for tenant, size, note in rows:
            file = folder / f"{tenant}-{size:012d}.checkpoint"
            if note and not file.exists():
                _write_whole(file, note)
                written.append(file)
        return written


def _write_whole(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with draft.open("w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    draft.replace(file)

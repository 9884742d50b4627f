"""What is done with all trails at once: their checkpoints kept, their key replaced."""

import os
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from ecgsvc.domain.caller import Caller
from ecgsvc.store import schema
from ecgsvc.store.transactions import Transactions
from ecgsvc.trail import SigningKey


class Keeping(Transactions):
    """Checkpoints as files, and another key."""

    def replace_key(
        self, caller: Caller, new: SigningKey, *, lost: bool = False
    ) -> list[str]:
        """Hand all trails over to another key, or none; this store signs no more then.

        Parameters
        ----------
        lost
            The old key is lost: nothing in the chains will vouch for the new one.

        Returns
        -------
        list of str
            The tenants; without those that the new key has already.

        Raises
        ------
        StoreUnavailable
            Also when a trail is signed by another key than this store's.
        """
        heads = schema.audit_heads.c
        with self._writing() as connection:
            tenants = connection.scalars(select(heads.tenant).order_by(heads.tenant)).all()
            return [
                tenant
                for tenant in tenants
                if self._trail.hand_over(
                    connection, replace(caller, tenant=tenant), new, lost=lost
                )
            ]

    def check_signing_key(self) -> None:
        """Say before anybody calls that nothing could be written with this store's key.

        Raises
        ------
        StoreUnavailable
            Also when a trail is signed by another key.
        """
        with self._reading() as connection:
            for note in connection.scalars(select(schema.audit_heads.c.checkpoint)):
                self._trail.check_signing_key(note)

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

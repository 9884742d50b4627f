"""Signed checkpoints: how long a tenant's trail was, and what it said, at one moment.

Text in the form of C2SP's tlog-checkpoint and signed-note: origin, size, root of the
Merkle tree, two lines of ours (hash of the last event, time), an empty line, signatures.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from ecgsvc.trail.keys import SigningKey, VerifyingKey, is_signed_by_one_of, signature_line

_ORIGIN = "ecgsvc/"
_CHAIN, _TIME = "chain ", "time "


class InvalidCheckpoint(OSError):
    """A text is no checkpoint, or none that a trusted key has signed."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """State of one tenant's trail.

    Parameters
    ----------
    size
        Number of events.
    root
        Root of the Merkle tree over their hashes.
    chain
        Hash of the last of them, lower-case hex.
    signed_at
        When the last of them was entered.
    """

    tenant: str
    size: int
    root: bytes
    chain: str
    signed_at: datetime

    def signed(self, key: SigningKey) -> str:
        """Write and sign the checkpoint."""
        text = self._text()
        return f"{text}\n{signature_line(key, text.encode())}"

    @classmethod
    def read(cls, note: str, keys: Sequence[VerifyingKey]) -> Self:
        """Read a checkpoint that one of the keys has signed.

        Raises
        ------
        InvalidCheckpoint
        """
        head, separator, signatures = note.partition("\n\n")
        text = f"{head}\n"
        if not separator or not is_signed_by_one_of(keys, text.encode(), signatures):
            msg = "the checkpoint is signed by none of the trusted keys"
            raise InvalidCheckpoint(msg)
        try:
            origin, size, root, chain, time = head.split("\n")
            return cls(
                tenant=_after(_ORIGIN, origin),
                size=int(size),
                root=base64.b64decode(root, validate=True),
                chain=_after(_CHAIN, chain),
                signed_at=datetime.fromisoformat(_after(_TIME, time)),
            )
        except ValueError:
            msg = "the text is no checkpoint of ecgsvc"
            raise InvalidCheckpoint(msg) from None

    def _text(self) -> str:
        return (
            f"{_ORIGIN}{self.tenant}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"
            f"{_CHAIN}{self.chain}\n{_TIME}{self.signed_at.isoformat()}\n"
        )


def _after(prefix: str, line: str) -> str:
    if not line.startswith(prefix):
        raise ValueError
    return line.removeprefix(prefix)

"""How a key hands a trail over to the next: a statement in the chain, signed by the old."""

import base64
from dataclasses import dataclass
from typing import Self

import orjson

from ecgsvc.trail.keys import SigningKey, VerifyingKey

_OLD, _NEW, _SIGNATURE = "old_key", "new_key", "signature"


class InvalidSuccession(ValueError):
    """A statement that hands a trail over is damaged, or not signed by the old key."""


@dataclass(frozen=True, slots=True)
class Succession:
    """From this event on, the head is signed by the new key alone."""

    old: VerifyingKey
    new: VerifyingKey

    @classmethod
    def read(cls, contents: str, tenant: str) -> Self | None:
        """Read an event's contents; None when they hand nothing over.

        Raises
        ------
        InvalidSuccession
        """
        if f'"{_NEW}"' not in str(contents):  # SQLite may hold anything
            return None
        try:
            stated = orjson.loads(contents)
            old, new, signature = (
                base64.b64decode(stated[name], validate=True)
                for name in (_OLD, _NEW, _SIGNATURE)
            )
            succession = cls(VerifyingKey.from_raw(old), VerifyingKey.from_raw(new))
        except (ValueError, TypeError, KeyError):
            raise InvalidSuccession from None
        if not succession.old.has_signed(_statement(tenant, new), signature):
            raise InvalidSuccession
        return succession


def hand_over(tenant: str, old: SigningKey, new: VerifyingKey) -> str:
    """Write the contents of the event that hands a tenant's trail over."""
    signature = old.sign(_statement(tenant, new.raw))
    parts = {_OLD: old.public.raw, _NEW: new.raw, _SIGNATURE: signature}
    written = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return orjson.dumps(written).decode()


def _statement(tenant: str, new: bytes) -> bytes:
    return f"ecgsvc audit key 1\n{tenant}\n{base64.b64encode(new).decode()}\n".encode()

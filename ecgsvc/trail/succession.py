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
    """From this event on, the head is signed by the new key alone.

    Without an old key nobody vouches for the new one: the old one was lost.
    """

    old: VerifyingKey | None
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
            new = base64.b64decode(stated[_NEW], validate=True)
            if stated.keys() == {_NEW}:
                return cls(None, VerifyingKey.from_raw(new))
            old = VerifyingKey.from_raw(base64.b64decode(stated[_OLD], validate=True))
            signature = base64.b64decode(stated[_SIGNATURE], validate=True)
            succession = cls(old, VerifyingKey.from_raw(new))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InvalidSuccession from None
        if not old.has_signed(_statement(tenant, new), signature):
            raise InvalidSuccession
        return succession


def hand_over(tenant: str, old: SigningKey | None, new: VerifyingKey) -> str:
    """Write what hands a tenant's trail over; None: the old key is lost."""
    parts = {_NEW: new.raw}
    if old is not None:
        signature = old.sign(_statement(tenant, new.raw))
        parts |= {_OLD: old.public.raw, _SIGNATURE: signature}
    written = {name: base64.b64encode(part).decode() for name, part in parts.items()}
    return orjson.dumps(written).decode()


def _statement(tenant: str, new: bytes) -> bytes:
    return f"ecgsvc audit key 1\n{tenant}\n{base64.b64encode(new).decode()}\n".encode()

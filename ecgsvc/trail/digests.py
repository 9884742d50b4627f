"""Digests of what the trail describes, the same from memory and from either database."""

import hashlib
from collections.abc import Iterable, Sequence

import orjson


def sha256_hex(content: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def digest_of_rows(rows: Iterable[Sequence[object]], salt: str = "") -> str:
    """Hash rows, in whatever order they come.

    Parameters
    ----------
    rows
        Values in the order of the table's columns: text, numbers, None, times in UTC, and
        bytes, which count by their own SHA-256.
    salt
        Random and erasable: without it nobody can try out what an erased row has said.
    """
    written = sorted(orjson.dumps(row, default=_hash_of_bytes) for row in rows)
    return sha256_hex(salt.encode() + b"\n" + b"\n".join(written))


def _hash_of_bytes(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, tuple):
        return list(value)
    raise TypeError

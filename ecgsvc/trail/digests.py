"""Digests of what the trail describes, the same from memory and from either database."""

import hashlib
from collections.abc import Iterable, Mapping

import orjson


def sha256_hex(content: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def digest_of_rows(rows: Iterable[Mapping[str, object]], salt: str = "") -> str:
    """Hash rows, in whatever order they come.

    Parameters
    ----------
    rows
        Values by column: text, numbers, times in UTC, and bytes, which count by their own
        SHA-256. None counts as absent, so that a later column leaves old digests valid.
    salt
        Random and erasable: without it nobody can try out what an erased row has said.
    """
    written = sorted(map(row_as_json, rows))
    return sha256_hex(salt.encode() + b"\n" + b"\n".join(written))


def row_as_json(row: Mapping[str, object]) -> bytes:
    """Write a row as it is hashed."""
    present = {name: value for name, value in row.items() if value is not None}
    return orjson.dumps(present, default=_hash_of_bytes, option=orjson.OPT_SORT_KEYS)


def _hash_of_bytes(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return hashlib.sha256(value).hexdigest()
    raise TypeError

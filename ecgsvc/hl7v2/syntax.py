r"""The encoding of HL7 version 2: delimiters, escapes, times (chapter 2 of the standard).

Delimiters are those that the standard recommends, ``|^~\&``.
"""

from collections.abc import Sequence
from datetime import datetime

_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}


def text(value: str) -> str:
    """Escape what would be read as a delimiter; line ends become spaces."""
    escaped = "".join(_ESCAPES.get(character, character) for character in value)
    return " ".join(escaped.split()) if _breaks(escaped) else escaped


def _breaks(value: str) -> bool:
    return any(ord(character) < ord(" ") for character in value)


def components(*values: str) -> str:
    """Join components that are escaped already; empty ones at the end are left out."""
    return "^".join(values).rstrip("^")


def segment(name: str, fields: Sequence[str]) -> str:
    """Write a segment; empty fields at the end are left out."""
    return "|".join((name, *fields)).rstrip("|")


def numbered(name: str, fields: dict[int, str]) -> str:
    """Write a segment whose fields are given by their numbers in the standard."""
    last = max(fields)
    return segment(name, [fields.get(number, "") for number in range(1, last + 1)])


def time(at: datetime) -> str:
    """Write a time with its zone: ``20261121093000+0000``."""
    return at.strftime("%Y%m%d%H%M%S%z")

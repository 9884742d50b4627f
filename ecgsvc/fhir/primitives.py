"""Strict checks of FHIR's primitive types in JSON.

Regular expressions, ranges and JSON types are those of https://hl7.org/fhir/R4/datatypes.html
and https://hl7.org/fhir/R4/json.html. They replace the lenient conversions of
`fhir.resources`, which reads the integer 1 as a dateTime of 1970.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeAlias

Check: TypeAlias = Callable[[object], str | None]
"""Returns what was expected, or None when the value is right."""

MAX_STRING = 1024 * 1024
"""Longest string of FHIR, in characters."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NO_CODE = re.compile(r"^\s|\s\Z|\s\s|[^\S ]")
_YEAR = r"(?!0000)(\d{4})"
_MONTH = r"(0[1-9]|1[0-2])"
_DAY = r"(0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_ZONE = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return "expected a JSON string"
    if not value or value.isspace():
        return "expected text: a string is never empty"
    if not value.isascii() and _SURROGATE.search(value):
        return "expected Unicode text: half of a surrogate pair is none"
    if not value.isprintable() and _CONTROL.search(value):
        return "expected no control characters other than tab and line ends"
    return None


def _pattern(regex: str, expected: str, longest: int = MAX_STRING) -> Check:
    compiled = re.compile(regex, re.ASCII)

    def check(value: object) -> str | None:
        wrong = _text(value)
        if wrong is None and not (
            len(str(value)) <= longest and compiled.fullmatch(str(value))
        ):
            return f"expected {expected}"
        return wrong

    return check


def _calendar(regex: str, expected: str) -> Check:
    compiled = re.compile(regex, re.ASCII)

    def check(value: object) -> str | None:
        wrong = _text(value)
        if wrong is not None:
            return wrong
        match = compiled.fullmatch(str(value))
        if match is None:
            return f"expected {expected}"
        year, month, day = match.groups()
        try:
            date(int(year), int(month or 1), int(day or 1))
        except ValueError:
            return "expected a day that the calendar has"
        return None

    return check


def _whole(lowest: int, highest: int) -> Check:
    def check(value: object) -> str | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return "expected a JSON number without fraction or exponent"
        if not lowest <= value <= highest:
            return f"expected a whole number from {lowest} to {highest}"
        return None

    return check


def _decimal(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "expected a JSON number"
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    return None if finite else "expected a finite number within the range of a double"


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else "expected true or false"


def _base64(value: object) -> str | None:
    wrong = _text(value)
    if wrong is not None:
        return wrong
    compact = _SPACE.sub("", str(value)).encode("utf-8")
    digits = compact.rstrip(b"=")
    is_padded = len(compact) % 4 == 0 and len(compact) - len(digits) <= 2
    if not is_padded or digits.translate(None, _BASE64):
        return "expected base64 (RFC 4648, section 4)"
    return None


def _code(value: object) -> str | None:
    wrong = _text(value)
    if wrong is None and _NO_CODE.search(str(value)):
        return "expected a code: words parted by single spaces"
    return wrong


def _integer64(value: object) -> str | None:
    if not isinstance(value, str) or not re.fullmatch(
        r"0|-?[1-9]\d{0,18}", value, re.ASCII
    ):
        return "expected a JSON string with a whole number of 64 bits"
    return None if -(2**63) <= int(value) < 2**63 else "expected a whole number of 64 bits"


_uri = _pattern(r"\S+", "a URI, which has no spaces")

CHECKS: Mapping[str, Check] = {
    "string": _text,
    "markdown": _text,
    "xhtml": _text,
    "code": _code,
    "id": _pattern(r"[A-Za-z0-9\-.]{1,64}", "an id: 1 to 64 letters, digits, '-' or '.'"),
    "uri": _uri,
    "url": _uri,
    "canonical": _uri,
    "oid": _pattern(r"urn:oid:[0-2](\.(0|[1-9]\d*))+", "urn:oid: and an OID", 1024),
    "uuid": _pattern(
        r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "urn:uuid: and a UUID in lower case",
    ),
    "date": _calendar(
        rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY})?)?", "a date: YYYY, YYYY-MM or YYYY-MM-DD"
    ),
    "dateTime": _calendar(
        rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY}(?:T{_CLOCK}{_ZONE})?)?)?",
        "a dateTime: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone",
    ),
    "instant": _calendar(
        rf"{_YEAR}-{_MONTH}-{_DAY}T{_CLOCK}{_ZONE}",
        "an instant: YYYY-MM-DDThh:mm:ss with a zone",
    ),
    "time": _pattern(_CLOCK, "a time: hh:mm:ss without a zone"),
    "boolean": _boolean,
    "decimal": _decimal,
    "integer": _whole(-(2**31), 2**31 - 1),
    "unsignedInt": _whole(0, 2**31 - 1),
    "positiveInt": _whole(1, 2**31 - 1),
    "integer64": _integer64,
    "base64Binary": _base64,
}
"""How each primitive type is checked."""

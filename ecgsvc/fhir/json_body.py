"""Bytes to JSON, refusing what FHIR's JSON format does not allow.

`json` of the standard library is used because it can show numbers and names as they were
written: 1e999, NaN and doubled names reach `conformance.check`, which names the element.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from ecgsvc.domain.errors import MalformedObservation, TooLarge

JsonObject: TypeAlias = dict[str, object]

MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_COMMAS = 20_000
"""Commas bound the number of JSON values. An ECG has a few hundred, as samples stand apart
by spaces; hundreds of thousands of small values would keep a server busy for seconds."""
_MAX_DIGITS = 400
"""No double has more digits before the point; int() of longer text is slow or refused."""


class RepeatedNames(JsonObject):
    """An object in which a property name occurs more than once."""


@dataclass(frozen=True, slots=True)
class Element:
    """A JSON object of a resource and its FHIRPath; wrong types read as absent.

    The checks of `conformance` report wrong types, so the readers of single rules need
    not: they see None and go on.
    """

    path: str
    json: JsonObject

    def has(self, name: str) -> bool:
        """Tell whether the property is there, whatever its type."""
        return name in self.json

    def text(self, name: str) -> str | None:
        """Return a string property."""
        value = self.json.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> float | None:
        """Return a numeric property as float."""
        value = self.json.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            return float(value)
        except OverflowError:
            return None

    def object(self, name: str, step: str | None = None) -> "Element | None":
        """Return an object property; `step` is its FHIRPath step when not `name`."""
        value = self.json.get(name)
        if not isinstance(value, dict):
            return None
        return Element(f"{self.path}.{step or name}", value)

    def objects(self, name: str) -> "list[Element]":
        """Return the objects of an array property."""
        value = self.json.get(name)
        if not isinstance(value, list):
            return []
        return [
            Element(f"{self.path}.{name}[{i}]", item)
            for i, item in enumerate(value)
            if isinstance(item, dict)
        ]


def parse_json_object(body: bytes, *, resource: str, max_bytes: int) -> JsonObject:
    """Parse the JSON object of a resource.

    Parameters
    ----------
    body
        UTF-8 without byte order mark (RFC 8259, section 8.1).
    resource
        The resource it should be: the `expression` of errors.

    Returns
    -------
    JsonObject
        Objects with a doubled name are `RepeatedNames`; numbers beyond the range of a
        double, and NaN, are non-finite floats.

    Raises
    ------
    TooLarge
        More bytes or more commas than the limits.
    MalformedObservation
        Empty, not UTF-8, not JSON, nested too deeply, or not an object.
    """
    if len(body) > max_bytes:
        msg = f"the body has {len(body)} bytes, at most {max_bytes} are accepted"
        raise TooLarge(msg, expression=resource)
    if not body.strip():
        _malformed("the body is empty", resource)
    if body.count(b",") > MAX_COMMAS:
        msg = (
            f"the body has more than {MAX_COMMAS} commas: too many JSON values for an ECG, "
            "or samples that are not separated by spaces"
        )
        raise TooLarge(msg, expression=resource)
    value = _loads(_text(body, resource), resource)
    if not isinstance(value, dict):
        _malformed("expected a JSON object", resource)
    return value


def _text(body: bytes, resource: str) -> str:
    if body.startswith(b"\xef\xbb\xbf"):
        _malformed("the body starts with a byte order mark, which JSON forbids", resource)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        msg = f"the body is not UTF-8: invalid byte at offset {error.start}"
        raise MalformedObservation(msg, expression=resource) from None


def _loads(text: str, resource: str) -> object:
    try:
        value: object = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_constant=float
        )
    except json.JSONDecodeError as error:
        msg = f"the body is not JSON: {error.msg.lower()} at character {error.pos}"
        raise MalformedObservation(msg, expression=resource) from None
    except RecursionError:
        msg = "the body is nested too deeply"
        raise MalformedObservation(msg, expression=resource) from None
    return value


def _object(pairs: Sequence[tuple[str, object]]) -> JsonObject:
    found = dict(pairs)
    return found if len(found) == len(pairs) else RepeatedNames(found)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _malformed(message: str, resource: str) -> NoReturn:
    raise MalformedObservation(message, expression=resource)

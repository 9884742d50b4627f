"""Received resources as the text that came, so that no decimal or instant changes."""

import json
from collections.abc import Iterator
from datetime import datetime

from ecgsvc.fhir.concepts import instant
from ecgsvc.fhir.json_body import JsonObject

_SPACE = " \t\r\n"
_JSON = json.JSONDecoder()


def served_ecg(
    body: bytes, *, resource_id: str, version: int, last_updated: datetime
) -> tuple[str, bytes]:
    """Return the type, and the resource with ``id`` and ``meta`` of this server.

    A FHIR server gives resources its own id and version; the bytes that were hashed are the
    stored ones.

    Parameters
    ----------
    body
        An Observation that was accepted (one JSON object).
    resource_id, version, last_updated
        What to serve it as; profiles, tags and labels of the sender stay.
    """
    members = list(_members(body.decode()))
    meta: JsonObject = next(
        (json.loads(value) for name, value in members if name == "meta"), {}
    )
    meta |= {"versionId": str(version), "lastUpdated": instant(last_updated)}
    own = [("id", json.dumps(resource_id)), ("meta", json.dumps(meta))]
    kept = [(name, value) for name, value in members if name not in {"id", "meta"}]
    kept.sort(key=lambda member: member[0] != "resourceType")
    kept[1:1] = own
    kind = next(str(json.loads(v)) for n, v in kept if n == "resourceType")
    return kind, ("{" + ",".join(f"{json.dumps(n)}:{v}" for n, v in kept) + "}").encode()


def entry_resources(bundle: bytes) -> list[bytes]:
    """Return the resource of each entry of a Bundle as it came, empty where there is none.

    Parameters
    ----------
    bundle
        One JSON object whose member ``entry`` is a list.
    """
    entries = dict(_members(bundle.decode()))["entry"]
    return [
        dict(_members(entry)).get("resource", "").encode() if entry.startswith("{") else b""
        for entry in _items(entries)
    ]


def _members(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of each member of the object."""
    at = text.index("{") + 1
    while True:
        at = _skip(text, at, _SPACE + ",")
        if text[at] == "}":
            return
        name, at = _JSON.raw_decode(text, at)
        at = _skip(text, at, _SPACE + ":")
        _, end = _JSON.raw_decode(text, at)
        yield name, text[at:end]
        at = end


def _items(text: str) -> Iterator[str]:
    """Yield the text of each item of the list."""
    at = text.index("[") + 1
    while True:
        at = _skip(text, at, _SPACE + ",")
        if text[at] == "]":
            return
        _, end = _JSON.raw_decode(text, at)
        yield text[at:end]
        at = end


def _skip(text: str, at: int, characters: str) -> int:
    while text[at] in characters:
        at += 1
    return at

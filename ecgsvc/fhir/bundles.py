"""Bundles around resources that are already written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import orjson

from ecgsvc.fhir.json_body import JsonObject

BundleType: TypeAlias = Literal[
    "searchset", "history", "batch-response", "transaction", "transaction-response"
]


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """One entry of a Bundle.

    Parameters
    ----------
    resource
        JSON of the resource, put in as it stands; None for none.
    full_url
        Absolute URL of the resource, empty for none.
    more
        ``search``, ``request``, ``response`` as they shall stand.
    """

    resource: bytes | None
    full_url: str = ""
    more: JsonObject | None = None


def bundle(
    kind: BundleType,
    entries: Iterable[BundleEntry],
    *,
    links: Sequence[tuple[str, str]] = (),
    total: int | None = None,
) -> bytes:
    """Return a Bundle; `links` are pairs of relation and URL."""
    written: JsonObject = {"resourceType": "Bundle", "type": kind}
    if total is not None:
        written["total"] = total
    if links:
        written["link"] = [{"relation": name, "url": url} for name, url in links]
    if made := [_entry(entry) for entry in entries]:
        written["entry"] = made
    return orjson.dumps(written)


def _entry(entry: BundleEntry) -> JsonObject:
    written: JsonObject = {"fullUrl": entry.full_url} if entry.full_url else {}
    if entry.resource is not None:
        written["resource"] = orjson.Fragment(entry.resource)
    return written | (entry.more or {})

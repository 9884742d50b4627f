"""Codes as a tenant prefers them."""

from collections.abc import Iterator

from ecgsvc.domain.delivery import CodePreferences
from ecgsvc.domain.findings import Coding
from ecgsvc.fhir.concepts import coding_json
from ecgsvc.fhir.json_body import JsonObject


def with_preferred_codes(resource: JsonObject, preferences: CodePreferences) -> JsonObject:
    """Return a copy of a resource in which preferred codings stand first.

    What they stand for stays behind them: nothing that was said is lost.
    """
    if not preferences:
        return resource
    copy = _copied(resource, preferences)
    assert isinstance(copy, dict)  # noqa: S101  # as its original
    return copy


def _copied(value: object, preferences: CodePreferences) -> object:
    if isinstance(value, list):
        return [_copied(item, preferences) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: [*_codings(item, preferences)]
        if name == "coding" and isinstance(item, list)
        else _copied(item, preferences)
        for name, item in value.items()
    }


def _codings(codings: list[object], preferences: CodePreferences) -> Iterator[object]:
    for coding in codings:
        if isinstance(coding, dict):
            key = str(coding.get("system")), str(coding.get("code"))
            if key in preferences:
                yield coding_json(preferences[key])
    yield from codings


def codings_of(concept: object) -> tuple[Coding, ...]:
    """Return the whole codings of a CodeableConcept."""
    found = concept.get("coding") if isinstance(concept, dict) else None
    return tuple(
        Coding(str(each["system"]), str(each["code"]), str(each.get("display", "")))
        for each in (found if isinstance(found, list) else ())
        if isinstance(each, dict) and "system" in each and "code" in each
    )

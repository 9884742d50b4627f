"""Small JSON pieces that every resource of ours is made of."""

from datetime import UTC, datetime

from ecgsvc.domain.findings import Coding
from ecgsvc.domain.report import Identifier
from ecgsvc.fhir.codes import DATA_ABSENT_REASON, UCUM
from ecgsvc.fhir.json_body import JsonObject


def coding_json(coding: Coding) -> JsonObject:
    """Return a Coding."""
    return {"system": coding.system, "code": coding.code, "display": coding.display}


def concept(*codings: Coding, text: str = "") -> JsonObject:
    """Return a CodeableConcept."""
    found: JsonObject = {"coding": [coding_json(c) for c in codings]} if codings else {}
    return found | ({"text": text} if text else {})


def identifier_json(identifier: Identifier) -> JsonObject:
    """Return an Identifier."""
    system: JsonObject = {"system": identifier.system} if identifier.system else {}
    return system | {"value": identifier.value}


def quantity(value: float, unit: str, *, decimals: int) -> JsonObject:
    """Return a Quantity with a UCUM unit, rounded to what was really measured."""
    rounded = round(value, decimals) + 0.0  # no minus zero
    number = int(rounded) if decimals == 0 else rounded
    return {"value": number, "unit": unit, "system": UCUM, "code": unit}


def absent(code: str, display: str, text: str) -> JsonObject:
    """Return a dataAbsentReason: a code of the value set, and why in words."""
    return concept(Coding(DATA_ABSENT_REASON, code, display), text=text)


def instant(at: datetime) -> str:
    """Return an instant in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

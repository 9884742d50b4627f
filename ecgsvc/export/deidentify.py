"""Reports without what names a person, for research.

Nothing is searched for and blackened: elements that are known to name nobody are let
through, everything else stays behind (narratives, conclusions, notes, texts beside codes,
names, device serial numbers, extensions, codes of local systems, attachments). What links
resources is replaced by a keyed hash, the same for the same text; times of a patient are
shifted by the same number of days. Without the key neither can be undone, with it both can
be made again, so the key stays in the hospital.

The samples of an ECG are let through when they are asked for. They are no identifier in
the sense of 45 CFR 164.514(b)(2), but a person may be recognised by an ECG known elsewhere.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

MAX_SHIFT_DAYS = 365
MAX_AGE_YEARS = 90
"""Older ages are told as this one: 45 CFR 164.514(b)(2)(i)(C)."""

PSEUDONYM_SYSTEM = "urn:ecgsvc:pseudonym"

_CODE_SYSTEMS = re.compile(
    r"http://loinc\.org|http://snomed\.info/sct|http://unitsofmeasure\.org"
    r"|urn:iso:std:iso:11073:10101|urn:oid:2\.16\.840\.1\.113883\.6\.24"
    r"|http://(terminology\.)?hl7\.org/\S+"
)
_REFERENCE = re.compile(
    r"(?:.*/)?(?P<type>[A-Z][A-Za-z]+)/[^/]+?(?P<version>/_history/\d+)?"
)
_TIME = re.compile(
    r"(?P<date>\d{4}(-\d{2}(-\d{2})?)?)(?P<rest>T\d{2}:\d{2}(:\d{2}(\.\d+)?)?\S*)?",
    re.ASCII,
)

_KEPT = frozenset({
    "resourceType", "status", "type", "role", "unit", "comparator", "versionId",
    "dimensions", "data", "factor", "valueInteger", "valueBoolean",
})  # fmt: skip
"""Scalars that name nobody."""

_NUMBERS = frozenset({"value", "period", "lowerLimit", "upperLimit", "interval"})
_CONCEPTS = frozenset({
    "category", "code", "conclusionCode", "dataAbsentReason", "interpretation", "method",
    "valueCodeableConcept", "reason", "activity", "role", "type", "security",
})  # fmt: skip
_TIMES = frozenset({
    "effectiveDateTime", "effectiveInstant", "issued", "recorded", "occurredDateTime",
    "lastUpdated", "start", "end",
})  # fmt: skip
_OBJECTS = frozenset({
    "meta", "component", "valueQuantity", "valueSampledData", "origin", "effectivePeriod",
    "occurredPeriod", "agent", "entity",
})  # fmt: skip
_REFERENCES = frozenset({
    "subject", "result", "derivedFrom", "target", "who", "what", "device", "hasMember",
})  # fmt: skip


class Deidentifier:
    """Takes names out of resources with a key.

    Parameters
    ----------
    key
        At least 32 random bytes.
    tenant
        Equal patients of two tenants get different hashes.
    """

    def __init__(self, key: bytes, tenant: str) -> None:
        if len(key) < hashlib.sha256().digest_size:
            msg = "the key of pseudonyms must have 32 bytes or more"
            raise ValueError(msg)
        self._key = key
        self._tenant = tenant

    def pseudonym(self, text: str) -> str:
        """Return a keyed hash of what names something; equal texts, equal hashes."""
        return self._digest("name", text).hex()[:32]

    def shifted(self, moment: datetime, patient: str) -> datetime:
        """Shift a time by the days of a patient."""
        return moment + timedelta(days=self._shift_days(patient))

    def resource(self, resource: Mapping[str, Any], patient: str) -> dict[str, Any]:
        """Return a DiagnosticReport, Observation, Provenance or Device without names.

        An ECG that came as a file is left out: the file has a patient of its own.

        `patient` decides by how many days times are shifted.
        """
        kept = self._object(resource, self._shift_days(patient))
        kept.pop("data", None)  # of a Binary: a recording's file names the patient
        if "id" in resource:
            kept["id"] = self.pseudonym(str(resource["id"]))
        if resource.get("resourceType") == "Device":
            kept |= _software(resource)
        if isinstance(kept.get("component"), list):
            kept["component"] = [part for part in kept["component"] if _says(part)]
        return {name: value for name, value in kept.items() if value not in ({}, [])}

    def _object(self, given: Mapping[str, Any], days: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for name, value in given.items():
            found = self._element(name, value, days)
            if found not in (None, {}, []):
                kept[name] = found
        return kept

    def _element(self, name: str, value: Any, days: int) -> Any:  # noqa: ANN401  # any JSON
        if name in _CONCEPTS and not isinstance(value, str):
            return _each(value, _concept)
        if name in _TIMES and isinstance(value, str):
            return _shifted_text(value, days)
        if name in _OBJECTS:
            return _each(value, lambda given: self._object(given, days))
        if name in _REFERENCES:
            return _each(value, self._reference)
        if name == "identifier":
            return _each(value, self._identifier)
        if name in _KEPT or (name in _NUMBERS and isinstance(value, int | float)):
            return None if isinstance(value, dict | list) else value
        if name in ("system", "code") and isinstance(value, str):  # of a quantity
            return value
        return None

    def _reference(self, given: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        reference = given.get("reference")
        match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
        if match is not None:
            target = match[0].removesuffix(match["version"] or "")
            name = target.removeprefix(f"{match['type']}/")
            version = match["version"] or ""
            kept["reference"] = f"{match['type']}/{self.pseudonym(name)}{version}"
        if isinstance(given.get("type"), str):
            kept["type"] = given["type"]
        if isinstance(given.get("identifier"), dict):
            kept["identifier"] = self._identifier(given["identifier"])
        return kept

    def _identifier(self, given: Mapping[str, Any]) -> dict[str, Any]:
        value = f"{given.get('system', '')}|{given.get('value', '')}"
        return {"system": PSEUDONYM_SYSTEM, "value": self.pseudonym(value)}

    def _shift_days(self, patient: str) -> int:
        """Return a number of days that is not 0, from -365 to 365."""
        drawn = int.from_bytes(self._digest("shift", patient)[:8]) % (2 * MAX_SHIFT_DAYS)
        return drawn - MAX_SHIFT_DAYS + (drawn >= MAX_SHIFT_DAYS)

    def _digest(self, kind: str, text: str) -> bytes:
        message = "\0".join((kind, self._tenant, text)).encode()
        return hmac.digest(self._key, message, hashlib.sha256)


def told_age(age_years: float | None) -> float | None:
    """Return an age as it may be told: whole years, 90 for all that are older."""
    return None if age_years is None else float(min(int(age_years), MAX_AGE_YEARS))


def _each(value: Any, change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:  # noqa: ANN401
    """Change an object or a list of them; leave out what becomes empty."""
    if isinstance(value, list):
        return [kept for each in value if isinstance(each, dict) and (kept := change(each))]
    return change(value) if isinstance(value, dict) else None


def _concept(given: Mapping[str, Any]) -> dict[str, Any]:
    """Keep codings of public systems; a Coding itself is one, too."""
    if "coding" not in given:
        return _coding(given) if "system" in given else {}
    kept = _each(given["coding"], _coding) if isinstance(given["coding"], list) else []
    return {"coding": kept} if kept else {}


def _coding(given: Mapping[str, Any]) -> dict[str, Any]:
    if not _CODE_SYSTEMS.fullmatch(str(given.get("system", ""))):
        return {}
    return {n: given[n] for n in ("system", "code", "display") if n in given}


def _says(component: Mapping[str, Any]) -> bool:
    """Whether a component still says what it is about, and something about it."""
    return "code" in component and len(component) > 1


def _software(device: Mapping[str, Any]) -> dict[str, Any]:
    """Names and versions of our own software and models."""
    kept = {name: device.get(name) for name in ("deviceName", "version")}
    return {name: value for name, value in kept.items() if isinstance(value, list)}


def _shifted_text(text: str, days: int) -> str | None:
    """Shift a FHIR date or dateTime, to the precision it had; None when it is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    given = match["date"]
    try:
        whole = date.fromisoformat(given + "-01-01"[len(given) - 4 :])
        shifted = whole + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return shifted.isoformat()[: len(given)] + (match["rest"] or "")

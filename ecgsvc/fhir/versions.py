"""Resources of ours in the FHIR version a caller asks for.

Reports are written and kept in R4. What they use of DiagnosticReport, Observation,
Provenance and Device is the same in R4B. R5 renamed some of it
(https://hl7.org/fhir/R5/diff.html); that is done here, when a caller asks for it.
"""

from collections.abc import Callable, Mapping

import orjson
from pydantic import ValidationError

from ecgsvc.domain.report import FhirVersion
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.models import to_json


def in_version(body: bytes, version: FhirVersion) -> bytes:
    """Return a resource of ours in a version; R4 and R4B are the bytes as they are kept.

    Raises
    ------
    pydantic.ValidationError
        The result is not valid: a mistake in this package.
    """
    if version != "5.0.0":
        return body
    resource: JsonObject = orjson.loads(body)
    change = _CHANGES.get(str(resource.get("resourceType")))
    return to_json(resource if change is None else change(resource), version)


def ecg_in_version(
    kind: str, body: bytes, came_in: FhirVersion, version: FhirVersion
) -> bytes | None:
    """Return an ECG as it was received in another version; None where it cannot be.

    R4 and R4B are the same. An Observation of these is told in R5, its numbers as JSON
    numbers; an ECG in a file, and anything of R5, are told as they came alone.
    """
    if version == came_in or "5.0.0" not in (version, came_in):
        return body
    if version != "5.0.0" or kind != "Observation":
        return None
    try:
        return in_version(body, version)
    except ValidationError:
        return None


def _observation(resource: JsonObject) -> JsonObject:
    """``SampledData.period`` is ``interval`` with a unit in R5."""
    for holder in (resource, *_objects(resource.get("component"))):
        sampled = holder.get("valueSampledData")
        if isinstance(sampled, dict) and "period" in sampled:
            sampled["interval"] = sampled.pop("period")
            sampled["intervalUnit"] = "ms"
    return resource


def _objects(value: object) -> list[JsonObject]:
    items = value if isinstance(value, list) else []
    return [each for each in items if isinstance(each, dict)]


def _diagnostic_report(resource: JsonObject) -> JsonObject:
    """Attachment.size is an integer64 in R5, which JSON holds as a string."""
    forms = resource.get("presentedForm")
    if not isinstance(forms, list):
        return resource
    changed = [
        form | {"size": str(form["size"])} if "size" in form else form for form in forms
    ]
    return resource | {"presentedForm": changed}


def _provenance(resource: JsonObject) -> JsonObject:
    """What was ``reason`` is ``authorization``, a CodeableReference, in R5."""
    reasons = resource.pop("reason", None)
    if isinstance(reasons, list):
        resource["authorization"] = [{"concept": reason} for reason in reasons]
    return resource


def _device(resource: JsonObject) -> JsonObject:
    """``deviceName`` is ``name``, and ``type`` repeats, in R5."""
    names = resource.pop("deviceName", None)
    if isinstance(names, list):
        resource["name"] = [
            {"value": name["name"], "type": "user-friendly-name"} for name in names
        ]
    if "type" in resource:
        resource["type"] = [resource["type"]]
    return resource


_CHANGES: Mapping[str, Callable[[JsonObject], JsonObject]] = {
    "Observation": _observation,
    "DiagnosticReport": _diagnostic_report,
    "Provenance": _provenance,
    "Device": _device,
}

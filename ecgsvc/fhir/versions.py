"""Resources of ours in the FHIR version a caller asks for.

Reports are written and kept in R4. What they use of DiagnosticReport, Observation,
Provenance and Device is the same in R4B. R5 renamed some of it
(https://hl7.org/fhir/R5/diff.html); that is done here, when a caller asks for it.
"""

from collections.abc import Callable, Mapping

import orjson

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
    "DiagnosticReport": _diagnostic_report,
    "Provenance": _provenance,
    "Device": _device,
}

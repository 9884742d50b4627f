"""The algorithm as a Device: service, core and models with their hashes."""

import functools
import json
from collections.abc import Sequence
from uuid import UUID, uuid5

from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.findings import Coding
from ecgsvc.fhir.codes import URI
from ecgsvc.fhir.concepts import concept
from ecgsvc.fhir.frame import SERVICE
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.models import to_json

_NAMESPACE = UUID("6f0f7d0e-3c55-4b0e-9c7a-0b5a4f6f2b11")
AI_DEVICE = Coding(
    "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS",
    "Artificial-Intelligence",
    "All kinds of Artificial Intelligence",
)


def device_id(models: Sequence[ModelIdentity], software_version: str) -> str:
    """Return the id of the Device; the same software and models give the same."""
    parts = [software_version, *([m.name, m.version, m.sha256] for m in models)]
    return str(uuid5(_NAMESPACE, json.dumps(parts)))


@functools.cache
def device_json(models: tuple[ModelIdentity, ...], software_version: str) -> bytes:
    """Return the Device; the core is built with the service and has its version."""
    own_id = device_id(models, software_version)
    versions: list[JsonObject] = [
        {"type": {"text": "service"}, "value": software_version},
        {"type": {"text": "core"}, "value": software_version},
    ]
    for model in models:
        named: JsonObject = {"component": {"value": model.name}}
        versions.append(named | {"type": {"text": "model"}, "value": model.version})
        versions.append(named | {"type": {"text": "model-sha256"}, "value": model.sha256})
    content: JsonObject = {
        "resourceType": "Device",
        "id": own_id,
        "identifier": [{"system": URI, "value": f"urn:uuid:{own_id}"}],
        "status": "active",
        "deviceName": [{"name": SERVICE, "type": "manufacturer-name"}],
        "type": concept(AI_DEVICE),
        "version": versions,
    }
    return to_json(content)

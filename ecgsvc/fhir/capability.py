"""What the REST face says it can do (``GET /metadata``)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ecgsvc.domain.report import FhirVersion
from ecgsvc.fhir.concepts import instant
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.models import to_json
from ecgsvc.fhir.structure import resource_model


@dataclass(frozen=True, slots=True)
class OfferedResource:
    """What is offered of one resource type.

    Parameters
    ----------
    interactions
        Codes of http://hl7.org/fhir/R4/valueset-type-restful-interaction.html.
    search_parameters
        Name to type (``token``, ``date``, ``reference`` …).
    includes
        Values ``_include`` takes.
    operations
        Name to canonical URL of the definition.
    conditional_create
        Whether ``If-None-Exist`` is understood.
    """

    type: str
    interactions: Sequence[str]
    search_parameters: Mapping[str, str]
    includes: Sequence[str] = ()
    operations: Mapping[str, str] | None = None
    conditional_create: bool = False


def capability_statement(
    resources: Sequence[OfferedResource],
    system_interactions: Sequence[str],
    system_operations: Mapping[str, str],
    *,
    base_url: str,
    software_version: str,
    started_at: datetime,
    version: FhirVersion = "4.0.1",
) -> bytes:
    """Return the CapabilityStatement of a running server, as of a FHIR version."""
    return to_json(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": instant(started_at),
            "kind": "instance",
            "software": {"name": "ecgsvc", "version": software_version},
            "implementation": {"description": "ECG reader", "url": base_url},
            "fhirVersion": version,
            "format": [
                "application/fhir+json",
                "json",
                *(f"application/fhir+json; fhirVersion={v}" for v in ("4.0", "4.3", "5.0")),
            ],
            "rest": [
                {
                    "mode": "server",
                    "documentation": "Creates, batches and transactions are answered "
                    "later with Prefer: respond-async.",
                    "security": {
                        "description": "Bearer token (JWT) in the header authorization"
                    },
                    "resource": [
                        _resource(each)
                        for each in resources
                        if resource_model(version, each.type) is not None
                    ],
                    "interaction": [{"code": code} for code in system_interactions],
                    "operation": _operations(system_operations),
                }
            ],
        },
        version,
    )


def _resource(offered: OfferedResource) -> JsonObject:
    written: JsonObject = {
        "type": offered.type,
        "interaction": [{"code": code} for code in offered.interactions],
        "versioning": "versioned",
        "readHistory": "vread" in offered.interactions,
        "conditionalCreate": offered.conditional_create,
    }
    if offered.includes:
        written["searchInclude"] = list(offered.includes)
    if offered.search_parameters:
        written["searchParam"] = [
            {"name": name, "type": kind} for name, kind in offered.search_parameters.items()
        ]
    if offered.operations:
        written["operation"] = _operations(offered.operations)
    return written


def _operations(definitions: Mapping[str, str]) -> list[JsonObject]:
    return [{"name": name, "definition": url} for name, url in definitions.items()]

"""Where a report version comes from: the ECG's hash, the models, the software."""

from collections.abc import Sequence

from ecgsvc.domain.findings import Coding
from ecgsvc.fhir.codes import AI_ASSERTED
from ecgsvc.fhir.concepts import concept, instant
from ecgsvc.fhir.device import AI_DEVICE
from ecgsvc.fhir.frame import SERVICE, Frame, sha256_identifier
from ecgsvc.fhir.json_body import JsonObject

_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
CREATE = Coding(_OPERATION, "CREATE", "create")
UPDATE = Coding(_OPERATION, "UPDATE", "revise")
AUTHOR = Coding(PARTICIPANT, "author", "Author")
CUSTODIAN = Coding(PARTICIPANT, "custodian", "Custodian")


def provenance(frame: Frame, observation_ids: Sequence[str]) -> JsonObject:
    """Return the Provenance of a report and of the Observations it refers to."""
    at, version = instant(frame.issued_at), frame.slot.version
    targets = [
        f"DiagnosticReport/{frame.report_id}",
        *(f"Observation/{own_id}" for own_id in observation_ids),
    ]
    return frame.head("Provenance", frame.part_id("provenance")) | {
        "target": [{"reference": f"{target}/_history/{version}"} for target in targets],
        "occurredDateTime": at,
        "recorded": at,
        "reason": [concept(AI_ASSERTED)],
        "activity": concept(CREATE if version == 1 else UPDATE),
        "agent": [
            {
                "type": concept(AUTHOR),
                "role": [concept(AI_DEVICE)],
                "who": {
                    "reference": f"Device/{frame.device_id}",
                    "display": f"{SERVICE} {frame.installation.software_version}",
                },
            },
            {"type": concept(CUSTODIAN), "who": frame.organization()},
        ],
        "entity": [*_entities(frame)],
    }


def _entities(frame: Frame) -> list[JsonObject]:
    found: list[JsonObject] = [{"role": "source", "what": frame.ecg_version()}]
    for model in frame.analysis.models:
        what: JsonObject = {
            "type": "Device",
            "identifier": sha256_identifier(model.sha256),
            "display": f"{model.name} {model.version}",
        }
        found.append({"role": "source", "what": what})
    if frame.slot.version > 1:
        before = f"DiagnosticReport/{frame.report_id}/_history/{frame.slot.version - 1}"
        found.append({"role": "revision", "what": {"reference": before}})
    return found

"""What a hospital's own models say: an Observation or RiskAssessment each, and whence.

Every model has a Device and a Provenance of its own: another author than ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid5

from ecgsvc.domain.plug_in import PlugInAnswer, PlugInResult, ReportedAs
from ecgsvc.fhir.codes import ABNORMAL, AI_ASSERTED, PROCEDURE, URI
from ecgsvc.fhir.concepts import absent, concept, instant, quantity
from ecgsvc.fhir.device import AI_DEVICE
from ecgsvc.fhir.frame import ALTERNATE_REFERENCE, Frame, sha256_identifier
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.provenance import AUTHOR, CREATE, CUSTODIAN, UPDATE

_NAMESPACE = UUID("0f6c8a52-6b0e-4f0c-9d0b-6f6b3f9d7c21")


@dataclass(frozen=True, slots=True)
class PlugInResources:
    """The resources of one model's answer."""

    answer: JsonObject
    provenance: JsonObject
    device: JsonObject

    @property
    def is_observation(self) -> bool:
        """Whether a DiagnosticReport may list it among its results (R4)."""
        return self.answer["resourceType"] == ReportedAs.OBSERVATION


def plug_in_resources(frame: Frame) -> tuple[PlugInResources, ...]:
    """Write the answers of all such models, in the order of their folders."""
    return tuple(
        _resources(frame, result, f"plug{i}")
        for i, result in enumerate(frame.analysis.plug_ins, start=1)
    )


def _resources(frame: Frame, result: PlugInResult, part: str) -> PlugInResources:
    device = _device(result)
    write = (
        _observation if result.reported_as is ReportedAs.OBSERVATION else _risk_assessment
    )
    answer = write(frame, result, part, str(device["id"]))
    return PlugInResources(answer, _provenance(frame, result, answer, device), device)


def _observation(
    frame: Frame, result: PlugInResult, part: str, device_id: str
) -> JsonObject:
    own = (result.coding,) if result.coding else ()
    return (
        frame.head("Observation", frame.part_id(part))
        | {
            "status": "preliminary",
            "category": [concept(PROCEDURE)],
            "code": concept(*own, text=result.title),
        }
        | frame.carried("subject", "encounter")
        | frame.effective()
        | frame.issued()
        | {"performer": [_performer(result, device_id)], "derivedFrom": [frame.ecg()]}
        | _values(result)
    )


def _values(result: PlugInResult) -> JsonObject:
    """One value stands alone, several are components."""
    if result.reason:
        return {"dataAbsentReason": absent("unknown", "Unknown", result.reason)}
    if len(result.answers) == 1:
        return _value(result, result.answers[0])
    return {
        "component": [
            {"code": concept(text=each.label), **_value(result, each)}
            for each in result.answers
        ]
    }


def _value(result: PlugInResult, answer: PlugInAnswer) -> JsonObject:
    value: JsonObject = {"valueQuantity": quantity(answer.value, result.unit, decimals=4)}
    if answer.called:
        text = f"{answer.label}: at least {answer.threshold:g}"
        value["interpretation"] = [concept(ABNORMAL, text=text)]
    return value


def _risk_assessment(
    frame: Frame, result: PlugInResult, part: str, device_id: str
) -> JsonObject:
    """Return a RiskAssessment; probabilities in percent, as R4 asks (ras-2)."""
    own = (result.coding,) if result.coding else ()
    when = frame.effective()
    content = (
        frame.head("RiskAssessment", frame.part_id(part))
        | {
            "status": "preliminary",
            "method": concept(text=f"{result.model.name} {result.model.version}"),
            "code": concept(*own, text=result.title),
        }
        | frame.carried("subject", "encounter")
        | {name.replace("effective", "occurrence"): value for name, value in when.items()}
        | {
            "performer": {"reference": f"Device/{device_id}"},
            "basis": [
                frame.ecg(),
                {"reference": f"Observation/{frame.part_id('measurements')}"},
            ],
        }
    )
    if result.reason:
        return content | {"note": [{"text": f"No answer: {result.reason}."}]}
    return content | {"prediction": [*_predictions(result)]}


def _predictions(result: PlugInResult) -> Iterator[JsonObject]:
    for each in result.answers:
        prediction: JsonObject = {
            "outcome": concept(text=each.label),
            "probabilityDecimal": round(100 * each.value, 2),
        }
        if each.threshold is not None:
            side = "at least" if each.called else "below"
            prediction["qualitativeRisk"] = concept(
                text=f"{side} the threshold of {100 * each.threshold:g} %"
            )
        yield prediction


def _performer(result: PlugInResult, device_id: str) -> JsonObject:
    """Return the Device where R4 allows one only through an extension."""
    reference = {"reference": f"Device/{device_id}"}
    return {
        "extension": [{"url": ALTERNATE_REFERENCE, "valueReference": reference}],
        "display": f"{result.model.name} {result.model.version}",
    }


def _device(result: PlugInResult) -> JsonObject:
    model = result.model
    own_id = str(uuid5(_NAMESPACE, f"{model.name}\0{model.version}\0{model.sha256}"))
    return {
        "resourceType": "Device",
        "id": own_id,
        "identifier": [
            {"system": URI, "value": f"urn:uuid:{own_id}"},
            sha256_identifier(model.sha256),
        ],
        "status": "active",
        "deviceName": [{"name": model.name, "type": "user-friendly-name"}],
        "type": concept(AI_DEVICE),
        "version": [{"type": {"text": "model"}, "value": model.version}],
    }


def _provenance(
    frame: Frame, result: PlugInResult, answer: JsonObject, device: JsonObject
) -> JsonObject:
    at, version = instant(frame.issued_at), frame.slot.version
    target = f"{answer['resourceType']}/{answer['id']}"
    own_id = f"{answer['id']}-prov"
    author: JsonObject = {
        "type": concept(AUTHOR),
        "role": [concept(AI_DEVICE)],
        "who": {
            "reference": f"Device/{device['id']}",
            "display": f"{result.model.name} {result.model.version}",
        },
    }
    model: JsonObject = {
        "type": "Device",
        "identifier": sha256_identifier(result.model.sha256),
        "display": f"{result.model.name} {result.model.version}",
    }
    return frame.head("Provenance", own_id) | {
        "target": [{"reference": f"{target}/_history/{version}"}],
        "occurredDateTime": at,
        "recorded": at,
        "reason": [concept(AI_ASSERTED)],
        "activity": concept(CREATE if version == 1 else UPDATE),
        "agent": [author, {"type": concept(CUSTODIAN), "who": frame.organization()}],
        "entity": [
            {"role": "source", "what": frame.ecg_version()},
            {"role": "source", "what": model},
        ],
    }

"""What was done, as an AuditEvent in the shape of IHE BALP 1.1.

BALP: https://profiles.ihe.net/ITI/BALP. Its profiles need a patient; what has none follows
the profiles without one, and what no profile describes has FHIR's own form.
"""

import base64

import orjson

from ecgsvc.domain.audit import ACTIONS, AuditDraft, AuditRecord, Operation
from ecgsvc.domain.findings import Coding
from ecgsvc.fhir.concepts import coding_json, concept, instant
from ecgsvc.fhir.frame import SERVICE
from ecgsvc.fhir.json_body import JsonObject

CALLER = "urn:ecgsvc:caller"
"""System of the identifiers of callers."""

PSEUDONYM = "urn:ecgsvc:patient-pseudonym"
"""System of the pseudonyms of patients."""

_PROFILE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_PROFILES = {
    Operation.CREATE: "Create",
    Operation.READ: "Read",
    Operation.VREAD: "Read",
    Operation.SEARCH: "Query",
    Operation.DISCLOSE: "Query",
    Operation.UPDATE: "Update",
    Operation.ERASE: "Delete",
}
_REST = Coding(
    "http://terminology.hl7.org/CodeSystem/audit-event-type", "rest", "Restful Operation"
)
_INTERACTION = "http://hl7.org/fhir/restful-interaction"
_INTERACTIONS = {
    Operation.DISCLOSE: "search-type",
    **{
        each: each.value
        for each in (
            Operation.CREATE, Operation.READ, Operation.VREAD, Operation.HISTORY,
            Operation.SEARCH, Operation.UPDATE, Operation.ERASE,
        )
    },
}  # fmt: skip
_OPERATION = "urn:ecgsvc:operation"
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_SOURCE = Coding(_DCM, "110153", "Source Role ID")
_DESTINATION = Coding(_DCM, "110152", "Destination Role ID")
_OBJECT = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_SYSTEM_OBJECT = Coding(_OBJECT, "2", "System Object")
_PERSON = Coding(_OBJECT, "1", "Person")
_PATIENT_ROLE = Coding(_ROLE, "1", "Patient")
_DOMAIN_RESOURCE = Coding(_ROLE, "4", "Domain Resource")
_QUERY_ROLE = Coding(_ROLE, "24", "Query")
_REQUEST_ID = {
    "system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
    "code": "XrequestId",
}
_APPLICATION_SERVER = Coding(
    "http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server"
)
_READS = frozenset({"R"})


def audit_event(record: AuditRecord) -> bytes:
    """Write an AuditEvent as canonical JSON.

    Its shape is fixed and its values are checked before, so the models of `fhir.resources`
    are left out: they would cost more than all the rest of entering an event.
    """
    draft = record.draft
    operation, action = draft.operation, ACTIONS[draft.operation]
    interaction = _INTERACTIONS.get(operation)
    content: JsonObject = {
        "resourceType": "AuditEvent",
        "id": record.event_id,
        **_profile(operation, has_patient=draft.patient is not None),
        "type": coding_json(_REST),
        "subtype": [
            {"system": _INTERACTION, "code": interaction, "display": interaction}
            if interaction
            else {"system": _OPERATION, "code": operation.value}
        ],
        "action": action,
        "recorded": instant(record.recorded_at),
        "outcome": draft.outcome.value,
        "agent": [_client(record, action), _server(action)],
        "source": {
            "observer": {"display": SERVICE},
            "type": [coding_json(_APPLICATION_SERVER)],
        },
    }
    if draft.outcome.value != "0" and "reason" in draft.details:
        content["outcomeDesc"] = draft.details["reason"]
    if entities := _entities(record):
        content["entity"] = entities
    return orjson.dumps(content)


def _profile(operation: Operation, *, has_patient: bool) -> JsonObject:
    name = _PROFILES.get(operation)
    if name is None:
        return {}
    return {"meta": {"profile": [f"{_PROFILE}{'Patient' if has_patient else ''}{name}"]}}


def _client(record: AuditRecord, action: str) -> JsonObject:
    """Who called: where the data goes when it is read, where it comes from otherwise."""
    caller = record.caller
    who: JsonObject = (
        {"identifier": {"system": CALLER, "value": caller.subject}}
        if caller.subject
        else {"display": "not identified"}
    )
    agent: JsonObject = {
        "type": concept(_DESTINATION if action in _READS else _SOURCE),
        "who": who,
        "requestor": True,
    }
    if caller.roles:
        agent["role"] = [concept(text=role.value) for role in sorted(caller.roles)]
    if caller.name:
        agent["name"] = caller.name
    return agent


def _server(action: str) -> JsonObject:
    return {
        "type": concept(_SOURCE if action in _READS else _DESTINATION),
        "who": {"display": SERVICE},
        "requestor": False,
    }


def _entities(record: AuditRecord) -> list[JsonObject]:
    draft = record.draft
    details = dict(draft.details)
    query = details.pop("query", None)
    found: list[JsonObject] = []
    if query is not None or draft.report_id is not None or details:
        found.append(_object(draft, query, details))
    if draft.patient is not None:
        patient: JsonObject = {"system": PSEUDONYM, "value": draft.patient}
        found.append(
            {
                "what": {"type": "Patient", "identifier": patient},
                "type": coding_json(_PERSON),
                "role": coding_json(_PATIENT_ROLE),
            }
        )
    if record.caller.request_id:
        identifier: JsonObject = {"value": record.caller.request_id}
        found.append({"what": {"identifier": identifier}, "type": _REQUEST_ID})
    return found


def _object(draft: AuditDraft, query: str | None, details: dict[str, str]) -> JsonObject:
    """What was touched: a report, or what a query found."""
    entity: JsonObject = {}
    if draft.report_id is not None:
        entity["what"] = {"reference": _reference(draft.report_id, draft.version)}
    entity["type"] = coding_json(_SYSTEM_OBJECT)
    if query is None:
        entity["role"] = coding_json(_DOMAIN_RESOURCE)
    else:
        entity["role"] = coding_json(_QUERY_ROLE)
        entity["query"] = base64.b64encode(query.encode()).decode()
    if details:
        entity["detail"] = [
            {"type": name, "valueString": value} for name, value in sorted(details.items())
        ]
    return entity


def _reference(report_id: str, version: int | None) -> str:
    history = "" if version is None else f"/_history/{version}"
    return f"DiagnosticReport/{report_id}{history}"

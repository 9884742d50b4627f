"""A report version that a clinician made: their words beside the machine's."""

import orjson

from ecgsvc.domain.findings import Coding
from ecgsvc.domain.report import ReportDocuments, Signature, StoredReport
from ecgsvc.domain.sheet import Sheet
from ecgsvc.domain.signing import SignedVersion
from ecgsvc.fhir.audit_event import CALLER
from ecgsvc.fhir.codes import AI_ASSERTED
from ecgsvc.fhir.concepts import coding_json, concept, instant
from ecgsvc.fhir.frame import SERVICE
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.models import to_json
from ecgsvc.fhir.narrative import narrative
from ecgsvc.fhir.provenance import PARTICIPANT, UPDATE
from ecgsvc.fhir.sheet import presented_form

_CLINICIAN_ASSERTED = Coding(AI_ASSERTED.system, "CLINAST", "clinician asserted")
_VERIFIER = Coding(PARTICIPANT, "verifier", "Verifier")
_ATTESTER = Coding(PARTICIPANT, "attester", "Attester")


def signed_documents(
    report: StoredReport, new: SignedVersion, sheet: Sheet | None
) -> ReportDocuments:
    """Write the resources of a signed version.

    The machine's conclusion and codes stay; the clinician's own conclusion stands before
    the machine's, each under its author. Observations, Device and what the hospital's own
    models said are those of the version before.

    Parameters
    ----------
    report
        The version that was signed.
    sheet
        The sheet with the signature on it; None when the report has none.
    """
    version = new.base_version + 1
    return ReportDocuments(
        diagnostic_report=to_json(_diagnostic_report(report, new, version, sheet)),
        observations=report.documents.observations,
        provenance=to_json(_provenance(report, new, version)),
        device=report.documents.device,
        further=report.documents.further,
    )


def both_conclusions(machine: str, signature: Signature) -> str:
    """Put the clinician's words, where they have their own, before the machine's."""
    if signature.conclusion is None:
        return machine
    return f"{_who(signature)}: {signature.conclusion}\n{SERVICE}: {machine}"


def _diagnostic_report(
    report: StoredReport, new: SignedVersion, version: int, sheet: Sheet | None
) -> JsonObject:
    signature = new.signature
    content: JsonObject = orjson.loads(report.documents.diagnostic_report)
    conclusion = both_conclusions(report.conclusion, signature)
    content["meta"] = _meta(content, new, version)
    content["text"] = narrative(
        [f"ECG report, {new.status}, signed by {_who(signature)}", conclusion]
    )
    content["status"] = new.status.value
    content["issued"] = instant(new.issued_at)
    content["resultsInterpreter"] = [_practitioner(signature)]
    content["conclusion"] = conclusion
    if sheet is not None:
        content["presentedForm"] = [presented_form(sheet)]
    return content


def _meta(content: JsonObject, new: SignedVersion, version: int) -> JsonObject:
    return {
        "versionId": str(version),
        "lastUpdated": instant(new.issued_at),
        "security": [coding_json(AI_ASSERTED), coding_json(_CLINICIAN_ASSERTED)],
    }


def _provenance(report: StoredReport, new: SignedVersion, version: int) -> JsonObject:
    content: JsonObject = orjson.loads(report.documents.provenance)
    reference, at = f"DiagnosticReport/{report.report_id}/_history", instant(new.issued_at)
    custodian = [
        agent for agent in _agents(content) if "verifier" not in str(agent["type"])
    ][-1]
    return {
        "resourceType": "Provenance",
        "id": content["id"],
        "meta": _meta(content, new, version),
        "target": [{"reference": f"{reference}/{version}"}],
        "occurredDateTime": at,
        "recorded": at,
        "reason": [concept(text=new.signature.reason)],
        "activity": concept(UPDATE),
        "agent": [
            {
                "type": concept(_VERIFIER),
                "role": [concept(text=new.signature.role)],
                "who": _practitioner(new.signature),
                "onBehalfOf": custodian["who"],
            },
            custodian,
        ],
        "entity": [
            {
                "role": "revision",
                "what": {"reference": f"{reference}/{new.base_version}"},
            }
        ],
    }


def _agents(provenance: JsonObject) -> list[JsonObject]:
    agents = provenance["agent"]
    assert isinstance(agents, list)  # noqa: S101  # ours, and valid
    return agents


def _practitioner(signature: Signature) -> JsonObject:
    return {
        "type": "Practitioner",
        "identifier": {"system": CALLER, "value": signature.subject},
        "display": _who(signature),
    }


def _who(signature: Signature) -> str:
    return f"{signature.name or signature.subject} ({signature.role})"

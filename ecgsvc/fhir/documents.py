"""The ECG sheet of a report as a DocumentReference, for servers that take no reports."""

from ecgsvc.fhir.codes import AI_ASSERTED
from ecgsvc.fhir.concepts import concept
from ecgsvc.fhir.json_body import JsonObject

_DOC_STATUS = {
    "registered": "preliminary",
    "partial": "preliminary",
    "preliminary": "preliminary",
    "final": "final",
    "amended": "amended",
    "corrected": "amended",
    "appended": "amended",
    "cancelled": "entered-in-error",
    "entered-in-error": "entered-in-error",
}
"""``DocumentReference.docStatus`` of each ``DiagnosticReport.status``."""


def document_reference(
    report: JsonObject, identifier: JsonObject, before: JsonObject | None
) -> JsonObject | None:
    """Return the document of a report version; None: it has no sheet.

    Parameters
    ----------
    report
        A DiagnosticReport of ours.
    identifier
        Of the document.
    before
        Identifier of the document that this one replaces.
    """
    forms = report.get("presentedForm")
    if not isinstance(forms, list) or not forms:
        return None
    doc_status = _DOC_STATUS.get(str(report["status"]), "preliminary")
    is_error = doc_status == "entered-in-error"
    context: JsonObject = {}
    if "encounter" in report:
        context["encounter"] = [report["encounter"]]
    if "effectivePeriod" in report:
        context["period"] = report["effectivePeriod"]
    elif "effectiveDateTime" in report:
        context["period"] = {"start": report["effectiveDateTime"]}
    if "basedOn" in report:
        context["related"] = report["basedOn"]
    replaces: JsonObject = {}
    if before is not None:
        target: JsonObject = {"type": "DocumentReference", "identifier": before}
        replaces["relatesTo"] = [{"code": "replaces", "target": target}]
    return {
        "resourceType": "DocumentReference",
        "identifier": [identifier, *_list(report.get("identifier"))],
        "status": "entered-in-error" if is_error else "current",
        "docStatus": doc_status,
        "type": report["code"],
        "category": report["category"],
        **({"subject": report["subject"]} if "subject" in report else {}),
        "date": report["issued"],
        "author": report["performer"],
        **replaces,
        "securityLabel": [concept(AI_ASSERTED)],
        "content": [{"attachment": form} for form in forms],
        **({"context": context} if context else {}),
    }


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []

"""A stored report as a message without FHIR takes it."""

import base64

import orjson

from ecgsvc.domain.delivery import (
    CodePreferences,
    MeasuredValue,
    PatientToName,
    ReportToSend,
)
from ecgsvc.domain.report import Identifier, StoredReport
from ecgsvc.fhir.codes import EKG_PANEL
from ecgsvc.fhir.envelope import Envelope
from ecgsvc.fhir.json_body import Element
from ecgsvc.fhir.patient import identifiers_of, read_identifier
from ecgsvc.fhir.preferences import codings_of, with_preferred_codes
from ecgsvc.fhir.received import received_observation


def report_to_send(
    report: StoredReport, source: bytes, preferences: CodePreferences
) -> ReportToSend:
    """Read a report version, and of the ECG whose it is.

    Values that could not be measured are left out, as the report leaves them open.
    """
    body = received_observation(source)
    resource = with_preferred_codes(
        orjson.loads(report.documents.diagnostic_report), preferences
    )
    own = Element("DiagnosticReport", resource)
    orders = [
        read_identifier(order.object("identifier")) for order in own.objects("basedOn")
    ]
    return ReportToSend(
        report_id=report.report_id,
        version=report.version,
        status=report.status,
        patient=_patient(report, None if body is None else _patient_resource(body)),
        placer_order=next((order for order in orders if order is not None), None),
        recorded_at=report.effective_at,
        issued_at=report.issued_at,
        measurements=_measurements(report, preferences),
        findings=tuple(codings_of(each.json) for each in own.objects("conclusionCode")),
        conclusion=own.text("conclusion") or report.conclusion,
        interpreter=_interpreter(own),
        sheet=_sheet(own),
    )


def _patient_resource(body: Envelope) -> Element | None:
    """Return the Patient that came with the ECG, if one did."""
    subject = body.observation.object("subject")
    target = (subject.text("reference") or "") if subject is not None else ""
    return body.companions.find(target)


def _patient(report: StoredReport, patient: Element | None) -> PatientToName:
    identifiers = list(identifiers_of(patient)) if patient is not None else []
    if report.subject_identifier and report.subject_identifier not in identifiers:
        identifiers.insert(0, report.subject_identifier)
    if not identifiers and report.subject_reference:
        own_id = report.subject_reference.partition("/_history/")[0].rpartition("/")[2]
        identifiers.append(Identifier(None, own_id))
    names = patient.objects("name") if patient is not None else []
    given = names[0].json.get("given") if names else None
    return PatientToName(
        identifiers=tuple(identifiers),
        family_name=(names[0].text("family") or names[0].text("text") or "")
        if names
        else "",
        given_names=tuple(map(str, given)) if isinstance(given, list) else (),
        birth_date=(patient.text("birthDate") or "") if patient is not None else "",
        sex=(patient.text("gender") or "") if patient is not None else "",
    )


def _measurements(
    report: StoredReport, preferences: CodePreferences
) -> tuple[MeasuredValue, ...]:
    found = []
    for body in report.documents.observations:
        resource = orjson.loads(body)
        codes = {coding.code for coding in codings_of(resource.get("code"))}
        if EKG_PANEL.code not in codes:
            continue
        preferred = Element("Observation", with_preferred_codes(resource, preferences))
        for component in preferred.objects("component"):
            quantity = component.object("valueQuantity")
            value = quantity.number("value") if quantity is not None else None
            if quantity is None or value is None:
                continue
            concept = component.object("code")
            codings = codings_of(concept.json) if concept is not None else ()
            text = (concept.text("text") or "") if concept is not None else ""
            shown = text or (codings[0].display if codings else "")
            found.append(MeasuredValue(codings, shown, value, quantity.text("code") or "1"))
    return tuple(found)


def _interpreter(report: Element) -> str:
    for reference in report.objects("resultsInterpreter"):
        if shown := reference.text("display"):
            return shown
    return ""


def _sheet(report: Element) -> bytes | None:
    for form in report.objects("presentedForm"):
        if data := form.text("data"):
            return base64.b64decode(data)
    return None

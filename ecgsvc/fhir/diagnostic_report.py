"""An analysis to the FHIR resources of a report version."""

from datetime import datetime

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.findings import Coding
from ecgsvc.domain.report import EcgSource, ReportDocuments, ReportSlot
from ecgsvc.domain.sheet import Sheet
from ecgsvc.fhir.codes import CARDIOLOGY, EKG_STUDY, ELECTROCARDIAC
from ecgsvc.fhir.comparison import comparison_observation
from ecgsvc.fhir.concepts import concept
from ecgsvc.fhir.device import device_id, device_json
from ecgsvc.fhir.frame import Frame, Installation, report_identifier
from ecgsvc.fhir.impression import impression_observation
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.measurements import measurements_observation
from ecgsvc.fhir.models import to_json
from ecgsvc.fhir.narrative import narrative
from ecgsvc.fhir.patient import LITERAL_REFERENCE
from ecgsvc.fhir.plug_in import plug_in_resources
from ecgsvc.fhir.provenance import provenance
from ecgsvc.fhir.sheet import presented_form

_EXTENDS = "http://hl7.org/fhir/StructureDefinition/diagnosticReport-extends"
"""FHIR R4: references to related ("sibling") reports."""

_ORDER_TYPES = frozenset(
    {"CarePlan", "ImmunizationRecommendation", "MedicationRequest", "NutritionOrder",
     "ServiceRequest"}
)  # fmt: skip
"""What ``DiagnosticReport.basedOn`` may point to; an Observation may add DeviceRequest."""


def build_documents(
    analysis: Analysis,
    source: EcgSource,
    slot: ReportSlot,
    *,
    issued_at: datetime,
    installation: Installation,
    sheet: Sheet | None = None,
    beside: str | None = None,
) -> tuple[ReportDocuments, tuple[Coding, ...]]:
    """Write a report version as FHIR R4.

    Parameters
    ----------
    slot
        Its id (at most 51 characters, as parts of the report add to it) and version.
    issued_at
        When the report is made, time-zone aware.
    sheet
        What a clinician sees of it; the report carries it whole.
    beside
        Id of the signed report on the same ECG that this one stands beside.

    Returns
    -------
    ReportDocuments
        DiagnosticReport ``preliminary`` (only a clinician makes it more), measurement and
        impression Observations, the comparison with the patient's ECG before, Provenance,
        Device.
    tuple of Coding
        The report's own code and those of its findings, for the store's index.
    """
    frame = Frame(
        analysis=analysis,
        source=source,
        slot=slot,
        issued_at=issued_at,
        installation=installation,
        device_id=device_id(analysis.models, installation.software_version),
    )
    serial = analysis.serial
    observations = (
        measurements_observation(frame),
        impression_observation(frame),
        *([comparison_observation(frame, serial)] if serial is not None else []),
    )
    ids = [str(observation["id"]) for observation in observations]
    plugged = plug_in_resources(frame)
    own = [each.answer for each in plugged if each.is_observation]
    further = [each.answer for each in plugged if not each.is_observation]
    for each in plugged:
        further += [each.provenance, each.device]
    result_ids = [*ids, *(str(each["id"]) for each in own)]
    documents = ReportDocuments(
        diagnostic_report=to_json(
            _diagnostic_report(frame, result_ids, sheet) | _sibling(beside)
        ),
        observations=tuple(to_json(observation) for observation in (*observations, *own)),
        provenance=to_json(provenance(frame, ids)),
        device=device_json(analysis.models, installation.software_version),
        further=tuple(to_json(each) for each in further),
    )
    return documents, (EKG_STUDY, *(finding.coding for finding in analysis.findings))


def _diagnostic_report(
    frame: Frame, observation_ids: list[str], sheet: Sheet | None
) -> JsonObject:
    analysis = frame.analysis
    report = (
        frame.head("DiagnosticReport", frame.report_id)
        | {
            "text": narrative(["ECG report, preliminary", analysis.conclusion]),
            "identifier": [report_identifier(frame.report_id)],
        }
        | _based_on(frame)
        | {
            "status": "preliminary",
            "category": [concept(CARDIOLOGY), concept(ELECTROCARDIAC)],
            "code": concept(EKG_STUDY),
        }
        | frame.carried("subject", "encounter")
        | frame.effective()
        | frame.issued()
        | {
            "performer": [frame.organization()],
            "result": [
                *([frame.ecg()] if frame.ecg_is_observation else []),
                *({"reference": f"Observation/{own_id}"} for own_id in observation_ids),
            ],
            "conclusion": analysis.conclusion,
        }
    )
    if analysis.findings:
        report["conclusionCode"] = [
            concept(finding.coding, text=finding.text) for finding in analysis.findings
        ]
    if sheet is not None:
        report["presentedForm"] = [presented_form(sheet)]
    return report


def _sibling(beside: str | None) -> JsonObject:
    """Point to a sibling report; nothing is replaced unless a clinician says so.

    By its identifier: where the report is delivered to, it has another id.
    """
    if beside is None:
        return {}
    reference: JsonObject = {
        "type": "DiagnosticReport",
        "identifier": report_identifier(beside),
        "display": "The signed report on the same ECG, which this analysis might supersede",
    }
    return {"extension": [{"url": _EXTENDS, "valueReference": reference}]}


def _based_on(frame: Frame) -> JsonObject:
    orders = frame.source.carried.get("basedOn")
    kept = (
        [order for order in orders if _is_order(order)] if isinstance(orders, list) else []
    )
    return {"basedOn": kept} if kept else {}


def _is_order(order: object) -> bool:
    if not isinstance(order, dict):
        return False
    literal = LITERAL_REFERENCE.fullmatch(str(order.get("reference", "")))
    stated = literal["type"] if literal else order.get("type")
    return stated is None or stated in _ORDER_TYPES

"""Reports to export, with names in every place where a resource can hold one."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ecgsvc.domain.export import ExportedReport
from ecgsvc.domain.findings import SNOMED_CT, Coding, Urgency
from ecgsvc.domain.model_identity import ModelIdentity
from ecgsvc.domain.report import ReportDocuments, StoredReport

SECRET = "Doe-4711"
"""Stands wherever a name could stand."""

EFFECTIVE = datetime(2026, 3, 4, 9, 0, 0, 250000, tzinfo=UTC)
SUBJECT = {"reference": f"Patient/{SECRET}", "display": f"Jane {SECRET}"}
ATRIAL_FIBRILLATION = {
    "coding": [
        {"system": SNOMED_CT, "code": "49436004", "display": "Atrial fibrillation"},
        {"system": f"urn:hospital:{SECRET}", "code": SECRET, "display": SECRET},
    ],
    "text": f"AF of {SECRET}",
}


def json_bytes(value: object) -> bytes:
    return json.dumps(value, indent=1).encode()


def documents(number: int) -> ReportDocuments:
    report_id = f"{SECRET}-{number}"
    common = {
        "meta": {"versionId": "1", "lastUpdated": "2026-03-04T10:00:00Z"},
        "text": {"status": "generated", "div": f"<div>{SECRET}</div>"},
        "status": "final",
        "subject": SUBJECT,
        "effectiveDateTime": "2026-03-04T09:00:00.250Z",
        "issued": "2026-03-04T10:00:00Z",
        "note": [{"text": SECRET}],
        "performer": [{"display": SECRET}],
        "extension": [{"url": "http://x", "valueString": SECRET}],
        "identifier": [{"system": f"urn:{SECRET}", "value": SECRET}],
    }
    code = {"coding": [{"system": "http://loinc.org", "code": "11524-6"}], "text": SECRET}
    report = common | {
        "resourceType": "DiagnosticReport",
        "id": report_id,
        "code": code,
        "conclusion": f"AF in {SECRET}",
        "conclusionCode": [ATRIAL_FIBRILLATION],
        "presentedForm": [{"contentType": "application/pdf", "title": SECRET}],
        "result": [{"reference": f"Observation/{report_id}-m", "display": SECRET}],
        "contained": [{"resourceType": "Patient", "name": [{"family": SECRET}]}],
    }
    rate = {"value": 70, "unit": "/min", "system": "http://unitsofmeasure.org"}
    measured = common | {
        "resourceType": "Observation",
        "id": f"{report_id}-m",
        "code": code,
        "component": [
            {"code": code, "valueQuantity": rate},
            {"code": code, "valueString": SECRET},
            {"code": {"text": SECRET}, "valueInteger": 1},
        ],
    }
    provenance = {
        "resourceType": "Provenance",
        "id": f"{report_id}-p",
        "target": [
            {"reference": f"http://{SECRET}/DiagnosticReport/{report_id}/_history/1"}
        ],
        "recorded": "2026-03-04T10:00:00Z",
        "agent": [{"who": {"reference": f"Practitioner/{SECRET}", "display": SECRET}}],
        "entity": [{"role": "source", "what": {"identifier": {"value": SECRET}}}],
    }
    device = {
        "resourceType": "Device",
        "id": "software",
        "status": "active",
        "serialNumber": SECRET,
        "udiCarrier": [{"carrierHRF": SECRET}],
        "version": [{"value": "1.0"}],
        "deviceName": [{"name": "ecgsvc", "type": "manufacturer-name"}],
    }
    return ReportDocuments(
        json_bytes(report),
        (json_bytes(measured),),
        json_bytes(provenance),
        json_bytes(device),
    )


def an_export(number: int = 0, *, with_source: bool = False) -> ExportedReport:
    lead = {"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": "131329"}]}
    samples = {"origin": {"value": 0, "unit": "mV"}, "period": 2.0, "dimensions": 1}
    source = {
        "resourceType": "Observation",
        "status": "final",
        "code": lead,
        "subject": SUBJECT,
        "device": {"identifier": {"value": SECRET}, "display": SECRET},
        "component": [{"code": lead, "valueSampledData": samples | {"data": "1 2 3"}}],
    }
    report = StoredReport(
        report_id=f"{SECRET}-{number}",
        version=1,
        status="final",
        subject_reference=f"Patient/{SECRET}",
        subject_identifier=None,
        effective_at=EFFECTIVE,
        issued_at=EFFECTIVE + timedelta(minutes=number),
        source_sha256="0" * 64,
        conclusion=f"AF in {SECRET}",
        documents=documents(number),
    )
    return ExportedReport(
        report=report,
        cursor=f"cursor-{number}",
        measurements={
            "heart_rate_bpm": 70.5 + number,
            "pr_ms": None,
            "qtc_fridericia_ms": 431,
        },
        findings=(Coding(SNOMED_CT, "49436004", "Atrial fibrillation"),),
        urgency=Urgency.PROMPT,
        undetermined=("rhythm", "diagnosis"),
        models=(ModelIdentity("beats", "1.0.0", "ab" * 32),),
        scores={"rhythm/A": 0.75},
        sex="female",
        age_years=93.4,
        signer=f"dr-{SECRET}",
        signed_codes=("49436004",),
        source=json_bytes(source) if with_source else None,
    )


def anonymous(exported: ExportedReport, patient: str) -> ExportedReport:
    return replace(exported, report=replace(exported.report, subject_reference=patient))

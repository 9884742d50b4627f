"""A stored report with everything that can be sent, for all that sends."""

import json
from datetime import UTC, datetime

from ecgsvc.domain.report import Identifier, StoredReport
from ecgsvc.domain.sheet import Sheet
from ecgsvc.fhir import encode_observation
from tests.unit.fhir.fhir_helpers import (
    EFFECTIVE,
    ISSUED,
    REPORT_ID,
    a_recording,
    decode,
    documents,
)

SHEET = Sheet(b"%PDF-1.7 \x00\xff", "application/pdf", "ECG of a day", ISSUED)
PATIENT = {
    "resourceType": "Patient",
    "id": "patient",
    "identifier": [{"system": "urn:oid:1.2.276.0.76.4.8", "value": "4711|A"}],
    "name": [{"family": "Müller & Söhne", "given": ["Änne", "Ida"]}],
    "birthDate": "1961-05-04",
    "gender": "female",
}


def an_ecg(*, identified: bool = True) -> bytes:
    body = json.loads(
        encode_observation(
            a_recording(),
            subject="Patient/1",
            effective_at=EFFECTIVE,
            identifier=Identifier("urn:cart", "a&b,c") if identified else None,
        )
    )
    body["contained"] = [PATIENT]
    body["subject"] = {"reference": "#patient", "identifier": PATIENT["identifier"][0]}
    order = {"system": "urn:oid:1.2.3", "value": "ORD^7"}
    body["basedOn"] = [{"type": "ServiceRequest", "identifier": order}]
    return json.dumps(body).encode()


def a_stored_report(
    source: bytes, *, version: int = 1, status: str = "preliminary", sheet: bool = True
) -> StoredReport:
    """Return the report; `status` is that of the row and of the DiagnosticReport."""
    decoded = decode(source)
    made, _ = documents(decoded.source, version=version, sheet=SHEET if sheet else None)
    resource = json.loads(made.diagnostic_report)
    resource["status"] = status
    if status != "preliminary":
        resource["resultsInterpreter"] = [{"display": "Dr Muster (cardiologist)"}]
    return StoredReport(
        report_id=REPORT_ID,
        version=version,
        status=status,
        subject_reference=decoded.source.subject_reference,
        subject_identifier=decoded.source.subject_identifier,
        effective_at=EFFECTIVE,
        issued_at=datetime(2026, 11, 21, 9, 31, tzinfo=UTC),
        source_sha256=decoded.source.sha256,
        conclusion=resource["conclusion"],
        documents=type(made)(
            json.dumps(resource).encode(), made.observations, made.provenance, made.device
        ),
    )

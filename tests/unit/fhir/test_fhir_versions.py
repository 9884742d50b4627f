"""Reports in the FHIR version a caller asks for."""

import json
from datetime import UTC, datetime

import pytest

from ecgsvc.domain.sheet import Sheet
from ecgsvc.fhir import build_documents, encode_observation, in_version
from tests.unit.fhir.fhir_helpers import (
    EFFECTIVE,
    INSTALLATION,
    ISSUED,
    REPORT_ID,
    a_recording,
    an_analysis,
    decode,
    documents,
    violations,
)


def everything():
    source = decode(
        encode_observation(a_recording(), subject="Patient/1", effective_at=EFFECTIVE)
    ).source
    made, _ = documents(source, version=2)
    return [made.diagnostic_report, *made.observations, made.provenance, made.device]


@pytest.mark.parametrize("version", ["4.0.1", "4.3.0"])
def test_r4_and_r4b_are_the_bytes_as_they_are_kept(version):
    for body in everything():
        assert in_version(body, version) == body
        assert violations(in_version(body, version), version) == []


def test_r5_is_valid_and_says_the_same():
    report, measurements, impression, provenance, device = (
        in_version(body, "5.0.0") for body in everything()
    )
    for body in (report, measurements, impression, provenance, device):
        assert violations(body, "5.0.0") == []
    before = [json.loads(body) for body in everything()]
    assert json.loads(report) == before[0]
    assert json.loads(measurements) == before[1]
    assert json.loads(provenance)["authorization"] == [
        {"concept": reason} for reason in before[3]["reason"]
    ]
    assert json.loads(device)["name"][0]["value"] == before[4]["deviceName"][0]["name"]
    assert json.loads(device)["type"] == [before[4]["type"]]


def test_the_size_of_the_sheet_is_a_string_in_r5():
    source = decode(
        encode_observation(a_recording(), subject="Patient/1", effective_at=EFFECTIVE)
    ).source
    from ecgsvc.domain.report import ReportSlot

    sheet = Sheet(b"%PDF", "application/pdf", "ECG", datetime(2026, 1, 1, tzinfo=UTC))
    made, _ = build_documents(
        an_analysis(), source, ReportSlot(REPORT_ID, 1),
        issued_at=ISSUED, installation=INSTALLATION, sheet=sheet,
    )  # fmt: skip
    body = in_version(made.diagnostic_report, "5.0.0")
    assert violations(body, "5.0.0") == []
    assert json.loads(body)["presentedForm"][0]["size"] == "4"

"""A report as ORU^R01, judged by hl7apy, which shares no code with what writes it."""

import base64
from datetime import UTC, datetime

import hl7
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.domain.findings import SNOMED_CT, Coding
from ecgsvc.fhir import report_to_send
from ecgsvc.hl7v2 import MessageHeader, control_id, oru_message
from ecgsvc.hl7v2.syntax import text
from tests.unit.delivery.reports_to_send import SHEET, a_stored_report, an_ecg

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HEADER = MessageHeader(
    "ecgsvc", "NORTH", "ENGINE", "EHR", "P", {"urn:oid:1.2.276.0.76.4.8": "NORTH&1.2&ISO"}
)
ID = control_id("north", "engine", "r", 1)


def message(*, preferences=None, source=None, **report):
    source = source or an_ecg()
    stored = a_stored_report(source, **report)
    sent = report_to_send(stored, source, preferences or {})
    return oru_message(sent, HEADER, message_id=ID, now=NOW)


@pytest.mark.parametrize(
    ("status", "obr", "obx"),
    [
        ("preliminary", "P", "P"),
        ("final", "F", "F"),
        ("amended", "C", "C"),
        ("corrected", "C", "C"),
        ("entered-in-error", "X", "W"),
    ],
)
def test_every_status_is_strictly_valid(status, obr, obx):
    written = message(status=status)
    strict = parse_message(written, validation_level=VALIDATION_LEVEL.STRICT)
    assert strict.validate()
    read = hl7.parse(written)
    assert str(read.segment("OBR")[24]) == "EC"
    assert str(read.segment("OBR")[25]) == obr
    assert {str(each[11]) for each in read.segments("OBX")} == {obx}


def test_a_report_of_nobody_known_is_strictly_valid():
    import json

    body = json.loads(an_ecg())
    body.pop("contained")
    body["subject"] = {"reference": "Patient/77"}
    written = message(source=json.dumps(body).encode())
    parse_message(written, validation_level=VALIDATION_LEVEL.STRICT).validate()
    assert str(hl7.parse(written).segment("PID")[3]) == "77"


def test_patient_order_measurements_and_sheet_arrive():
    read = hl7.parse(message(status="final"))
    pid, obr = read.segment("PID"), read.segment("OBR")
    assert read.unescape(str(pid[3][0][0])) == "4711|A"
    assert str(pid[3][0][3]) == "NORTH&1.2&ISO"
    assert read.unescape(str(pid[5][0][0])) == "Müller & Söhne"
    assert [str(pid[5][0][1]), str(pid[5][0][2])] == ["Änne", "Ida"]
    assert (str(pid[7]), str(pid[8])) == ("19610504", "F")
    assert read.unescape(str(obr[2][0][0])) == "ORD^7"
    assert str(obr[7]) == "20261121093000+0000"
    assert "Dr Muster (cardiologist)" in str(obr[32])
    numbers = {
        str(each[3][0][0]): (float(str(each[5])), str(each[6][0][0]))
        for each in read.segments("OBX")
        if str(each[2]) == "NM"
    }
    assert numbers["8867-4"] == (72, "/min")
    assert numbers["8633-0"] == (94, "ms")
    assert "8625-6" not in numbers  # PR was not measured: not sent, never invented
    [sheet] = [each for each in read.segments("OBX") if str(each[2]) == "ED"]
    assert base64.b64decode(str(sheet[5][0][4])) == SHEET.content
    [finding] = [each for each in read.segments("OBX") if str(each[2]) == "CE"]
    assert [str(part) for part in finding[5][0]][:3] == [
        "17338001", "Ventricular premature beats", "SCT",
    ]  # fmt: skip


def test_a_preferred_code_comes_first():
    preferred = Coding(SNOMED_CT, "251175005", "Ventricular premature complex")
    read = hl7.parse(message(preferences={(SNOMED_CT, "17338001"): preferred}))
    [finding] = [each for each in read.segments("OBX") if str(each[2]) == "CE"]
    parts = [str(part) for part in finding[5][0]]
    assert (parts[0], parts[3]) == ("251175005", "17338001")


@given(st.text())
def test_no_text_becomes_structure(value):
    written = text(value)
    assert not set(written) & set("|^~&\r\n")
    read = hl7.parse("MSH|^~\\&|\r").unescape(written)
    if all(ord(character) >= 32 for character in value):
        assert read == value


@given(st.text(), st.text(), st.text(), st.integers(1, 1000))
def test_a_control_id_fits_and_stays(tenant, destination, report_id, version):
    own = control_id(tenant, destination, report_id, version)
    assert own == control_id(tenant, destination, report_id, version)
    assert len(own) == 20
    assert own.isalnum()

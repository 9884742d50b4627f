"""The sheet as a report carries it, and what FHIR says of the patient on it."""

import base64
import hashlib
import json
from datetime import timedelta, timezone

import pytest

from ecgsvc.domain.report import ReportSlot
from ecgsvc.domain.sheet import Sheet
from ecgsvc.fhir import sheet_header, sheet_of, without_sheet
from tests.mutations import valid_observation
from tests.unit.fhir.fhir_helpers import (
    INSTALLATION,
    ISSUED,
    REPORT_ID,
    decode,
    documents,
    violations,
)

SHEET = Sheet(b"%PDF-1.7 \x00\xff", "application/pdf", "ECG of a day", ISSUED)


def header(body=None, **options):
    return sheet_header(
        decode(body or valid_observation(), **options),
        ReportSlot(REPORT_ID, 2),
        issued_at=ISSUED,
        installation=INSTALLATION,
    )


def report(sheet=SHEET):
    source = decode(valid_observation()).source
    return documents(source, sheet=sheet)[0].diagnostic_report


def patient(**elements):
    subject = valid_observation()["subject"]
    own_id = subject["reference"].removeprefix("Patient/")
    return json.dumps({"resourceType": "Patient", "id": own_id, **elements}).encode()


def test_the_report_carries_the_sheet_with_its_size_and_hash():
    (form,) = json.loads(report())["presentedForm"]
    assert form == {
        "contentType": "application/pdf",
        "language": "en",
        "data": base64.b64encode(SHEET.content).decode(),
        "size": len(SHEET.content),
        "hash": base64.b64encode(hashlib.sha1(SHEET.content).digest()).decode(),
        "title": "ECG of a day",
        "creation": "2026-11-21T09:30:15.123Z",
    }
    assert sheet_of(report()) == SHEET.content
    assert not violations(report())


def test_a_report_without_a_sheet_has_none():
    assert "presentedForm" not in json.loads(report(None))
    assert sheet_of(report(None)) is None
    assert without_sheet(report(None)) == report(None)


def test_a_summary_keeps_size_and_hash_and_says_that_it_is_one():
    whole, summary = json.loads(report()), json.loads(without_sheet(report()))
    assert summary["meta"]["tag"][-1]["code"] == "SUBSETTED"
    assert "data" not in summary["presentedForm"][0]
    assert summary["presentedForm"][0]["hash"] == whole["presentedForm"][0]["hash"]
    assert sheet_of(without_sheet(report())) is None
    assert not violations(without_sheet(report()))


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([{"use": "official", "family": "Ek", "given": ["Per", "Ole"]}], "Per Ole Ek"),
        ([{"use": "old", "text": "A"}, {"use": "usual", "text": "B"}], "B"),
        ([{"use": "usual", "text": "A"}, {"use": "official", "text": "B"}], "B"),
        ([{"use": "maiden", "family": "Only"}], "Only"),
        ([{"text": "محمد علي", "family": "x"}], "محمد علي"),
    ],
)
def test_the_name_is_the_official_one_as_it_is_written(names, shown):
    given = patient(name=names, birthDate="1961-03-02", gender="female")
    person = header(patient=given).person
    assert person.name == shown
    assert (person.birth_date, person.sex) == ("1961-03-02", "female")
    assert int(person.age_years) == 65


def test_without_a_patient_resource_the_reference_says_who():
    body = valid_observation()
    body["subject"] = {"reference": "Patient/7", "display": "Ada Example"}
    person = header(body).person
    assert (person.name, person.identifier) == ("Ada Example", "Patient/7")
    body["subject"] = {"identifier": {"system": "urn:x", "value": "MRN 1"}}
    assert header(body).person.identifier == "MRN 1"


@pytest.mark.parametrize(
    ("stated", "shown", "note"),
    [
        ("2026-11-21T09:30:00+01:00", "2026-11-21 09:30:00 +01:00", ""),
        ("2026-11-21T09:30:00.5Z", "2026-11-21 09:30:00.5 UTC", ""),
        ("2026-11-21T09:30:00", "2026-11-21 09:30:00 +02:00", "(time zone assumed)"),
        ("2026-11", "2026-11", ""),
    ],
)
def test_the_time_is_shown_with_its_zone(stated, shown, note):
    body = valid_observation() | {"effectiveDateTime": stated}
    found = header(body, default_zone=timezone(timedelta(hours=2)))
    assert (found.recorded, found.recorded_note) == (shown, note)


def test_device_organization_and_report_are_named():
    body = valid_observation() | {"device": {"display": "Cart 7"}}
    found = header(body)
    assert found.device == "Cart 7"
    assert found.organization == INSTALLATION.organization
    assert found.report == f"Report {REPORT_ID}, version 2"

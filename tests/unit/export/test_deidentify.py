"""What is taken out of resources, and what stays."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgsvc.export.deidentify import Deidentifier, told_age
from ecgsvc.export.table import row_of
from tests.unit.export.exported import EFFECTIVE, SECRET, an_export, documents

KEY = bytes(range(32))
NAMES = Deidentifier(KEY, "north")


def resources() -> dict[str, dict[str, Any]]:
    made = documents(1)
    bodies = (
        made.diagnostic_report, *made.observations, made.provenance, made.device,
        an_export(with_source=True).source or b"",
    )  # fmt: skip
    return {
        f"{number} {json.loads(body)['resourceType']}": json.loads(body)
        for number, body in enumerate(bodies)
    }


def kept(resource: dict[str, Any], names: Deidentifier = NAMES) -> dict[str, Any]:
    return names.resource(resource, f"Patient/{SECRET}")


@pytest.mark.parametrize("name", resources())
def test_no_name_is_left_anywhere(name: str) -> None:
    resource = resources()[name]
    assert SECRET in json.dumps(resource)
    assert SECRET not in json.dumps(kept(resource))


@pytest.mark.parametrize("kind", ["Binary", "DocumentReference", "Media"])
def test_a_recording_as_a_file_stays_behind(kind: str) -> None:
    attachment = {"contentType": "application/dicom", "data": SECRET}
    content = [{"attachment": attachment}] if kind == "DocumentReference" else attachment
    resource = {"resourceType": kind, "id": "1"} | (
        attachment if kind == "Binary" else {"content": content}
    )
    assert SECRET not in json.dumps(kept(resource))


def test_what_statistics_need_stays() -> None:
    report, measured, provenance, device, source = map(kept, resources().values())
    assert report["status"] == "final"
    assert report["conclusionCode"][0]["coding"][0]["code"] == "49436004"
    assert [part["valueQuantity"]["value"] for part in measured["component"]] == [70]
    assert provenance["entity"][0]["role"] == "source"
    assert device["version"] == [{"value": "1.0"}]
    assert source["component"][0]["valueSampledData"]["data"] == "1 2 3"


def test_links_still_lead_from_one_resource_to_the_other() -> None:
    report, measured, provenance, *_ = map(kept, resources().values())
    assert report["result"][0]["reference"] == f"Observation/{measured['id']}"
    assert provenance["target"][0]["reference"].startswith("DiagnosticReport/")
    assert provenance["target"][0]["reference"].endswith("/_history/1")
    assert report["subject"] == measured["subject"]


def test_times_of_a_patient_are_shifted_alike_by_whole_days() -> None:
    given = datetime(2026, 3, 4, 9, 0, 0, 250000, tzinfo=UTC)
    report, measured, *_ = map(kept, resources().values())
    shifted = datetime.fromisoformat(report["effectiveDateTime"])
    days = (shifted - given) / timedelta(days=1)
    assert days == int(days) != 0
    assert abs(days) <= 365
    assert measured["effectiveDateTime"] == report["effectiveDateTime"]
    assert NAMES.shifted(given, f"Patient/{SECRET}") == shifted
    issued = datetime.fromisoformat(report["issued"])
    assert issued - shifted == timedelta(hours=1) - timedelta(milliseconds=250)


@given(st.text(), st.text())
def test_hashes_tell_texts_tenants_and_keys_apart(first: str, second: str) -> None:
    assert (NAMES.pseudonym(first) == NAMES.pseudonym(second)) == (first == second)
    assert Deidentifier(KEY, "south").pseudonym(first) != NAMES.pseudonym(first)
    assert Deidentifier(KEY[::-1], "north").pseudonym(first) != NAMES.pseudonym(first)


@given(st.text())
def test_no_patient_keeps_the_true_date(patient: str) -> None:
    assert 1 <= abs((NAMES.shifted(EFFECTIVE, patient) - EFFECTIVE).days) <= 365


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Deidentifier(b"short", "north")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES_OF_ELEMENTS = st.sampled_from([
    "resourceType", "id", "meta", "text", "code", "status", "subject", "component",
    "valueSampledData", "identifier", "reference", "coding", "system", "value",
    "effectiveDateTime", "start", "contained", "extension", "role", "who",
])  # fmt: skip


@settings(max_examples=150)
@given(st.dictionaries(NAMES_OF_ELEMENTS, JSON | st.dictionaries(NAMES_OF_ELEMENTS, JSON)))
def test_no_shape_of_json_breaks_it(resource: dict[str, Any]) -> None:
    json.dumps(NAMES.resource(resource, "Patient/1"))


@pytest.mark.parametrize(
    ("age", "told"), [(None, None), (0.4, 0), (64.9, 64), (89.9, 89), (93.4, 90)]
)
def test_great_ages_are_told_as_ninety(age: float | None, told: float | None) -> None:
    assert told_age(age) == told


def test_the_row_of_a_report_names_nobody() -> None:
    row = row_of(an_export(), NAMES)
    assert SECRET not in str(row)
    assert row["age_years"] == 90
    assert row["heart_rate_bpm"] == 70.5
    assert row_of(an_export(), None)["patient"] == f"Patient/{SECRET}"

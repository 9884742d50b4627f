"""Subject, age and sex."""

import json

import pytest

from ecgsvc.domain.errors import InvalidElement, MalformedObservation, TooLarge
from ecgsvc.domain.report import Identifier
from tests.mutations import valid_observation
from tests.unit.fhir.fhir_helpers import decode, expressions, refusal


@pytest.fixture
def ecg():
    return valid_observation()


def a_patient(**elements):
    return json.dumps({"resourceType": "Patient", "id": "example"} | elements).encode()


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/example",
        "https://ehr.example/fhir/Patient/example",
        "Patient/example/_history/3",
    ],
)
def test_a_subject_by_reference(ecg, reference):
    ecg["subject"] = {"reference": reference, "display": "x"}
    source = decode(ecg).source
    assert source.subject_reference == reference
    assert source.subject_identifier is None


def test_a_subject_by_identifier(ecg):
    ecg["subject"] = {"type": "Patient", "identifier": {"system": "urn:x", "value": "4711"}}
    source = decode(ecg).source
    assert source.subject_reference is None
    assert source.subject_identifier == Identifier("urn:x", "4711")


def test_a_contained_patient_is_named_by_its_identifier(ecg):
    ecg["subject"] = {"reference": "#p"}
    ecg["contained"] = [
        {"resourceType": "Patient", "id": "p", "gender": "male", "birthDate": "1976-11-21",
         "identifier": [{"value": "4711"}]}
    ]  # fmt: skip
    decoded = decode(ecg)
    assert decoded.source.carried["subject"] == {
        "type": "Patient", "identifier": {"value": "4711"}
    }  # fmt: skip
    assert decoded.recording.sex == "male"
    assert decoded.recording.age_years == pytest.approx(50.0, abs=0.01)


def test_a_contained_patient_without_identifier_cannot_be_named(ecg):
    ecg["subject"] = {"reference": "#p"}
    ecg["contained"] = [{"resourceType": "Patient", "id": "p"}]
    assert refusal(ecg).expression == "Observation.subject.reference"


def test_references_into_the_body_are_not_carried_over(ecg):
    ecg["contained"] = [{"resourceType": "Device", "id": "d"}]
    ecg["device"] = {"reference": "#d", "display": "cart"}
    assert decode(ecg).source.carried["device"] == {"display": "cart"}
    ecg["device"] = {"reference": "#d"}
    assert "device" not in decode(ecg).source.carried


def test_age_and_sex_come_from_the_patient_resource(ecg):
    recording = decode(
        ecg, patient=a_patient(birthDate="1956-11-21", gender="female")
    ).recording
    assert recording.age_years == pytest.approx(70.0, abs=0.01)
    assert recording.sex == "female"


@pytest.mark.parametrize("gender", ["other", "unknown", None])
def test_sex_is_unknown_where_it_is_not_female_or_male(ecg, gender):
    elements = {} if gender is None else {"gender": gender}
    assert decode(ecg, patient=a_patient(**elements)).recording.sex is None


def test_without_a_patient_age_and_sex_are_unknown(ecg):
    recording = decode(ecg).recording
    assert (recording.age_years, recording.sex) == (None, None)


@pytest.mark.parametrize(("born", "age"), [("1956", 70.4), ("1956-05", 70.5)])
def test_a_partial_birth_date_gives_an_approximate_age_and_says_so(ecg, born, age):
    decoded = decode(ecg, patient=a_patient(birthDate=born))
    assert decoded.recording.age_years == pytest.approx(age, abs=0.1)
    assert [w.expression for w in decoded.warnings] == ["Patient.birthDate"]


@pytest.mark.parametrize("born", ["2026-11-21", "2026-11-22", "2026"])
def test_a_newborn_is_zero_years_old(ecg, born):
    assert decode(ecg, patient=a_patient(birthDate=born)).recording.age_years < 0.5


@pytest.mark.parametrize("born", ["2027-11-21", "1870-01-01", "2028"])
def test_an_impossible_age_is_refused(ecg, born):
    error = refusal(ecg, patient=a_patient(birthDate=born))
    assert isinstance(error, InvalidElement)
    assert error.expression == "Patient.birthDate"


@pytest.mark.parametrize(
    ("subject", "patient", "expression"),
    [
        ({"reference": "Patient/example"}, {"id": "other"}, "Patient.id"),
        (
            {"identifier": {"system": "urn:x", "value": "1"}},
            {"identifier": [{"system": "urn:x", "value": "2"}]},
            "Patient.identifier",
        ),
        (
            {"identifier": {"system": "urn:x", "value": "1"}},
            {"identifier": [{"system": "urn:y", "value": "1"}]},
            "Patient.identifier",
        ),
    ],
)
def test_another_patient_than_the_subject_is_refused(ecg, subject, patient, expression):
    error = refusal(ecg | {"subject": subject}, patient=a_patient(**patient))
    assert error.expression == expression


def test_a_patient_without_id_is_taken_as_the_subject(ecg):
    patient = json.dumps({"resourceType": "Patient", "gender": "male"}).encode()
    assert decode(ecg, patient=patient).recording.sex == "male"


@pytest.mark.parametrize(
    ("patient", "kind"),
    [
        (b"{", MalformedObservation),
        (b" " * (16 * 2**20 + 1), TooLarge),
        (b"[]", MalformedObservation),
    ],
)
def test_a_patient_that_cannot_be_read_is_refused(ecg, patient, kind):
    error = refusal(ecg, patient=patient)
    assert isinstance(error, kind)
    assert error.expression == "Patient"


@pytest.mark.parametrize(
    ("elements", "expression"),
    [
        ({"gender": "F"}, "Patient.gender"),
        ({"birthDate": "21.11.1956"}, "Patient.birthDate"),
        ({"resourceType": "Group"}, "Patient"),
        ({"name": [{"given": "x"}]}, "Patient.name[0].given"),
    ],
)
def test_a_patient_that_breaks_its_type_is_refused(ecg, elements, expression):
    assert expression in expressions(refusal(ecg, patient=a_patient(**elements)))


def test_lists_of_primitives_may_have_gaps_where_extensions_stand(ecg):
    extension = {"extension": [{"url": "http://x.example", "valueString": "y"}]}
    name = {"given": ["A", None], "_given": [None, extension]}
    decode(ecg, patient=a_patient(name=[name]))

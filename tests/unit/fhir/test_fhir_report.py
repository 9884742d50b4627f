"""The resources of a report."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.findings import Coding
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.report import Signature, StoredReport
from ecgsvc.domain.rhythm import RhythmClass
from ecgsvc.domain.signing import ReportStatus, SignedVersion
from ecgsvc.fhir import signed_documents
from ecgsvc.fhir.device import device_id
from ecgsvc.interpretation.rhythm_findings import rhythm_findings
from tests.mutations import valid_observation
from tests.unit.fhir.fhir_helpers import (
    EFFECTIVE,
    ISSUED,
    REPORT_ID,
    a_reading,
    an_analysis,
    component,
    decode,
    documents,
    violations,
)

INSTANT = "2026-11-21T09:30:15.123Z"


@pytest.fixture
def ecg():
    return valid_observation() | {"basedOn": [{"reference": "ServiceRequest/sr-1"}]}


@pytest.fixture
def source(ecg):
    return decode(ecg).source


@pytest.fixture
def report(source):
    return json.loads(documents(source)[0].diagnostic_report)


@pytest.fixture
def measurements(source):
    return json.loads(documents(source)[0].observations[0])


@pytest.fixture
def impression(source):
    return json.loads(documents(source)[0].observations[1])


def every_resource(made):
    return [made.diagnostic_report, *made.observations, made.provenance, made.device]


def test_every_resource_conforms(source):
    for analysis in (an_analysis(), an_analysis(leads=("MLII", "V5")), an_empty_analysis()):
        for resource in every_resource(documents(source, analysis)[0]):
            assert violations(resource) == []


def an_empty_analysis():
    """Return what is said about a flat line."""
    beats = ClassifiedBeats(
        np.array([], dtype=np.int64), np.zeros((0, 5), dtype=np.float32)
    )
    return an_analysis(
        beats=beats, measurements=Measurements(), findings=(), models=(), undetermined=()
    )


def test_a_report_is_preliminary_and_made_by_an_ai_for_an_organisation(report):
    assert report["status"] == "preliminary"
    assert report["meta"]["security"][0]["code"] == "AIAST"
    assert report["performer"] == [{"type": "Organization", "display": "Ward <7> & Co"}]


def test_a_report_has_its_codes_and_times(report):
    assert report["code"]["coding"][0]["code"] == "11524-6"
    codes = [category["coding"][0]["code"] for category in report["category"]]
    assert codes == ["LP29708-2", "EC"]
    assert report["issued"] == INSTANT
    assert report["meta"]["versionId"] == "1"
    assert report["identifier"][0]["value"] == f"urn:uuid:{REPORT_ID}"


def test_a_report_carries_over_what_the_ecg_says(report, ecg):
    for name in ("subject", "encounter", "effectiveDateTime", "basedOn"):
        assert report[name] == ecg[name]


def test_orders_a_report_cannot_be_based_on_are_left_out(ecg):
    ecg["basedOn"] = [{"reference": "DeviceRequest/1"}]
    assert "basedOn" not in json.loads(documents(decode(ecg).source)[0].diagnostic_report)


def test_an_instant_becomes_the_dateTime_a_report_may_have(ecg):  # noqa: N802 (FHIR's word)
    del ecg["effectiveDateTime"]
    ecg["effectiveInstant"] = "2026-11-21T09:30:00Z"
    report = json.loads(documents(decode(ecg).source)[0].diagnostic_report)
    assert report["effectiveDateTime"] == "2026-11-21T09:30:00Z"


def test_the_narrative_is_escaped(report):
    assert "&lt;72&gt;/min &amp; one early" in report["text"]["div"]


def test_findings_are_coded_in_the_report_and_for_the_index(report, source):
    _, codes = documents(source)
    assert report["conclusionCode"][0]["coding"][0]["code"] == "17338001"
    assert [c.code for c in codes] == ["11524-6", "17338001"]
    assert all(isinstance(c, Coding) for c in codes)


def test_results_are_the_ecg_and_both_observations(report):
    ecg, *others = report["result"]
    assert ecg["reference"] == "Observation/ecg-1"
    assert ecg["identifier"] == {"system": "urn:oid:1.2.840.99999.7.1", "value": "ECG-1"}
    assert [o["reference"] for o in others] == [
        f"Observation/{REPORT_ID}-measurements",
        f"Observation/{REPORT_ID}-impression",
    ]


def test_an_ecg_without_id_and_identifier_is_named_by_its_hash(ecg):
    del ecg["id"], ecg["identifier"]
    source = decode(ecg).source
    report = json.loads(documents(source)[0].diagnostic_report)
    assert "reference" not in report["result"][0]
    assert report["result"][0]["identifier"]["value"] == f"urn:sha256:{source.sha256}"


@pytest.mark.parametrize(
    ("code", "value", "unit"),
    [
        ("8867-4", 72, "/min"),
        ("8637-1", 829, "ms"),
        ("8633-0", 94, "ms"),
        ("8634-8", 388, "ms"),
        ("76634-5", 412, "ms"),
        ("76635-2", 425, "ms"),
        ("8632-2", 0, "deg"),
        ("8638-9", 41, "deg"),
        ("R wave amplitude, lead V1", 1.235, "mV"),
        ("133123", 1.235, "mV"),
        ("10148-5", -0.2, "mV"),
    ],
)
def test_each_measurement_has_code_value_and_unit(measurements, code, value, unit):
    quantity = component(measurements, code)["valueQuantity"]
    assert (quantity["value"], quantity["code"]) == (value, unit)
    assert quantity["system"] == "http://unitsofmeasure.org"


def test_minus_zero_degrees_are_zero(source):
    assert (
        b"-0"
        not in json.dumps(
            component(json.loads(documents(source)[0].observations[0]), "8632-2")
        ).encode()
    )


def test_the_qtc_without_a_method_is_never_given(measurements):
    assert "8636-3" not in json.dumps(measurements)


def test_what_was_not_measured_says_why(measurements):
    absent = component(measurements, "8625-6")
    assert "valueQuantity" not in absent
    assert absent["dataAbsentReason"]["text"] == "no P wave was found"
    assert component(measurements, "8626-4")["dataAbsentReason"]["text"] == "not measured"


def test_an_amplitude_that_was_not_measured_says_why(source):
    measured = Measurements(r_amplitude_mv={"I": None})
    why = Undetermined("measurements.r_amplitude_mv.I", "flat")
    analysis = an_analysis(measurements=measured, undetermined=(why,))
    found = json.loads(documents(source, analysis)[0].observations[0])
    absent = component(found, "R wave amplitude, lead I")
    assert absent["dataAbsentReason"]["text"] == "flat"


def test_leads_of_a_holter_are_named_not_coded(source):
    analysis = an_analysis(leads=("MLII", "V5"))
    found = json.loads(documents(source, analysis)[0].observations[0])
    assert component(found, "R wave amplitude, lead V5")["code"].keys() == {"text"}


def test_a_p_wave_duration_is_given_where_it_was_measured(source):
    measured = replace(an_analysis().measurements, p_ms=104.4)
    found = json.loads(
        documents(source, an_analysis(measurements=measured))[0].observations[0]
    )
    assert component(found, "P wave duration")["valueQuantity"]["value"] == 104


def test_observations_are_preliminary_and_name_the_algorithm(
    measurements, impression, source
):
    device = json.loads(documents(source)[0].device)
    for observation in (measurements, impression):
        assert observation["status"] == "preliminary"
        assert observation["derivedFrom"][0]["reference"] == "Observation/ecg-1"
        extension = observation["performer"][0]["extension"][0]
        assert extension["valueReference"] == {"reference": f"Device/{device['id']}"}
        assert "reference" not in observation["performer"][0]


def test_the_impression_says_what_the_beats_show(impression):
    text = impression["valueCodeableConcept"]["text"]
    assert text == "3 beats: 2 normal or bundle branch block, 1 ventricular ectopic"
    counted = component(impression, "Beats of AAMI class V: ventricular ectopic")
    assert counted["valueInteger"] == 1
    assert component(impression, "17338001")["valueString"] == "1 of 3 beats"


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Rhythm", "more than one rhythm is possible"),
        ("Diagnosis", "no diagnosis model is installed"),
    ],
)
def test_the_impression_says_what_was_not_determined(impression, question, reason):
    absent = component(impression, question)["dataAbsentReason"]
    assert absent["coding"][0]["code"] == "not-performed"
    assert absent["text"] == reason


@pytest.mark.parametrize(
    ("label", "code", "text"),
    [
        (RhythmClass.NORMAL, "426783006", "Normal sinus rhythm"),
        (RhythmClass.AF, "164889003", "Atrial fibrillation"),
        (RhythmClass.OTHER, None, "Neither normal sinus rhythm nor atrial fibrillation"),
        (None, None, "Changing: normal sinus rhythm 60%, atrial fibrillation 40%"),
    ],
)
def test_the_impression_names_the_rhythm(source, label, code, text):
    analysis = an_analysis(rhythm=a_reading(label), undetermined=())
    found = json.loads(documents(source, analysis)[0].observations[1])
    value = component(found, "Rhythm")["valueCodeableConcept"]
    assert value["text"] == text
    assert [c["code"] for c in value.get("coding", [])] == ([code] if code else [])


def test_findings_say_how_urgent_and_contradictions_what_on(source):
    reading = a_reading()
    analysis = an_analysis(rhythm=reading, findings=rhythm_findings(reading, 500.0))
    found = json.loads(documents(source, analysis)[0].observations[1])
    for code, urgency, meaning in (
        ("164896001", "Emergency", "AA"),
        ("164889003", "Prompt", "A"),
    ):
        (interpretation,) = component(found, code)["interpretation"]
        assert interpretation["text"] == urgency
        assert interpretation["coding"][0]["code"] == meaning
    assert "interpretation" not in component(found, "251180001")
    contradiction = component(found, "Contradiction")["valueString"]
    assert contradiction == "a model sees what no rule finds: seen (a guideline)"


def test_without_beats_the_impression_has_no_value(source):
    found = json.loads(documents(source, an_empty_analysis())[0].observations[1])
    assert found["dataAbsentReason"]["text"] == "no beat was found"
    assert "valueCodeableConcept" not in found


def test_provenance_names_bytes_models_and_software(source):
    made = documents(source)[0]
    found, device = json.loads(made.provenance), json.loads(made.device)
    assert [t["reference"] for t in found["target"]] == [
        f"DiagnosticReport/{REPORT_ID}/_history/1",
        f"Observation/{REPORT_ID}-measurements/_history/1",
        f"Observation/{REPORT_ID}-impression/_history/1",
    ]
    ecg, model = (entity["what"] for entity in found["entity"])
    assert ecg["reference"] == "Observation/ecg-1/_history/1"
    assert ecg["identifier"]["value"] == f"urn:sha256:{source.sha256}"
    assert model["identifier"]["value"] == "urn:sha256:" + "ab" * 32
    assert found["agent"][0]["who"]["reference"] == f"Device/{device['id']}"
    assert found["agent"][1]["who"]["display"] == "Ward <7> & Co"
    assert found["recorded"] == INSTANT


def test_a_second_version_is_a_revision_of_the_first(source):
    made = documents(source, version=2)[0]
    found = json.loads(made.provenance)
    assert found["target"][0]["reference"].endswith("/_history/2")
    assert found["entity"][-1]["what"]["reference"].endswith("/_history/1")
    assert json.loads(made.diagnostic_report)["meta"]["versionId"] == "2"


def test_the_device_lists_service_core_and_models(source):
    versions = json.loads(documents(source)[0].device)["version"]
    found = [(v["type"]["text"], v["value"]) for v in versions]
    assert found == [
        ("service", "1.2.3"),
        ("core", "1.2.3"),
        ("model", "1.0.0"),
        ("model-sha256", "ab" * 32),
    ]


def test_the_same_software_and_models_are_the_same_device():
    models = an_analysis().models
    assert device_id(models, "1.0") == device_id(models, "1.0")
    assert device_id(models, "1.0") != device_id(models, "1.1")
    assert device_id(models, "1.0") != device_id((), "1.0")


def test_a_signed_version_keeps_what_the_hospitals_own_models_said():
    made = documents(decode(valid_observation()).source)[0]
    made = replace(made, further=(b'{"resourceType":"RiskAssessment"}',))
    report = StoredReport(
        REPORT_ID, 1, "preliminary", "Patient/1", None, EFFECTIVE, ISSUED, "ab" * 32,
        "Fine.", made,
    )  # fmt: skip
    signature = Signature("sub", "Dr. Who", "cardiologist", "read")
    new = SignedVersion(REPORT_ID, 1, ReportStatus.FINAL, signature, made, ISSUED)
    assert signed_documents(report, new, None).further == made.further

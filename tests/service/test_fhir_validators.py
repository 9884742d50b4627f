"""What the service writes is valid for validators that share no code with it."""

import json
from dataclasses import replace

import pytest

from ecgsvc.domain.errors import InvalidElement, Overloaded
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.report import Identifier
from ecgsvc.domain.rhythm import RhythmClass
from ecgsvc.domain.serial import MeasuredReport, StatedFinding
from ecgsvc.domain.sheet import Sheet
from ecgsvc.domain.waveform import STANDARD_LEADS
from ecgsvc.export import Deidentifier
from ecgsvc.fhir import (
    ContentWarning,
    all_ok_outcome,
    encode_observation,
    operation_outcome,
    without_sheet,
)
from ecgsvc.interpretation import compare
from ecgsvc.interpretation.rhythm_findings import rhythm_findings
from tests.mutations import valid_observation
from tests.unit.fhir.fhir_helpers import (
    EFFECTIVE,
    a_reading,
    a_recording,
    an_analysis,
    decode,
    documents,
)
from tests.validators import (
    assert_valid_for_independent_validators,
    problems_found,
    require_validators,
)

TIME_WITHOUT_ZONE = {"effectiveDateTime": "2026-11-21T09:30:00"}
EFFECTIVES = [
    {"effectiveDateTime": "2026-11-21T09:30:00.000Z"},
    TIME_WITHOUT_ZONE,
    {"effectiveDateTime": "2026"},
    {"effectiveInstant": "2026-11-21T09:30:00+01:00"},
    {"effectivePeriod": {"start": "2026-11-21T09:30:00Z", "end": "2026-11-21T09:30:10Z"}},
]
SUBJECTS = [
    {"reference": "Patient/example"},
    {"reference": "https://ehr.example/fhir/Patient/example", "display": "x"},
    {"type": "Patient", "identifier": {"system": "urn:oid:1.2.3", "value": "4711"}},
]


def resources_of(made):
    return [made.diagnostic_report, *made.observations, made.provenance, made.device]


def test_reports_on_every_kind_of_ecg_are_valid():
    made = []
    for effective in EFFECTIVES:
        for subject in SUBJECTS:
            ecg = valid_observation()
            del ecg["effectiveDateTime"]
            source = decode(ecg | effective | {"subject": subject}).source
            made += resources_of(documents(source)[0])
    assert_valid_for_independent_validators(made)


def test_a_comparison_with_an_earlier_ecg_is_valid():
    values = Measurements(heart_rate_bpm=120.0, pr_ms=100.0, qrs_axis_deg=170.0)
    earlier = MeasuredReport(
        "5b0d1c52-6c9a-4a3a-9d51-2a5f2d3c0002", 3, EFFECTIVE, values,
        (StatedFinding("http://snomed.info/sct", "164889003", "Atrial fibrillation"),),
    )  # fmt: skip
    own = replace(values, heart_rate_bpm=60.0, qrs_axis_deg=-170.0)
    found = (StatedFinding("http://snomed.info/sct", "426783006", "Sinus rhythm"),)
    serial = compare(earlier, own, found, (("beats", "1.0.0"),))
    made = documents(decode(valid_observation()).source, an_analysis(serial=serial))[0]
    assert len(made.observations) == 3
    assert_valid_for_independent_validators(resources_of(made))


def test_a_report_with_its_sheet_is_valid_and_so_is_its_summary():
    sheet = Sheet(b"%PDF-1.7", "application/pdf", "ECG", EFFECTIVE)
    source = decode(valid_observation()).source
    report = documents(source, sheet=sheet)[0].diagnostic_report
    assert_valid_for_independent_validators([report, without_sheet(report)])


def test_reports_without_names_are_valid_and_so_are_their_ecgs():
    made, names = [], Deidentifier(bytes(range(32)), "north")
    for effective in EFFECTIVES:
        for subject in SUBJECTS:
            ecg = valid_observation()
            del ecg["effectiveDateTime"]
            ecg |= effective | {"subject": subject}
            bodies = resources_of(documents(decode(ecg).source)[0])
            if effective != TIME_WITHOUT_ZONE:  # is accepted, and is no valid FHIR
                bodies.append(json.dumps(ecg).encode())
            made += [names.resource(json.loads(body), "Patient/example") for body in bodies]
    assert "example" not in json.dumps(made)
    assert_valid_for_independent_validators([json.dumps(each).encode() for each in made])


def test_reports_on_what_could_not_be_measured_are_valid():
    ecg = valid_observation()
    for name in ("id", "meta", "identifier", "encounter", "device", "issued"):
        del ecg[name]
    source = decode(ecg).source
    nothing = an_analysis(measurements=Measurements(), findings=(), models=())
    holter = an_analysis(leads=("MLII", "V5"))
    made = [
        resource
        for analysis in (nothing, holter)
        for version in (1, 2)
        for resource in resources_of(documents(source, analysis, version)[0])
    ]
    assert_valid_for_independent_validators(made)


def test_reports_on_every_finding_of_rhythm_are_valid():
    source = decode(valid_observation()).source
    made = []
    for label in (None, *RhythmClass):
        reading = a_reading(None if label is RhythmClass.NOISE else label)
        analysis = an_analysis(rhythm=reading, findings=rhythm_findings(reading, 500.0))
        made += resources_of(documents(source, analysis)[0])
    assert_valid_for_independent_validators(made)


def test_reports_on_r5_observations_are_valid_r4():
    ecg = valid_observation()
    for component in ecg["component"]:
        series = component["valueSampledData"]
        series |= {"interval": series.pop("period"), "intervalUnit": "ms"}
    made = documents(decode(ecg).source)[0]
    assert_valid_for_independent_validators(resources_of(made))


def test_encoded_observations_are_valid():
    made = [
        encode_observation(
            a_recording(leads, rate=rate),
            subject=subject,
            effective_at=EFFECTIVE,
            identifier=Identifier("urn:oid:1.2.3", "100"),
        )
        for leads, rate in (
            (STANDARD_LEADS, 500.0),
            (("MLII", "V5"), 360.0),
            (("ECG",), 257.0),
        )
        for subject in ("Patient/1", Identifier("urn:oid:1.2.3", "1"))
    ]
    assert_valid_for_independent_validators(made)


def test_outcomes_are_valid():
    refused = InvalidElement("a", expression="Observation.status").with_others(
        [
            InvalidElement(
                "b", expression="Observation.component[0].value.ofType(SampledData)"
            )
        ]
    )
    warning = ContentWarning("look", "Observation.code")
    assert_valid_for_independent_validators(
        [operation_outcome(refused), operation_outcome(Overloaded("later")),
         all_ok_outcome([warning])]
    )  # fmt: skip


@pytest.mark.parametrize(
    "damage",
    [
        {"status": "bogus"},
        {"result": "x"},
        {"foo": 1},
        {"code": None},
        {"issued": "yesterday"},
        {"category": {}},
    ],
)
def test_the_validators_notice_damage(damage):
    require_validators()
    report = json.loads(documents(decode(valid_observation()).source)[0].diagnostic_report)
    assert problems_found([json.dumps(report | damage).encode()])

"""ECG Observations that are accepted, and what is read from them."""

import copy
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ecgsvc.domain.errors import InvalidElement, MissingElement, UnsupportedContent
from ecgsvc.domain.report import Identifier
from ecgsvc.domain.waveform import STANDARD_LEADS
from ecgsvc.fhir import Limits
from tests.mutations import LEADS, MDC, N_SAMPLES, valid_observation
from tests.unit.fhir.fhir_helpers import decode, expressions, refusal

LOINC_LEADS = {"I": "LP7386-8", "aVR": "LP7385-0", "aVL": "LP7384-3", "V6": "LP7394-2"}


@pytest.fixture
def ecg():
    return valid_observation()


def sampled(ecg, index=0):
    return ecg["component"][index]["valueSampledData"]


def to_r5(ecg):
    for component in ecg["component"]:
        series = component["valueSampledData"]
        series |= {"interval": series.pop("period"), "intervalUnit": "ms"}
    return ecg


def single_lead(ecg, code):
    ecg["code"] = code
    ecg["valueSampledData"] = ecg.pop("component")[0]["valueSampledData"]
    return ecg


def test_twelve_leads_become_millivolts(ecg):
    waveform = decode(ecg).recording.waveform
    assert waveform.leads == STANDARD_LEADS
    assert waveform.sampling_rate_hz == 500.0
    microvolts = [int(token) for token in sampled(ecg, 4)["data"].split(" ")]
    np.testing.assert_array_equal(waveform.lead_mv("aVL"), np.array(microvolts) / 1000)


def test_the_body_is_kept_and_hashed_as_received(ecg):
    body = json.dumps(ecg, indent=3).encode()
    source = decode(body).source
    assert source.body == body
    assert source.sha256 == hashlib.sha256(body).hexdigest()


def test_the_source_says_what_the_store_asks_for(ecg):
    source = decode(ecg).source
    assert source.fhir_version == "4.0.1"
    assert source.status == "final"
    assert source.identifiers == (Identifier("urn:oid:1.2.840.99999.7.1", "ECG-1"),)
    assert source.subject_reference == "Patient/example"
    assert source.effective_at == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def test_what_a_report_carries_over_stays_as_it_came(ecg):
    ecg["basedOn"] = [{"reference": "ServiceRequest/sr-1"}]
    carried = decode(ecg).source.carried
    for name in ("id", "identifier", "subject", "encounter", "device", "basedOn",
                 "effectiveDateTime", "issued", "meta"):  # fmt: skip
        assert carried[name] == ecg[name]


@pytest.mark.parametrize("stated", ["", "5.0.0"])
def test_r5_is_recognised_by_its_interval(ecg, stated):
    decoded = decode(to_r5(ecg), fhir_version=stated)
    assert decoded.source.fhir_version == "5.0.0"
    assert decoded.recording.waveform.sampling_rate_hz == 500.0


def test_an_r5_interval_may_be_in_seconds(ecg):
    for component in to_r5(ecg)["component"]:
        component["valueSampledData"] |= {"interval": 0.004, "intervalUnit": "s"}
    assert decode(ecg).recording.waveform.sampling_rate_hz == 250.0


@pytest.mark.parametrize(
    ("stated", "change", "element"),
    [("4.0.1", to_r5, "interval"), ("5.0.0", lambda ecg: ecg, "period")],
)
def test_another_version_than_stated_is_refused(ecg, stated, change, element):
    error = refusal(change(ecg), fhir_version=stated)
    assert isinstance(error, InvalidElement)
    assert (
        error.expression == f"Observation.component[0].value.ofType(SampledData).{element}"
    )


def test_an_unknown_version_is_refused(ecg):
    assert isinstance(refusal(ecg, fhir_version="3.0.2"), UnsupportedContent)


@pytest.mark.parametrize("system", [MDC, "urn:oid:2.16.840.1.113883.6.24"])
@pytest.mark.parametrize("offset", [0, -256])  # MDC_ECG_ELEC_POTL_*, MDC_ECG_LEAD_*
def test_leads_are_known_by_either_range_of_either_system(ecg, system, offset):
    for component in ecg["component"]:
        coding = component["code"]["coding"][0]
        coding |= {"system": system, "code": str(int(coding["code"]) + offset)}
    assert decode(ecg).recording.waveform.leads == STANDARD_LEADS


def test_leads_are_known_by_their_german_loinc_codes(ecg):
    for lead, code in LOINC_LEADS.items():
        index = list(LEADS).index(lead)
        coding = {"system": "http://loinc.org", "code": code}
        ecg["component"][index]["code"] = {"coding": [coding]}
    assert decode(ecg).recording.waveform.leads == STANDARD_LEADS


def test_a_display_of_another_lead_is_a_warning_and_the_code_decides(ecg):
    del ecg["component"][2]  # no lead III of its own
    coding = ecg["component"][2]["code"]["coding"][0]
    coding |= {"code": "131389", "display": "MDC_ECG_ELEC_POTL_AVR"}
    decoded = decode(ecg)
    assert decoded.recording.waveform.leads[2] == "III"
    (warning,) = decoded.warnings
    assert warning.expression == "Observation.component[2].code.coding[0].display"
    assert "aVR" in warning.message


def test_a_lead_without_a_code_keeps_its_own_name(ecg):
    for component, name in zip(ecg["component"], ["MLII", "V5", "MLII"], strict=False):
        component["code"] = {"text": name}
    leads = decode(ecg).recording.waveform.leads
    assert leads[:3] == ("MLII", "V5#2", "MLII#2")
    assert leads[10] == "V5"


@pytest.mark.parametrize(
    ("code", "lead"),
    [
        ({"coding": [{"system": MDC, "code": "131331"}]}, "V1"),
        ({"coding": [{"system": MDC, "code": "131328"}], "text": "MLII"}, "MLII"),
        ({"coding": [{"system": "http://loinc.org", "code": "11524-6"}]}, "ECG"),
    ],
)
def test_a_single_lead_may_sit_in_the_observation(ecg, code, lead):
    decoded = decode(single_lead(ecg, code))
    assert decoded.recording.waveform.leads == (lead,)
    assert decoded.lead_expressions == {lead: "Observation.value.ofType(SampledData)"}


def test_samples_in_both_places_are_refused(ecg):
    ecg["valueSampledData"] = copy.deepcopy(sampled(ecg))
    assert "Observation.value.ofType(SampledData)" in expressions(refusal(ecg))


def test_each_lead_says_where_it_stands(ecg):
    expected = "Observation.component[3].value.ofType(SampledData)"
    assert decode(ecg).lead_expressions["aVR"] == expected


def test_missing_samples_are_nan_never_zero(ecg):
    tokens = sampled(ecg, 1)["data"].split(" ")
    tokens[5:8] = ["E", "L", "U"]
    sampled(ecg, 1)["data"] = " ".join(tokens)
    missing = np.isnan(decode(ecg).recording.waveform.lead_mv("II"))
    assert np.flatnonzero(missing).tolist() == [5, 6, 7]


def test_a_lead_that_is_missing_altogether_is_accepted_as_missing(ecg):
    sampled(ecg, 7)["data"] = " ".join("E" * N_SAMPLES)
    assert np.isnan(decode(ecg).recording.waveform.lead_mv("V2")).all()


def test_a_lead_with_only_a_reason_is_a_missing_lead(ecg):
    del ecg["component"][7]["valueSampledData"]
    ecg["component"][7]["dataAbsentReason"] = {"text": "lead off"}
    decoded = decode(ecg)
    assert np.isnan(decoded.recording.waveform.lead_mv("V2")).all()
    assert [w.expression for w in decoded.warnings] == ["Observation.component[7]"]


@pytest.mark.parametrize(
    ("unit", "per_mv"), [("uV", 1000), ("mV", 1), ("nV", 1_000_000), ("V", 0.001)]
)
@pytest.mark.parametrize("as_code", [True, False])
def test_every_voltage_becomes_millivolts(ecg, unit, per_mv, as_code):
    origin = {"value": 0.5 * per_mv}
    origin |= (
        {"code": unit, "system": "http://unitsofmeasure.org"} if as_code else {"unit": unit}
    )
    series = sampled(ecg)
    series |= {"origin": origin, "factor": 0.001 * per_mv}
    steps = np.array([int(token) for token in series["data"].split(" ")])
    found = decode(ecg).recording.waveform.lead_mv("I")
    np.testing.assert_allclose(found, 0.5 + 0.001 * steps, rtol=1e-12)


@pytest.mark.parametrize("unit", ["\u00b5V", "\u03bcV"])
def test_both_micro_signs_are_microvolts(ecg, unit):
    before = decode(ecg).recording.waveform.lead_mv("I")
    sampled(ecg)["origin"] = {"value": 0, "unit": unit}
    np.testing.assert_array_equal(decode(ecg).recording.waveform.lead_mv("I"), before)


def test_without_a_factor_a_step_is_one_unit(ecg):
    before = decode(ecg).recording.waveform.samples_mv
    del sampled(ecg)["factor"]
    np.testing.assert_array_equal(decode(ecg).recording.waveform.samples_mv, before)


def test_an_adc_zero_as_origin_without_unit_is_explained(ecg):
    sampled(ecg)["origin"] = {"value": 2048}
    error = refusal(ecg)
    assert isinstance(error, MissingElement)
    assert "ADC zero" in error.message
    assert error.expression.endswith("component[0].value.ofType(SampledData).origin.code")


def test_a_tenant_may_accept_a_converters_zero_as_origin(ecg):
    series = sampled(ecg)
    series |= {"origin": {"value": 2048}, "factor": 2.5}
    steps = np.array([int(token) for token in series["data"].split(" ")])
    accepted = decode(ecg, limits=Limits(unitless_origin="uV"))
    found = accepted.recording.waveform.lead_mv("I")
    np.testing.assert_allclose(found, (steps - 2048) * 2.5 / 1000, rtol=1e-12, atol=1e-15)
    (warning,) = accepted.warnings
    assert warning.expression.endswith("component[0].value.ofType(SampledData).origin")


def test_the_quirk_changes_no_origin_that_says_its_unit(ecg):
    plain = decode(ecg).recording.waveform.samples_mv
    quirky = decode(ecg, limits=Limits(unitless_origin="V"))
    np.testing.assert_array_equal(quirky.recording.waveform.samples_mv, plain)
    sampled(ecg)["origin"] = {"value": 0, "unit": "mA"}
    assert isinstance(refusal(ecg, limits=Limits(unitless_origin="uV")), UnsupportedContent)


def test_twelve_dimensions_on_one_lead_of_many_are_a_warning(ecg):
    sampled(ecg, 4)["dimensions"] = 12
    (warning,) = decode(ecg).warnings
    assert warning.expression.endswith("component[4].value.ofType(SampledData).dimensions")


def test_twelve_dimensions_of_a_single_lead_may_be_interleaved_and_are_refused(ecg):
    body = single_lead(ecg, {"coding": [{"system": MDC, "code": "131328"}]})
    body["valueSampledData"]["dimensions"] = 12
    assert isinstance(refusal(body), UnsupportedContent)


def test_a_rate_is_whole_where_its_period_is_a_rounded_decimal(ecg):
    for component in ecg["component"]:
        component["valueSampledData"]["period"] = 2.7777778
    assert decode(ecg).recording.waveform.sampling_rate_hz == 360.0


# --- times ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effective", "expected"),
    [
        ({"effectiveDateTime": "2026-11-21T10:30:00+01:00"}, "2026-11-21T09:30:00+00:00"),
        (
            {"effectiveInstant": "2026-11-21T09:30:00.5Z"},
            "2026-11-21T09:30:00.500000+00:00",
        ),
        (
            {"effectivePeriod": {"start": "2026-11-21T09:30:00Z"}},
            "2026-11-21T09:30:00+00:00",
        ),
        ({"effectiveDateTime": "2016-12-31T23:59:60Z"}, "2017-01-01T00:00:00+00:00"),
    ],
)
def test_effective_times_are_read_in_utc(ecg, effective, expected):
    del ecg["effectiveDateTime"]
    decoded = decode(ecg | effective)
    assert decoded.source.effective_at.isoformat() == expected
    assert decoded.warnings == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026", "2025-12-31T23:00:00+00:00"),
        ("2026-11", "2026-10-31T23:00:00+00:00"),
        ("2026-11-21", "2026-11-20T23:00:00+00:00"),
        ("2026-11-21T09:30:00", "2026-11-21T08:30:00+00:00"),
    ],
)
def test_times_without_a_zone_are_in_the_configured_one_and_say_so(ecg, text, expected):
    ecg["effectiveDateTime"] = text
    decoded = decode(ecg, default_zone=ZoneInfo("Europe/Berlin"))
    assert decoded.source.effective_at.isoformat() == expected
    (warning,) = decoded.warnings
    assert warning.expression == "Observation.effective.ofType(dateTime)"


def test_a_zone_that_was_added_is_carried_into_the_report(ecg):
    ecg["effectiveDateTime"] = "2026-11-21T09:30:00"
    carried = decode(ecg, default_zone=ZoneInfo("Europe/Berlin")).source.carried
    assert carried["effectiveDateTime"] == "2026-11-21T09:30:00+01:00"


# --- extensions, bundles ----------------------------------------------------------------


def test_unknown_extensions_are_ignored(ecg):
    ecg["extension"] = [{"url": "http://x.example", "valueString": "y"}]
    ecg["_status"] = {"extension": [{"url": "http://x.example", "valueCode": "y"}]}
    decode(ecg)


def test_a_passive_narrative_is_accepted(ecg):
    div = (
        '<div xmlns="http://www.w3.org/1999/xhtml"><p class="a" style="color:red">1 &lt; 2 '
        '<a href="https://x.example/?a=1">b</a> <a href="#c">c</a> '
        '<img src="data:image/png;base64,AAAA" alt="d"/></p></div>'
    )
    ecg["text"] = {"status": "generated", "div": div}
    decode(ecg)


def a_bundle(*resources, kind="collection"):
    entries = [{"fullUrl": f"urn:uuid:{i}", "resource": r} for i, r in enumerate(resources)]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


@pytest.mark.parametrize("kind", ["collection", "transaction", "batch"])
def test_a_bundle_with_one_observation_is_accepted(ecg, kind):
    patient = {"resourceType": "Patient", "id": "example", "gender": "female"}
    decoded = decode(a_bundle(patient, ecg, kind=kind))
    assert decoded.recording.sex == "female"
    assert decoded.lead_expressions["I"].startswith("Bundle.entry[1].resource.component[0]")


def test_errors_in_a_bundle_are_addressed_from_its_root(ecg):
    ecg["status"] = "bogus"
    assert refusal(a_bundle(ecg)).expression == "Bundle.entry[0].resource.status"


@pytest.mark.parametrize("kind", ["searchset", "document", "nonsense", None])
def test_bundles_of_other_types_are_refused(ecg, kind):
    assert refusal(a_bundle(ecg, kind=kind)).expression == "Bundle.type"


def test_a_bundle_must_hold_exactly_one_observation(ecg):
    assert refusal(a_bundle(ecg, ecg)).expression == "Bundle.entry"
    assert refusal(a_bundle({"resourceType": "Patient"})).expression == "Bundle.entry"


def test_a_patient_of_the_bundle_is_the_subject_by_its_full_url(ecg):
    ecg["subject"] = {"reference": "urn:uuid:0"}
    patient = {
        "resourceType": "Patient",
        "birthDate": "1970-11-21",
        "identifier": [{"system": "urn:x", "value": "7"}],
    }
    decoded = decode(a_bundle(patient, ecg))
    assert decoded.recording.age_years == pytest.approx(56.0, abs=0.01)
    assert decoded.source.subject_identifier == Identifier("urn:x", "7")


def test_a_focus_on_someone_else_is_a_warning(ecg):
    ecg["focus"] = [{"reference": "Patient/fetus"}]
    (warning,) = decode(ecg).warnings
    assert warning.expression == "Observation.focus"


def test_threads_decode_at_the_same_time(ecg):
    bodies = [json.dumps(ecg | {"id": f"ecg-{k}"}).encode() for k in range(16)]
    with ThreadPoolExecutor(4) as pool:
        ids = [decoded.source.carried["id"] for decoded in pool.map(decode, bodies)]
    assert ids == [f"ecg-{k}" for k in range(16)]

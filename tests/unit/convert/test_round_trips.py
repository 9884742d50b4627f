"""What is written is read again: samples, rate, leads, patient, time, device, filters."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgsvc import dsp, fhir
from ecgsvc.convert import WRITERS, Format, format_of, read_bytes, read_wfdb
from ecgsvc.domain.errors import UnsupportedContent
from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
    RecordingHeader,
)
from ecgsvc.domain.report import Identifier
from ecgsvc.domain.waveform import STANDARD_LEADS, Recording, Waveform
from ecgsvc.simulation import SimulationSettings, simulate

AT = datetime(2026, 1, 2, 3, 4, 5, 250_000, tzinfo=timezone(timedelta(hours=2)))
HEADER = RecordingHeader(
    RecordedPatient("4711", "urn:oid:1.2.3", "Müller", "Jo", date(1970, 1, 2)),
    AT,
    RecordingDevice("ACME", "Cart 3", "SN1", "1.0"),
    RecordingFilters(0.05, 150.0, 50.0),
)
RICH = (Format.AECG, Format.CSV, Format.DICOM)


def a_recording(step_uv=1.0, leads=STANDARD_LEADS, n_samples=1500, rate_hz=500.0, seed=0):
    steps = np.random.default_rng(seed).integers(-2000, 2000, (len(leads), n_samples))
    waveform = Waveform(steps * (step_uv / 1e3), rate_hz, tuple(leads))
    header = replace(HEADER, step_uv=step_uv)
    return Recording("x", waveform, age_years=56.0, sex="female", header=header)


def ascii_only(recording):
    """EDF+ knows ASCII only."""
    patient = replace(recording.header.patient, family_name="Mueller")
    return replace(recording, header=replace(recording.header, patient=patient))


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("step_uv", [0.5, 1.0, 2.5, 4.88, 5.0])
def test_samples_come_back_within_half_a_digital_step(form, step_uv):
    recording = ascii_only(a_recording(step_uv))
    content = WRITERS[form](recording)
    assert format_of(content) is form
    found = read_bytes(content, "x").waveform
    error_uv = np.abs(found.samples_mv - recording.waveform.samples_mv).max() * 1e3
    assert error_uv < 0.05 * step_uv
    assert found.leads == STANDARD_LEADS
    assert found.sampling_rate_hz == 500


@pytest.mark.parametrize("form", RICH)
def test_all_that_is_known_of_a_recording_comes_back(form):
    recording = a_recording()
    found = read_bytes(WRITERS[form](recording), "x")
    assert found.header == recording.header
    assert (found.age_years, found.sex) == (56, "female")


def test_edf_brings_back_what_it_has_a_place_for():
    recording = ascii_only(a_recording())
    found = read_bytes(WRITERS[Format.EDF](recording), "x")
    assert found.header.patient == RecordedPatient(
        "4711", None, "Mueller Jo", None, date(1970, 1, 2)
    )
    assert found.header.recorded_at == AT.replace(tzinfo=None)
    assert found.header.filters == HEADER.filters
    assert found.header.device.model == "Cart 3"
    assert found.sex == "female"


@given(
    n_leads=st.integers(1, 12),
    n_samples=st.integers(400, 1200),
    rate_hz=st.sampled_from([200.0, 250.0, 257.0, 360.0, 500.0, 977.5, 1000.0]),
    seed=st.integers(0, 99),
    form=st.sampled_from([Format.AECG, Format.CSV, Format.DICOM]),
)
@settings(max_examples=25, deadline=None)
def test_any_length_rate_and_number_of_leads_comes_back(
    n_leads, n_samples, rate_hz, seed, form
):
    leads = (*STANDARD_LEADS[:6], "MLII", "V7", "X", "Y", "Z", "Aux")[:n_leads]
    recording = a_recording(1.0, leads, n_samples, rate_hz, seed)
    found = read_bytes(WRITERS[form](recording), "x").waveform
    np.testing.assert_allclose(
        found.samples_mv, recording.waveform.samples_mv, rtol=0, atol=1e-9
    )
    assert found.sampling_rate_hz == pytest.approx(rate_hz, rel=1e-9)
    assert found.leads == leads


@pytest.mark.parametrize("form", [Format.CSV, Format.DICOM])
def test_missing_samples_come_back_as_missing(form):
    recording = a_recording()
    samples = recording.waveform.samples_mv.copy()
    samples[3, 100:200] = np.nan
    holed = replace(recording, waveform=Waveform(samples, 500.0, STANDARD_LEADS))
    found = read_bytes(WRITERS[form](holed), "x").waveform.samples_mv
    np.testing.assert_array_equal(np.isnan(found), np.isnan(samples))
    np.testing.assert_allclose(found, samples, rtol=0, atol=1e-9)


@pytest.mark.parametrize("form", [Format.AECG, Format.EDF])
def test_a_format_without_missing_samples_refuses_to_invent_them(form):
    recording = a_recording()
    samples = recording.waveform.samples_mv.copy()
    samples[3, 100] = np.nan
    holed = replace(recording, waveform=Waveform(samples, 500.0, STANDARD_LEADS))
    with pytest.raises(UnsupportedContent, match="sample 100 of lead aVR is missing"):
        WRITERS[form](holed)


def test_amplitudes_beyond_16_bits_are_written_in_32_to_dicom():
    recording = a_recording(0.1)
    samples = recording.waveform.samples_mv.copy()
    samples[0, 0] = 19.9
    large = replace(recording, waveform=Waveform(samples, 500.0, STANDARD_LEADS))
    found = read_bytes(WRITERS[Format.DICOM](large), "x").waveform
    np.testing.assert_allclose(found.samples_mv, samples, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("leads", "n_samples", "kind"),
    [
        (STANDARD_LEADS, 5000, "1.2.840.10008.5.1.4.1.1.9.1.1"),
        (STANDARD_LEADS, 16385, "1.2.840.10008.5.1.4.1.1.9.1.2"),
        (("I", "MLII"), 5000, "1.2.840.10008.5.1.4.1.1.9.1.2"),
    ],
)
def test_the_dicom_object_is_of_the_class_that_allows_it(leads, n_samples, kind):
    content = WRITERS[Format.DICOM](a_recording(1.0, leads, n_samples))
    assert kind.encode() in content[:400]


@pytest.mark.parametrize("form", [Format.AECG, Format.DICOM, Format.CSV])
def test_the_same_recording_is_written_the_same(form):
    assert WRITERS[form](a_recording()) == WRITERS[form](a_recording())


def observation_of(recording):
    patient = recording.header.patient
    body = fhir.encode_observation(
        recording,
        subject=Identifier(patient.identifier_system, patient.identifier),
        effective_at=recording.header.recorded_at.replace(tzinfo=UTC)
        if recording.header.recorded_at.tzinfo is None
        else recording.header.recorded_at,
    )
    return fhir.decode_observation(body, parse_samples=dsp.parse_sampled_data)


@pytest.mark.parametrize("form", WRITERS)
def test_from_a_simulated_ecg_through_each_format_to_an_observation(form):
    simulated = simulate(SimulationSettings(seed=3)).recording
    recording = ascii_only(replace(simulated, header=HEADER, sex="female"))
    decoded = observation_of(read_bytes(WRITERS[form](recording), "x"))
    found = decoded.recording
    error_mv = np.abs(found.waveform.samples_mv - recording.waveform.samples_mv).max()
    assert error_mv <= 0.51e-3
    assert found.waveform.leads == STANDARD_LEADS
    assert found.waveform.sampling_rate_hz == recording.waveform.sampling_rate_hz
    assert decoded.source.subject_identifier.value == "4711"
    assert found.sex == "female"
    assert found.age_years == pytest.approx(56, abs=0.1)


REAL_RECORDS = [("mitdb", "100"), ("ludb/data", "1"), ("ptbxl/records500", "00001_hr")]


@pytest.mark.recordings
@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize(("folder", "record"), REAL_RECORDS)
def test_from_a_real_record_through_each_format_to_an_observation(
    form, folder, record, recordings
):
    original = read_wfdb(recordings / folder / record, start_s=0, duration_s=10)
    patient = RecordedPatient("4711", "urn:oid:1.2.3")
    step_uv = original.header.step_uv
    recording = replace(
        original, header=replace(original.header, patient=patient, recorded_at=AT)
    )
    decoded = observation_of(read_bytes(WRITERS[form](recording), "x"))
    found, wanted = decoded.recording.waveform, original.waveform
    error_uv = np.abs(found.samples_mv - wanted.samples_mv).max() * 1e3
    assert error_uv <= 0.55 * step_uv
    assert (found.leads, found.sampling_rate_hz) == (wanted.leads, wanted.sampling_rate_hz)
    assert decoded.source.subject_identifier.value == "4711"

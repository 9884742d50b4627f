"""Recordings written as Observations."""

import json
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ecgsvc.domain.errors import InvalidElement, TooLarge
from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
    RecordingHeader,
)
from ecgsvc.domain.report import Identifier
from ecgsvc.domain.waveform import STANDARD_LEADS, Recording, Waveform
from ecgsvc.fhir import encode_observation
from tests.unit.fhir.fhir_helpers import EFFECTIVE, a_recording, decode, violations


def encode(recording, **options):
    options = {"subject": "Patient/1", "effective_at": EFFECTIVE} | options
    return encode_observation(recording, **options)


@given(
    steps=arrays.arrays(np.int64, st.tuples(st.integers(1, 16), st.just(2000)),
                        elements=st.integers(-20_000, 20_000), fill=st.just(7)),
    rate=st.sampled_from([100.0, 128.0, 250.0, 257.0, 360.0, 500.0, 977.5, 1000.0, 2000.0]),
    missing=st.lists(st.integers(0, 1999), max_size=5),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_decode_of_encode_gives_the_recording_back(steps, rate, missing):
    samples = steps / 1000.0
    samples[0, missing] = np.nan
    names = (*STANDARD_LEADS, "MLII", "ECG", "ECG#2", "X")[: len(steps)]
    waveform = decode(
        encode(Recording("x", Waveform(samples, rate, names)))
    ).recording.waveform
    np.testing.assert_array_equal(waveform.samples_mv, samples)
    assert waveform.sampling_rate_hz == pytest.approx(rate, rel=1e-12)
    assert waveform.leads == names


@pytest.mark.parametrize("resolution_uv", [0.1, 0.5, 2.5, 4.88, 5.0])
def test_other_resolutions_keep_half_a_step(resolution_uv):
    recording = a_recording()
    found = decode(encode(recording, resolution_uv=resolution_uv)).recording.waveform
    error_mv = np.abs(found.samples_mv - recording.waveform.samples_mv).max()
    assert error_mv <= resolution_uv / 2000 + 1e-12


def test_who_and_when_and_which_are_written():
    zone = timezone(timedelta(hours=1))
    body = encode(
        a_recording(),
        subject=Identifier("urn:x", "4711"),
        effective_at=datetime(2026, 11, 21, 10, 30, tzinfo=zone),
        identifier=Identifier("urn:y", "100"),
        status="amended",
    )
    source = decode(body).source
    assert source.subject_identifier == Identifier("urn:x", "4711")
    assert source.effective_at == datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert source.identifiers == (Identifier("urn:y", "100"),)
    assert source.status == "amended"


@pytest.mark.parametrize(
    ("leads", "coded"),
    [
        (("I", "II", "V1"), {"I", "II", "V1"}),
        (STANDARD_LEADS, set(STANDARD_LEADS)),
        (("MLII", "V5"), set()),
        (("V5", "V2"), set()),
        (("II", "V5"), {"II"}),
        (("i", "ECG"), set()),
    ],
)
def test_only_the_standard_leads_are_coded(leads, coded):
    components = json.loads(encode(a_recording(leads)))["component"]
    found = {
        lead for lead, c in zip(leads, components, strict=True) if "coding" in c["code"]
    }
    assert found == coded


def test_a_recording_too_long_for_a_fhir_string_is_refused():
    samples = np.full((1, 300_000), 1.234)
    with pytest.raises(TooLarge, match="cut the recording"):
        encode(Recording("x", Waveform(samples, 500.0, ("I",))))


def test_more_than_16_leads_are_refused():
    with pytest.raises(TooLarge, match="16 leads"):
        encode(a_recording([f"X{k}" for k in range(17)]))


def test_what_is_written_conforms():
    assert violations(encode(a_recording(("I", "MLII")))) == []


@pytest.mark.parametrize("subject", ["4711", "Group/1", "", "Patient/a b"])
def test_a_subject_that_is_no_patient_is_refused(subject):
    with pytest.raises(InvalidElement, match="reference to a Patient"):
        encode(a_recording(), subject=subject)


HEADER = RecordingHeader(
    RecordedPatient("4711", "urn:oid:1.2.3", "Doe", "Jane", date(1970, 1, 2)),
    EFFECTIVE,
    RecordingDevice("ACME", "Cart 3", "SN1", "1.0"),
    RecordingFilters(0.05, 150.0, 50.0),
    step_uv=2.5,
)


@pytest.mark.parametrize("version", ["4.0.1", "4.3.0", "5.0.0"])
def test_what_the_header_says_is_written_and_read_in_every_version(version):
    steps = np.random.default_rng(0).integers(-900, 900, (2, 1000))
    waveform = Waveform(steps * 2.5e-3, 500.0, ("I", "II"))
    recording = Recording("x", waveform, sex="female", header=HEADER)
    body = encode(recording, subject=Identifier("urn:oid:1.2.3", "4711"), version=version)
    decoded = decode(body, fhir_version=version)
    assert decoded.recording.header == HEADER
    assert decoded.recording.sex == "female"
    assert decoded.source.fhir_version == version
    np.testing.assert_allclose(decoded.recording.waveform.samples_mv, steps * 2.5e-3)
    assert decoded.warnings == ()


def test_a_rate_that_the_service_does_not_read_is_not_written():
    with pytest.raises(InvalidElement, match="100 to 2000 samples a second"):
        encode(a_recording(rate=64.0))

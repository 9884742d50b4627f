"""ECGs that come as files in DocumentReference, Media and Binary."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.convert import WRITERS, Format, read_bytes
from ecgsvc.domain.errors import (
    InvalidElement,
    MissingElement,
    RefusedContent,
    UnreadableRecording,
    UnsupportedContent,
)
from ecgsvc.domain.recording_header import RecordedPatient, RecordingHeader
from ecgsvc.fhir import decode_ecg
from tests.unit.convert.test_round_trips import AT, a_recording
from tests.unit.fhir.fhir_helpers import documents, violations

RECORDING = a_recording(leads=("I", "II", "V1"))
AECG = WRITERS[Format.AECG](RECORDING)
DICOM = WRITERS[Format.DICOM](RECORDING)
TYPES = {AECG: "application/xml", DICOM: "application/dicom"}
KINDS = ("DocumentReference", "DocumentReference R5", "Media", "Binary")


def decode(body, **options):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return decode_ecg(
        body, parse_samples=dsp.parse_sampled_data, read_file=read_bytes, **options
    )


def refusal(body, **options):
    with pytest.raises(RefusedContent) as caught:
        decode(body, **options)
    return caught.value


def attachment(content, kind=None):
    return {
        "contentType": kind or TYPES.get(content, "application/octet-stream"),
        "data": base64.b64encode(content).decode(),
        "size": len(content),
        "hash": base64.b64encode(hashlib.sha1(content).digest()).decode(),
    }


SUBJECT = {
    "reference": "Patient/1",
    "identifier": {"system": "urn:oid:1.2.3", "value": "4711"},
}


def carrier(kind, content):
    if kind == "Binary":
        return {
            "resourceType": "Binary",
            "id": "b1",
            "contentType": TYPES.get(content, "application/octet-stream"),
            "data": base64.b64encode(content).decode(),
        }
    if kind == "Media":
        return {
            "resourceType": "Media",
            "id": "m1",
            "identifier": [{"system": "urn:m", "value": "7"}],
            "status": "completed",
            "subject": SUBJECT,
            "encounter": {"reference": "Encounter/5"},
            "content": attachment(content),
        }
    document = {
        "resourceType": "DocumentReference",
        "id": "d1",
        "identifier": [{"system": "urn:d", "value": "9"}],
        "status": "current",
        "subject": SUBJECT,
        "content": [{"attachment": attachment(content)}],
    }
    if kind.endswith("R5"):
        document["content"][0]["attachment"]["size"] = str(len(content))
        document["period"] = {"start": "2026-01-01"}
        document["context"] = [{"reference": "Encounter/5"}]
    else:
        document["context"] = {"encounter": [{"reference": "Encounter/5"}]}
    return document


@pytest.mark.parametrize("content", TYPES, ids=["aECG", "DICOM"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_recording_in_the_file_is_what_is_analysed(kind, content):
    body = json.dumps(carrier(kind, content)).encode()
    decoded = decode(body)
    waveform = decoded.recording.waveform
    np.testing.assert_allclose(
        waveform.samples_mv, RECORDING.waveform.samples_mv, rtol=0, atol=1e-9
    )
    assert waveform.leads == ("I", "II", "V1")
    source = decoded.source
    assert source.body == body
    assert source.sha256 == hashlib.sha256(body).hexdigest()
    assert source.resource_type == kind.removesuffix(" R5")
    assert source.fhir_version == ("5.0.0" if kind.endswith("R5") else "4.0.1")
    assert source.effective_at == AT
    assert source.subject_identifier.value == "4711"
    assert set(decoded.lead_expressions) == {"I", "II", "V1"}
    assert decoded.lead_expressions["I"].endswith(".data")
    assert (decoded.recording.age_years, decoded.recording.sex) == (56, "female")
    assert decoded.person.name == "Müller, Jo"
    assert decoded.warnings == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_on_a_file_is_valid_and_says_where_it_comes_from(kind):
    decoded = decode(carrier(kind, AECG))
    made, _ = documents(decoded.source)
    assert violations(made.diagnostic_report) == []
    assert violations(made.provenance) == []
    report = json.loads(made.diagnostic_report)
    assert [r["reference"].split("/")[0] for r in report["result"]] == ["Observation"] * 2
    measurements = json.loads(made.observations[0])
    assert violations(made.observations[0]) == []
    (derived_from,) = measurements["derivedFrom"]
    if kind == "Binary":
        sha256 = decoded.source.sha256
        assert derived_from["identifier"]["value"] == f"urn:sha256:{sha256}"
        assert "reference" not in derived_from
    else:
        assert derived_from["type"] == kind.removesuffix(" R5")
        assert derived_from["reference"].endswith(("/d1", "/m1"))
        assert report["encounter"] == {"reference": "Encounter/5"}
    assert measurements["device"]["display"] == "ACME Cart 3"


def bundle(*resources):
    entries = [
        {"fullUrl": f"urn:uuid:0000000{i}-0000-4000-8000-000000000000", "resource": each}
        for i, each in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def test_in_a_bundle_the_document_may_point_to_a_binary_and_to_the_patient():
    document = carrier("DocumentReference", DICOM)
    document["content"][0]["attachment"] = {
        "contentType": "application/dicom",
        "url": "urn:uuid:00000001-0000-4000-8000-000000000000",
    }
    document["subject"] = {"reference": "urn:uuid:00000002-0000-4000-8000-000000000000"}
    patient = {
        "resourceType": "Patient",
        "identifier": [{"value": "4711"}],
        "gender": "male",
        "birthDate": "1966-01-02",
        "name": [{"family": "Weiß"}],
    }
    decoded = decode(bundle(document, carrier("Binary", DICOM), patient))
    assert decoded.recording.sex == "male"
    assert decoded.recording.age_years == pytest.approx(60, abs=0.1)
    assert decoded.person.name.startswith("Weiß")
    assert decoded.lead_expressions["I"] == "Bundle.entry[1].resource.data"


def test_a_bundle_with_an_observation_is_read_by_its_observation():
    error = refusal(
        bundle({"resourceType": "Observation"}, carrier("DocumentReference", AECG))
    )
    assert error.expression.startswith("Bundle.entry[0].resource")


def test_a_pdf_beside_the_waveform_is_passed_over():
    document = carrier("DocumentReference", AECG)
    pdf = {"attachment": attachment(b"%PDF-1.4", "application/pdf")}
    document["content"].insert(0, pdf)
    assert decode(document).recording.waveform.n_leads == 3


def test_a_pdf_in_place_of_a_waveform_is_named():
    document = carrier("DocumentReference", AECG)
    document["content"] = [{"attachment": attachment(b"%PDF-1.4", "application/pdf")}]
    error = refusal(document)
    assert isinstance(error, UnsupportedContent)
    assert "PDF" in error.message
    assert error.expression == "DocumentReference.content[0].attachment.contentType"
    error = refusal(carrier("Media", b"%PDF-1.4 in disguise"))
    assert isinstance(error, UnreadableRecording)
    assert "a PDF shows an ECG" in error.message
    assert error.expression == "Media.content.data"


@pytest.mark.parametrize(
    ("change", "kind", "step"),
    [
        ({"size": 5}, InvalidElement, "size"),
        ({"hash": "AAAA"}, InvalidElement, "hash"),
        ({"contentType": "application/dicom"}, InvalidElement, "contentType"),
        ({"data": None}, MissingElement, "data"),
        ({"data": base64.b64encode(b"\0" * 500).decode()}, InvalidElement, "size"),
        ({"url": "http://localhost/x", "data": None}, UnsupportedContent, "url"),
    ],
)
def test_a_file_that_is_not_what_the_attachment_says_is_refused(change, kind, step):
    document = carrier("DocumentReference", AECG)
    found = document["content"][0]["attachment"] | change
    document["content"][0]["attachment"] = {
        name: value for name, value in found.items() if value is not None
    }
    error = refusal(document)
    assert isinstance(error, kind)
    assert error.expression == f"DocumentReference.content[0].attachment.{step}"


def test_two_patients_are_refused_and_named():
    document = carrier("DocumentReference", AECG)
    document["subject"] = {"identifier": {"value": "4712"}}
    error = refusal(document)
    assert "two patients" in error.message
    assert error.expression == "DocumentReference.subject"
    patient = {"resourceType": "Patient", "id": "2", "identifier": [{"value": "4711"}]}
    error = refusal(
        carrier("DocumentReference", AECG), patient=json.dumps(patient).encode()
    )
    assert "another id" in error.message


def nameless(**changes):
    header = replace(RECORDING.header, patient=RecordedPatient(), **changes)
    return WRITERS[Format.AECG](replace(RECORDING, header=header))


def test_without_a_patient_or_a_time_anywhere_an_ecg_is_refused():
    error = refusal(carrier("Binary", nameless()))
    assert isinstance(error, MissingElement)
    assert error.expression == "Binary.subject"
    timeless = WRITERS[Format.AECG](replace(RECORDING, header=RecordingHeader()))
    document = carrier("DocumentReference", timeless)
    assert "the time of the ECG" in refusal(document).message
    document["context"]["period"] = {"start": "2026-02-03T04:05:06Z"}
    at = decode(document).source.effective_at
    assert at == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)


def test_a_time_without_zone_is_read_in_the_configured_one_with_a_warning():
    local = WRITERS[Format.DICOM](
        replace(
            RECORDING,
            header=replace(RECORDING.header, recorded_at=AT.replace(tzinfo=None)),
        )
    )
    decoded = decode(carrier("Media", local))
    assert "no zone" in decoded.warnings[0].message
    assert decoded.source.effective_at == AT.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "change", "expression"),
    [
        ("DocumentReference", {"status": "superseded"}, "DocumentReference.status"),
        ("DocumentReference", {"docStatus": "cancelled"}, "DocumentReference.docStatus"),
        ("Media", {"status": "stopped"}, "Media.status"),
        ("Media", {"subject": {"reference": "Group/1"}}, "Media.subject.reference"),
        ("Media", {"bogus": 1}, "Media.bogus"),
    ],
)
def test_a_carrier_that_is_not_current_or_not_valid_is_refused(kind, change, expression):
    assert refusal(carrier(kind, AECG) | change).expression == expression


def test_an_amended_document_is_an_amended_ecg():
    document = carrier("DocumentReference", AECG) | {"docStatus": "amended"}
    assert decode(document).source.status == "amended"


def test_two_files_are_refused():
    document = carrier("DocumentReference", AECG)
    document["content"].append({"attachment": attachment(DICOM)})
    assert "found 2" in refusal(document).message
    two = bundle(carrier("Media", AECG), carrier("Media", DICOM))
    assert "found 2" in refusal(two).message


def test_a_file_above_the_size_of_a_string_is_read():
    large = WRITERS[Format.AECG](a_recording(n_samples=20_000))
    assert len(large) > 1024 * 1024
    assert decode(carrier("Media", large)).recording.waveform.n_samples == 20_000


def test_damaged_bodies_are_read_or_refused():
    generator = np.random.default_rng(5)
    for kind in KINDS:
        body = json.dumps(carrier(kind, AECG)).encode()
        for _ in range(60):
            damaged = bytearray(body)
            for _ in range(3):
                at = int(generator.integers(0, min(len(body), 900)))
                damaged[at] = int(generator.integers(32, 127))
            try:
                decode(bytes(damaged))
            except RefusedContent as error:
                assert len(error.message) < 400  # noqa: PT017 (none is as good)

"""`ecgsvc convert`, as a person types it."""

import json
from pathlib import Path

import numpy as np
import pytest

from ecgsvc.convert import read_file
from ecgsvc.domain.waveform import STANDARD_LEADS
from tests.service.test_command_line import ecgsvc
from tests.unit.convert import example_files as files

ROWS = files.limb_consistent(files.steps())


def test_a_muse_file_becomes_an_observation_with_patient_device_and_filters(
    tmp_path: Path,
) -> None:
    (tmp_path / "cart.xml").write_bytes(files.muse_xml(ROWS[[0, 1, *range(6, 12)]]))
    ecgsvc("convert", tmp_path / "cart.xml", tmp_path / "ecg.json")
    observation = json.loads((tmp_path / "ecg.json").read_text())
    patient, device = observation["contained"]
    assert observation["subject"]["identifier"] == {"value": "642341"}
    assert patient["birthDate"] == "1971-01-23"
    assert (device["manufacturer"], device["modelNumber"]) == ("GE", "MAC55")
    assert observation["method"]["text"].startswith("Filters: high-pass 0.16 Hz")
    assert observation["effectiveDateTime"] == "2013-01-25T10:59:19.000Z"
    assert len(observation["component"]) == 12


@pytest.mark.parametrize(("version", "has"), [("R4B", "period"), ("R5", "interval")])
def test_an_observation_is_written_in_the_version_asked_for(
    version: str, has: str, tmp_path: Path
) -> None:
    (tmp_path / "cart.scp").write_bytes(files.scp_file(ROWS))
    ecgsvc(
        "convert", tmp_path / "cart.scp", tmp_path / "ecg.json", "--fhir-version", version
    )
    observation = json.loads((tmp_path / "ecg.json").read_text())
    assert has in observation["component"][0]["valueSampledData"]


def test_one_format_after_the_other_gives_the_samples_back(tmp_path: Path) -> None:
    first = tmp_path / "first.scp"
    first.write_bytes(files.scp_file(ROWS))
    for before, after in (
        (first, "a.xml"), ("a.xml", "b.dcm"), ("b.dcm", "c.edf"), ("c.edf", "d.csv"),
        ("d.csv", "e.json"), ("e.json", "f.dcm"),
    ):  # fmt: skip
        ecgsvc("convert", tmp_path / before, tmp_path / after)
    found = read_file(tmp_path / "f.dcm")
    assert found.waveform.leads == STANDARD_LEADS
    np.testing.assert_allclose(found.waveform.samples_mv, ROWS * 2.5e-3, rtol=0, atol=1e-5)
    assert found.header.patient.identifier == "S-1"


def test_what_the_file_does_not_say_must_be_given(tmp_path: Path) -> None:
    source, target = tmp_path / "x.csv", tmp_path / "x.json"
    source.write_bytes(b"II\n" + b"0.1\n0.9\n" * 500)
    given: list[str] = []
    for missing, option in (
        ("sampling rate", ["--rate", "500"]),
        ("unit", ["--unit", "mV"]),
        ("whose ECG", ["--patient", "Patient/1"]),
        ("when the ECG was recorded", ["--effective", "2026-01-01T00:00:00Z"]),
    ):
        assert missing in ecgsvc("convert", source, target, *given, status=1)
        given += option
    ecgsvc("convert", source, target, *given)
    assert json.loads(target.read_text())["subject"] == {"reference": "Patient/1"}


def test_swapped_lead_codes_are_refused_and_analysed_with_a_warning(tmp_path: Path) -> None:
    leads = ["II", "I", "aVR", "III", "aVL", "aVF", *(f"V{i}" for i in range(1, 7))]
    source = tmp_path / "swapped.scp"
    source.write_bytes(files.scp_file(ROWS, leads))
    text = ecgsvc("convert", source, tmp_path / "x.json", status=1)
    assert "contradict each other" in text
    assert "swapped" in text
    ecgsvc("analyze", source, "-o", tmp_path / "out")
    assert (tmp_path / "out" / "swapped.analysis.json").exists()


def test_a_pdf_and_an_unknown_target_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_bytes(b"%PDF-1.4 not xml")
    assert "a PDF" in ecgsvc("convert", tmp_path / "x.xml", tmp_path / "x.json", status=1)
    text = ecgsvc("convert", tmp_path / "x.xml", tmp_path / "x.docx", status=1)
    assert ".dcm" in text

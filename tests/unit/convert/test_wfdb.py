import contextlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecgsvc.convert import read_wfdb, read_wfdb_annotations
from ecgsvc.domain.errors import InvalidRequest, UnreadableRecording

RAMP = np.arange(1000, dtype="<i2")


def write_record(
    directory: Path,
    *signal_lines: str,
    samples: np.ndarray | None = None,
    record_line: str | None = None,
    comments: str = "",
    encoding: str = "utf-8",
) -> Path:
    """Write a format 16 record; `samples` are interleaved as the format has it."""
    lines = signal_lines or ("16 200/mV 16 0 0 0 0 I",)
    n_signals = len(lines)
    values = np.repeat(RAMP, n_signals) if samples is None else samples
    record_line = record_line or f"rec {n_signals} 500 {len(values) // n_signals}"
    header = "\n".join([record_line, *(f"rec.dat {line}" for line in lines), comments])
    (directory / "rec.hea").write_bytes(header.encode(encoding))
    (directory / "rec.dat").write_bytes(values.astype("<i2").tobytes())
    return directory / "rec"


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat"])
def test_a_record_is_found_with_or_without_its_suffix(tmp_path, suffix):
    write_record(tmp_path)
    recording = read_wfdb(tmp_path / f"rec{suffix}")
    assert recording.name == "rec"
    assert recording.waveform.sampling_rate_hz == 500
    np.testing.assert_allclose(recording.waveform.lead_mv("I"), RAMP / 200)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize(
    ("unit", "millivolts"),
    [("V", 1e3), ("mV", 1.0), ("uV", 1e-3), ("\u00b5V", 1e-3), ("nV", 1e-6)],
)
def test_every_unit_of_voltage_comes_out_in_millivolts(
    tmp_path, unit, millivolts, encoding
):
    record = write_record(tmp_path, f"16 2(100)/{unit} 16 0 0 0 0 I", encoding=encoding)
    expected = (RAMP - 100) / 2 * millivolts
    np.testing.assert_allclose(read_wfdb(record).waveform.samples_mv[0], expected)


def test_greek_mu_is_a_micro_too(tmp_path):
    record = write_record(tmp_path, "16 2/\u03bcV 16 0 0 0 0 I")
    assert read_wfdb(record).waveform.samples_mv[0, 2] == pytest.approx(1e-3)


@pytest.mark.parametrize("line", ["16 0 16 0 0 0 0 I", "16"])
def test_without_gain_and_unit_a_millivolt_is_200_steps(tmp_path, line):
    waveform = read_wfdb(write_record(tmp_path, line)).waveform
    np.testing.assert_allclose(waveform.samples_mv[0], RAMP / 200)


def test_a_gain_may_stand_in_for_the_headers(tmp_path):
    record = write_record(tmp_path, "16 200/mV 16 0 0 0 0 I", "16 3(100)/uV 16 0 0 0 0 II")
    samples_mv = read_wfdb(record, units_per_mv=1000.0).waveform.samples_mv
    np.testing.assert_allclose(samples_mv, np.stack([RAMP, RAMP - 100]) / 1000)


def test_leads_have_distinct_names_and_standard_ones_the_usual_spelling(tmp_path):
    names = ("i", "avr", "V1", "MLII", "", "", "v1")
    record = write_record(tmp_path, *(f"16 200/mV 16 0 0 0 0 {name}" for name in names))
    leads = read_wfdb(record).waveform.leads
    assert leads == ("I", "aVR", "V1", "MLII", "ECG", "ECG#2", "V1#2")


def test_signals_that_are_no_voltage_are_left_out(tmp_path):
    lines = ("16 2/mmHg 16 0 0 0 0 ABP", "16 200/mV 16 0 0 0 0 II")
    record = write_record(tmp_path, *lines, samples=np.ravel([RAMP * 0, RAMP], order="F"))
    waveform = read_wfdb(record).waveform
    assert waveform.leads == ("II",)
    np.testing.assert_allclose(waveform.samples_mv[0], RAMP / 200)


def test_a_record_without_any_voltage_is_refused(tmp_path):
    with pytest.raises(UnreadableRecording, match="no signal in V"):
        read_wfdb(write_record(tmp_path, "16 2/mmHg 16 0 0 0 0 ABP"))


def test_invalid_samples_are_nan(tmp_path):
    samples = RAMP.copy()
    samples[3] = -32768
    waveform = read_wfdb(write_record(tmp_path, samples=samples)).waveform
    assert np.flatnonzero(np.isnan(waveform.samples_mv[0])).tolist() == [3]


def test_several_samples_a_frame_raise_the_rate(tmp_path):
    record = write_record(tmp_path, "16x4 200/mV 16 0 0 0 0 I", record_line="rec 1 125 250")
    waveform = read_wfdb(record, start_s=0.01, duration_s=0.02).waveform
    assert waveform.sampling_rate_hz == 500
    np.testing.assert_allclose(waveform.samples_mv[0], RAMP[5:15] / 200)


@pytest.mark.parametrize("first", [0, 3, 41])
def test_a_slower_lead_is_interpolated_to_the_rate_of_the_fastest(tmp_path, first):
    frames = np.column_stack([RAMP[0:400:2], RAMP[1:400:2], RAMP[0:400:2]])  # 2 + 1 a frame
    record = write_record(
        tmp_path,
        "16x2 200/mV 16 0 0 0 0 I",
        "16 200/mV 16 0 0 0 0 II",
        samples=frames.ravel(),
        record_line="rec 2 250 200",
    )
    waveform = read_wfdb(record, start_s=first / 500, duration_s=0.02).waveform
    assert waveform.sampling_rate_hz == 500
    np.testing.assert_allclose(waveform.lead_mv("I"), RAMP[first : first + 10] / 200)
    np.testing.assert_allclose(waveform.lead_mv("II"), waveform.lead_mv("I"))


@given(first=st.integers(0, 998), length=st.integers(1, 1000))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_piece_is_cut_exactly_by_sample(tmp_path, first, length):
    record = write_record(tmp_path)
    stop = min(first + length, 1000)
    piece = read_wfdb(record, start_s=first / 500, duration_s=(stop - first) / 500)
    np.testing.assert_array_equal(piece.waveform.samples_mv[0], RAMP[first:stop] / 200)


@pytest.mark.parametrize(
    ("start_s", "duration_s"),
    [
        (2.0, None),
        (1.9, 0.2),
        (-1.0, None),
        (0.0, 0.0),
        (0.0, -1.0),
        (0.0, 1e-9),
        (math.nan, None),
        (math.inf, None),
        (0.0, math.inf),
    ],
)
def test_a_piece_outside_the_record_is_refused(tmp_path, start_s, duration_s):
    with pytest.raises(InvalidRequest):
        read_wfdb(write_record(tmp_path), start_s=start_s, duration_s=duration_s)


def test_the_length_may_be_left_to_the_sample_file(tmp_path):
    record = write_record(tmp_path, record_line="rec 1 500")
    assert read_wfdb(record).waveform.n_samples == 1000
    piece = read_wfdb(record, start_s=0.2, duration_s=0.1).waveform
    np.testing.assert_array_equal(piece.samples_mv[0], RAMP[100:150] / 200)


def test_a_truncated_sample_file_is_refused(tmp_path):
    record = write_record(tmp_path)
    (tmp_path / "rec.dat").write_bytes(b"\0" * 999)
    with pytest.raises(UnreadableRecording, match="truncated: 499 of 1000"):
        read_wfdb(record)


def test_a_missing_sample_file_is_refused(tmp_path):
    record = write_record(tmp_path)
    (tmp_path / "rec.dat").unlink()
    with pytest.raises(UnreadableRecording, match="missing"):
        read_wfdb(record)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "# only a comment",
        "rec 0 500 0",
        "rec 1 500 1000",
        "rec 1 500 0\nrec.dat 16 200/mV 16 0 0 0 0 I",
        "rec 1 0 1000\nrec.dat 16 200/mV 16 0 0 0 0 I",
        "rec 2 500 1000\nrec.dat 16 200/mV 16 0 0 0 0 I",
        "rec 1 500 1000\nrec.dat 0 200/mV 16 0 0 0 0 I",
        "rec 1 500 1000\nrec.dat 16x0 200/mV 16 0 0 0 0 I",
        "rec/2 1 500 1000\nseg1 500\nseg2 500",
        "rec 1 500 1000\n../../etc/passwd 16 200/mV 16 0 0 0 0 I",
        "rec 1 500 99999999999999\nrec.dat 16 200/mV 16 0 0 0 0 I",
        "\0\1\2",
    ],
)
def test_a_header_that_describes_no_recording_is_refused(tmp_path, header):
    record = write_record(tmp_path)
    (tmp_path / "rec.hea").write_text(header)
    with pytest.raises(UnreadableRecording):
        read_wfdb(record)


@pytest.mark.parametrize("name", ["absent", "", "rec.hea/x"])
def test_a_path_without_a_record_is_refused(tmp_path, name):
    write_record(tmp_path)
    with pytest.raises(UnreadableRecording):
        read_wfdb(tmp_path / name)


@given(position=st.integers(0, 60), garbage=st.binary(min_size=1, max_size=8))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_damaged_header_is_read_or_refused_but_never_crashes(tmp_path, position, garbage):
    record = write_record(tmp_path, comments="#<age>: 51\n#<sex>: F")
    raw = (tmp_path / "rec.hea").read_bytes()
    damaged = raw[:position] + garbage + raw[position + len(garbage) :]
    (tmp_path / "rec.hea").write_bytes(damaged)
    with contextlib.suppress(UnreadableRecording):
        assert read_wfdb(record).waveform.n_samples > 0


@pytest.mark.parametrize(
    ("comments", "age", "sex"),
    [
        ("# 69 M 1085 1629 x1\n# Aldomet, Inderal", 69, "male"),
        ("# -1 F 742 654 x1", None, "female"),
        ("#<age>: 51\n#<sex>: F\n#<diagnoses>:", 51, "female"),
        ("# age: 81\n# sex: female", 81, "female"),
        ("#Age: 74\n#Sex: Male\n#Dx: 426783006", 74, "male"),
        ("# age: 62.5  sex: M  <diagnoses> (none)", 62.5, "male"),
        ("#Age: NaN\n#Sex: Unknown", None, None),
        ("# dosage: 40\n# 300 patients", None, None),
        ("# age: 300", None, None),
        ("", None, None),
    ],
)
def test_age_and_sex_are_read_where_the_header_states_them(tmp_path, comments, age, sex):
    recording = read_wfdb(write_record(tmp_path, comments=comments))
    assert (recording.age_years, recording.sex) == (age, sex)


def annotation_bytes(*annotations: tuple[int, int]) -> bytes:
    """(distance to the one before, code) in the MIT format, annot(5)."""
    words = [code << 10 | distance for distance, code in annotations]
    return np.array([*words, 0], dtype="<u2").tobytes()


NORMAL, VENTRICULAR, AUX_BYTES = 1, 5, 63


def test_annotations_come_with_their_symbols_and_notes(tmp_path):
    record = write_record(tmp_path)
    note = annotation_bytes((6, 28), (5, AUX_BYTES))[:4] + b"(AFIB\0"
    beats = annotation_bytes((12, NORMAL), (300, VENTRICULAR))
    (tmp_path / "rec.atr").write_bytes(note + beats)
    annotations = read_wfdb_annotations(record, "atr")
    assert annotations.sample_indices.tolist() == [6, 18, 318]
    assert annotations.symbols == ("+", "N", "V")
    assert annotations.aux_notes == ("(AFIB", "", "")


def test_annotations_stand_at_the_rate_of_the_recording(tmp_path):
    record = write_record(tmp_path, "16x4 200/mV 16 0 0 0 0 I", record_line="rec 1 125 250")
    (tmp_path / "rec.atr").write_bytes(annotation_bytes((12, NORMAL), (100, VENTRICULAR)))
    assert read_wfdb_annotations(record, "atr").sample_indices.tolist() == [48, 448]


@pytest.mark.parametrize("content", [None, b"", b"\1\2\3", b"\0\xec\0", b"\xff" * 64])
def test_damaged_or_missing_annotations_are_refused(tmp_path, content):
    record = write_record(tmp_path)
    if content is not None:
        (tmp_path / "rec.atr").write_bytes(content)
    with pytest.raises(UnreadableRecording):
        read_wfdb_annotations(record, "atr")


def test_importing_the_package_does_not_load_the_library():
    code = (
        "import sys, ecgsvc.convert; print('wfdb' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.split() == [b"False", b"False"]

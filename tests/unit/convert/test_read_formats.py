"""Formats that are read: samples, rate, leads, patient, time, device and filters."""

import struct
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from ecgsvc.convert import read_bytes
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
)
from ecgsvc.domain.waveform import STANDARD_LEADS
from tests.unit.convert import example_files as files


def test_muse_gives_its_eight_leads_and_the_four_that_follow():
    rows = files.steps(8)
    recording = read_bytes(files.muse_xml(rows), "x")
    waveform, one, two = recording.waveform, rows[0] * 4.88e-3, rows[1] * 4.88e-3
    assert waveform.leads == STANDARD_LEADS
    assert waveform.sampling_rate_hz == 500
    np.testing.assert_allclose(waveform.lead_mv("V6"), rows[7] * 4.88e-3)
    np.testing.assert_allclose(waveform.lead_mv("III"), two - one)
    np.testing.assert_allclose(waveform.lead_mv("aVR"), -(one + two) / 2)
    np.testing.assert_allclose(waveform.lead_mv("aVL"), (one - waveform.lead_mv("III")) / 2)
    np.testing.assert_allclose(waveform.lead_mv("aVF"), (two + waveform.lead_mv("III")) / 2)
    header = recording.header
    assert header.patient == RecordedPatient(
        "642341", None, "Jäger", "Ute", date(1971, 1, 23)
    )
    assert header.recorded_at == datetime.fromisoformat("2013-01-25T10:59:19")
    assert header.device == RecordingDevice("GE", "MAC55", "7", "010A")
    assert header.filters == RecordingFilters(0.16, 150, 60)
    assert (recording.age_years, recording.sex) == (42, "female")


def test_a_muse_lead_that_was_off_is_missing_and_not_zero():
    content = files.muse_xml(files.steps(8)).replace(b"FALSE", b"TRUE", 1)
    waveform = read_bytes(content, "x").waveform
    assert np.isnan(waveform.lead_mv("I")).all()
    assert np.isnan(waveform.lead_mv("III")).all()
    assert np.isfinite(waveform.lead_mv("II")).all()


def test_the_median_beat_of_muse_is_left_out():
    rows = files.steps(8)
    median = files.muse_xml(rows[:, :300], kind="Median").decode("latin-1")
    begin, end = median.index("<Waveform>"), median.index("</Waveform>") + 11
    content = files.muse_xml(rows, extra=median[begin:end])
    assert read_bytes(content, "x").waveform.n_samples == 1000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("compress", [True, False])
def test_philips_gives_twelve_leads_compressed_or_not(compress, encoding):
    rows = files.limb_consistent(files.steps())
    content = files.philips_xml(rows, compress=compress, encoding=encoding)
    recording = read_bytes(content, "x")
    np.testing.assert_allclose(recording.waveform.samples_mv, rows * 5e-3)
    assert recording.waveform.leads == STANDARD_LEADS
    header = recording.header
    assert header.patient == RecordedPatient("P77", None, "Ng", "Bo", date(1950, 6, 7))
    assert header.recorded_at == datetime.fromisoformat("2008-12-23T19:44:46")
    assert header.device == RecordingDevice("Philips", "TC70", "M9")
    assert header.filters == RecordingFilters(0.05, 150)
    assert recording.sex == "male"
    assert recording.age_years == pytest.approx(58.5, abs=0.1)


def test_a_calibration_pulse_behind_the_ecg_is_missing_and_no_beat():
    rows = files.limb_consistent(files.steps())
    rows[:, 850:950] = 200  # 1 mV in all leads for 200 ms, as a HeartStart MRx writes it
    samples_mv = read_bytes(files.philips_xml(rows), "x").waveform.samples_mv
    assert np.isnan(samples_mv[:, 850:950]).all()
    np.testing.assert_allclose(samples_mv[:, :850], rows[:, :850] * 5e-3)
    np.testing.assert_allclose(samples_mv[:, 950:], rows[:, 950:] * 5e-3)


def test_leads_that_lie_on_zero_together_are_no_calibration():
    rows = files.limb_consistent(files.steps())
    rows[:, 850:950] = 0
    samples_mv = read_bytes(files.philips_xml(rows), "x").waveform.samples_mv
    np.testing.assert_allclose(samples_mv, rows * 5e-3)


def test_the_bandwidth_of_version_1_03_is_read():
    content = files.philips_xml(files.limb_consistent(files.steps()), version="1.03")
    text = content.decode("utf-16")
    text = text.replace("<hipass>0.05</hipass><lowpass>150</lowpass>",
                        "<signalbandwidth>0.5-40</signalbandwidth>")  # fmt: skip
    filters = read_bytes(text.encode("utf-16"), "x").header.filters
    assert filters == RecordingFilters(0.5, 40)


@pytest.mark.parametrize("coded", [True, False])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_scp_gives_what_was_coded_in_every_way(order, coded):
    rows = files.steps()
    recording = read_bytes(files.scp_file(rows, order=order, coded=coded), "x")
    np.testing.assert_allclose(recording.waveform.samples_mv, rows * 2.5e-3)
    assert recording.waveform.leads == STANDARD_LEADS
    assert recording.waveform.sampling_rate_hz == 500
    header = recording.header
    assert header.patient == RecordedPatient("S-1", None, "Doe", "John", date(1960, 2, 3))
    zone = timezone(timedelta(hours=1))
    assert header.recorded_at == datetime(2020, 5, 6, 7, 8, 9, tzinfo=zone)
    assert header.device == RecordingDevice("ACME", "CART9", "SN-5", "2.1")
    assert header.filters == RecordingFilters(0.05, 150, 50)
    assert recording.sex == "male"


def test_scp_with_its_own_huffman_tables_may_switch_between_them():
    rows = np.array([[0, 1, 0, 1, 0, 0, 1, 1] * 125])
    # table 1: "0" is 0, "10" is 1, "11" goes on with table 2; there "0" is 1 and "1" is 0
    first = [(1, 1, 1, 0, 0), (2, 2, 1, 1, 0b01), (2, 2, 0, 2, 0b11)]
    second = [(1, 1, 1, 1, 0), (1, 1, 1, 0, 1)]
    tables = struct.pack("<H", 2)
    for codes in (first, second):
        tables += struct.pack("<H", len(codes))
        tables += b"".join(struct.pack("<BBBhI", *code) for code in codes)
    bits = "11" + "".join("1" if value == 0 else "0" for value in rows[0])
    bits += "0" * (-len(bits) % 8)
    block = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    sections = {
        1: files.scp_demographics(),
        2: tables,
        3: bytes([1, 4]) + struct.pack("<IIB", 1, 1000, 2),
        6: struct.pack("<HHBBH", 50_000, 2000, 0, 0, len(block)) + block,
    }
    content = files.scp_container(sections)
    waveform = read_bytes(content, "x").waveform
    np.testing.assert_allclose(waveform.samples_mv, rows * 0.05)


def test_scp_gets_its_subtracted_beats_back():
    rows = files.steps(2)
    beat = np.rint(90 * np.hanning(200)).astype(np.int64)
    places = [(101, 201, 300), (501, 601, 700)]  # first sample, fiducial point, last one
    residual = rows.copy()
    for begin, _, end in places:
        residual[:, begin - 1 : end] -= beat
    beats = struct.pack("<HHH", 400, 101, 3)
    beats += b"".join(struct.pack("<HIII", 0, *place) for place in places)
    beats += struct.pack("<HIII", 1, 800, 850, 900)  # of another type
    reference = files.scp_coding([beat, beat], order=2, coded=True)
    content = files.scp_file(residual, ("I", "II"), beats=beats, reference=reference)
    np.testing.assert_allclose(read_bytes(content, "x").waveform.samples_mv, rows * 2.5e-3)


def test_bimodal_scp_is_refused_because_its_samples_are_not_the_measured_ones():
    with pytest.raises(UnreadableRecording, match="bimodal"):
        read_bytes(files.scp_file(files.steps(), bimodal=1), "x")


def test_a_changed_byte_of_an_scp_file_is_noticed():
    content = bytearray(files.scp_file(files.steps()))
    content[-40] ^= 1
    with pytest.raises(UnreadableRecording, match="checksum"):
        read_bytes(bytes(content), "x")


@pytest.mark.parametrize("n_leads", [1, 2, 3])
def test_atc_of_kardia_gives_one_lead_or_more(n_leads):
    rows = files.steps(n_leads)
    recording = read_bytes(files.atc_file(rows), "x")
    np.testing.assert_allclose(recording.waveform.samples_mv, rows * 5e-4)
    assert recording.waveform.leads == ("I", "II", "III")[:n_leads]
    assert recording.waveform.sampling_rate_hz == 300
    zone = timezone(timedelta(hours=1))
    assert recording.header.recorded_at == datetime(2021, 3, 4, 5, 6, 7, tzinfo=zone)
    assert recording.header.device.model == "KardiaMobile"
    assert recording.header.filters.notch_hz == 60


def test_a_recording_of_the_kardia_api_gives_its_unfiltered_leads():
    rows = files.steps(2)
    recording = read_bytes(files.kardia_json(rows), "x")
    np.testing.assert_allclose(recording.waveform.samples_mv, rows * 5e-4)
    assert recording.waveform.leads == ("I", "II")
    assert recording.header.patient.identifier == "K-1"
    assert recording.header.recorded_at == datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_an_export_of_apple_health_gives_lead_one():
    values = files.steps(1)[0] * 5.0 + 0.125
    recording = read_bytes(files.apple_csv(values), "x")
    np.testing.assert_allclose(recording.waveform.lead_mv("I"), values / 1e3, atol=1e-6)
    assert recording.waveform.sampling_rate_hz == 511.683
    header = recording.header
    assert header.patient.birth_date == date(1980, 1, 2)
    assert header.patient.identifier is None
    assert header.recorded_at == datetime.fromisoformat("2019-03-27T22:24:21-04:00")
    assert header.device == RecordingDevice("Apple", "Watch4,4", None, "1.31")


def test_the_dicom_ecg_that_pydicom_ships_is_read():
    from pydicom.data import get_testdata_file

    recording = read_bytes(Path(get_testdata_file("waveform_ecg.dcm")).read_bytes(), "x")
    waveform, header = recording.waveform, recording.header
    assert waveform.leads == STANDARD_LEADS
    assert (waveform.sampling_rate_hz, waveform.n_samples) == (1000, 10_000)
    i, ii, iii = (waveform.lead_mv(lead) for lead in ("I", "II", "III"))
    assert np.abs(i + iii - ii).max() <= 2 * 1.25e-3
    assert header.step_uv == pytest.approx(1.25)
    assert header.recorded_at == datetime.fromisoformat("2013-01-25T10:59:19")
    assert header.device.manufacturer == "Mortara Instrument, Inc."
    assert header.filters == RecordingFilters(0.05, 300, None)
    assert (recording.age_years, recording.sex) == (42, "female")

"""What is wrong is refused and named, in every format."""

import re
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.convert import WRITERS, Format, TableDeclaration, read_bytes, read_file
from ecgsvc.domain.errors import RefusedContent, TooLarge, UnreadableRecording
from tests.unit.convert import example_files as files
from tests.unit.convert.test_round_trips import a_recording, ascii_only


def refusal(content):
    with pytest.raises(RefusedContent) as caught:
        read_bytes(content, "x")
    return caught.value.message


def table(unit="mV", rate="500", rows=None, names="I,II"):
    rows = ["0.1,0.2"] * 1000 if rows is None else rows
    head = (f"# sampling_rate_hz: {rate}\n" if rate else "") + (
        f"# unit: {unit}\n" if unit else ""
    )
    return f"{head}{names}\n".encode() + "\n".join(rows).encode()


def test_37_microvolts_taken_for_millivolts_are_named():
    message = refusal(table(rows=["37,12"] * 500))
    assert message.startswith("implausible amplitude: sample 0 of lead I would be 37 mV")
    assert "microvolts stated as millivolts" in message


def test_millivolts_taken_for_microvolts_are_named():
    rows = [f"{0.001 * i % 1:.3f},0.1" for i in range(1000)]
    message = refusal(table("uV", rows=rows))
    assert message.startswith("implausible amplitude: the largest lead spans 0.9")
    assert "millivolts stated as microvolts" in message


def test_a_flat_line_is_no_wrong_unit():
    assert read_bytes(table(rows=["0,0"] * 500), "x").waveform.n_samples == 500


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.7 ...", "a PDF shows an ECG and holds no waveform"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture"),
        (b"PK\x03\x04....", "an archive"),
        (b"", "empty"),
        (b"<html></html>", "an XML file of another kind"),
        (b"\x00\x01\x02\x03" * 100, "no format that is read"),
        (b"\xffBIOSEMI" + b" " * 300, "BDF"),
        (b'{"resourceType": "Observation"}', "FHIR"),
    ],
)
def test_what_is_no_recording_is_named(content, what):
    assert what in refusal(content)


@pytest.mark.parametrize("name", ["x.dcm", "x.xml", "x.csv", "x"])
def test_the_name_of_a_file_decides_nothing(name, tmp_path):
    (tmp_path / name).write_bytes(WRITERS[Format.EDF](ascii_only(a_recording())))
    assert read_file(tmp_path / name).waveform.n_samples == 1500
    (tmp_path / name).write_bytes(b"%PDF-1.4")
    with pytest.raises(UnreadableRecording, match="PDF"):
        read_file(tmp_path / name)


@pytest.mark.parametrize(
    ("rate", "unit", "what"),
    [("", "mV", "sampling rate"), ("500", "", "unit"), ("500", "mmHg", "no voltage")],
)
def test_a_table_without_rate_or_unit_is_refused(rate, unit, what):
    assert what in refusal(table(unit, rate))


def test_what_a_table_does_not_say_can_be_declared():
    found = read_bytes(table("", ""), "x", TableDeclaration(250.0, "mV")).waveform
    assert found.sampling_rate_hz == 250
    assert found.lead_mv("II")[0] == 0.2


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_column_of_time_is_no_lead(separator):
    rows = [f"{i / 500}{separator}0.{i % 9}" for i in range(600)]
    content = table(rows=rows, names=f"time{separator}II")
    assert read_bytes(content, "x").waveform.leads == ("II",)


def test_leads_of_other_length_are_named():
    assert "equally long" in refusal(table(rows=["0.1,0.2"] * 500 + ["0.1"]))
    content = WRITERS[Format.AECG](a_recording())
    shortened = re.sub(rb"<digits>-?\d+ ", b"<digits>", content, count=1)
    assert "lead II has 1500 samples, I has 1499" in refusal(shortened)


def test_leads_of_another_rate_are_named():
    import edfio

    signals = [
        edfio.EdfSignal(
            np.sin(np.arange(rate * 10) / 9),
            rate,
            label=f"ECG {lead}",
            physical_dimension="mV",
        )
        for lead, rate in (("I", 500), ("II", 250))
    ]
    content = edfio.Edf(signals).to_bytes()
    message = refusal(content)
    assert "lead II has 250 samples a second, I has 500" in message


def test_a_lead_given_twice_has_the_code_of_another():
    content = WRITERS[Format.AECG](a_recording())
    swapped = content.replace(b'code="MDC_ECG_LEAD_III"', b'code="MDC_ECG_LEAD_II"')
    assert "lead II is given twice" in refusal(swapped)


def test_swapped_lead_codes_show_in_the_limb_leads():
    rows = files.limb_consistent(files.steps())
    right = files.scp_file(rows)
    leads = ["II", "I", "aVR", "III", "aVL", "aVF", *(f"V{i}" for i in range(1, 7))]
    wrong = files.scp_file(rows, leads)
    assert not dsp.contradicting_limb_leads(read_bytes(right, "x").waveform)
    assert dsp.contradicting_limb_leads(read_bytes(wrong, "x").waveform)


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (rb'<increment value="0.002" unit="s" />', b"", "the sampling increment"),
        (rb'<scale value="1.0" unit="uV" />', b'<scale value="1.0" />', "has no unit"),
        (rb'<scale value="1.0" unit="uV" />', b"", "the scale of lead I"),
        (rb'unit="uV"', b'unit="mmHg"', "no voltage"),
        (rb'code="RHYTHM"', b'code="OTHER"', "found 0"),
        (rb"<digits>", b"<digits>x ", "not all numbers"),
    ],
)
def test_an_aecg_that_does_not_say_what_its_numbers_are_is_refused(before, after, what):
    content = WRITERS[Format.AECG](a_recording())
    assert before in content
    assert what in refusal(content.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (b"<SampleBase>500", b"<SampleBase>", "the sampling rate"),
        (b"4.88", b"", "LeadAmplitudeUnitsPerBit"),
        (b"MICROVOLTS", b"", "has no unit"),
        (b"<LeadID>V1</LeadID>", b"", "has no name"),
        (b"<LeadTimeOffset>0", b"<LeadTimeOffset>2500", "not recorded at once"),
        (b"CountTotal>1000", b"CountTotal>1001", "LeadSampleCountTotal"),
    ],
)
def test_a_muse_file_that_does_not_say_what_it_holds_is_refused(before, after, what):
    content = files.muse_xml(files.steps(8))
    assert before in content
    assert what in refusal(content.replace(before, after))


@pytest.mark.parametrize(
    ("keyword", "what"),
    [
        ("SamplingFrequency", "sampling frequency"),
        ("ChannelSensitivity", "sensitivity of lead I"),
        ("ChannelSensitivityUnitsSequence", "has no unit"),
        ("ChannelSourceSequence", "has no name"),
    ],
)
def test_a_dicom_file_that_does_not_say_what_it_holds_is_refused(keyword, what):
    import io

    import pydicom

    dataset = pydicom.dcmread(io.BytesIO(WRITERS[Format.DICOM](a_recording())))
    group = dataset.WaveformSequence[0]
    delattr(group if keyword in group else group.ChannelDefinitionSequence[0], keyword)
    target = io.BytesIO()
    dataset.save_as(target)
    assert what in refusal(target.getvalue())


def test_an_image_in_dicom_is_no_ecg():
    from pydicom.data import get_testdata_file

    content = Path(get_testdata_file("CT_small.dcm")).read_bytes()
    assert "no ECG" in refusal(content)


@pytest.mark.parametrize(
    ("options", "what"),
    [({"unit": ""}, "no unit"), ({"rate": ""}, "sample rate"), ({"lead": ""}, "no name")],
)
def test_an_apple_export_that_does_not_say_what_it_holds_is_refused(options, what):
    assert what in refusal(files.apple_csv(files.steps(1)[0], **options))


HOSTILE_XML = {
    "an entity bomb": (
        b'<!DOCTYPE AnnotatedECG [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        b"<AnnotatedECG>&b;</AnnotatedECG>"
    ),
    "a file of the server": (
        b'<!DOCTYPE AnnotatedECG [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        b"<AnnotatedECG>&a;</AnnotatedECG>"
    ),
    "an entity of an external DTD": (
        b'<!DOCTYPE RestingECG SYSTEM "http://localhost/x.dtd"><RestingECG>&a;</RestingECG>'
    ),
    "an undefined entity": b"<AnnotatedECG>&a;</AnnotatedECG>",
    "deep nesting": b"<AnnotatedECG>" + b"<a>" * 100_000,
    "many elements": b"<AnnotatedECG>" + b"<a/>" * 300_000 + b"</AnnotatedECG>",
    "an encoding that is none": b'<?xml version="1.0" encoding="x-y"?><AnnotatedECG/>',
    "an end too many": b"<AnnotatedECG></AnnotatedECG></AnnotatedECG>",
}


@pytest.mark.parametrize("content", HOSTILE_XML.values(), ids=HOSTILE_XML.keys())
def test_hostile_xml_is_refused(content):
    with pytest.raises((UnreadableRecording, TooLarge)):
        read_bytes(content, "x")


def test_xli_that_would_grow_without_end_is_refused():
    from ecgsvc.convert.philips_xli import decode_xli

    bomb = files.lzw(b"\0" * 3_000_000)
    with pytest.raises(TooLarge):
        decode_xli(len(bomb).to_bytes(4, "little") + b"\0" * 4 + bomb, 1)


def test_dicom_of_many_small_elements_is_refused_before_they_are_read():
    content = WRITERS[Format.DICOM](a_recording())
    many = b"".join(
        struct.pack("<HH2sH", 0x0009, element, b"LO", 0)
        for element in range(0x1000, 0xFFFF)
    )
    at = content.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
    begin = time.monotonic()
    assert "5000 elements" in refusal(content[:at] + many + content[at:])
    assert time.monotonic() - begin < 5


def test_what_stands_behind_the_waveforms_of_a_dicom_file_is_not_read():
    content = WRITERS[Format.DICOM](a_recording())
    behind = struct.pack("<HH2sH", 0x5601, 0x1000, b"LO", 60_000)
    assert read_bytes(content + behind, "x").waveform.n_samples == 1500


def test_an_scp_file_of_more_samples_than_a_resting_ecg_is_refused():
    rows = np.zeros((12, 90_000), dtype=np.int64)
    begin = time.monotonic()
    assert "1000000 samples" in refusal(files.scp_file(rows))
    assert time.monotonic() - begin < 5

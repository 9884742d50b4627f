"""One recording, written by hand in the formats that this project only reads."""

import base64
import binascii
import json
import struct

import numpy as np

from ecgsvc.domain.waveform import STANDARD_LEADS

RATE_HZ = 500
MUSE_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
SCP_NUMBERS = dict(
    zip(STANDARD_LEADS, (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8), strict=True)
)


def steps(n_leads=12, n_samples=1000, seed=1):
    """Whole numbers like an ECG's: slow waves, steep complexes, a little noise."""
    generator = np.random.default_rng(seed)
    time = np.arange(n_samples) / RATE_HZ
    rows = []
    for lead in range(n_leads):
        wave = 20 * np.sin(2 * np.pi * (0.3 * time + lead / 5))
        for beat in np.arange(0.3, time[-1], 0.8):
            wave += (lead - 4) * 40 * np.exp(-(((time - beat) / 0.012) ** 2))
        rows.append(np.rint(wave + generator.normal(0, 2, n_samples)))
    return np.array(rows, dtype=np.int64)


def limb_consistent(rows):
    """Make III, aVR, aVL and aVF follow from I and II, rounded down as carts do."""
    first, second = rows[0], rows[1]
    rows[2] = second - first
    rows[3] = -((first + second) // 2)
    rows[4] = (first - rows[2]) // 2
    rows[5] = (second + rows[2]) // 2
    return rows


def muse_xml(rows, *, leads=MUSE_LEADS, units_per_bit="4.88", extra="", kind="Rhythm"):
    """A RestingECG document with one waveform."""
    data = "".join(
        f"<LeadData><LeadSampleCountTotal>{row.size}</LeadSampleCountTotal>"
        f"<LeadTimeOffset>0</LeadTimeOffset>"
        f"<LeadAmplitudeUnitsPerBit>{units_per_bit}</LeadAmplitudeUnitsPerBit>"
        "<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadSampleSize>2"
        f"</LeadSampleSize><LeadOff>FALSE</LeadOff><LeadID>{lead}</LeadID><WaveFormData>"
        f"{base64.encodebytes(row.astype('<i2').tobytes()).decode()}</WaveFormData></LeadData>"
        for lead, row in zip(leads, rows, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
        '<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n<RestingECG>'
        "<PatientDemographics><PatientID>642341</PatientID><PatientAge>42</PatientAge>"
        "<AgeUnits>YEARS</AgeUnits><DateofBirth>01-23-1971</DateofBirth>"
        "<Gender>FEMALE</Gender><PatientLastName>Jäger</PatientLastName>"
        "<PatientFirstName>Ute</PatientFirstName></PatientDemographics>"
        "<TestDemographics><AcquisitionDevice>MAC55</AcquisitionDevice>"
        "<AcquisitionTime>10:59:19</AcquisitionTime>"
        "<AcquisitionDate>01-25-2013</AcquisitionDate><CartNumber>7</CartNumber>"
        "<AcquisitionSoftwareVersion>010A</AcquisitionSoftwareVersion></TestDemographics>"
        f"{extra}<Waveform><WaveformType>{kind}</WaveformType><SampleBase>{RATE_HZ}"
        "</SampleBase><SampleExponent>0</SampleExponent><HighPassFilter>16</HighPassFilter>"
        f"<LowPassFilter>150</LowPassFilter><ACFilter>60</ACFilter>{data}</Waveform>"
        "</RestingECG>"
    ).encode("latin-1")


def lzw(content, bits=10):
    """The compression that `philips_xli` undoes: codes of 10 bits, 1023 ends."""
    table = {bytes([value]): value for value in range(256)}
    codes, prefix = [], b""
    for value in content:
        longer = prefix + bytes([value])
        if longer in table:
            prefix = longer
            continue
        codes.append(table[prefix])
        if len(table) < (1 << bits) - 1:
            table[longer] = len(table)
        prefix = bytes([value])
    codes += [table[prefix], (1 << bits) - 1]
    text = "".join(format(code, f"0{bits}b") for code in codes)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


def xli(rows):
    """Chunks of second differences, high bytes before low bytes."""
    out = b""
    for row in rows:
        numbers = row.tolist()
        seconds = [
            2 * numbers[i - 1] - numbers[i - 2] - numbers[i] for i in range(2, len(numbers))
        ]
        stored = np.array(
            [*numbers[:2], *[value + 64 for value in seconds[1:]], 64], dtype=np.int16
        ).view(np.uint16)
        chunk = lzw(bytes((stored >> 8).tolist()) + bytes((stored & 255).tolist()))
        out += struct.pack("<iHh", len(chunk), 0, seconds[0]) + chunk
    return out


def philips_xml(rows, *, compress=True, version="1.04", encoding="utf-16"):
    """A restingecgdata document; rows are 12 leads that `limb_consistent` made."""
    stored = rows.copy()
    if compress:
        first, second, third = rows[:3]
        stored[2] = second - first - third
        stored[3] = -rows[3] - (first + second) // 2
        stored[4] = (first - third) // 2 - rows[4]
        stored[5] = (second + third) // 2 - rows[5]
    data = xli(stored) if compress else stored.astype("<i2").tobytes()
    method = 'compression="XLI"' if compress else ""
    duration_ms = rows.shape[1] * 1000 // RATE_HZ
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>\n'
        '<restingecgdata xmlns="http://www3.medical.philips.com"><documentinfo>'
        "<documenttype>PhilipsECG</documenttype>"
        f"<documentversion>{version}</documentversion></documentinfo><patient>"
        "<generalpatientdata><patientid>P77</patientid><name><lastname>Ng</lastname>"
        "<firstname>Bo</firstname></name><age><dateofbirth>1950-06-07</dateofbirth></age>"
        "<sex>Male</sex></generalpatientdata></patient>"
        '<dataacquisition date="2008-12-23" time="19:44:46"><machine machineid="M9">'
        "TC70</machine><signalcharacteristics><samplingrate>500</samplingrate>"
        "<resolution>5</resolution><hipass>0.05</hipass><lowpass>150</lowpass>"
        "</signalcharacteristics></dataacquisition><waveforms>"
        f'<parsedwaveforms dataencoding="Base64" {method} '
        f'numberofleads="12" durationperchannel="{duration_ms}" '
        f'leadlabels="{" ".join(STANDARD_LEADS)}">'
        f"{base64.encodebytes(data).decode()}</parsedwaveforms></waveforms>"
        "</restingecgdata>"
    ).encode(encoding)


DEFAULT_CODES = {0: "0"}
for _value in range(1, 9):
    DEFAULT_CODES[_value] = "1" * _value + "00"
    DEFAULT_CODES[-_value] = "1" * _value + "01"


def huffman(values):
    """Annex C's default table."""
    text = ""
    for value in values:
        if value in DEFAULT_CODES:
            text += DEFAULT_CODES[value]
        elif -128 <= value <= 127:
            text += "1111111110" + format(value & 0xFF, "08b")
        else:
            text += "1111111111" + format(value & 0xFFFF, "016b")
    text += "0" * (-len(text) % 16)
    return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


def differences(row, order):
    """Leave the first `order` samples, then differences of that order."""
    out = row.copy()
    for _ in range(order):
        out[1:] = np.diff(out) if _ == 0 else out[1:]
    if order == 2:
        out = row.copy()
        out[2:] = row[2:] - 2 * row[1:-1] + row[:-2]
    return out


def scp_section(number, content):
    """A section with its head; sections have an even length."""
    content += b"\0" * (len(content) % 2)
    size = len(content) + 16
    reserved = b"SCPECG" if number == 0 else b"\0" * 6
    body = struct.pack("<HIBB6s", number, size, 20, 20, reserved) + content
    return struct.pack("<H", binascii.crc_hqx(body, 0xFFFF)) + body


def scp_tag(tag, value):
    return struct.pack("<BH", tag, len(value)) + value


def scp_demographics():
    device = b"\0" * 7 + b"\xff" + b"CART9\0" + bytes([20, 0xA0, 0, 0xF0, 1]) + b"\0" * 16
    device += b"\x01\0" + b"SN-5\0" + b"2.1\0" + b"impl\0" + b"ACME\0"
    return (
        scp_tag(2, b"S-1\0") + scp_tag(0, b"Doe\0") + scp_tag(1, b"John\0")
        + scp_tag(5, struct.pack("<HBB", 1960, 2, 3)) + scp_tag(8, b"\x01")
        + scp_tag(14, device) + scp_tag(25, struct.pack("<HBB", 2020, 5, 6))
        + scp_tag(26, bytes([7, 8, 9])) + scp_tag(27, struct.pack("<H", 5))
        + scp_tag(28, struct.pack("<H", 150)) + scp_tag(29, b"\x02")
        + scp_tag(34, struct.pack("<hHB", 60, 0, 0)) + scp_tag(255, b"")
    )  # fmt: skip


def scp_coding(rows, *, order, coded, step_nv=2500, interval_us=2000, bimodal=0):
    blocks = [
        huffman(differences(row, order).tolist())
        if coded
        else differences(row, order).astype("<i2").tobytes()
        for row in rows
    ]
    head = struct.pack("<HHBB", step_nv, interval_us, order, bimodal)
    lengths = struct.pack(f"<{len(blocks)}H", *map(len, blocks))
    return head + lengths + b"".join(blocks)


def scp_file(
    rows, leads=STANDARD_LEADS, *, order=2, coded=True, tables=None, beats=None,
    reference=None, bimodal=0, demographics=None,
):  # fmt: skip
    """An SCP-ECG file; `beats` and `reference` are what was subtracted before."""
    sections = {1: scp_demographics() if demographics is None else demographics}
    if coded:
        sections[2] = struct.pack("<H", 19999) if tables is None else tables
    flags = 0b100 | (beats is not None)
    spans = b"".join(
        struct.pack("<IIB", 1, row.size, SCP_NUMBERS[lead])
        for lead, row in zip(leads, rows, strict=True)
    )
    sections[3] = bytes([len(leads), flags]) + spans
    if beats is not None:
        sections[4], sections[5] = beats, reference
    sections[6] = scp_coding(rows, order=order, coded=coded, bimodal=bimodal)
    return scp_container(sections)


def scp_container(sections):
    bodies = {number: scp_section(number, content) for number, content in sections.items()}
    position = 6 + 16 + 10 * 12
    pointers = b""
    placed = b""
    for number in range(1, 12):
        body = bodies.get(number, b"")
        pointers += struct.pack("<HII", number, len(body), position + 1 if body else 0)
        position += len(body)
        placed += body
    size = 16 + 10 * 12
    pointers = struct.pack("<HII", 0, size, 7) + pointers
    body = scp_section(0, pointers) + placed
    whole = struct.pack("<I", len(body) + 6) + body
    return struct.pack("<H", binascii.crc_hqx(whole, 0xFFFF)) + whole


def atc_block(kind, content):
    total = kind + struct.pack("<I", len(content)) + content
    return total + struct.pack("<I", sum(total) & 0xFFFFFFFF)


def atc_file(rows, *, step_nv=500):
    info = struct.pack(
        "<32s40s44s32s32s32s52s", b"2021-03-04T05:06:07.000+01:00", b"uuid", b"udid",
        b"Phone 9", b"App 5.1", b"KardiaMobile", b"",
    )  # fmt: skip
    content = b"ALIVE\0\0\0" + struct.pack("<I", 3) + atc_block(b"info", info)
    content += atc_block(b"fmt ", struct.pack("<BHHBH", 1, 300, step_nv, 0b110, 0))
    for kind, row in zip((b"ecg ", b"ecg2", b"ecg3"), rows, strict=False):
        content += atc_block(kind, row.astype("<i2").tobytes())
    return content


def kardia_json(rows):
    samples = dict(zip(("leadI", "leadII"), (row.tolist() for row in rows), strict=False))
    raw = {
        "frequency": 300,
        "mainsFrequency": 50,
        "amplitudeResolution": 500,
        "samples": samples,
    }
    return json.dumps(
        {
            "recordedAt": "2021-03-04T05:06:07Z",
            "patientID": "K-1",
            "deviceInfo": {"hardwareType": "mobile", "serialNumber": "77"},
            "data": {"raw": raw},
        }
    ).encode()


def apple_csv(values_uv, *, unit="µV", rate="511.683 hertz", lead="Lead I"):
    head = (
        "Name,Alex Roe\nDate of Birth,\"Jan 2, 1980\"\n"
        "Recorded Date,2019-03-27 22:24:21 -0400\nClassification,Sinus Rhythm\n"
        "Symptoms,\nSoftware Version,1.31\nDevice,\"Watch4,4\"\n"
        f"Sample Rate,{rate}\n\n"
    )  # fmt: skip
    tail = (f"Lead,{lead}\n" if lead else "") + (f"Unit,{unit}\n" if unit else "")
    return (head + tail + "\n" + "\n".join(f"{v:.3f}" for v in values_uv) + "\n").encode()

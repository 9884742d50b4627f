"""KardiaMobile recordings: AliveCor's ATC files, and the JSON of the Kardia API.

ATC (Alive File Format 1.x): a signature, then blocks of a four-letter name, a length, the
content and a checksum. Kardia API: https://developers.kardia.com, ``GET /v1/recordings``.
"""

import json
import struct
from datetime import datetime

import numpy as np

from ecgsvc.convert.assembling import LeadSamples, assemble
from ecgsvc.convert.leads import lead_name
from ecgsvc.convert.table import decoded_text
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
    RecordingHeader,
)
from ecgsvc.domain.waveform import Recording

ATC_SIGNATURE = b"ALIVE\0"
_LEADS = {
    b"ecg ": "I", b"ecg2": "II", b"ecg3": "III", b"ecg4": "aVR", b"ecg5": "aVL",
    b"ecg6": "aVF", b"ecg7": "V1", b"ecg8": "V2", b"ecg9": "V3", b"ecga": "V4",
    b"ecgb": "V5", b"ecgc": "V6",
}  # fmt: skip
_INFO = struct.Struct("<32s40s44s32s32s32s52s")
_FORMAT = struct.Struct("<BHHBH")
_INT16_FORMAT = 1
_MILLIVOLTS_PER_NANOVOLT = 1e-6
_JSON_LEADS = {"leadI": "I", "leadII": "II", "leadIII": "III"}


def read_atc(content: bytes, name: str) -> Recording:
    """Read an ATC file.

    Raises
    ------
    UnreadableRecording
        Damaged, or without the block that states rate and resolution.
    """
    blocks = _blocks(content)
    if len(blocks.get(b"fmt ", b"")) < _FORMAT.size:
        msg = "the ATC file does not say sampling rate and resolution (no fmt block)"
        raise UnreadableRecording(msg)
    kind, rate_hz, step_nv, flags, _ = _FORMAT.unpack_from(blocks[b"fmt "])
    if kind != _INT16_FORMAT or not step_nv:
        msg = "the ATC file has samples of an unknown format, or no resolution"
        raise UnreadableRecording(msg)
    step_mv = step_nv * _MILLIVOLTS_PER_NANOVOLT
    leads = []
    for block, lead in _LEADS.items():
        if block in blocks:
            data = blocks[block]
            steps = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")
            leads.append(LeadSamples(lead, steps * step_mv, float(rate_hz), step_mv * 1e3))
    mains_hz = 60.0 if flags & 0b10 else 50.0
    info = blocks.get(b"info", b"").ljust(_INFO.size, b"\0")
    date, _, _, phone, software, hardware, _ = (
        field.partition(b"\0")[0].decode("ascii", "ignore").strip()
        for field in _INFO.unpack_from(info)
    )
    header = RecordingHeader(
        recorded_at=_time(date),
        device=RecordingDevice(
            "AliveCor", hardware or phone or None, None, software or None
        ),
        filters=RecordingFilters(notch_hz=mains_hz if flags & 0b100 else None),
    )
    return assemble(name, leads, header)


def _blocks(content: bytes) -> dict[bytes, bytes]:
    blocks: dict[bytes, bytes] = {}
    position = 12
    while position + 8 <= len(content):
        kind = content[position : position + 4]
        (length,) = struct.unpack_from("<I", content, position + 4)
        start = position + 8
        if start + length > len(content):
            msg = "the ATC file is truncated: a block is longer than the file"
            raise UnreadableRecording(msg)
        if kind in blocks:
            msg = "the ATC file has two blocks of one name"
            raise UnreadableRecording(msg)
        blocks[kind] = content[start : start + length]
        position = start + length + 4  # the checksum
    return blocks


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def read_kardia_json(content: bytes, name: str) -> Recording:
    """Read the unfiltered signal of a recording of the Kardia API.

    Raises
    ------
    UnreadableRecording
        Not the JSON of such a recording, or without rate or resolution.
    """
    try:
        document = json.loads(decoded_text(content))
        raw = document["data"]["raw"]
        rate_hz, step_nv = float(raw["frequency"]), float(raw["amplitudeResolution"])
        samples = raw["samples"]
        steps = {each: np.array(samples[each], dtype=np.float64) for each in samples}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        msg = "expected data.raw with frequency, amplitudeResolution and samples"
        raise UnreadableRecording(msg) from error
    step_mv = step_nv * _MILLIVOLTS_PER_NANOVOLT
    leads = [
        LeadSamples(
            _JSON_LEADS.get(each, lead_name(each)), row * step_mv, rate_hz,
            step_mv * 1e3 or None,
        )
        for each, row in steps.items()
        if row.size
    ]  # fmt: skip
    device = document.get("deviceInfo")
    facts = device if isinstance(device, dict) else {}
    patient_id = document.get("patientID")
    header = RecordingHeader(
        patient=RecordedPatient(identifier=str(patient_id) if patient_id else None),
        recorded_at=_time(document.get("recordedAt")),
        device=RecordingDevice(
            "AliveCor",
            _text(facts.get("hardwareType")),
            _text(facts.get("serialNumber")),
            _text(facts.get("firmwareRevision")),
        ),
    )
    return assemble(name, leads, header)


def _text(value: object) -> str | None:
    return str(value).strip() or None if isinstance(value, str | int) else None

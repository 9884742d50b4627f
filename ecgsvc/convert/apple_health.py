"""The CSV that Apple Health exports of one ECG (English keys)."""

import re

import numpy as np

from ecgsvc.convert.assembling import LeadSamples, assemble
from ecgsvc.convert.leads import lead_name
from ecgsvc.convert.table import decoded_text
from ecgsvc.convert.times import first_date, first_time
from ecgsvc.convert.units import millivolts_per
from ecgsvc.convert.xml_tree import number, number_or_none
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingHeader,
)
from ecgsvc.domain.waveform import Recording

_RATE = re.compile(r"([\d.]+)\s*(?:hertz|hz)", re.IGNORECASE)
_DATES = ("%d %b %Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%Y-%m-%d", "%d/%m/%Y")
_TIMES = ("%Y-%m-%d %H:%M:%S %z",)


def read_apple_health(content: bytes, name: str) -> Recording:
    """Read an ECG of an Apple Watch.

    The export has a name and a birth date, but no id of the patient.

    Raises
    ------
    UnreadableRecording
        Rate, unit or lead are not stated, or a sample is no number.
    """
    stated: dict[str, str] = {}
    samples: list[float] = []
    for line in decoded_text(content).splitlines():
        text = line.strip().strip(",")
        if not text:
            continue
        if (value := number_or_none(text)) is not None:
            samples.append(value)
            continue
        if samples:
            msg = f"sample {len(samples)} is no number with a decimal point"
            raise UnreadableRecording(msg)
        key, _, rest = text.partition(",")
        stated[key.strip().casefold()] = rest.strip().strip('"')
    rate = _RATE.fullmatch(stated.get("sample rate", ""))
    rate_hz = number(rate[1] if rate else None, "the sample rate in hertz")
    per_unit = millivolts_per(stated.get("unit"), "the export")
    lead = LeadSamples(
        lead_name(stated.get("lead", "")), np.array(samples) * per_unit, rate_hz
    )
    header = RecordingHeader(
        patient=RecordedPatient(
            family_name=stated.get("name") or None,
            birth_date=first_date(stated.get("date of birth"), *_DATES),
        ),
        recorded_at=first_time(stated.get("recorded date"), *_TIMES),
        device=RecordingDevice(
            manufacturer="Apple",
            model=stated.get("device") or None,
            software_version=stated.get("software version") or None,
        ),
    )
    return assemble(name, [lead], header)

"""Section 1 of an SCP-ECG file: patient, time, device and filters (EN 1064, 5.4)."""

import struct
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import TypeAlias

from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
    RecordingHeader,
)
from ecgsvc.domain.waveform import Sex

Tags: TypeAlias = Mapping[int, bytes]

_END = 255
_LAST_NAME, _FIRST_NAME, _ID, _AGE, _BIRTH, _SEX = 0, 1, 2, 4, 5, 8
_DEVICE, _DATE, _TIME, _HIGH_PASS, _LOW_PASS, _FILTERS, _ZONE = 14, 25, 26, 27, 28, 29, 34
_SEXES: Mapping[int, Sex] = {1: "male", 2: "female"}
_YEARS_PER = {1: 1.0, 2: 1 / 12, 3: 7 / 365.25, 4: 1 / 365.25, 5: 1 / 8766}
_UNKNOWN_ZONE = 0x7FFF


def read_tags(section: bytes) -> Tags:
    """Return the first value of every tag; what follows the end tag is left out."""
    tags: dict[int, bytes] = {}
    position = 0
    while position + 3 <= len(section) and section[position] != _END:
        tag, length = struct.unpack_from("<BH", section, position)
        tags.setdefault(tag, section[position + 3 : position + 3 + length])
        position += 3 + length
    return tags


def header_of(tags: Tags) -> tuple[RecordingHeader, float | None, Sex | None]:
    """Return the header, the age in years and the sex."""
    header = RecordingHeader(
        patient=RecordedPatient(
            identifier=_text(tags.get(_ID)),
            family_name=_text(tags.get(_LAST_NAME)),
            given_name=_text(tags.get(_FIRST_NAME)),
            birth_date=_date(tags.get(_BIRTH)),
        ),
        recorded_at=_recorded_at(tags),
        device=_device(tags.get(_DEVICE, b"")),
        filters=_filters(tags),
    )
    age, unit = _number(tags.get(_AGE)), tags.get(_AGE, b"")[2:3]
    per = _YEARS_PER.get(unit[0]) if unit else None
    sex = tags.get(_SEX, b"")[:1]
    return (
        header,
        age * per if age is not None and per is not None else None,
        _SEXES.get(sex[0]) if sex else None,
    )


def _text(value: bytes | None) -> str | None:
    raw = (value or b"").partition(b"\0")[0]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.strip() or None


def _number(value: bytes | None) -> int | None:
    """An unsigned 16-bit number."""
    return int.from_bytes(value[:2], "little") if value and len(value) >= 2 else None


def _date(value: bytes | None) -> date | None:
    if value is None or len(value) < 4:
        return None
    try:
        return date(*struct.unpack_from("<HBB", value))
    except ValueError:
        return None


def _recorded_at(tags: Tags) -> datetime | None:
    day, clock = _date(tags.get(_DATE)), tags.get(_TIME, b"")
    if day is None or len(clock) < 3:
        return None
    zone = None
    if len(tags.get(_ZONE, b"")) >= 2:
        (minutes,) = struct.unpack_from("<h", tags[_ZONE])
        if minutes != _UNKNOWN_ZONE and abs(minutes) <= 14 * 60:
            zone = timezone(timedelta(minutes=minutes))
    try:
        hour, minute, second = clock[:3]
        return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None


def _device(value: bytes) -> RecordingDevice:
    """Tag 14: numbers, the model in bytes 8 to 13, strings from byte 36 on (5.4.5)."""
    model = _text(value[8:14])
    position = 36 + (value[35] if len(value) > 35 else 0)
    parts = value[position:].split(b"\0") if len(value) > 36 else []
    named = [_text(part) for part in parts[:4]] + [None] * 4
    serial_number, system, _, manufacturer = named[:4]
    return RecordingDevice(manufacturer, model, serial_number, system)


def _filters(tags: Tags) -> RecordingFilters:
    high, low = _number(tags.get(_HIGH_PASS)), _number(tags.get(_LOW_PASS))
    bits = tags.get(_FILTERS, b"\0")[:1] or b"\0"
    notch = 60.0 if bits[0] & 0b01 else 50.0 if bits[0] & 0b10 else None
    return RecordingFilters(None if high is None else high / 100, low or None, notch)

"""CSV with one column a lead, read and written.

The first lines declare what the numbers are, ``# name: value``; then the names of the
leads, then a line a sample::

    # sampling_rate_hz: 500
    # unit: mV
    I,II,V1
    0.012,0.034,-0.007
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from ecgsvc.convert.assembling import LeadSamples, assemble
from ecgsvc.convert.leads import lead_name
from ecgsvc.convert.units import millivolts_per
from ecgsvc.convert.xml_tree import number, number_or_none
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
    RecordingHeader,
)
from ecgsvc.domain.waveform import Recording, Sex

_SEXES: dict[str, Sex] = {"male": "male", "female": "female"}
_TIME_COLUMNS = ("time", "t", "time_s", "seconds", "sample", "index")


@dataclass(frozen=True, slots=True)
class TableDeclaration:
    """Rate and unit of a table that does not declare them itself."""

    sampling_rate_hz: float | None = None
    unit: str | None = None


NOTHING_DECLARED = TableDeclaration()


def decoded_text(content: bytes) -> str:
    """Decode UTF-8, with or without byte order mark."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        msg = "the text is not UTF-8"
        raise UnreadableRecording(msg) from None


def read_table(
    content: bytes, name: str, declared: TableDeclaration = NOTHING_DECLARED
) -> Recording:
    """Read a table of samples; an empty field or ``nan`` is a missing sample.

    Fields are separated by commas, semicolons or tabs, decimals by points. A first column
    called time or sample is left out.

    Raises
    ------
    UnreadableRecording
        Rate or unit are declared neither in the file nor by `declared`, a line has another
        number of fields than the leads' names, or a field is no number.
    """
    stated, lines = _declarations(decoded_text(content))
    if not lines:
        msg = "the table has no line with the names of the leads"
        raise UnreadableRecording(msg)
    separator = max(",;\t", key=lines[0].count)
    names = [field.strip().strip('"') for field in lines[0].split(separator)]
    if any(number_or_none(field) is not None for field in names):
        msg = "the table's first line must name the leads; it holds numbers"
        raise UnreadableRecording(msg)
    rate = stated.get("sampling_rate_hz")
    rate_hz = number(rate, "sampling_rate_hz") if rate else declared.sampling_rate_hz
    if rate_hz is None:
        msg = (
            "the table does not say its sampling rate: '# sampling_rate_hz: 500', or --rate"
        )
        raise UnreadableRecording(msg)
    unit = stated.get("unit") or declared.unit
    if unit is None:
        msg = "the table does not say its unit: '# unit: mV', or --unit"
        raise UnreadableRecording(msg)
    per_unit = millivolts_per(unit, "the table")
    columns = _columns(lines[1:], separator, len(names))
    skipped = 1 if names[0].casefold() in _TIME_COLUMNS else 0
    leads = [
        LeadSamples(lead_name(lead), samples * per_unit, rate_hz)
        for lead, samples in list(zip(names, columns, strict=True))[skipped:]
    ]
    header = _header(stated)
    return assemble(
        name,
        leads,
        header,
        age_years=number_or_none(stated.get("age_years")),
        sex=_SEXES.get(stated.get("sex", "")),
    )


def _declarations(text: str) -> tuple[dict[str, str], list[str]]:
    stated: dict[str, str] = {}
    lines = text.splitlines()
    first = 0
    for first, line in enumerate(lines):  # noqa: B007 (where the table begins)
        if line.strip() and not line.startswith("#"):
            break
        key, colon, value = line.lstrip("# ").partition(":")
        if colon and value.strip():
            stated[key.strip().casefold()] = value.strip()
    else:
        return stated, []
    return stated, [line for line in lines[first:] if line.strip()]


def _columns(lines: list[str], separator: str, n_columns: int) -> np.ndarray:
    rows = []
    for index, line in enumerate(lines):
        fields = line.split(separator)
        if len(fields) != n_columns:
            msg = (
                f"sample {index} has {len(fields)} fields, the table {n_columns} columns: "
                "the leads of one ECG are equally long"
            )
            raise UnreadableRecording(msg)
        try:
            rows.append([float(field.strip() or "nan") for field in fields])
        except ValueError:
            msg = f"sample {index} holds something that is no number with a decimal point"
            raise UnreadableRecording(msg) from None
    return np.array(rows, dtype=np.float64).reshape(len(rows), n_columns).T


def _header(stated: Mapping[str, str]) -> RecordingHeader:
    return RecordingHeader(
        patient=RecordedPatient(
            identifier=stated.get("patient_id"),
            identifier_system=stated.get("patient_id_system"),
            family_name=stated.get("family_name"),
            given_name=stated.get("given_name"),
            birth_date=_iso_date(stated.get("birth_date")),
        ),
        recorded_at=_iso_time(stated.get("recorded_at")),
        device=RecordingDevice(
            stated.get("manufacturer"), stated.get("model"),
            stated.get("serial_number"), stated.get("software_version"),
        ),
        filters=RecordingFilters(
            number_or_none(stated.get("high_pass_hz")),
            number_or_none(stated.get("low_pass_hz")),
            number_or_none(stated.get("notch_hz")),
        ),
        step_uv=number_or_none(stated.get("step_uv")) or None,
    )  # fmt: skip


def _iso_time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        msg = "recorded_at is not an ISO 8601 time"
        raise UnreadableRecording(msg) from None


def _iso_date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        msg = "birth_date is not an ISO 8601 date"
        raise UnreadableRecording(msg) from None


def write_table(recording: Recording) -> bytes:
    """Write a recording as CSV in mV, with all that is known of it declared first."""
    waveform, header = recording.waveform, recording.header
    patient, device, filters = header.patient, header.device, header.filters
    declared: dict[str, object] = {
        "sampling_rate_hz": repr(waveform.sampling_rate_hz),
        "unit": "mV",
        "step_uv": header.step_uv,
        "patient_id": patient.identifier,
        "patient_id_system": patient.identifier_system,
        "family_name": patient.family_name,
        "given_name": patient.given_name,
        "birth_date": patient.birth_date,
        "age_years": recording.age_years,
        "sex": recording.sex,
        "recorded_at": header.recorded_at and header.recorded_at.isoformat(),
        "manufacturer": device.manufacturer,
        "model": device.model,
        "serial_number": device.serial_number,
        "software_version": device.software_version,
        "high_pass_hz": filters.high_pass_hz,
        "low_pass_hz": filters.low_pass_hz,
        "notch_hz": filters.notch_hz,
    }
    target = io.StringIO()
    for key, value in declared.items():
        if value is not None:
            target.write(f"# {key}: {' '.join(str(value).split())}\n")
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(waveform.leads)
    # nine decimals are a picovolt, so that rounding is far below any digital step
    decimals = np.round(waveform.samples_mv.T, 9)
    writer.writerows(
        ["" if value != value else value for value in row] for row in decimals.tolist()
    )
    return target.getvalue().encode("utf-8")

"""The ECG of an HL7 v2 order: numeric arrays of its OBX, and files embedded in them.

Numeric arrays are read as IHE writes them (PCD Technical Framework Supplement, Waveform
Content Module, Rev. 1.3): an OBX of type NA a lead, and further OBX, whose sub-ids begin
with that of the lead, for its sampling rate, resolution and marks of missing samples.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecgsvc.convert.assembling import MAX_LEADS, LeadSamples, assemble
from ecgsvc.convert.formats import Format, format_of
from ecgsvc.convert.leads import KNOWN_LEADS, LEAD_BY_NUMBER, lead_name
from ecgsvc.convert.units import voltage_or_none
from ecgsvc.domain.errors import (
    InvalidElement,
    MissingElement,
    RefusedContent,
    TooLarge,
    UnreadableRecording,
    UnsupportedContent,
)
from ecgsvc.domain.recording_header import RecordingDevice, RecordingHeader
from ecgsvc.domain.waveform import Lead, Millivolts, Recording
from ecgsvc.hl7v2 import Order, Segment

MAX_SAMPLES = 500_000
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.(\d*))?|\.(\d+))", re.ASCII)

_WHOLE_NUMBERS = re.compile(r"-?\d{1,9}(?:\^-?\d{1,9})*", re.ASCII)
"""What digital samples nearly always are; read at once."""

_LEAD_BLOCKS = (131_328, 131_072)
"""ISO/IEEE 11073-10102 writes a lead as base + number of the lead; the second base is seen
in the field."""
_LEAD_NAMES = ("MDC_ECG_LEAD_", "MDC_ECG_ELEC_POTL_")

_RATE, _RESOLUTION = "MDC_ATTR_SAMP_RATE", "MDC_ATTR_NU_MSMT_RES"
_MISSING = ("MDC_EVT_DATA_INVALID", "MDC_EVT_DATA_MISSING", "MDC_EVT_INOP")
_PER_SECOND = {
    "264608", "mdc_dim_per_sec", "264640", "mdc_dim_hz", "hz", "/s", "1/s", "s-1",
}  # fmt: skip
_VOLTS = {
    "266400": "V", "mdc_dim_volt": "V", "266418": "mV", "mdc_dim_milli_volt": "mV",
    "266419": "uV", "mdc_dim_micro_volt": "uV", "266420": "nV", "mdc_dim_nano_volt": "nV",
}  # fmt: skip
"""ISO/IEEE 11073-10101: dimensions, code and reference id."""
_NO_DIMENSION = {"", "262656", "mdc_dim_dimless", "1"}


_NO_RESULT = ("D", "I", "N", "O", "W", "X")


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A file in an OBX of type ED."""

    segment: Segment
    content: bytes


def waveform_file(order: Order, *, beside: bool) -> EmbeddedFile | None:
    """Return the file of an order that holds a recording; None when it has no file.

    Carts send the PDF of an ECG along with its waveform: beside a waveform, files that hold
    none are left out. A picture alone is refused.

    Parameters
    ----------
    beside
        Whether the order has the waveform as arrays already.

    Raises
    ------
    UnreadableRecording
        All files are pictures, or of no format that is read.
    UnsupportedContent, InvalidElement
        A file is not encoded in base64; or there are two waveforms.
    """
    found: list[EmbeddedFile] = []
    refusals: list[RefusedContent] = []
    for file in _embedded_files(order):
        try:
            kind = format_of(file.content)
        except UnreadableRecording as error:
            where = file.segment.where(5)
            refusals.append(UnreadableRecording(error.message, expression=where))
            continue
        if kind is Format.FHIR:
            msg = "FHIR, where a recording in another format was expected"
            refusals.append(UnreadableRecording(msg, expression=file.segment.where(5)))
            continue
        found.append(file)
    if len(found) + beside > 1:
        msg = "the order holds two waveforms: expected one ECG an OBR"
        raise UnsupportedContent(msg, expression=found[-1].segment.where(5))
    if not found and not beside and refusals:
        raise refusals[0]
    return found[0] if found else None


def _embedded_files(order: Order) -> Iterator[EmbeddedFile]:
    for segment in order.results:
        if segment.text(2) != "ED":
            continue
        _check_status(segment)
        parts = segment.raw(5).split(segment.delimiters.component, 4)
        if len(parts) < 5 or parts[3].strip().casefold() != "base64":
            msg = "expected encapsulated data in base64: application^type^subtype^Base64^…"
            raise UnsupportedContent(msg, expression=segment.where(5, 4))
        text = re.sub(r"\\(?:X0[AD]|\.br)\\|\s", "", parts[4])
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            msg = "expected base64"
            raise InvalidElement(msg, expression=segment.where(5, 5)) from None
        yield EmbeddedFile(segment, content)


def read_arrays(order: Order) -> Recording | None:
    """Read the numeric arrays of an order; None when none of them is an ECG's.

    Arrays that MDC codes call something else (pleth, pressures) are left out. Patient and
    time are not read here.

    Raises
    ------
    RefusedContent
        A lead, its unit or its rate is not said, or not one; what a recording of any format
        is refused for.
    """
    arrays = [result for result in order.results if result.text(2) == "NA"]
    named = [(each, lead) for each in arrays if (lead := _lead(each)) is not None]
    if not named:
        return None
    if len(named) > MAX_LEADS:
        msg = f"the order has {len(named)} leads, at most {MAX_LEADS} are read"
        raise TooLarge(msg, expression=named[MAX_LEADS][0].where(3))
    leads = [_lead_samples(segment, lead, order) for segment, lead in named]
    header = RecordingHeader(device=_device([segment for segment, _ in named]))
    try:
        return assemble("ECG", leads, header)
    except RefusedContent as error:
        where = error.expression or named[0][0].where(5)
        raise type(error)(error.message, expression=where) from error


def _check_status(segment: Segment) -> None:
    """Refuse a value that its own status withdraws (OBX-11, table 0085)."""
    if segment.text(11) in _NO_RESULT:
        msg = "the status says that this is no result: deleted, wrong or not obtained"
        raise UnsupportedContent(msg, expression=segment.where(11))


def _lead(segment: Segment) -> Lead | None:
    """Name the lead; None for what is no lead of an ECG.

    Code and text must agree: senders exist that give the code of one lead and the name of
    another, or of another signal.
    """
    code, name, system = (segment.text(3, part) for part in (1, 2, 3))
    is_mdc = system.upper() in ("MDC", "") and code.isdecimal()
    by_name = _known(name) or (None if is_mdc else _known(code))
    by_code = _coded(int(code)) if is_mdc and len(code) < 10 else None
    if by_code and name and by_name != by_code:
        msg = f"the code is that of lead {by_code}, its text names something else"
        raise InvalidElement(msg, expression=segment.where(3))
    found = by_code or by_name
    if found is None and not (is_mdc or name.startswith("MDC_")):
        msg = "expected the MDC code of a lead, or its name (I, II, V1 …)"
        raise UnsupportedContent(msg, expression=segment.where(3))
    return found


def _known(text: str) -> Lead | None:
    if text.startswith("MDC_") and not text.startswith(_LEAD_NAMES):
        return None
    name = lead_name(text)
    return name if name in KNOWN_LEADS else None


def _coded(code: int) -> Lead | None:
    return next((LEAD_BY_NUMBER[code - base] for base in _LEAD_BLOCKS
                 if code - base in LEAD_BY_NUMBER), None)  # fmt: skip


def _lead_samples(segment: Segment, lead: Lead, order: Order) -> LeadSamples:
    _check_status(segment)
    rate_hz = _rate_hz(segment, lead, order)
    step_mv = _millivolts_a_step(segment, lead, order)
    values, decimals = _values(segment, lead)
    for missing in _facets(segment, order, *_MISSING):
        for mark in missing.raw(5).split(missing.delimiters.component):
            if _NUMBER.fullmatch(mark.strip()):
                values[values == float(mark)] = np.nan
    step_uv = step_mv * 1e3 * 10.0**-decimals
    return LeadSamples(lead, values * step_mv, rate_hz, step_uv)


def _rate_hz(segment: Segment, lead: Lead, order: Order) -> float:
    stated = _facets(segment, order, _RATE) or _of_all(order, _RATE)
    if len(stated) != 1:
        msg = (
            f"expected one sampling rate (NM, {_RATE}) of lead {lead}, found {len(stated)}"
        )
        raise MissingElement(msg, expression=segment.where(4))
    [found] = stated
    if not _units(found) & _PER_SECOND:
        msg = "expected the sampling rate in Hz or /s (MDC_DIM_PER_SEC, MDC_DIM_HZ)"
        raise InvalidElement(msg, expression=found.where(6))
    return _positive(found, "sampling rate")


def _millivolts_a_step(segment: Segment, lead: Lead, order: Order) -> float:
    """Return what 1 in the array is worth: its unit, or the resolution stated beside it."""
    unit = _voltage(segment)
    stated = _facets(segment, order, _RESOLUTION)
    if unit is None and not _units(segment) <= _NO_DIMENSION:
        msg = f"the unit of lead {lead} is no voltage: expected V, mV, uV or nV"
        raise InvalidElement(msg, expression=segment.where(6))
    if not stated:
        if unit is None:
            msg = f"lead {lead} has no unit: expected V, mV, uV or nV"
            raise MissingElement(msg, expression=segment.where(6))
        return unit
    if len(stated) > 1:
        msg = f"expected one resolution of lead {lead}, found {len(stated)}"
        raise InvalidElement(msg, expression=stated[1].where(3))
    worth, resolution = _voltage(stated[0]), _positive(stated[0], "resolution")
    if worth is None:
        msg = f"the resolution of lead {lead} has no unit: expected V, mV, uV or nV"
        raise MissingElement(msg, expression=stated[0].where(6))
    if unit is not None:
        msg = (
            f"lead {lead} states a unit and a resolution in volts: it is not said whether "
            "the resolution is in the samples already; state one of the two"
        )
        raise InvalidElement(msg, expression=segment.where(6))
    return worth * resolution


def _values(segment: Segment, lead: Lead) -> tuple[Millivolts, int]:
    """Return the numbers, NaN where there is none, and how many decimals they have."""
    text, delimiters = segment.raw(5), segment.delimiters
    if delimiters.repetition in text:
        msg = f"expected one row of samples of lead {lead}, found several"
        raise UnsupportedContent(msg, expression=segment.where(5))
    if text.count(delimiters.component) >= MAX_SAMPLES:
        msg = f"lead {lead} has more than {MAX_SAMPLES} samples"
        raise TooLarge(msg, expression=segment.where(5))
    if delimiters.component == "^" and _WHOLE_NUMBERS.fullmatch(text):
        return np.fromstring(text, dtype=np.float64, sep="^"), 0
    values, decimals = [], 0
    for index, token in enumerate(text.split(delimiters.component)):
        stripped = token.strip()
        if not stripped:
            values.append(np.nan)
            continue
        found = _NUMBER.fullmatch(stripped)
        if found is None or len(stripped) > 32:
            msg = f"sample {index} of lead {lead} is no number"
            raise InvalidElement(msg, expression=segment.where(5))
        decimals = max(decimals, len(found[1] or found[2] or ""))
        values.append(float(stripped))
    return np.array(values, dtype=np.float64), decimals


def _facets(segment: Segment, order: Order, *names: str) -> list[Segment]:
    """Return what is said of one OBX: the sub-ids below its own, or equal to it."""
    own = segment.raw(4).strip()
    return [
        each
        for each in order.results
        if each.text(3, 2) in names
        and own
        and f"{each.raw(4).strip()}.".startswith(f"{own}.")
    ]


def _of_all(order: Order, name: str) -> list[Segment]:
    """Return what the order says once, for all its leads."""
    found = [each for each in order.results if each.text(3, 2) == name]
    return found if len(found) == 1 else []


def _units(segment: Segment) -> set[str]:
    return {segment.text(6, 1).casefold(), segment.text(6, 2).casefold()} - {""}


def _voltage(segment: Segment) -> float | None:
    """Return OBX-6 in millivolts; None when it is no voltage, or code and text differ."""
    found = {voltage_or_none(_VOLTS.get(unit, unit)) for unit in _units(segment)}
    return found.pop() if len(found) == 1 else None


def _positive(segment: Segment, what: str) -> float:
    text = segment.text(5)
    value = float(text) if _NUMBER.fullmatch(text) and len(text) <= 32 else 0.0
    if value <= 0:
        msg = f"expected the {what} as a number above 0"
        raise InvalidElement(msg, expression=segment.where(5))
    return value


def _device(segments: list[Segment]) -> RecordingDevice:
    """OBX-18, equipment instance identifier, where all leads name one."""
    named = {(each.text(18), each.text(18, 2)) for each in segments}
    if len(named) != 1:
        return RecordingDevice()
    serial, model = named.pop()
    return RecordingDevice(model=model or None, serial_number=serial or None)

"""HL7 annotated ECG (ANSI/HL7 V3 ECG, R1-2004), read.

The rhythm series with its one sequence set is read; representative beats and annotations
are left out.
"""

from collections.abc import Iterator
from datetime import date, datetime
from xml.etree.ElementTree import Element

import numpy as np

from ecgsvc.convert.assembling import LeadSamples, assemble
from ecgsvc.convert.leads import lead_name
from ecgsvc.convert.times import compact_date, compact_time
from ecgsvc.convert.units import millivolts_per
from ecgsvc.convert.xml_tree import number, number_or_none, parse_xml, text_at, value_at
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
    RecordingHeader,
)
from ecgsvc.domain.waveform import Recording, Sex

_SUBJECT = "componentOf/timepointEvent/componentOf/subjectAssignment/subject/trialSubject"
_PERSON = "subjectDemographicPerson"
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_SEXES: dict[str, Sex] = {"M": "male", "F": "female"}
_FILTER = "MDC_ECG_CTL_VBL_ATTR_FILTER_"


def read_aecg(content: bytes, name: str) -> Recording:
    """Read an AnnotatedECG document.

    Raises
    ------
    UnreadableRecording
        Not XML, no rhythm series, several of them or several sequence sets, or leads
        without scale, unit or sampling increment.
    TooLarge
        More than an ECG holds.
    """
    root = parse_xml(content)
    series = _rhythm_series(root)
    sets = series.findall("component/sequenceSet")
    if len(sets) != 1:
        msg = (
            f"expected one sequenceSet in the rhythm series, found {len(sets)}: "
            "leads that were not recorded at once are not read as one ECG"
        )
        raise UnreadableRecording(msg)
    rate_hz, head = _time_base(sets[0])
    leads = [*_leads(sets[0], rate_hz)]
    subject = root.find(_SUBJECT)
    recorded_at = (
        head
        or compact_time(value_at(series, "effectiveTime/low"))
        or compact_time(value_at(root, "effectiveTime/low"))
        or compact_time(value_at(root, "effectiveTime/center"))
        or compact_time(value_at(root, "effectiveTime"))
    )
    header = RecordingHeader(
        patient=RecordedPatient() if subject is None else _patient(subject),
        recorded_at=recorded_at,
        device=_device(series),
        filters=_filters(series),
    )
    sex = None
    if subject is not None:
        code = value_at(subject, f"{_PERSON}/administrativeGenderCode", "code")
        sex = _SEXES.get(code or "")
    return assemble(name, leads, header, sex=sex)


def _rhythm_series(root: Element) -> Element:
    found = [
        series
        for series in root.findall("component/series")
        if value_at(series, "code", "code") == "RHYTHM"
    ]
    if len(found) != 1:
        msg = f"expected one series with the code RHYTHM, found {len(found)}"
        raise UnreadableRecording(msg)
    return found[0]


def _time_base(sequence_set: Element) -> tuple[float, datetime | None]:
    for sequence in sequence_set.findall("component/sequence"):
        code = value_at(sequence, "code", "code")
        if code not in ("TIME_ABSOLUTE", "TIME_RELATIVE"):
            continue
        unit = value_at(sequence, "value/increment", "unit") or ""
        increment = number(value_at(sequence, "value/increment"), "the sampling increment")
        if unit not in _SECONDS or increment <= 0:
            msg = "expected a sampling increment above 0 in s, ms or us"
            raise UnreadableRecording(msg)
        rate_hz = 1.0 / (increment * _SECONDS[unit])
        if abs(rate_hz - round(rate_hz)) <= 1e-6 * rate_hz:  # 0.0027777778 s at 360 Hz
            rate_hz = float(round(rate_hz))
        is_absolute = code == "TIME_ABSOLUTE"
        head = compact_time(value_at(sequence, "value/head")) if is_absolute else None
        return rate_hz, head
    msg = "the file does not say the sampling rate: no TIME_ABSOLUTE or TIME_RELATIVE"
    raise UnreadableRecording(msg)


def _leads(sequence_set: Element, rate_hz: float) -> Iterator[LeadSamples]:
    for sequence in sequence_set.findall("component/sequence"):
        code = value_at(sequence, "code", "code") or ""
        if not code.startswith("MDC_ECG_LEAD_"):
            continue
        lead = lead_name(code)
        where = f"lead {lead}"
        scale = number(value_at(sequence, "value/scale"), f"the scale of {where}")
        per_unit = millivolts_per(
            value_at(sequence, "value/scale", "unit"), f"the scale of {where}"
        )
        origin_mv = 0.0
        if value_at(sequence, "value/origin") is not None:
            origin = number(value_at(sequence, "value/origin"), f"the origin of {where}")
            origin_mv = origin * millivolts_per(
                value_at(sequence, "value/origin", "unit"), f"the origin of {where}"
            )
        if scale == 0:
            msg = f"the scale of {where} is 0"
            raise UnreadableRecording(msg)
        digits = text_at(sequence, "value/digits") or ""
        try:
            steps = np.array(digits.split(), dtype=np.float64)
        except ValueError:
            msg = f"the digits of {where} are not all numbers"
            raise UnreadableRecording(msg) from None
        samples_mv = origin_mv + steps * (scale * per_unit)
        yield LeadSamples(lead, samples_mv, rate_hz, abs(scale * per_unit * 1e3))


def _patient(subject: Element) -> RecordedPatient:
    root, extension = value_at(subject, "id", "root"), value_at(subject, "id", "extension")
    person = f"{_PERSON}/name"
    return RecordedPatient(
        identifier=extension or root,
        identifier_system=f"urn:oid:{root}" if root and extension else None,
        family_name=text_at(subject, f"{person}/family") or text_at(subject, person),
        given_name=text_at(subject, f"{person}/given"),
        birth_date=_birth_date(subject),
    )


def _birth_date(subject: Element) -> date | None:
    return compact_date(value_at(subject, f"{_PERSON}/birthTime"))


def _device(series: Element) -> RecordingDevice:
    author = series.find("author/seriesAuthor")
    if author is None:
        return RecordingDevice()
    device = "manufacturedSeriesDevice"
    return RecordingDevice(
        manufacturer=text_at(author, "manufacturerOrganization/name"),
        model=text_at(author, f"{device}/manufacturerModelName"),
        serial_number=value_at(author, f"{device}/id", "extension"),
        software_version=text_at(author, f"{device}/softwareName"),
    )


def _filters(series: Element) -> RecordingFilters:
    found: dict[str, float | None] = {}
    for variable in series.findall("controlVariable/controlVariable"):
        kind = (value_at(variable, "code", "code") or "").removeprefix(_FILTER)
        inner = variable.find("component/controlVariable/value")
        if inner is not None and (inner.get("unit") or "Hz") == "Hz":
            found[kind] = number_or_none(inner.get("value"))
    return RecordingFilters(
        high_pass_hz=found.get("HIGH_PASS"),
        low_pass_hz=found.get("LOW_PASS"),
        notch_hz=found.get("NOTCH"),
    )

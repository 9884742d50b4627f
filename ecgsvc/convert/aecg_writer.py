"""HL7 annotated ECG, written: one rhythm series, no annotations."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from xml.etree.ElementTree import (
    Element,
    SubElement,
    tostring,
)

from ecgsvc.convert.digitising import digitise, refuse_missing
from ecgsvc.domain.recording_header import RecordingHeader
from ecgsvc.domain.waveform import Recording

_V3 = "urn:hl7-org:v3"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_ACT = "2.16.840.1.113883.5.4"
_MDC = "2.16.840.1.113883.6.24"
_NAMESPACE = uuid.UUID("0d4f7c55-3d5e-4a53-9f0b-8f6d3f0c9a11")
_SEX = {"male": "M", "female": "F"}
_FILTERS = (
    ("HIGH_PASS", "high_pass_hz"), ("LOW_PASS", "low_pass_hz"), ("NOTCH", "notch_hz"),
)  # fmt: skip


def write_aecg(recording: Recording) -> bytes:
    """Write a recording as AnnotatedECG.

    Samples are whole multiples of the recording's digital step. The document's id is made
    from the samples: the same recording gives the same document.

    Raises
    ------
    UnsupportedContent
        A sample is missing.
    """
    digital = digitise(recording)
    waveform, header = recording.waveform, recording.header
    refuse_missing(digital, waveform.leads, "an aECG")
    root = Element("AnnotatedECG", {"xmlns": _V3, "xmlns:xsi": _XSI, "type": "Observation"})
    own_id = uuid.uuid5(_NAMESPACE, waveform.samples_mv.tobytes().hex())
    SubElement(root, "id", root=str(own_id))
    SubElement(root, "code", code="93000", codeSystem="2.16.840.1.113883.6.12")
    _interval(root, recording)
    _subject(root, recording)
    series = SubElement(SubElement(root, "component"), "series")
    SubElement(series, "code", code="RHYTHM", codeSystem=_ACT)
    _interval(series, recording)
    _author(series, header)
    _control_variables(series, header)
    sequences = SubElement(SubElement(series, "component"), "sequenceSet")
    for code, system, value in _sequences(recording, digital.step_uv):
        sequence = SubElement(SubElement(sequences, "component"), "sequence")
        SubElement(sequence, "code", code=code, codeSystem=system)
        sequence.append(value)
    rows = sequences.findall("component/sequence/value/digits")
    for digits, steps in zip(rows, digital.steps.tolist(), strict=True):
        digits.text = " ".join(map(str, steps))
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _sequences(recording: Recording, step_uv: float) -> Iterator[tuple[str, str, Element]]:
    waveform = recording.waveform
    at = recording.header.recorded_at
    time = Element("value", {"xsi:type": "GLIST_TS" if at else "GLIST_PQ"})
    head = {"value": _stamp(at)} if at else {"value": "0", "unit": "s"}
    SubElement(time, "head", head)
    increment = repr(1.0 / waveform.sampling_rate_hz)
    SubElement(time, "increment", value=increment, unit="s")
    yield ("TIME_ABSOLUTE" if at else "TIME_RELATIVE"), _ACT, time
    for lead in waveform.leads:
        value = Element("value", {"xsi:type": "SLIST_PQ"})
        SubElement(value, "origin", value="0", unit="uV")
        SubElement(value, "scale", value=repr(step_uv), unit="uV")
        SubElement(value, "digits")
        yield f"MDC_ECG_LEAD_{lead}", _MDC, value


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S}.{at.microsecond // 1000:03d}{at:%z}"


def _interval(parent: Element, recording: Recording) -> None:
    at = recording.header.recorded_at
    if at is not None:
        time = SubElement(parent, "effectiveTime")
        SubElement(time, "low", value=_stamp(at))
        end = at + timedelta(seconds=recording.waveform.duration_s)
        SubElement(time, "high", value=_stamp(end))


def _subject(root: Element, recording: Recording) -> None:
    patient = recording.header.patient
    parent = SubElement(SubElement(root, "componentOf"), "timepointEvent")
    parent = SubElement(SubElement(parent, "componentOf"), "subjectAssignment")
    subject = SubElement(SubElement(parent, "subject"), "trialSubject")
    if patient.identifier:
        own = {"extension": patient.identifier}
        system = patient.identifier_system or ""
        if system.startswith("urn:oid:"):
            own["root"] = system.removeprefix("urn:oid:")
        SubElement(subject, "id", own)
    person = SubElement(subject, "subjectDemographicPerson")
    if patient.family_name or patient.given_name:
        name = SubElement(person, "name")
        SubElement(name, "family").text = patient.family_name
        SubElement(name, "given").text = patient.given_name
    if recording.sex is not None:
        code = {"code": _SEX[recording.sex], "codeSystem": "2.16.840.1.113883.5.1"}
        SubElement(person, "administrativeGenderCode", code)
    if patient.birth_date is not None:
        SubElement(person, "birthTime", value=f"{patient.birth_date:%Y%m%d}")


def _author(series: Element, header: RecordingHeader) -> None:
    device = header.device
    if not any((device.manufacturer, device.model, device.serial_number)):
        return
    author = SubElement(SubElement(series, "author"), "seriesAuthor")
    made = SubElement(author, "manufacturedSeriesDevice")
    if device.serial_number:
        SubElement(made, "id", extension=device.serial_number)
    if device.model:
        SubElement(made, "manufacturerModelName").text = device.model
    if device.software_version:
        SubElement(made, "softwareName").text = device.software_version
    if device.manufacturer:
        organization = SubElement(author, "manufacturerOrganization")
        SubElement(organization, "name").text = device.manufacturer


def _control_variables(series: Element, header: RecordingHeader) -> None:
    for kind, field in _FILTERS:
        cut_off_hz: float | None = getattr(header.filters, field)
        if cut_off_hz is None:
            continue
        variable = SubElement(SubElement(series, "controlVariable"), "controlVariable")
        code = f"MDC_ECG_CTL_VBL_ATTR_FILTER_{kind}"
        SubElement(variable, "code", code=code, codeSystem=_MDC)
        inner = SubElement(SubElement(variable, "component"), "controlVariable")
        code = "MDC_ECG_CTL_VBL_ATTR_FILTER_CUTOFF_FREQ"
        SubElement(inner, "code", code=code, codeSystem=_MDC)
        value = {"xsi:type": "PQ", "value": f"{cut_off_hz:g}", "unit": "Hz"}
        SubElement(inner, "value", value)

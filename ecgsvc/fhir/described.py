"""A recording's header as elements of an Observation, and back."""

import re
from datetime import date, datetime

from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
    RecordingHeader,
)
from ecgsvc.domain.report import Identifier
from ecgsvc.domain.waveform import Sex
from ecgsvc.fhir.concepts import concept, identifier_json
from ecgsvc.fhir.json_body import Element, JsonObject
from ecgsvc.fhir.patient import Subject

_PATIENT, _DEVICE = "patient", "device"
_FILTER = re.compile(r"(high-pass|low-pass|notch) (\d+(?:\.\d+)?) Hz")


def describe(
    header: RecordingHeader, sex: Sex | None, subject: str | Identifier
) -> tuple[list[JsonObject], JsonObject]:
    """Return contained resources, and subject, device and method.

    Name, sex and birth date come along as a contained Patient when the subject is an
    identifier; a reference points to a Patient that has its own. An age alone has no
    element in FHIR and is left out.
    """
    contained: list[JsonObject] = []
    described: JsonObject = {}
    if isinstance(subject, str):
        described["subject"] = {"reference": subject}
    else:
        patient = _patient(header.patient, sex, subject)
        own: JsonObject = {"type": "Patient", "identifier": identifier_json(subject)}
        if patient is not None:
            contained.append(patient)
            own = {"reference": f"#{_PATIENT}", **own}
        described["subject"] = own
    device = _device(header.device)
    if device is not None:
        contained.append(device)
        described["device"] = _device_reference(header.device)
    if method := _method(header.filters):
        described["method"] = concept(text=method)
    return contained, described


def _patient(
    patient: RecordedPatient, sex: Sex | None, subject: Identifier
) -> JsonObject | None:
    facts: JsonObject = {}
    family, given = patient.family_name, patient.given_name
    if family or given:
        name: JsonObject = {"family": family} if family else {}
        facts["name"] = [name | ({"given": [given]} if given else {})]
    if sex is not None:
        facts["gender"] = sex
    if patient.birth_date is not None:
        facts["birthDate"] = patient.birth_date.isoformat()
    if not facts:
        return None
    head: JsonObject = {"resourceType": "Patient", "id": _PATIENT}
    return head | {"identifier": [identifier_json(subject)]} | facts


def _device(device: RecordingDevice) -> JsonObject | None:
    facts: JsonObject = {
        name: value
        for name, value in (
            ("manufacturer", device.manufacturer),
            ("serialNumber", device.serial_number),
            ("modelNumber", device.model),
        )
        if value
    }
    if device.software_version:
        facts["version"] = [{"value": device.software_version}]
    if not facts:
        return None
    return {"resourceType": "Device", "id": _DEVICE} | facts


def _device_reference(device: RecordingDevice) -> JsonObject:
    """Name the device in the reference too: a report cannot point into the ECG's body."""
    reference: JsonObject = {"reference": f"#{_DEVICE}", "type": "Device"}
    if device.serial_number:
        reference["identifier"] = {"value": device.serial_number}
    named = " ".join(n for n in (device.manufacturer, device.model) if n)
    return reference | ({"display": named} if named else {})


def _method(filters: RecordingFilters) -> str:
    parts = (
        ("high-pass", filters.high_pass_hz), ("low-pass", filters.low_pass_hz),
        ("notch", filters.notch_hz),
    )  # fmt: skip
    found = [f"{kind} {hz:g} Hz" for kind, hz in parts if hz is not None]
    return f"Filters: {', '.join(found)}" if found else ""


def read_header(
    observation: Element,
    subject: Subject,
    patient: Element | None,
    recorded_at: datetime,
    step_uv: float | None,
) -> RecordingHeader:
    """Return what an accepted Observation says of the recording.

    A patient known by a reference alone is named by the id in it. The device is read where
    it is contained, filters where they are written as `describe` does.
    """
    reference = (subject.reference or "").rpartition("/")[2] or None
    own = subject.identifier
    names = patient.objects("name") if patient is not None else []
    given = names[0].json.get("given") if names else None
    return RecordingHeader(
        patient=RecordedPatient(
            identifier=own.value if own is not None else reference,
            identifier_system=own.system if own is not None else None,
            family_name=names[0].text("family") if names else None,
            given_name=" ".join(map(str, given)) if isinstance(given, list) else None,
            birth_date=_whole_date(patient.text("birthDate") if patient else None),
        ),
        recorded_at=recorded_at,
        device=_read_device(observation),
        filters=_read_filters(observation),
        step_uv=step_uv,
    )


def _whole_date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None  # a year or a month alone


def _read_device(observation: Element) -> RecordingDevice:
    reference = observation.object("device")
    target = (reference.text("reference") or "") if reference is not None else ""
    for device in observation.objects("contained"):
        own = f"#{device.text('id')}"
        if device.text("resourceType") == "Device" and own == target:
            versions = device.objects("version")
            return RecordingDevice(
                manufacturer=device.text("manufacturer"),
                model=device.text("modelNumber"),
                serial_number=device.text("serialNumber"),
                software_version=versions[0].text("value") if versions else None,
            )
    return RecordingDevice()


def _read_filters(observation: Element) -> RecordingFilters:
    method = observation.object("method")
    text = (method.text("text") or "") if method is not None else ""
    found = {kind: float(hz) for kind, hz in _FILTER.findall(text)}
    return RecordingFilters(
        found.get("high-pass"), found.get("low-pass"), found.get("notch")
    )

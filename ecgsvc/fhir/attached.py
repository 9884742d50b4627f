"""An ECG that came as a file in a DocumentReference, Media or Binary, to a recording."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from ecgsvc.domain.errors import (
    InvalidElement,
    MissingElement,
    RefusedContent,
    UnsupportedContent,
)
from ecgsvc.domain.recording_header import RecordingHeader
from ecgsvc.domain.report import EcgSource, Identifier
from ecgsvc.domain.sheet import Person
from ecgsvc.domain.waveform import Recording
from ecgsvc.fhir.carried import carried_references
from ecgsvc.fhir.carrier import Carrier, file_of, find_carrier, may_carry
from ecgsvc.fhir.codes import ACCEPTED_STATUS
from ecgsvc.fhir.concepts import identifier_json, instant
from ecgsvc.fhir.conformance import check_resource
from ecgsvc.fhir.json_body import Element, JsonObject, parse_json_object
from ecgsvc.fhir.models import confirm
from ecgsvc.fhir.observation import (
    DEFAULT_LIMITS,
    DecodedEcg,
    Limits,
    decode_observation,
    patient_resource,
)
from ecgsvc.fhir.patient import (
    Subject,
    age_and_sex,
    check_entries,
    identifiers_of,
    read_identifier,
    read_subject,
)
from ecgsvc.fhir.person import read_person
from ecgsvc.fhir.problems import Problems
from ecgsvc.fhir.sampled_data import (
    MAX_PERIOD_MS,
    MIN_PERIOD_MS,
    SampleParser,
    check_signal,
)
from ecgsvc.fhir.structure import resource_model
from ecgsvc.fhir.times import ZONE_ASSUMED, first_moment


class FileReader(Protocol):
    """Reads a recording of any format, recognised by its content: `convert.read_bytes`."""

    def __call__(self, content: bytes, name: str) -> Recording:
        """Return the recording; any `RefusedContent` when it is none."""
        ...


def decode_ecg(
    body: bytes,
    *,
    parse_samples: SampleParser,
    read_file: FileReader,
    fhir_version: str = "",
    patient: bytes = b"",
    default_zone: tzinfo = UTC,
    limits: Limits = DEFAULT_LIMITS,
) -> DecodedEcg:
    """Read an ECG: an Observation, or a file in a DocumentReference, Media or Binary.

    Each may come alone or in a Bundle; `decode_observation` says what the parameters are.
    Subject and time are those of the resource where it states them and of the file
    otherwise; where both name the patient, they must be the same. The body is kept and
    hashed as it came.

    Raises
    ------
    RefusedContent
        See `decode_observation`; the errors of a file have the FHIRPath of its data.
    """
    carrier = None
    if may_carry(body):
        root = parse_json_object(
            body, resource="Observation", max_bytes=limits.max_body_bytes
        )
        carrier = find_carrier(root, fhir_version)
    if carrier is None:
        return decode_observation(
            body,
            parse_samples=parse_samples,
            fhir_version=fhir_version,
            patient=patient,
            default_zone=default_zone,
            limits=limits,
        )
    return _decode(carrier, body, read_file, patient, default_zone, limits)


def _decode(
    carrier: Carrier,
    body: bytes,
    read_file: FileReader,
    patient: bytes,
    zone: tzinfo,
    limits: Limits,
) -> DecodedEcg:
    problems = Problems(limits.max_errors)
    resource = carrier.resource
    model = resource_model(carrier.version, carrier.root_type)
    if model is None:
        msg = f"FHIR {carrier.version} has no resource {carrier.root_type}"
        raise UnsupportedContent(msg, expression=carrier.root_type)
    check_resource(carrier.root, model, carrier.version, problems)
    problems.raise_if_any()
    confirm(carrier.root, carrier.version)
    status = _status(resource)
    recording = _recording(carrier, read_file, limits, problems)
    header = recording.header
    subject = _subject(carrier, header, problems)
    check_entries(carrier.companions, subject, problems)
    problems.raise_if_any()
    effective_at = _effective_at(carrier, header, zone, problems)
    person = patient_resource(patient, subject, carrier.version, limits, problems)
    age_years, sex = recording.age_years, recording.sex
    if person is not None:
        age_years, sex = age_and_sex(person, effective_at, problems)
    problems.raise_if_any()
    source = EcgSource(
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        fhir_version=carrier.version,
        status=status,
        identifiers=tuple(
            found
            for each in _identifying(resource)
            if (found := read_identifier(each)) is not None
        ),
        subject_reference=subject.reference,
        subject_identifier=subject.identifier,
        effective_at=effective_at,
        carried=_carried(carrier, subject, effective_at, header, problems),
        resource_type=str(resource.text("resourceType")),
    )
    return DecodedEcg(
        source,
        replace(recording, age_years=age_years, sex=sex),
        dict.fromkeys(recording.waveform.leads, carrier.data_path),
        problems.warnings,
        read_person(person, subject, age_years=age_years, sex=sex)
        if person is not None
        else _person(recording, subject),
    )


def _status(resource: Element) -> str:
    """Status as an Observation would state it."""
    kind, status = resource.text("resourceType"), resource.text("status")
    if kind == "Binary":
        return "final"
    wanted = "completed" if kind == "Media" else "current"
    if status != wanted:
        msg = f"expected status {wanted}"
        raise UnsupportedContent(msg, expression=f"{resource.path}.status")
    stated = resource.text("docStatus") or "final"
    if stated not in ACCEPTED_STATUS:
        msg = f"expected docStatus {', '.join(sorted(ACCEPTED_STATUS))}"
        raise UnsupportedContent(msg, expression=f"{resource.path}.docStatus")
    return stated


def _recording(
    carrier: Carrier, read_file: FileReader, limits: Limits, problems: Problems
) -> Recording:
    path = carrier.data_path
    try:
        recording = read_file(file_of(carrier), "ECG")
    except RefusedContent as error:
        raise type(error)(error.message, expression=error.expression or path) from error
    waveform = recording.waveform
    if not MIN_PERIOD_MS <= 1e3 / waveform.sampling_rate_hz <= MAX_PERIOD_MS:
        lowest, highest = 1e3 / MAX_PERIOD_MS, 1e3 / MIN_PERIOD_MS
        msg = f"expected {lowest:g} to {highest:g} samples a second"
        problems.add(InvalidElement(msg, expression=path))
    check_signal(
        waveform.samples_mv,
        waveform.sampling_rate_hz,
        limits.min_duration_s,
        path,
        problems,
    )
    return recording


def _subject(carrier: Carrier, header: RecordingHeader, problems: Problems) -> Subject:
    """The resource's subject, or the patient of the file; both must be one."""
    resource, patient = carrier.resource, header.patient
    if not resource.has("subject"):
        if not patient.identifier:
            msg = "the patient is required: neither the resource nor the file names one"
            raise MissingElement(msg, expression=f"{resource.path}.subject")
        own = Identifier(patient.identifier_system, patient.identifier)
        carried: JsonObject = {"type": "Patient", "identifier": identifier_json(own)}
        return Subject(None, own, carried, None)
    subject = read_subject(resource, carrier.companions, problems)
    if subject is None:
        problems.raise_if_any()
        msg = "expected a reference to a Patient"
        raise InvalidElement(msg, expression=f"{resource.path}.subject")
    known = {subject.identifier.value} if subject.identifier is not None else set()
    if subject.patient is not None:
        known |= {each.value for each in identifiers_of(subject.patient)}
    if patient.identifier and known and patient.identifier not in known:
        msg = "two patients: the file names another than the resource"
        raise InvalidElement(msg, expression=f"{resource.path}.subject")
    return subject


def _effective_at(
    carrier: Carrier, header: RecordingHeader, zone: tzinfo, problems: Problems
) -> datetime:
    at = header.recorded_at
    if at is None:
        text, path = _stated_time(carrier.resource)
        stated = first_moment(text, zone) if text else None
        if stated is None:
            msg = "the time of the ECG is required: neither resource nor file state it"
            raise MissingElement(msg, expression=path)
        return stated
    if at.tzinfo is None:
        problems.warn(ZONE_ASSUMED, carrier.data_path)
        at = at.replace(tzinfo=zone)
    return at.astimezone(UTC)


def _stated_time(resource: Element) -> tuple[str | None, str]:
    """When it was recorded, as the resource says; ``date`` says when that was written."""
    if resource.text("resourceType") == "Media":
        path = f"{resource.path}.created"
        period = resource.object("createdPeriod")
        start = period.text("start") if period is not None else None
        return resource.text("createdDateTime") or start, path
    holder = resource.object("context") or resource
    period = holder.object("period")
    return (period.text("start") if period is not None else None), f"{holder.path}.period"


def _carried(
    carrier: Carrier,
    subject: Subject,
    effective_at: datetime,
    header: RecordingHeader,
    problems: Problems,
) -> JsonObject:
    resource = carrier.resource
    own = [each.json for each in _identifying(resource)]
    carried: JsonObject = {
        **({"id": resource.json["id"]} if resource.has("id") else {}),
        **({"identifier": own} if own else {}),
        "subject": subject.carried,
        "effectiveDateTime": instant(effective_at),
        **carried_references(resource, problems),
    }
    device = header.device
    named = " ".join(n for n in (device.manufacturer, device.model) if n)
    reference: JsonObject = {"display": named} if named else {}
    if device.serial_number:
        reference["identifier"] = {"value": device.serial_number}
    if reference and "device" not in carried:
        carried["device"] = {"type": "Device"} | reference
    return carried


def _identifying(resource: Element) -> list[Element]:
    """Return the identifiers; R4 has one of its own for the version of a document."""
    master = resource.object("masterIdentifier")
    return [*([master] if master is not None else []), *resource.objects("identifier")]


def _person(recording: Recording, subject: Subject) -> Person:
    patient = recording.header.patient
    identifier = subject.identifier.value if subject.identifier is not None else ""
    return Person(
        name=", ".join(n for n in (patient.family_name, patient.given_name) if n),
        identifier=identifier or patient.identifier or "",
        birth_date=patient.birth_date.isoformat() if patient.birth_date else "",
        sex=recording.sex or "",
        age_years=recording.age_years,
    )

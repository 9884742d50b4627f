"""An ECG Observation as received, to a recording in millivolts.

The order of work: bytes to JSON, the ECG in it, every rule of the resource's type, then
what an ECG must be. All errors of a body are collected and raised together; the models of
`fhir.resources` have the last word before anything is trusted.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo

from ecgsvc.domain.errors import (
    InvalidElement,
    MissingElement,
    UnsupportedContent,
)
from ecgsvc.domain.report import EcgSource, FhirVersion
from ecgsvc.domain.sheet import Person
from ecgsvc.domain.waveform import Lead, Recording
from ecgsvc.fhir.carried import carried_elements
from ecgsvc.fhir.codes import ACCEPTED_STATUS, ECG_CODES, LEAD_BY_CODE, OTHER_STATUS
from ecgsvc.fhir.conformance import check_resource
from ecgsvc.fhir.described import read_header
from ecgsvc.fhir.envelope import Envelope, open_body
from ecgsvc.fhir.json_body import MAX_BODY_BYTES, Element, parse_json_object
from ecgsvc.fhir.models import confirm
from ecgsvc.fhir.patient import (
    Subject,
    age_and_sex,
    check_entries,
    check_match,
    identifiers_of,
    read_subject,
)
from ecgsvc.fhir.person import read_person
from ecgsvc.fhir.problems import ContentWarning, Problems
from ecgsvc.fhir.sampled_data import SampledDataForm, SampleParser
from ecgsvc.fhir.structure import resource_model
from ecgsvc.fhir.times import effective_start, state_zones
from ecgsvc.fhir.waveforms import read_waveform


@dataclass(frozen=True, slots=True)
class Limits:
    """What is accepted; see also the constants of `sampled_data` and `json_body`.

    `unitless_origin` is that of `SampledDataForm`.
    """

    max_body_bytes: int = MAX_BODY_BYTES
    max_leads: int = 16
    min_duration_s: float = 1.0
    max_errors: int = 50
    unitless_origin: str | None = None


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, eq=False)
class DecodedEcg:
    """An accepted ECG.

    Parameters
    ----------
    lead_expressions
        FHIRPath of each lead's samples, for errors found later.
    warnings
        What was accepted but should be looked at.
    person
        Whose ECG it is, for people to read.
    """

    source: EcgSource
    recording: Recording
    lead_expressions: Mapping[Lead, str]
    warnings: tuple[ContentWarning, ...]
    person: Person


def decode_observation(
    body: bytes,
    *,
    parse_samples: SampleParser,
    fhir_version: str = "",
    patient: bytes = b"",
    default_zone: tzinfo = UTC,
    limits: Limits = DEFAULT_LIMITS,
) -> DecodedEcg:
    """Read an ECG Observation (R4 or R5), or a Bundle with one.

    Parameters
    ----------
    body
        The JSON bytes; kept and hashed as they are.
    parse_samples
        `ecgsvc.dsp.parse_sampled_data`.
    fhir_version
        "4.0.1", "4.3.0" or "5.0.0"; empty: recognised from the body.
    patient
        A Patient resource for age and sex; it must be the subject. Empty: a contained
        Patient or a Bundle entry that the subject refers to, if any.
    default_zone
        For times and dates that state none; using it is a warning.

    Returns
    -------
    DecodedEcg
        In a Bundle expressions start with ``Bundle.entry[i].resource``.

    Raises
    ------
    RefusedContent
        The first error; `others` holds the rest, at most `limits.max_errors` together.
    """
    problems = Problems(limits.max_errors)
    envelope = open_body(body, fhir_version, max_bytes=limits.max_body_bytes)
    observation = envelope.observation
    state_zones(observation, default_zone, problems)
    _check_structure(envelope, problems)
    status = _check_status(observation, problems)
    _check_code(observation, problems)
    subject = read_subject(observation, envelope.companions, problems)
    if subject is not None:
        check_entries(envelope.companions, subject, problems)
    effective_at = effective_start(observation, default_zone, problems)
    resource = patient_resource(patient, subject, envelope.version, limits, problems)
    age_years, sex = (
        (None, None) if resource is None else age_and_sex(resource, effective_at, problems)
    )
    carried = carried_elements(observation, subject, problems)
    waveform, paths, step_uv = read_waveform(
        observation,
        SampledDataForm(envelope.version, parse_samples, limits.unitless_origin),
        problems,
        max_leads=limits.max_leads,
        min_duration_s=limits.min_duration_s,
    )
    problems.raise_if_any()
    if status is None or subject is None or effective_at is None or waveform is None:
        msg = "the Observation cannot be read"
        raise InvalidElement(msg, expression=observation.path)
    confirm(envelope.root, envelope.version)
    source = EcgSource(
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        fhir_version=envelope.version,
        status=status,
        identifiers=identifiers_of(observation),
        subject_reference=subject.reference,
        subject_identifier=subject.identifier,
        effective_at=effective_at,
        carried=carried,
    )
    header = read_header(observation, subject, resource, effective_at, step_uv)
    recording = Recording("ECG", waveform, age_years, sex, header)
    person = read_person(resource, subject, age_years=age_years, sex=sex)
    return DecodedEcg(source, recording, paths, problems.warnings, person)


def _check_structure(envelope: Envelope, problems: Problems) -> None:
    model = resource_model(envelope.version, envelope.root_type)
    if model is None:
        msg = f"unknown resource {envelope.root_type}"
        raise LookupError(msg)
    check_resource(envelope.root, model, envelope.version, problems)


def _check_status(observation: Element, problems: Problems) -> str | None:
    """Return an accepted status; the check of bindings has refused unknown ones."""
    status = observation.text("status")
    path = f"{observation.path}.status"
    if status is None and "_status" in observation.json:
        problems.add(MissingElement("the status is required", expression=path))
    if status in OTHER_STATUS:
        msg = f"expected status {', '.join(sorted(ACCEPTED_STATUS))}"
        problems.add(UnsupportedContent(msg, expression=path))
    for holder in (observation, *observation.objects("component")):
        has_value = any(name.startswith("value") for name in holder.json)
        if has_value and holder.has("dataAbsentReason"):
            msg = "a dataAbsentReason only where there is no value (obs-6)"
            where = f"{holder.path}.dataAbsentReason"
            problems.add(InvalidElement(msg, expression=where))
    return status if status in ACCEPTED_STATUS else None


def _check_code(observation: Element, problems: Problems) -> None:
    code = observation.object("code")
    if code is None:
        return
    codings = [(c.text("system"), c.text("code")) for c in code.objects("coding")]
    is_lead = observation.has("valueSampledData") and any(
        c in LEAD_BY_CODE for c in codings
    )
    if observation.has("focus"):
        msg = "focus is not read: the ECG is taken as the subject's own"
        problems.warn(msg, f"{observation.path}.focus")
    if not is_lead and not any(c in ECG_CODES for c in codings):
        msg = "expected the code of an ECG: MDC 131328 or LOINC 11524-6"
        problems.add(UnsupportedContent(msg, expression=code.path))


def patient_resource(
    body: bytes,
    subject: Subject | None,
    version: FhirVersion,
    limits: Limits,
    problems: Problems,
) -> Element | None:
    """Return the Patient given, or the one that came along; None: neither, or unusable."""
    if not body:
        return subject.patient if subject is not None else None
    root = parse_json_object(body, resource="Patient", max_bytes=limits.max_body_bytes)
    model = resource_model(version, "Patient")
    if root.get("resourceType") != "Patient" or model is None:
        msg = "expected resourceType Patient"
        problems.add(InvalidElement(msg, expression="Patient"))
        return None
    check_resource(root, model, version, problems)
    given = Element("Patient", root)
    if subject is not None:
        check_match(given, subject, problems)
    return given

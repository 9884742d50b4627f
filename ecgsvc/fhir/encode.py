"""A recording to the ECG Observation that carries it, and a file to its document."""

import base64
from datetime import datetime

import numpy as np

from ecgsvc.domain.errors import InvalidElement, TooLarge
from ecgsvc.domain.recording_header import RecordingHeader
from ecgsvc.domain.report import FhirVersion, Identifier
from ecgsvc.domain.waveform import Lead, Millivolts, Recording, Sex
from ecgsvc.fhir.codes import EKG_STUDY, LEAD_CODING, MDC_ECG, PROCEDURE, UCUM
from ecgsvc.fhir.concepts import concept, identifier_json, instant
from ecgsvc.fhir.described import describe
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.leads import standard_leads
from ecgsvc.fhir.models import to_json
from ecgsvc.fhir.patient import is_patient_reference
from ecgsvc.fhir.primitives import MAX_STRING
from ecgsvc.fhir.sampled_data import MAX_PERIOD_MS, MIN_PERIOD_MS

MAX_LEADS = 16


def encode_observation(
    recording: Recording,
    *,
    subject: str | Identifier,
    effective_at: datetime,
    identifier: Identifier | None = None,
    based_on: Identifier | None = None,
    status: str = "final",
    resolution_uv: float | None = None,
    version: FhirVersion = "4.0.1",
) -> bytes:
    """Write a recording as an Observation with one component a lead.

    Samples are whole multiples of `resolution_uv`, NaN is ``E``. Decoding gives back
    ``factor * sample / 1000`` mV, exactly for samples that are such multiples. Device and
    filters of the recording's header come along, and what it says of the patient where the
    subject is an identifier.

    Parameters
    ----------
    recording
        At most 16 leads. Those of `standard_leads` are coded, the others keep their names
        in ``code.text``.
    subject
        Reference to the patient (``Patient/1``), or the patient's identifier.
    effective_at
        Start of the recording, time-zone aware.
    based_on
        The placer's number of the order.
    status
        ``final``, ``amended``, ``corrected`` or ``preliminary``.
    resolution_uv
        Microvolts a step; None takes the recording's own, or 1 where that is not known.

    Raises
    ------
    InvalidElement
        The subject is no reference to a Patient, or the sampling period is none that the
        service reads.
    TooLarge
        More leads than 16, or more samples than the 1 MiB of a FHIR string hold: cut the
        recording into several.
    """
    waveform = recording.waveform
    if waveform.n_leads > MAX_LEADS:
        msg = f"an Observation holds at most {MAX_LEADS} leads, not {waveform.n_leads}"
        raise TooLarge(msg)
    if isinstance(subject, str) and not is_patient_reference(subject):
        msg = "expected a reference to a Patient, such as Patient/1"
        raise InvalidElement(msg, expression="Observation.subject.reference")
    coded = standard_leads(waveform.leads)
    period_ms = 1000.0 / waveform.sampling_rate_hz
    if not MIN_PERIOD_MS <= period_ms <= MAX_PERIOD_MS:
        msg = (
            f"expected {1e3 / MAX_PERIOD_MS:g} to {1e3 / MIN_PERIOD_MS:g} samples a second"
        )
        raise InvalidElement(msg, expression="Observation.component.value")
    timing: JsonObject = (
        {"interval": period_ms, "intervalUnit": "ms"}
        if version == "5.0.0"
        else {"period": period_ms}
    )
    step_uv = resolution_uv or recording.header.step_uv or 1.0
    contained, described = describe(recording.header, recording.sex, subject)
    content: JsonObject = {
        "resourceType": "Observation",
        **({"contained": contained} if contained else {}),
        **({"identifier": [identifier_json(identifier)]} if identifier else {}),
        **({"basedOn": [_order(based_on)]} if based_on else {}),
        "status": status,
        "category": [concept(PROCEDURE)],
        "code": concept(MDC_ECG, EKG_STUDY, text="ECG waveform"),
        "effectiveDateTime": instant(effective_at),
        **described,
        "component": [
            _component(lead, coded, samples, timing, step_uv)
            for lead, samples in zip(waveform.leads, waveform.samples_mv, strict=True)
        ],
    }
    return to_json(content, version)


def encode_document(
    content: bytes,
    header: RecordingHeader,
    *,
    sex: Sex | None,
    subject: Identifier,
    effective_at: datetime,
    identifier: Identifier | None = None,
    status: str = "final",
) -> bytes:
    """Write an ECG that is a file as the DocumentReference (R4) that carries it.

    `header` is what is known beside the file, of the patient above all; the rest is as in
    `encode_observation`.
    """
    contained, described = describe(header, sex, subject)
    attachment = {
        "contentType": "application/octet-stream",
        "data": base64.b64encode(content).decode(),
    }
    own: JsonObject = {
        "resourceType": "DocumentReference",
        **({"contained": contained} if contained else {}),
        **({"identifier": [identifier_json(identifier)]} if identifier else {}),
        "status": "current",
        "docStatus": status,
        "type": concept(EKG_STUDY),
        "subject": described["subject"],
        "content": [{"attachment": attachment}],
        "context": {"period": {"start": instant(effective_at)}},
    }
    return to_json(own, "4.0.1")


def _order(placer_number: Identifier) -> JsonObject:
    return {"type": "ServiceRequest", "identifier": identifier_json(placer_number)}


def _component(
    lead: Lead,
    coded: frozenset[Lead],
    samples_mv: Millivolts,
    timing: JsonObject,
    resolution_uv: float,
) -> JsonObject:
    data = _sample_text(samples_mv, resolution_uv)
    if len(data) > MAX_STRING:
        msg = (
            f"lead {lead} needs {len(data)} characters, a FHIR string holds {MAX_STRING}: "
            "cut the recording into several Observations"
        )
        raise TooLarge(msg)
    return {
        "code": concept(LEAD_CODING[lead], text=f"Lead {lead}")
        if lead in coded
        else concept(text=lead),
        "valueSampledData": {
            "origin": {"value": 0, "unit": "uV", "system": UCUM, "code": "uV"},
            **timing,
            "factor": resolution_uv,
            "dimensions": 1,
            "data": data,
        },
    }


def _sample_text(samples_mv: Millivolts, resolution_uv: float) -> str:
    steps = np.rint(samples_mv * (1000.0 / resolution_uv))
    present = np.isfinite(steps)
    numbers = np.where(present, steps, 0).astype(np.int64).tolist()
    if present.all():
        return " ".join(map(str, numbers))
    return " ".join(
        str(number) if there else "E"
        for number, there in zip(numbers, present, strict=True)
    )

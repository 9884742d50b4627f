"""A recording to the ECG Observation that carries it."""

from datetime import datetime

import numpy as np

from ecgsvc.domain.errors import InvalidElement, TooLarge
from ecgsvc.domain.report import Identifier
from ecgsvc.domain.waveform import Lead, Millivolts, Recording
from ecgsvc.fhir.codes import EKG_STUDY, LEAD_CODING, MDC_ECG, PROCEDURE, UCUM
from ecgsvc.fhir.concepts import concept, identifier_json, instant
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.leads import standard_leads
from ecgsvc.fhir.models import to_json
from ecgsvc.fhir.patient import is_patient_reference
from ecgsvc.fhir.primitives import MAX_STRING

MAX_LEADS = 16


def encode_observation(
    recording: Recording,
    *,
    subject: str | Identifier,
    effective_at: datetime,
    identifier: Identifier | None = None,
    status: str = "final",
    resolution_uv: float = 1.0,
) -> bytes:
    """Write a recording as an R4 Observation with one component a lead.

    Samples are whole multiples of `resolution_uv`, NaN is ``E``. Decoding gives back
    ``factor * sample / 1000`` mV, exactly for samples that are such multiples.

    Parameters
    ----------
    recording
        At most 16 leads. Those of `standard_leads` are coded, the others keep their names
        in ``code.text``.
    subject
        Reference to the patient (``Patient/1``), or the patient's identifier.
    effective_at
        Start of the recording, time-zone aware.
    status
        ``final``, ``amended``, ``corrected`` or ``preliminary``.
    resolution_uv
        Microvolts a step.

    Raises
    ------
    InvalidElement
        The subject is no reference to a Patient.
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
    content: JsonObject = {
        "resourceType": "Observation",
        "status": status,
        "category": [concept(PROCEDURE)],
        "code": concept(MDC_ECG, EKG_STUDY, text="ECG waveform"),
        "subject": (
            {"reference": subject}
            if isinstance(subject, str)
            else {"type": "Patient", "identifier": identifier_json(subject)}
        ),
        "effectiveDateTime": instant(effective_at),
        "component": [
            _component(lead, coded, samples, waveform.sampling_rate_hz, resolution_uv)
            for lead, samples in zip(waveform.leads, waveform.samples_mv, strict=True)
        ],
    }
    if identifier is not None:
        content["identifier"] = [identifier_json(identifier)]
    return to_json(content)


def _component(
    lead: Lead,
    coded: frozenset[Lead],
    samples_mv: Millivolts,
    sampling_rate_hz: float,
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
            "period": 1000.0 / sampling_rate_hz,
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

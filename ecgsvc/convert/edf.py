"""EDF and EDF+ recordings, read and written with `edfio`."""

import re
import warnings
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import numpy as np

from ecgsvc.convert.assembling import LeadSamples, assemble
from ecgsvc.convert.digitising import INT16_MAX, digitise, refuse_missing
from ecgsvc.convert.leads import lead_name
from ecgsvc.convert.units import voltage_or_none
from ecgsvc.domain.errors import EcgsvcError, UnreadableRecording, UnsupportedContent
from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
    RecordingHeader,
)
from ecgsvc.domain.waveform import STANDARD_LEADS, Recording, Sex

_NOT_ECG = re.compile(
    r"(EEG|EMG|EOG|ERG|MEG|MCG|EP|Temp|Resp|SaO2|SpO2|Pleth|PPG|Light|Sound|Event|Status)\b",
    re.IGNORECASE,
)
"""Signal types of EDF+'s standard texts (2.1.3.3) that are no electrocardiogram."""
_FILTER = re.compile(r"(HP|LP|N):\s*([\d.]+)\s*Hz", re.IGNORECASE)
_UNKNOWN = ("X", "")
_SEXES: dict[str, Sex] = {"M": "male", "F": "female"}
_DIGITAL_RANGE = (-32768, 32767)


def read_edf(content: bytes, name: str) -> Recording:
    """Read the electrocardiogram of an EDF or EDF+C file.

    Signals of other types (EEG, respiration …) and those that are no voltage are left out.

    Raises
    ------
    UnreadableRecording
        No EDF, a discontinuous one (EDF+D), no ECG in it, or leads that differ in rate.
    TooLarge
        More than an ECG holds.
    """
    if content[192:197] == b"EDF+D":
        msg = "a discontinuous EDF+ file (EDF+D) is not read: its gaps would be lost"
        raise UnreadableRecording(msg)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # header fields out of form; checked here
        try:
            import edfio

            edf = edfio.read_edf(content, header_encoding="latin-1")
            leads = [*_leads(edf)]
            header = RecordingHeader(
                patient=_patient(edf),
                recorded_at=_start(edf),
                device=RecordingDevice(model=_known(edf, "recording", "equipment_code")),
                filters=_filters(edf),
            )
            sex = _SEXES.get(_known(edf, "patient", "sex") or "")
        except EcgsvcError:
            raise
        except Exception as error:
            msg = "the EDF file is damaged: its header or length does not follow the format"
            raise UnreadableRecording(msg) from error
    return assemble(name, leads, header, sex=sex)


def _ecg_signals(edf: Any) -> list[Any]:  # noqa: ANN401 (an edfio.Edf)
    voltages = [
        signal
        for signal in edf.signals
        if not _NOT_ECG.match(signal.label.strip())
        and voltage_or_none(signal.physical_dimension) is not None
    ]
    named = [s for s in voltages if _is_lead(s.label)]
    return named or voltages


def _is_lead(label: str) -> bool:
    return label.strip().upper().startswith(("ECG", "EKG")) or (
        lead_name(label) in STANDARD_LEADS
    )


def _leads(edf: Any) -> Iterator[LeadSamples]:  # noqa: ANN401 (an edfio.Edf)
    for signal in _ecg_signals(edf):
        per_unit = voltage_or_none(signal.physical_dimension) or 0.0
        digital = signal.digital_max - signal.digital_min
        step_mv = (signal.physical_max - signal.physical_min) / digital * per_unit
        zero_mv = signal.physical_min * per_unit - signal.digital_min * step_mv
        samples_mv = signal.digital * step_mv + zero_mv
        yield LeadSamples(
            lead_name(signal.label), samples_mv, float(signal.sampling_frequency),
            abs(step_mv * 1e3) or None,
        )  # fmt: skip


def _known(edf: Any, group: str, field: str) -> str | None:  # noqa: ANN401 (edfio.Edf)
    """A subfield of an EDF+ identification, or None where it is X or not readable."""
    try:
        value = str(getattr(getattr(edf, group), field))
    except Exception:
        return None  # plain EDF: free text without subfields
    return None if value in _UNKNOWN else value.replace("_", " ")


def _patient(edf: Any) -> RecordedPatient:  # noqa: ANN401 (an edfio.Edf)
    born: date | None = None
    try:
        born = edf.patient.birthdate
    except Exception:
        born = None  # anonymised, or plain EDF
    return RecordedPatient(
        identifier=_known(edf, "patient", "code"),
        family_name=_known(edf, "patient", "name"),
        birth_date=born,
    )


def _start(edf: Any) -> datetime | None:  # noqa: ANN401 (an edfio.Edf)
    try:
        start: datetime = edf.startdatetime
    except Exception:
        return None  # anonymised
    return start if start.year > 1985 else None  # 01.01.85 is EDF's unknown date


def _filters(edf: Any) -> RecordingFilters:  # noqa: ANN401 (an edfio.Edf)
    first = _ecg_signals(edf)[:1]
    text = first[0].prefiltering if first else ""
    found = {kind.upper(): float(hz) for kind, hz in _FILTER.findall(text)}
    return RecordingFilters(found.get("HP"), found.get("LP"), found.get("N"))


def write_edf(recording: Recording) -> bytes:
    """Write a recording as EDF+C, one signal a lead, in the recording's own digital steps.

    EDF+ has no place for a zone: the local time stands as it is. The name, code and
    equipment are ASCII there, spaces as underscores.

    Raises
    ------
    UnsupportedContent
        A sample is missing, an amplitude needs more than 16 bits, text is not ASCII, or
        the length is no whole number of data records.
    """
    import edfio

    digital = digitise(recording)
    waveform, header = recording.waveform, recording.header
    refuse_missing(digital, waveform.leads, "an EDF file")
    if not digital.fits_16_bits:
        msg = f"the amplitudes need more than 16 bits in steps of {digital.step_uv:g} uV"
        raise UnsupportedContent(msg)
    bound_uv = digital.step_uv * (INT16_MAX + 1)
    physical = (float(f"{-bound_uv:.6g}"), float(f"{bound_uv - digital.step_uv:.6g}"))
    try:
        signals = [
            edfio.EdfSignal.from_digital(
                steps.astype(np.int16),
                waveform.sampling_rate_hz,
                label=f"ECG {lead}"[:16],
                physical_dimension="uV",
                physical_range=physical,
                digital_range=_DIGITAL_RANGE,
                prefiltering=_prefiltering(header.filters),
            )
            for lead, steps in zip(waveform.leads, digital.steps, strict=True)
        ]
        at = header.recorded_at
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # says that fractions of a second make EDF+C
            return edfio.Edf(
                signals,
                patient=_edf_patient(recording),
                recording=edfio.Recording(
                    startdate=None if at is None else at.date(),
                    equipment_code=_code(header.device.model or header.device.manufacturer),
                ),
                starttime=None if at is None else at.replace(tzinfo=None).time(),
            ).to_bytes()
    except ValueError as error:
        msg = "EDF+ cannot hold this recording: ASCII text, and a whole number of records"
        raise UnsupportedContent(msg) from error


def _edf_patient(recording: Recording) -> Any:  # noqa: ANN401 (an edfio.Patient)
    import edfio

    patient = recording.header.patient
    name = " ".join(n for n in (patient.family_name, patient.given_name) if n)
    sexes = {"male": "M", "female": "F", None: "X"}
    return edfio.Patient(
        code=_code(patient.identifier),
        sex=sexes[recording.sex],  # type: ignore[arg-type]  # one of its three letters
        birthdate=patient.birth_date,
        name=_code(name),
    )


def _code(text: str | None) -> str:
    return "_".join((text or "").split()) or "X"


def _prefiltering(filters: RecordingFilters) -> str:
    parts = (
        ("HP", filters.high_pass_hz), ("LP", filters.low_pass_hz), ("N", filters.notch_hz),
    )  # fmt: skip
    return " ".join(f"{kind}:{hz:g}Hz" for kind, hz in parts if hz is not None)

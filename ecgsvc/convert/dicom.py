"""DICOM electrocardiograms (PS3.3 A.34, C.10.9), read with `pydicom`."""

import io
import warnings
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert.assembling import LeadSamples, assemble
from ecgsvc.convert.leads import LEAD_BY_NUMBER, lead_name
from ecgsvc.convert.times import compact_date, compact_time
from ecgsvc.convert.units import millivolts_per
from ecgsvc.convert.xml_tree import number_or_none
from ecgsvc.domain.errors import EcgsvcError, TooLarge, UnreadableRecording
from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
    RecordingHeader,
)
from ecgsvc.domain.waveform import Recording, Sex

ECG_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.9.1.1": "12-lead ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.2": "General ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.3": "Ambulatory ECG",
    "1.2.840.10008.5.1.4.1.1.9.1.4": "General 32-bit ECG",
}
_WAVEFORM_SEQUENCE = 0x5400_0100
MAX_ELEMENTS = 5000
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_TYPES = {
    ("SB", 8): "i1", ("UB", 8): "u1", ("SS", 16): "<i2", ("US", 16): "<u2",
    ("SL", 32): "<i4", ("UL", 32): "<u4",
}  # fmt: skip
_SEXES: dict[str, Sex] = {"M": "male", "F": "female"}
_YEARS_PER = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def read_dicom(content: bytes, name: str) -> Recording:
    """Read the original waveform of a DICOM ECG object.

    Raises
    ------
    UnreadableRecording
        No DICOM, no ECG object, several groups of leads recorded one after the other, or
        channels without sensitivity, unit or lead code.
    TooLarge
        More than an ECG holds.
    """
    if _DEFLATED in content[:1024]:
        msg = "a DICOM file in deflated form is not read"
        raise UnreadableRecording(msg)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # values out of form: what is needed is checked here
        try:
            from pydicom.filereader import read_partial

            dataset = read_partial(io.BytesIO(content), stop_when=_Bound())
            return _recording(dataset, name)
        except EcgsvcError:
            raise
        except Exception as error:
            msg = "the DICOM file is damaged: its elements do not follow the format"
            raise UnreadableRecording(msg) from error


class _Bound:
    """Stops behind the waveforms, and at once where there are too many elements.

    Parsing is what costs: a million empty elements would keep a server busy for seconds.
    """

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, tag: int, _vr: str | None, _length: int) -> bool:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            msg = f"the DICOM file has more than {MAX_ELEMENTS} elements"
            raise TooLarge(msg)
        return tag > _WAVEFORM_SEQUENCE


def _recording(dataset: Any, name: str) -> Recording:  # noqa: ANN401 (a pydicom Dataset)
    if dataset.get("SOPClassUID") not in ECG_CLASSES:
        msg = f"the DICOM object is no ECG: expected {', '.join(ECG_CLASSES.values())}"
        raise UnreadableRecording(msg)
    group = _original(dataset.get("WaveformSequence") or [])
    rate_hz = float(_required(group, "SamplingFrequency", "the sampling frequency"))
    samples = _samples(group)
    definitions = group.ChannelDefinitionSequence
    if len(definitions) != samples.shape[0]:
        msg = "the DICOM file does not define every channel of its waveform"
        raise UnreadableRecording(msg)
    padding = _padding(group, samples.dtype)
    leads = [
        _lead(each, row, rate_hz, padding)
        for each, row in zip(definitions, samples, strict=True)
    ]
    zone = str(dataset.get("TimezoneOffsetFromUTC") or "")
    recorded_at = None
    for stamp in (
        str(dataset.get("AcquisitionDateTime") or ""),
        f"{dataset.get('ContentDate') or ''}{dataset.get('ContentTime') or ''}",
        f"{dataset.get('StudyDate') or ''}{dataset.get('StudyTime') or ''}",
    ):
        with_zone = stamp if stamp[-5:-4] in ("+", "-") else stamp + zone
        recorded_at = recorded_at or compact_time(with_zone)
    header = RecordingHeader(
        patient=_patient(dataset),
        recorded_at=recorded_at,
        device=RecordingDevice(
            manufacturer=_text(dataset, "Manufacturer"),
            model=_text(dataset, "ManufacturerModelName"),
            serial_number=_text(dataset, "DeviceSerialNumber"),
            software_version=_text(dataset, "SoftwareVersions"),
        ),
        filters=RecordingFilters(
            high_pass_hz=_cut_off(definitions[0], "FilterLowFrequency"),
            low_pass_hz=_cut_off(definitions[0], "FilterHighFrequency"),
            notch_hz=_cut_off(definitions[0], "NotchFilterFrequency"),
        ),
    )
    sex = _SEXES.get(_text(dataset, "PatientSex") or "")
    return assemble(name, leads, header, age_years=_age(dataset), sex=sex)


def _original(groups: Any) -> Any:  # noqa: ANN401 (pydicom Sequence and Dataset)
    found = [g for g in groups if g.get("WaveformOriginality") == "ORIGINAL"]
    rhythm = [g for g in found if g.get("MultiplexGroupLabel") == "RHYTHM"]
    chosen = rhythm if len(rhythm) == 1 else found
    if len(chosen) != 1:
        msg = (
            f"expected one original waveform group, found {len(chosen)}: leads that were "
            "not recorded at once are not read as one ECG"
        )
        raise UnreadableRecording(msg)
    return chosen[0]


def _samples(group: Any) -> NDArray[Any]:  # noqa: ANN401 (a pydicom Dataset)
    kind = (group.WaveformSampleInterpretation, int(group.WaveformBitsAllocated))
    if kind not in _TYPES:
        msg = f"DICOM samples of kind {kind[0]} in {kind[1]} bits are not read"
        raise UnreadableRecording(msg)
    n_channels = int(group.NumberOfWaveformChannels)
    n_samples = int(group.NumberOfWaveformSamples)
    dtype = np.dtype(_TYPES[kind])
    needed = n_channels * n_samples * dtype.itemsize
    if not (n_channels and n_samples) or len(group.WaveformData) < needed:
        msg = "the DICOM waveform is empty, or shorter than its number of samples"
        raise UnreadableRecording(msg)
    flat = np.frombuffer(group.WaveformData[:needed], dtype=dtype)
    return flat.reshape(n_samples, n_channels).T


def _padding(group: Any, dtype: np.dtype[Any]) -> int | None:  # noqa: ANN401 (a Dataset)
    """Value that stands for a missing sample: raw bytes, or a number already."""
    value = group.get("WaveformPaddingValue")
    if isinstance(value, bytes) and len(value) >= dtype.itemsize:
        return int(np.frombuffer(value[: dtype.itemsize], dtype=dtype)[0])
    return int(value) if isinstance(value, int) else None


def _lead(
    channel: Any,  # noqa: ANN401 (a pydicom Dataset)
    row: NDArray[Any],
    rate_hz: float,
    padding: int | None,
) -> LeadSamples:
    lead = _channel_lead(channel)
    where = f"lead {lead or '?'}"
    sensitivity = float(_required(channel, "ChannelSensitivity", f"sensitivity of {where}"))
    units = channel.get("ChannelSensitivityUnitsSequence") or []
    unit = str(units[0].get("CodeValue")) if len(units) else None
    per_unit = millivolts_per(unit, where)
    correction = channel.get("ChannelSensitivityCorrectionFactor")
    step = sensitivity * (1.0 if correction is None else float(correction))
    if step == 0:
        msg = f"the sensitivity of {where} is 0"
        raise UnreadableRecording(msg)
    baseline = float(channel.get("ChannelBaseline") or 0.0)
    samples_mv = (row * step + baseline) * per_unit
    if padding is not None:
        samples_mv[row == padding] = np.nan
    return LeadSamples(lead, samples_mv, rate_hz, abs(step * per_unit * 1e3))


def _channel_lead(channel: Any) -> str:  # noqa: ANN401 (a pydicom Dataset)
    """Name a lead by the code of its source: MDC ``2:1`` or SCPECG ``5.6.3-9-1``."""
    sources = channel.get("ChannelSourceSequence") or []
    if len(sources):
        scheme = str(sources[0].get("CodingSchemeDesignator") or "")
        code = str(sources[0].get("CodeValue") or "")
        separator = {"MDC": ":", "SCPECG": "-"}.get(scheme)
        number = code.rpartition(separator)[2] if separator else ""
        if number.isdecimal() and int(number) in LEAD_BY_NUMBER:
            return LEAD_BY_NUMBER[int(number)]
        if meaning := str(sources[0].get("CodeMeaning") or ""):
            return lead_name(meaning)
    return lead_name(str(channel.get("ChannelLabel") or ""))


def _required(dataset: Any, keyword: str, what: str) -> Any:  # noqa: ANN401 (as pydicom)
    value = dataset.get(keyword)
    if value is None or value == "":
        msg = f"the DICOM file does not say the {what.removeprefix('the ')}"
        raise UnreadableRecording(msg)
    return value


def _text(dataset: Any, keyword: str) -> str | None:  # noqa: ANN401 (a pydicom Dataset)
    return str(dataset.get(keyword) or "").strip() or None


def _cut_off(channel: Any, keyword: str) -> float | None:  # noqa: ANN401 (a Dataset)
    """A filter frequency; 0 says that there is no such filter."""
    return number_or_none(str(channel.get(keyword) or "")) or None


def _patient(dataset: Any) -> RecordedPatient:  # noqa: ANN401 (a pydicom Dataset)
    name = dataset.get("PatientName")
    born: date | None = compact_date(_text(dataset, "PatientBirthDate"))
    qualifiers = dataset.get("IssuerOfPatientIDQualifiersSequence") or []
    system = _text(dataset, "IssuerOfPatientID")
    if len(qualifiers) and qualifiers[0].get("UniversalEntityIDType") == "ISO":
        system = f"urn:oid:{qualifiers[0].get('UniversalEntityID')}"
    elif len(qualifiers) and qualifiers[0].get("UniversalEntityIDType") == "URI":
        system = _text(qualifiers[0], "UniversalEntityID")
    return RecordedPatient(
        identifier=_text(dataset, "PatientID"),
        identifier_system=system,
        family_name=str(getattr(name, "family_name", "") or "").strip() or None,
        given_name=str(getattr(name, "given_name", "") or "").strip() or None,
        birth_date=born,
    )


def _age(dataset: Any) -> float | None:  # noqa: ANN401 (a pydicom Dataset)
    text = _text(dataset, "PatientAge") or ""
    per = _YEARS_PER.get(text[-1:])
    years = number_or_none(text[:-1])
    return years * per if per is not None and years is not None else None

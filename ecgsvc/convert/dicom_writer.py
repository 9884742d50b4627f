"""DICOM 12-lead, General or General 32-bit ECG Waveform, written with `pydicom`."""

import io
import uuid
from typing import TYPE_CHECKING

import numpy as np

from ecgsvc.convert.digitising import DigitalSamples, digitise
from ecgsvc.convert.leads import NUMBER_BY_LEAD
from ecgsvc.domain.errors import UnsupportedContent
from ecgsvc.domain.waveform import STANDARD_LEADS, Lead, Recording

if TYPE_CHECKING:
    from pydicom import Dataset

TWELVE_LEAD = "1.2.840.10008.5.1.4.1.1.9.1.1"
GENERAL = "1.2.840.10008.5.1.4.1.1.9.1.2"
GENERAL_32_BIT = "1.2.840.10008.5.1.4.1.1.9.1.4"
MAX_12_LEAD_SAMPLES = 16384
RATES_HZ = (200.0, 1000.0)
_PADDING = {16: -32768, 32: -(2**31)}
_NAMESPACE = uuid.UUID("5a3b0a5e-7a6f-4e8b-8a43-2f8a5c7d9e10")
_SEX = {"male": "M", "female": "F"}


def write_dicom(recording: Recording) -> bytes:
    """Write a recording as a DICOM ECG object.

    12-lead ECG where the leads are standard ones, 200 to 1000 Hz and at most 16384 samples
    (PS3.3 A.34.3); else General ECG, or General 32-bit ECG where the samples need it.
    Missing samples are the padding value. The UIDs are made from the samples: the same
    recording gives the same object.

    Raises
    ------
    UnsupportedContent
        A rate that no ECG object of DICOM allows, or no time of recording.
    """
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    waveform, header = recording.waveform, recording.header
    if not RATES_HZ[0] <= waveform.sampling_rate_hz <= RATES_HZ[1]:
        msg = "a DICOM ECG has 200 to 1000 samples a second: the recording has another rate"
        raise UnsupportedContent(msg)
    if header.recorded_at is None:
        msg = "a DICOM ECG states its time: the recording has none"
        raise UnsupportedContent(msg)
    digital = digitise(recording)
    bits = 16 if digital.fits_16_bits else 32
    dataset = Dataset()
    digest = uuid.uuid5(_NAMESPACE, waveform.samples_mv.tobytes().hex())
    dataset.SOPClassUID = _sop_class(recording, bits)
    dataset.SOPInstanceUID = _uid(digest, "instance")
    dataset.StudyInstanceUID = _uid(digest, "study")
    dataset.SeriesInstanceUID = _uid(digest, "series")
    dataset.Modality = "ECG"
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.StudyID = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    _fill_times(dataset, recording)
    _fill_patient(dataset, recording)
    dataset.Manufacturer = header.device.manufacturer or ""
    dataset.ManufacturerModelName = header.device.model or ""
    dataset.DeviceSerialNumber = header.device.serial_number or ""
    dataset.SoftwareVersions = header.device.software_version or ""
    dataset.AcquisitionContextSequence = []
    dataset.WaveformSequence = [_group(recording, digital, bits)]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


def _uid(digest: uuid.UUID, part: str) -> str:
    """Make a UID of a UUID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(digest, part).int}"


def _sop_class(recording: Recording, bits: int) -> str:
    waveform = recording.waveform
    if bits == 32:
        return GENERAL_32_BIT
    is_standard = set(waveform.leads) <= set(STANDARD_LEADS)
    is_short = waveform.n_samples <= MAX_12_LEAD_SAMPLES
    return TWELVE_LEAD if is_standard and is_short else GENERAL


def _fill_times(dataset: "Dataset", recording: Recording) -> None:
    at = recording.header.recorded_at
    if at is None:
        return
    dataset.StudyDate = dataset.ContentDate = f"{at:%Y%m%d}"
    dataset.StudyTime = dataset.ContentTime = f"{at:%H%M%S.%f}"
    dataset.AcquisitionDateTime = f"{at:%Y%m%d%H%M%S.%f%z}"


def _fill_patient(dataset: "Dataset", recording: Recording) -> None:
    from pydicom import Dataset

    patient = recording.header.patient
    name = f"{patient.family_name or ''}^{patient.given_name or ''}"
    dataset.PatientName = name.rstrip("^")
    dataset.PatientID = patient.identifier or ""
    dataset.PatientSex = "" if recording.sex is None else _SEX[recording.sex]
    born = patient.birth_date
    dataset.PatientBirthDate = "" if born is None else f"{born:%Y%m%d}"
    if recording.age_years is not None:
        dataset.PatientAge = f"{min(int(recording.age_years), 999):03d}Y"
    if patient.identifier_system:
        issuer = Dataset()
        oid = patient.identifier_system.removeprefix("urn:oid:")
        is_oid = oid != patient.identifier_system
        issuer.UniversalEntityID = oid
        issuer.UniversalEntityIDType = "ISO" if is_oid else "URI"
        dataset.IssuerOfPatientIDQualifiersSequence = [issuer]


def _group(recording: Recording, digital: DigitalSamples, bits: int) -> "Dataset":
    from pydicom import Dataset

    waveform = recording.waveform
    group = Dataset()
    group.MultiplexGroupTimeOffset = 0
    group.WaveformOriginality = "ORIGINAL"
    group.NumberOfWaveformChannels = waveform.n_leads
    group.NumberOfWaveformSamples = waveform.n_samples
    group.SamplingFrequency = _decimal(waveform.sampling_rate_hz)
    group.MultiplexGroupLabel = "RHYTHM"
    group.WaveformBitsAllocated = bits
    group.WaveformSampleInterpretation = "SS" if bits == 16 else "SL"
    group.ChannelDefinitionSequence = [
        _channel(lead, recording, digital.step_uv, bits) for lead in waveform.leads
    ]
    dtype = np.dtype("<i2" if bits == 16 else "<i4")
    padding = np.array(_PADDING[bits], dtype=dtype)
    stored = np.where(digital.missing, padding, digital.steps).astype(dtype)
    data_kind = "OW" if bits == 16 else "OL"
    group.add_new("WaveformPaddingValue", "OW", padding.tobytes())
    group.add_new("WaveformData", data_kind if bits == 16 else "OW", stored.T.tobytes())
    return group


def _channel(lead: Lead, recording: Recording, step_uv: float, bits: int) -> "Dataset":
    from pydicom import Dataset

    filters = recording.header.filters
    channel, source, unit = Dataset(), Dataset(), Dataset()
    number = NUMBER_BY_LEAD.get(lead)
    source.CodeValue = "OTHER" if number is None else f"2:{number}"
    source.CodingSchemeDesignator = "99ECGSVC" if number is None else "MDC"
    source.CodeMeaning = lead if number is None else f"Lead {lead}"
    unit.CodeValue, unit.CodingSchemeDesignator = "uV", "UCUM"
    unit.CodingSchemeVersion, unit.CodeMeaning = "1.4", "microvolt"
    channel.ChannelSourceSequence = [source]
    channel.ChannelSensitivity = _decimal(step_uv)
    channel.ChannelSensitivityUnitsSequence = [unit]
    channel.ChannelSensitivityCorrectionFactor = 1
    channel.ChannelBaseline = 0
    channel.ChannelSampleSkew = 0
    channel.WaveformBitsStored = bits
    if filters.high_pass_hz is not None:
        channel.FilterLowFrequency = _decimal(filters.high_pass_hz)
    if filters.low_pass_hz is not None:
        channel.FilterHighFrequency = _decimal(filters.low_pass_hz)
    if filters.notch_hz is not None:
        channel.NotchFilterFrequency = _decimal(filters.notch_hz)
    return channel


def _decimal(value: float) -> str:
    """Write a decimal string (VR DS): at most 16 characters."""
    for digits in range(16, 5, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    return f"{value:.5g}"

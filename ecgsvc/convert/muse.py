"""GE MUSE XML (RestingECG), read.

Samples are base64 of little-endian int16, ``LeadAmplitudeUnitsPerBit`` microvolts each.
MUSE stores eight leads; III, aVR, aVL and aVF are computed from I and II as its own viewer
does (Einthoven, Goldberger) when the file has them not.
"""

import base64
import binascii
from datetime import date
from xml.etree.ElementTree import Element

import numpy as np

from ecgsvc.convert.assembling import LeadSamples, assemble
from ecgsvc.convert.leads import lead_name
from ecgsvc.convert.times import first_date, first_time
from ecgsvc.convert.units import millivolts_per
from ecgsvc.convert.xml_tree import number, number_or_none, parse_xml, text_at
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
    RecordingHeader,
)
from ecgsvc.domain.waveform import STANDARD_LEADS, Millivolts, Recording, Sex

_DATES = ("%m-%d-%Y", "%Y-%m-%d")
_SEXES: dict[str, Sex] = {"MALE": "male", "FEMALE": "female"}
_YEARS_PER = {"YEARS": 1.0, "MONTHS": 1 / 12, "WEEKS": 7 / 365.25, "DAYS": 1 / 365.25}


def read_muse(content: bytes, name: str) -> Recording:
    """Read a RestingECG document.

    Raises
    ------
    UnreadableRecording
        Not XML, no rhythm waveform or several, or one that does not say its rate, units or
        leads.
    TooLarge
        More than an ECG holds.
    """
    root = parse_xml(content)
    rhythms = [
        each
        for each in root.findall("Waveform")
        if (text_at(each, "WaveformType") or "").casefold() == "rhythm"
    ]
    if len(rhythms) != 1:
        msg = f"expected one Waveform of type Rhythm, found {len(rhythms)}"
        raise UnreadableRecording(msg)
    rate_hz = number(text_at(rhythms[0], "SampleBase"), "the sampling rate (SampleBase)")
    exponent = number_or_none(text_at(rhythms[0], "SampleExponent")) or 0.0
    if abs(exponent) > 6:
        msg = "expected a SampleExponent between -6 and 6"
        raise UnreadableRecording(msg)
    rate_hz *= 10.0**exponent
    leads = [_lead(each, rate_hz) for each in rhythms[0].findall("LeadData")]
    header = RecordingHeader(
        patient=_patient(root),
        recorded_at=first_time(
            f"{text_at(root, 'TestDemographics/AcquisitionDate')} "
            f"{text_at(root, 'TestDemographics/AcquisitionTime')}",
            *(f"{day} %H:%M:%S" for day in _DATES),
        ),
        device=_device(root),
        filters=_filters(rhythms[0]),
    )
    sex = _SEXES.get((text_at(root, "PatientDemographics/Gender") or "").upper())
    return assemble(name, _with_derived(leads), header, age_years=_age(root), sex=sex)


def _lead(element: Element, rate_hz: float) -> LeadSamples:
    lead = lead_name(text_at(element, "LeadID") or "")
    where = f"lead {lead or '?'}"
    if number_or_none(text_at(element, "LeadTimeOffset")):
        msg = f"{where} begins later than the others: leads not recorded at once"
        raise UnreadableRecording(msg)
    if number(text_at(element, "LeadSampleSize") or "2", "LeadSampleSize") != 2:
        msg = f"expected 2 bytes a sample in {where}"
        raise UnreadableRecording(msg)
    per_bit = number(
        text_at(element, "LeadAmplitudeUnitsPerBit"), f"LeadAmplitudeUnitsPerBit of {where}"
    )
    step_mv = per_bit * millivolts_per(text_at(element, "LeadAmplitudeUnits"), where)
    encoded = "".join((text_at(element, "WaveFormData") or "").split())
    try:
        raw = base64.b64decode(encoded, validate=True)
        steps = np.frombuffer(raw, dtype="<i2")
    except (binascii.Error, ValueError):
        msg = f"the WaveFormData of {where} is not base64 of 16-bit samples"
        raise UnreadableRecording(msg) from None
    stated = number_or_none(text_at(element, "LeadSampleCountTotal"))
    if stated is not None and stated != steps.size:
        msg = f"{where} has {steps.size} samples, its LeadSampleCountTotal is {stated:g}"
        raise UnreadableRecording(msg)
    samples_mv = steps * step_mv
    if (text_at(element, "LeadOff") or "").upper() == "TRUE":
        samples_mv = np.full(steps.size, np.nan)
    return LeadSamples(lead, samples_mv, rate_hz, abs(step_mv * 1e3) or None)


def _with_derived(leads: list[LeadSamples]) -> list[LeadSamples]:
    """Add the limb leads that follow from I and II, and put all in the usual order."""
    by_name = {each.lead: each for each in leads}
    one, two = by_name.get("I"), by_name.get("II")
    if one is None or two is None or one.samples_mv.shape != two.samples_mv.shape:
        return leads
    i_mv, ii_mv = one.samples_mv, two.samples_mv
    derived: dict[str, Millivolts] = {
        "III": ii_mv - i_mv,
        "aVR": -(i_mv + ii_mv) / 2,
        "aVL": i_mv - ii_mv / 2,
        "aVF": ii_mv - i_mv / 2,
    }
    added = [
        LeadSamples(lead, samples_mv, one.sampling_rate_hz, (one.step_uv or 0) / 2 or None)
        for lead, samples_mv in derived.items()
        if lead not in by_name
    ]
    order = {lead: index for index, lead in enumerate(STANDARD_LEADS)}
    return sorted([*leads, *added], key=lambda each: order.get(each.lead, len(order)))


def _patient(root: Element) -> RecordedPatient:
    person = "PatientDemographics"
    born: date | None = first_date(text_at(root, f"{person}/DateofBirth"), *_DATES)
    return RecordedPatient(
        identifier=text_at(root, f"{person}/PatientID"),
        family_name=text_at(root, f"{person}/PatientLastName"),
        given_name=text_at(root, f"{person}/PatientFirstName"),
        birth_date=born,
    )


def _age(root: Element) -> float | None:
    age = number_or_none(text_at(root, "PatientDemographics/PatientAge"))
    unit = text_at(root, "PatientDemographics/AgeUnits") or "YEARS"
    per = _YEARS_PER.get(unit.upper())
    return age * per if age is not None and per is not None else None


def _device(root: Element) -> RecordingDevice:
    test = "TestDemographics"
    return RecordingDevice(
        manufacturer="GE",
        model=text_at(root, f"{test}/AcquisitionDevice"),
        serial_number=text_at(root, f"{test}/CartNumber"),
        software_version=text_at(root, f"{test}/AcquisitionSoftwareVersion"),
    )


def _filters(waveform: Element) -> RecordingFilters:
    """HighPassFilter is in hundredths of a hertz; ACFilter is 50, 60 or NONE."""
    high = number_or_none(text_at(waveform, "HighPassFilter"))
    return RecordingFilters(
        high_pass_hz=None if high is None else high / 100,
        low_pass_hz=number_or_none(text_at(waveform, "LowPassFilter")),
        notch_hz=number_or_none(text_at(waveform, "ACFilter")),
    )

"""Philips and Sierra ECG XML (versions 1.03 and 1.04), read.

Samples are base64 of little-endian int16, compressed with XLI or not. The format is known
from published readers (sierra-ecg-tools); Philips has not documented it.
"""

import base64
import binascii
from datetime import datetime
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert.assembling import MAX_LEADS, LeadSamples, assemble
from ecgsvc.convert.leads import lead_name
from ecgsvc.convert.philips_xli import decode_xli
from ecgsvc.convert.times import first_date, first_time
from ecgsvc.convert.xml_tree import number, number_or_none, parse_xml, text_at
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.recording_header import (
    RecordedPatient,
    RecordingDevice,
    RecordingFilters,
    RecordingHeader,
)
from ecgsvc.domain.waveform import STANDARD_LEADS, Recording, Sex

_SIGNAL = "dataacquisition/signalcharacteristics"
_PERSON = "patient/generalpatientdata"
_VERSIONS = ("1.03", "1.04", "1.04.01", "1.04.02")
_SEXES: dict[str, Sex] = {"male": "male", "female": "female", "m": "male", "f": "female"}
_LIMB_LEADS = STANDARD_LEADS[:6]
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")


def read_philips(content: bytes, name: str) -> Recording:
    """Read a restingecgdata document.

    Raises
    ------
    UnreadableRecording
        Not XML, of another version, or without waveform, rate, resolution or lead names.
    TooLarge
        More than an ECG holds.
    """
    root = parse_xml(content)
    version = text_at(root, "documentinfo/documentversion")
    if version not in _VERSIONS:
        msg = f"expected version {', '.join(_VERSIONS)} of the Philips XML"
        raise UnreadableRecording(msg)
    rate_hz = number(text_at(root, f"{_SIGNAL}/samplingrate"), "the sampling rate")
    waveforms = root.find("waveforms/parsedwaveforms")
    if waveforms is None:
        msg = "the Philips XML holds no waveform (parsedwaveforms)"
        raise UnreadableRecording(msg)
    names = _lead_names(root, waveforms)
    step_mv = _step_uv(root, waveforms) / 1e3
    rows = _rows(waveforms, len(names), rate_hz)
    _restore_limb_leads(names, rows)
    leads = [
        LeadSamples(lead, row.astype(np.float64) * step_mv, rate_hz, step_mv * 1e3)
        for lead, row in zip(names, rows, strict=True)
    ]
    sex = _SEXES.get((text_at(root, f"{_PERSON}/sex") or "").casefold())
    age = number_or_none(text_at(root, f"{_PERSON}/age/years"))
    return assemble(name, leads, _header(root), age_years=age, sex=sex)


def _lead_names(root: Element, waveforms: Element) -> list[str]:
    stated = (waveforms.get("leadlabels") or "").split()
    count = number_or_none(waveforms.get("numberofleads"))
    if stated:
        names = [lead_name(each) for each in stated]
        return names if count is None else names[: max(int(count), 0)]
    kind = (text_at(root, f"{_SIGNAL}/acquisitiontype") or "").upper()
    channels = number_or_none(text_at(root, f"{_SIGNAL}/numberchannelsallocated"))
    if "STD-12" in kind or channels == len(STANDARD_LEADS):
        return [*STANDARD_LEADS]
    msg = "the Philips XML does not name its leads"
    raise UnreadableRecording(msg)


def _step_uv(root: Element, waveforms: Element) -> float:
    step = (
        waveforms.get("resolution")
        or text_at(root, f"{_SIGNAL}/resolution")
        or text_at(root, f"{_SIGNAL}/signalresolution")
    )
    value = number(step, "the resolution in microvolts")
    if value <= 0:
        msg = "expected a resolution above 0 uV"
        raise UnreadableRecording(msg)
    return value


def _rows(waveforms: Element, n_leads: int, rate_hz: float) -> list[NDArray[np.int64]]:
    if not 0 < n_leads <= MAX_LEADS:
        msg = f"expected 1 to {MAX_LEADS} leads in the Philips XML"
        raise UnreadableRecording(msg)
    if (waveforms.get("dataencoding") or "").casefold() != "base64":
        msg = "expected waveforms in base64 in the Philips XML"
        raise UnreadableRecording(msg)
    try:
        raw = base64.b64decode("".join((waveforms.text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        msg = "the waveforms of the Philips XML are not base64"
        raise UnreadableRecording(msg) from None
    method = waveforms.get("compressmethod") or waveforms.get("compression")
    duration_ms = number(waveforms.get("durationperchannel"), "the duration of a channel")
    n_samples = int(duration_ms * rate_hz / 1000)
    if method in (None, "", "Uncompressed"):
        rows = np.frombuffer(raw[: len(raw) // 2 * 2], dtype="<i2").astype(np.int64)
        if rows.size < n_leads * n_samples or n_samples <= 0:
            msg = "the waveforms of the Philips XML are shorter than it says"
            raise UnreadableRecording(msg)
        return [rows[i * n_samples : (i + 1) * n_samples] for i in range(n_leads)]
    if method != "XLI":
        msg = "expected waveforms uncompressed or in XLI compression"
        raise UnreadableRecording(msg)
    return decode_xli(raw, n_leads)


def _restore_limb_leads(names: list[str], rows: list[NDArray[np.int64]]) -> None:
    """Undo the prediction of III, aVR, aVL and aVF from I and II; in place.

    XLI data hold what is left of it. Uncompressed data are known in both kinds: where III
    is nearer to II - I than to 0, it is the lead itself.
    """
    if not set(_LIMB_LEADS) <= set(names):
        return
    index = {lead: names.index(lead) for lead in _LIMB_LEADS}
    first, second = rows[index["I"]], rows[index["II"]]
    if len({rows[i].size for i in index.values()}) != 1:
        return  # reported when the leads are put together
    stored = rows[index["III"]]
    if np.abs(stored - (second - first)).sum() < np.abs(stored).sum():
        return
    third = second - first - rows[index["III"]]
    rows[index["III"]] = third
    rows[index["aVR"]] = -rows[index["aVR"]] - (first + second) // 2
    rows[index["aVL"]] = (first - third) // 2 - rows[index["aVL"]]
    rows[index["aVF"]] = (second + third) // 2 - rows[index["aVF"]]


def _header(root: Element) -> RecordingHeader:
    acquisition = root.find("dataacquisition")
    at: datetime | None = None
    machine = None
    if acquisition is not None:
        stamp = f"{acquisition.get('date') or ''} {acquisition.get('time') or ''}"
        at = first_time(stamp, *_TIMES)
        machine = acquisition.find("machine")
    return RecordingHeader(
        patient=RecordedPatient(
            identifier=text_at(root, f"{_PERSON}/patientid"),
            family_name=text_at(root, f"{_PERSON}/name/lastname"),
            given_name=text_at(root, f"{_PERSON}/name/firstname"),
            birth_date=first_date(text_at(root, f"{_PERSON}/age/dateofbirth"), "%Y-%m-%d"),
        ),
        recorded_at=at,
        device=RecordingDevice(
            manufacturer="Philips",
            model=None if machine is None else (machine.text or "").strip() or None,
            serial_number=None if machine is None else machine.get("machineid") or None,
        ),
        filters=RecordingFilters(
            high_pass_hz=_filter(root, "hipass") or _band(root, 0),
            low_pass_hz=_filter(root, "lowpass") or _band(root, 1),
            notch_hz=_filter(root, "notchfilterfreqs") or None,
        ),
    )


def _filter(root: Element, name: str) -> float | None:
    """A cut-off of the stored signal; those of the printed report are others."""
    waveforms = root.find("waveforms/parsedwaveforms")
    text = waveforms.get(name) if waveforms is not None else None
    return number_or_none(text or text_at(root, f"{_SIGNAL}/{name}"))


def _band(root: Element, index: int) -> float | None:
    """A cut-off as version 1.03 has it: ``<signalbandwidth>0.05-150</signalbandwidth>``."""
    ends = (text_at(root, f"{_SIGNAL}/signalbandwidth") or "").split("-")
    return number_or_none(ends[index]) if len(ends) == 2 else None

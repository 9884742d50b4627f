"""Leads as a reader found them, checked and put together.

Every reader ends here, so that no format can slip past a check another one has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecgsvc.convert.times import age_at, plausible_age
from ecgsvc.domain.errors import TooLarge, UnreadableRecording
from ecgsvc.domain.recording_header import RecordingHeader
from ecgsvc.domain.waveform import (
    STANDARD_LEADS,
    Lead,
    Millivolts,
    Recording,
    Sex,
    Waveform,
    distinct_names,
)

MAX_LEADS = 16
MAX_SAMPLES = 500_000_000
MIN_RATE_HZ, MAX_RATE_HZ = 20.0, 32_000.0
MAX_MILLIVOLTS = 20.0
MIN_CALIBRATION_S = 0.04
MIN_SPAN_MV = 0.005
"""Amplifiers alone make more noise than this between highest and lowest sample (IEC
60601-2-25 allows 0.03 mV), so a smaller span is a unit gone wrong. A flat line is not."""


@dataclass(frozen=True, slots=True, eq=False)
class LeadSamples:
    """One lead as a file has it; `step_uv` is its digital resolution, if known."""

    lead: Lead
    samples_mv: Millivolts
    sampling_rate_hz: float
    step_uv: float | None = None


def assemble(
    name: str,
    leads: Sequence[LeadSamples],
    header: RecordingHeader,
    *,
    age_years: float | None = None,
    sex: Sex | None = None,
) -> Recording:
    """Put leads together to a recording.

    An age that is not given is that between birth date and recording. A calibration pulse
    in the tracing becomes missing samples.

    Raises
    ------
    UnreadableRecording
        No lead or no sample; a lead without a name or a standard one given twice; leads
        that differ in rate or length; amplitudes that no electrocardiogram has.
    TooLarge
        More leads or samples than an ECG has.
    """
    _check_counts(leads)
    names = _names([each.lead for each in leads])
    _check_equal(names, leads)
    samples_mv = np.stack([each.samples_mv for each in leads])
    _check_amplitudes(names, samples_mv)
    _take_out_calibration(names, samples_mv, leads[0].sampling_rate_hz)
    steps = [each.step_uv for each in leads if each.step_uv]
    if len(steps) == len(leads):
        header = replace(header, step_uv=min(steps))
    age = plausible_age(age_years)
    if age is None:
        age = age_at(header.patient.birth_date, header.recorded_at)
    waveform = Waveform(samples_mv, leads[0].sampling_rate_hz, names)
    return Recording(name, waveform, age_years=age, sex=sex, header=header)


def _check_counts(leads: Sequence[LeadSamples]) -> None:
    if not leads:
        msg = "the file holds no lead of an electrocardiogram"
        raise UnreadableRecording(msg)
    if len(leads) > MAX_LEADS:
        msg = f"the file has {len(leads)} leads, at most {MAX_LEADS} are read"
        raise TooLarge(msg)
    if sum(each.samples_mv.size for each in leads) > MAX_SAMPLES:
        msg = f"the file has more than {MAX_SAMPLES} samples"
        raise TooLarge(msg)


def _names(leads: Sequence[Lead]) -> tuple[Lead, ...]:
    for index, lead in enumerate(leads):
        if not lead:
            msg = f"lead {index + 1} of the file has no name"
            raise UnreadableRecording(msg)
        if not lead.isprintable() or len(lead) > 64:
            msg = f"the name of lead {index + 1} is not up to 64 printable characters"
            raise UnreadableRecording(msg)
    for lead in STANDARD_LEADS:
        if leads.count(lead) > 1:
            msg = f"lead {lead} is given twice: one of the two has the code of another lead"
            raise UnreadableRecording(msg)
    return distinct_names(leads)


def _check_equal(names: Sequence[Lead], leads: Sequence[LeadSamples]) -> None:
    first = leads[0]
    rate_hz = first.sampling_rate_hz
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        msg = f"expected a sampling rate of {MIN_RATE_HZ:g} to {MAX_RATE_HZ:g} Hz"
        raise UnreadableRecording(msg)
    for name, each in zip(names, leads, strict=True):
        if each.samples_mv.ndim != 1 or not each.samples_mv.size:
            msg = f"lead {name} has no samples"
            raise UnreadableRecording(msg)
        if each.sampling_rate_hz != rate_hz:
            msg = (
                f"lead {name} has {each.sampling_rate_hz:g} samples a second, {names[0]} "
                f"has {rate_hz:g}: the leads of one ECG have one rate"
            )
            raise UnreadableRecording(msg)
        if each.samples_mv.size != first.samples_mv.size:
            msg = (
                f"lead {name} has {each.samples_mv.size} samples, {names[0]} has "
                f"{first.samples_mv.size}: the leads of one ECG are equally long"
            )
            raise UnreadableRecording(msg)


def _check_amplitudes(names: Sequence[Lead], samples_mv: Millivolts) -> None:
    if np.isinf(samples_mv).any():
        msg = "a sample is not a finite number"
        raise UnreadableRecording(msg)
    beyond = np.abs(samples_mv) > MAX_MILLIVOLTS  # NaN compares false
    if beyond.any():
        row, column = divmod(int(beyond.argmax()), beyond.shape[1])
        value = abs(samples_mv[row, column])
        msg = (
            f"implausible amplitude: sample {column} of lead {names[row]} would be "
            f"{value:.4g} mV, and no electrocardiogram exceeds {MAX_MILLIVOLTS:g} mV. "
            "Are these microvolts stated as millivolts?"
        )
        raise UnreadableRecording(msg)
    spans = np.fmax.reduce(samples_mv, axis=1) - np.fmin.reduce(samples_mv, axis=1)
    span = float(np.fmax.reduce(spans))
    if 0 < span < MIN_SPAN_MV:
        msg = (
            f"implausible amplitude: the largest lead spans {span * 1e3:.4g} uV, less than "
            "the noise of any amplifier. Are these millivolts stated as microvolts?"
        )
        raise UnreadableRecording(msg)


def _take_out_calibration(
    names: Sequence[Lead], samples_mv: Millivolts, rate_hz: float
) -> None:
    """Make missing, in place, what a calibration pulse overwrote.

    Some carts (Philips HeartStart MRx) put one behind the ECG, 1 mV in every lead at once.
    I, II and III that are the same and not 0 break Einthoven's law, so no heart makes them.
    """
    if not {"I", "II", "III"} <= set(names):
        return
    same = (samples_mv == samples_mv[0]).all(axis=0) & (samples_mv[0] != 0)
    edges = np.flatnonzero(np.diff(same, prepend=False, append=False))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if end - begin >= MIN_CALIBRATION_S * rate_hz:
            samples_mv[:, begin:end] = np.nan

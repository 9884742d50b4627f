"""Analyses to draw, made without models."""

from datetime import UTC, datetime

import numpy as np

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.quality import LeadQuality, SignalQuality
from ecgsvc.domain.sheet import Person, SheetHeader
from ecgsvc.domain.waveform import STANDARD_LEADS, Waveform

MADE_AT = datetime(2026, 11, 21, 8, 31, tzinfo=UTC)


def header(name="Ada Example", **changes):
    facts = {
        "recorded": "2026-11-21 09:30:00 +01:00",
        "device": "Cart 7",
        "organization": "St Example Hospital",
        "report": "Report 0b4ff2a8, version 1",
        "software": "ecgsvc 0.1.0",
    }
    person = Person(name, "MRN 4711", "1961-03-02", "female", 65.7)
    return SheetHeader(person, made_at=MADE_AT, **facts | changes)


def analysis(samples_mv, leads=STANDARD_LEADS, rate_hz=500.0, r_peaks=(), **changes):
    probabilities = np.zeros((len(r_peaks), 5), np.float32)
    probabilities[:, 0] = 1.0
    facts = {
        "beats": ClassifiedBeats(np.array(r_peaks, dtype=np.int64), probabilities),
        "quality": SignalQuality(
            tuple(LeadQuality(lead, True, 0.0, 0.0, ()) for lead in leads)
        ),
        "waves": (),
        "measurements": Measurements(heart_rate_bpm=60.0, qrs_axis_deg=-30.0),
        "findings": (),
        "conclusion": "Nothing was found. Machine-read; not reviewed by a clinician.",
        "undetermined": (),
        "models": (),
    }
    waveform = Waveform(np.asarray(samples_mv, dtype=float), rate_hz, tuple(leads))
    return Analysis(waveform=waveform, **facts | changes)


def peaks(n_leads=12, seconds=10.0, rate_hz=500.0, height_mv=1.0, every_s=1.0):
    """Flat leads with one high sample every second, the first after half of one."""
    samples = np.zeros((n_leads, round(seconds * rate_hz)))
    at = np.arange(every_s / 2, seconds, every_s)
    r_peaks = np.rint(at * rate_hz).astype(int)
    samples[:, r_peaks] = height_mv
    return samples, r_peaks

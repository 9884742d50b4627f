"""Findings that rhythm, beats and measurements support.

A rate is a rate, not a sinus rhythm; a diagnosis is not concluded here.
"""

from collections.abc import Iterator

from ecgsvc.domain.beats import BeatClass, ClassifiedBeats
from ecgsvc.domain.findings import SNOMED_CT, Coding, Evidence, Finding
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.rhythm import RhythmClass, RhythmReading
from ecgsvc.domain.waveform import Sex
from ecgsvc.interpretation.rhythm_findings import rhythm_findings

BRADYCARDIA_BELOW_BPM = 50.0
BRADYCARDIA_SOURCE = (
    "2018 ACC/AHA/HRS guideline on bradycardia, doi 10.1161/CIR.0000000000000628"
)
TACHYCARDIA_ABOVE_BPM = 100.0
TACHYCARDIA_SOURCE = "2015 ACC/AHA/HRS guideline on SVT, doi 10.1161/CIR.0000000000000311"
LONG_PR_ABOVE_MS = 200.0
LONG_PR_SOURCE = "2009 AHA/ACCF/HRS part III, doi 10.1161/CIRCULATIONAHA.108.191095"
LONG_QTC_FROM_MS = 460.0
LONG_QTC_FROM_MS_MEN = 450.0
LONG_QTC_SOURCE = "2009 AHA/ACCF/HRS part IV, doi 10.1161/CIRCULATIONAHA.108.191096"
"""Women 460, men 450."""
MAX_EVIDENCE_SAMPLES = 100
"""A Holter's ten thousand ectopic beats are in `beats`; evidence shows the first ones."""

VENTRICULAR_PREMATURE_BEATS = Coding(SNOMED_CT, "17338001", "Ventricular premature beats")
SUPRAVENTRICULAR_PREMATURE_BEATS = Coding(
    SNOMED_CT, "63593006", "Supraventricular premature beats"
)
BRADYCARDIA = Coding(SNOMED_CT, "426627000", "Bradycardia")
TACHYCARDIA = Coding(SNOMED_CT, "3424008", "Tachycardia")
SINUS_BRADYCARDIA = Coding(SNOMED_CT, "426177001", "Sinus bradycardia")
SINUS_TACHYCARDIA = Coding(SNOMED_CT, "427084000", "Sinus tachycardia")
PROLONGED_PR = Coding(SNOMED_CT, "164947007", "Prolonged PR interval")
PROLONGED_QT = Coding(SNOMED_CT, "111975006", "Prolonged QT interval")


def find(
    rhythm: RhythmReading,
    beats: ClassifiedBeats,
    measurements: Measurements,
    *,
    sex: Sex | None,
    sampling_rate_hz: float,
) -> tuple[Finding, ...]:
    """Findings in the order a reader expects: rhythm, rate, intervals, ectopic beats.

    Parameters
    ----------
    rhythm, beats, measurements
        Of the whole recording; a measurement that is None supports no finding.
    sex
        Chooses the QTc limit; unknown uses the higher one.
    sampling_rate_hz
        Of the indices in `rhythm`.
    """
    return (
        *rhythm_findings(rhythm, sampling_rate_hz),
        *_rate(measurements.heart_rate_bpm, rhythm.label),
        *_intervals(measurements, sex),
        *_ectopic(beats, BeatClass.V, VENTRICULAR_PREMATURE_BEATS, "ventricular"),
        *_ectopic(beats, BeatClass.S, SUPRAVENTRICULAR_PREMATURE_BEATS, "supraventricular"),
    )


def _rate(bpm: float | None, rhythm: RhythmClass | None) -> Iterator[Finding]:
    """Find a slow or fast rate; it is that of the sinus node where a model says so."""
    sinus = rhythm is RhythmClass.NORMAL
    path = "measurements.heart_rate_bpm"
    if bpm is not None and bpm < BRADYCARDIA_BELOW_BPM:
        fact = f"{bpm:.0f}/min, below {BRADYCARDIA_BELOW_BPM:.0f}/min"
        yield Finding(
            SINUS_BRADYCARDIA if sinus else BRADYCARDIA,
            f"{'Sinus bradycardia' if sinus else 'Slow heart rate'}, {bpm:.0f}/min",
            (Evidence(path, fact, source=BRADYCARDIA_SOURCE),),
        )
    if bpm is not None and bpm > TACHYCARDIA_ABOVE_BPM:
        fact = f"{bpm:.0f}/min, above {TACHYCARDIA_ABOVE_BPM:.0f}/min"
        yield Finding(
            SINUS_TACHYCARDIA if sinus else TACHYCARDIA,
            f"{'Sinus tachycardia' if sinus else 'Fast heart rate'}, {bpm:.0f}/min",
            (Evidence(path, fact, source=TACHYCARDIA_SOURCE),),
        )


def _intervals(measurements: Measurements, sex: Sex | None) -> Iterator[Finding]:
    pr_ms = measurements.pr_ms
    if pr_ms is not None and pr_ms > LONG_PR_ABOVE_MS:
        evidence = Evidence(
            "measurements.pr_ms",
            f"PR {pr_ms:.0f} ms, above {LONG_PR_ABOVE_MS:.0f} ms",
            source=LONG_PR_SOURCE,
        )
        yield Finding(PROLONGED_PR, f"Prolonged PR interval, {pr_ms:.0f} ms", (evidence,))
    qtc_ms = measurements.qtc_fridericia_ms
    limit_ms = LONG_QTC_FROM_MS_MEN if sex == "male" else LONG_QTC_FROM_MS
    if qtc_ms is not None and qtc_ms >= limit_ms:
        evidence = Evidence(
            "measurements.qtc_fridericia_ms",
            f"QTc (Fridericia) {qtc_ms:.0f} ms, at least {limit_ms:.0f} ms",
            source=LONG_QTC_SOURCE,
        )
        yield Finding(
            PROLONGED_QT, f"Prolonged QT interval, QTcF {qtc_ms:.0f} ms", (evidence,)
        )


def _ectopic(
    beats: ClassifiedBeats, beat_class: BeatClass, coding: Coding, word: str
) -> Iterator[Finding]:
    """Count the beats that are surely of a class."""
    samples = [
        int(index)
        for index, found, sure in zip(
            beats.r_peak_indices, beats.classes, beats.sure, strict=True
        )
        if found is beat_class and sure
    ]
    if samples:
        text = f"{len(samples)} {word} ectopic beat{'s' if len(samples) > 1 else ''}"
        evidence = Evidence(
            "beats",
            f"{len(samples)} of {beats.n_beats} beats",
            tuple(samples[:MAX_EVIDENCE_SAMPLES]),
        )
        yield Finding(coding, text, (evidence,))

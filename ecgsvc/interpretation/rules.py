"""Findings that rhythm, beats, measurements and networks support.

A rate is a rate, not a sinus rhythm, unless the rhythm model or the P waves say so.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ecgsvc.domain.beats import BeatClass, ClassifiedBeats
from ecgsvc.domain.diagnosis import DiagnosisCall
from ecgsvc.domain.findings import SNOMED_CT, Coding, Contradiction, Evidence, Finding
from ecgsvc.domain.interval_check import IntervalCrossCheck
from ecgsvc.domain.measurements import Undetermined
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.rhythm import EpisodeKind, RhythmClass, RhythmReading
from ecgsvc.interpretation.opinions import (
    network_findings,
    normal_ecg,
    opinion_contradictions,
    with_opinions,
)
from ecgsvc.interpretation.population import reservations
from ecgsvc.interpretation.resting import could_be_found, not_judged, resting_findings
from ecgsvc.interpretation.rhythm_findings import rhythm_findings
from ecgsvc.interpretation.twelve_leads import TwelveLeads

BRADYCARDIA_BELOW_BPM = 50.0
BRADYCARDIA_SOURCE = (
    "2018 ACC/AHA/HRS guideline on bradycardia, doi 10.1161/CIR.0000000000000628"
)
TACHYCARDIA_ABOVE_BPM = 100.0
TACHYCARDIA_SOURCE = "2015 ACC/AHA/HRS guideline on SVT, doi 10.1161/CIR.0000000000000311"
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


@dataclass(frozen=True, slots=True)
class Reading:
    """What rules and network find together.

    Parameters
    ----------
    findings
        In the order a reader expects: rhythm, rate, conduction, QT, hypertrophy,
        ischaemia, ectopic beats, then what only the network sees.
    contradictions
        Between rules and network.
    undetermined
        What was not judged, and why.
    reservations
        Against criteria of a resting ECG in this recording.
    """

    findings: tuple[Finding, ...]
    contradictions: tuple[Contradiction, ...] = ()
    undetermined: tuple[Undetermined, ...] = ()
    reservations: tuple[str, ...] = ()


def find(
    rhythm: RhythmReading,
    beats: ClassifiedBeats,
    ecg: TwelveLeads,
    *,
    sampling_rate_hz: float,
    quality: SignalQuality,
    diagnosis: DiagnosisCall | None = None,
    interval_check: IntervalCrossCheck | None = None,
) -> Reading:
    """Apply all rules and hold the diagnosis network's answer against them.

    Parameters
    ----------
    rhythm, beats, quality
        Of the whole recording.
    ecg
        What criteria of a resting ECG need; what is missing supports no finding.
    sampling_rate_hz
        Of the indices in `rhythm`.
    diagnosis, interval_check
        Answers of the networks for twelve leads; None: no such model is installed.
    """
    held = reservations(ecg, quality, interval_check, diagnosis)
    ruled = (
        *with_opinions(rhythm_findings(rhythm, sampling_rate_hz), diagnosis),
        *_rate(ecg.measurements.heart_rate_bpm, rhythm.label),
        *with_opinions(resting_findings(ecg), diagnosis, held),
        *_ectopic(beats, BeatClass.V, VENTRICULAR_PREMATURE_BEATS, "ventricular"),
        *_ectopic(beats, BeatClass.S, SUPRAVENTRICULAR_PREMATURE_BEATS, "supraventricular"),
    )
    findings = (*ruled, *network_findings(ruled, diagnosis, held))
    able = could_be_found(ecg, findings)
    if rhythm.label is not None:
        able |= {EpisodeKind.ATRIAL_FIBRILLATION.value}
    stated = opinion_contradictions(findings, able)
    all_normal = not beats.n_unsure and beats.count(BeatClass.N) == beats.n_beats
    if all_normal and not (held or stated or rhythm.contradictions):
        findings = (*findings, *normal_ecg(findings, diagnosis))
    return Reading(
        findings,
        stated,
        not_judged(findings),
        held if any(each.reservations for each in findings) else (),
    )


def _rate(bpm: float | None, rhythm: RhythmClass | None) -> Iterator[Finding]:
    """Find a slow or fast rate; in sinus rhythm it is that of the sinus node."""
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

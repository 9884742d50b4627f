"""Everything the service says about one recording."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.diagnosis import DiagnosisCall
from ecgsvc.domain.explanation import Explanation
from ecgsvc.domain.findings import Contradiction, Finding, Sentence
from ecgsvc.domain.interval_check import IntervalCrossCheck
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.model_identity import ModelIdentity
from ecgsvc.domain.morphology import LeadMorphology
from ecgsvc.domain.plug_in import PlugInResult
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.rhythm import RhythmReading
from ecgsvc.domain.rhythm_statistics import RhythmStatistics
from ecgsvc.domain.serial import SerialComparison
from ecgsvc.domain.waveform import Waveform
from ecgsvc.domain.waves import LeadWaves

__all__ = ["NOT_REVIEWED", "Analysis", "ModelIdentity"]

NOT_REVIEWED = "Machine-read; not reviewed by a clinician."
"""How a conclusion ends until a clinician signs."""


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """The result of the signal path and the models for one recording.

    `beat_quality` says of each beat how sure it is, 0 to 1. `explanation` is there when it
    was asked for. None is what was not computed.

    `morphology` is of the median beat, lead by lead; `paced_share` of the beats follow a
    pacing spike. `contradictions` are between rules and the diagnosis network (those about
    rhythm are in `rhythm`); `reservations` lower the certainty of findings. The conclusion
    is its `sentences`, one after the other. `serial`: against the patient's ECG before.
    `plug_ins`: what the hospital's own models say.
    """

    waveform: Waveform
    quality: SignalQuality
    beats: ClassifiedBeats
    waves: tuple[LeadWaves, ...]
    measurements: Measurements
    findings: tuple[Finding, ...]
    conclusion: str
    undetermined: tuple[Undetermined, ...]
    models: tuple[ModelIdentity, ...]
    beat_quality: NDArray[np.float32] | None = None
    rhythm_statistics: RhythmStatistics | None = None
    rhythm: RhythmReading | None = None
    explanation: Explanation | None = None
    diagnosis: DiagnosisCall | None = None
    interval_check: IntervalCrossCheck | None = None
    morphology: tuple[LeadMorphology, ...] = ()
    paced_share: float | None = None
    contradictions: tuple[Contradiction, ...] = ()
    reservations: tuple[str, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    serial: SerialComparison | None = None
    plug_ins: tuple[PlugInResult, ...] = ()

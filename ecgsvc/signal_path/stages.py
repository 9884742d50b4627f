"""What the models behind an analysis must be able to do."""

from collections.abc import Sequence
from typing import Protocol

from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.diagnosis import DiagnosisCall
from ecgsvc.domain.explanation import Explanation
from ecgsvc.domain.interval_check import IntervalCrossCheck
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.plug_in import PlugInResult
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.rhythm import (
    MalignantCall,
    RhythmCall,
    RhythmWindow,
)
from ecgsvc.domain.waveform import Recording, SampleIndices, Sex, Waveform
from ecgsvc.domain.waves import GlobalWaves, LeadWaves


class BeatClassifier(Protocol):
    """Names the class of every beat."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def classify(
        self, waveform: Waveform, r_peak_indices: SampleIndices
    ) -> ClassifiedBeats:
        """Give the class of each beat at these R peaks."""


class WaveReader(Protocol):
    """Corrects the signal core's wave boundaries."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def read(
        self,
        waveform: Waveform,
        r_peak_indices: SampleIndices,
        waves: Sequence[LeadWaves],
        global_waves: GlobalWaves,
        *,
        threads: int = 1,
    ) -> tuple[tuple[LeadWaves, ...], GlobalWaves]:
        """Give better marks of the leads, and of all leads together."""


class RhythmClassifier(Protocol):
    """Names the rhythm, window by window."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def classify(
        self, waveform: Waveform, beats: ClassifiedBeats, quality: SignalQuality
    ) -> RhythmCall:
        """Give the rhythm of a recording; `waveform` holds the usable leads only."""


class MalignantRhythmDetector(Protocol):
    """Finds rhythms that call for help at once, and what looks like them."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def detect(
        self, waveform: Waveform, r_peak_indices: SampleIndices, quality: SignalQuality
    ) -> MalignantCall:
        """Give an answer for every window; `waveform` holds all leads, usable or not."""


class DiagnosisReader(Protocol):
    """Diagnoses a recording of several leads."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def read(
        self, waveform: Waveform, age_years: float | None, sex: Sex | None
    ) -> DiagnosisCall:
        """Diagnose a recording; `waveform` holds the usable leads only."""


class IntervalEstimator(Protocol):
    """Measures intervals a second time, without a delineation."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def check(
        self, waveform: Waveform, r_peak_indices: SampleIndices, measured: Measurements
    ) -> IntervalCrossCheck:
        """Hold its own values against those measured, which it leaves as they are."""


class PlugIn(Protocol):
    """A hospital's own model."""

    @property
    def identity(self) -> ModelIdentity:
        """What reports name."""

    def answer(
        self, recording: Recording, usable: Waveform, measurements: Measurements
    ) -> PlugInResult:
        """Answer, or give the reason why not; never raises."""


class Explainer(Protocol):
    """Says what the classifiers looked at."""

    def explain(
        self, waveform: Waveform, beats: ClassifiedBeats, windows: Sequence[RhythmWindow]
    ) -> Explanation:
        """Explain some beats and windows, from what the classifiers were given."""

"""Rhythm: what stretches of a recording show, as models say and as rules find."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ecgsvc.domain.findings import SNOMED_CT, Coding, Contradiction, Evidence


class RhythmClass(StrEnum):
    """Labels of the PhysioNet/CinC 2017 challenge, in the models' order of labels.

    Clifford et al. 2017, doi 10.22489/CinC.2017.065-469.
    """

    NORMAL = "N"
    """Normal sinus rhythm."""
    AF = "A"
    """Atrial fibrillation."""
    OTHER = "O"
    """Any other rhythm, frequent ectopic beats included."""
    NOISE = "~"
    """Too noisy to be read."""


RHYTHM_CLASSES: tuple[RhythmClass, ...] = tuple(RhythmClass)

RHYTHM_WORDS: Mapping[RhythmClass, str] = {
    RhythmClass.NORMAL: "normal sinus rhythm",
    RhythmClass.AF: "atrial fibrillation",
    RhythmClass.OTHER: "neither normal sinus rhythm nor atrial fibrillation",
    RhythmClass.NOISE: "noise",
}
"""As a person reads them."""

SINUS_RHYTHM = Coding(SNOMED_CT, "426783006", "Sinus rhythm")
ATRIAL_FIBRILLATION = Coding(SNOMED_CT, "164889003", "Atrial fibrillation")
RHYTHM_CODINGS: Mapping[RhythmClass, Coding] = {
    RhythmClass.NORMAL: SINUS_RHYTHM,
    RhythmClass.AF: ATRIAL_FIBRILLATION,
}
"""Of those that have a code."""


class MalignantRhythm(StrEnum):
    """What an alarm is for, and what must be told apart from it.

    Networks tell `VF`, `VT` and `OTHER` apart; `ASYSTOLE` and `LEAD_OFF` come of rules.
    """

    VF = "VF"
    """Ventricular fibrillation or flutter."""
    VT = "VT"
    """Ventricular tachycardia."""
    OTHER = "other"
    """Any other rhythm."""
    ASYSTOLE = "asystole"
    """No QRS complex although the leads can be read."""
    LEAD_OFF = "lead off"
    """No lead is connected: exactly flat or saturated."""


@dataclass(frozen=True, slots=True)
class RhythmWindow:
    """What a model says of the samples `start_index` to `stop_index` (exclusive).

    Parameters
    ----------
    probabilities
        Calibrated, of every `RhythmClass`; they sum to 1.
    conformal_set
        The classes that cannot be ruled out at the level the model's card states.
    out_of_distribution
        The input is unlike what the model was trained on: its answer means nothing.
    """

    start_index: int
    stop_index: int
    probabilities: Mapping[RhythmClass, float]
    conformal_set: frozenset[RhythmClass]
    out_of_distribution: bool = False

    @property
    def answer(self) -> RhythmClass | None:
        """The one class that is left; None: undetermined, for `reason`."""
        if self.out_of_distribution or len(self.conformal_set) != 1:
            return None
        (only,) = self.conformal_set
        return None if only is RhythmClass.NOISE else only

    @property
    def reason(self) -> str:
        """Why there is no answer; empty when there is one."""
        if self.answer is not None:
            return ""
        if self.out_of_distribution:
            return "the signal is unlike those the model learned from"
        if self.conformal_set == {RhythmClass.NOISE}:
            return "the signal is too noisy"
        if not self.conformal_set:
            return "the signal fits no rhythm the model knows"
        possible = [RHYTHM_WORDS[c] for c in RHYTHM_CLASSES if c in self.conformal_set]
        return f"more than one rhythm is possible ({'; '.join(possible)})"


@dataclass(frozen=True, slots=True)
class RhythmCall:
    """What a rhythm model says of a recording.

    Parameters
    ----------
    windows
        In order of time, not overlapping. A recording of up to a minute is one window (the
        mean over the pieces it was read in); a longer one is cut into windows of 10 to
        30 s. Stretches that could not be read have none.
    reason
        Why there is no window at all; empty when there is one.
    """

    windows: tuple[RhythmWindow, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MalignantWindow:
    """What a model and its rules say of the samples `start_index` to `stop_index`.

    Parameters
    ----------
    probabilities
        Calibrated, of `VF`, `VT` and `OTHER`; empty where only a rule answered.
    answer
        After thresholds and persistence over neighbouring windows. None: unreadable.
    """

    start_index: int
    stop_index: int
    probabilities: Mapping[MalignantRhythm, float]
    answer: MalignantRhythm | None


@dataclass(frozen=True, slots=True)
class MalignantCall:
    """What a detector of malignant rhythm says.

    `windows` are in order of time and may overlap; neighbours of one answer make one
    episode.
    """

    windows: tuple[MalignantWindow, ...]


class EpisodeKind(StrEnum):
    """What an episode is of."""

    ASYSTOLE = "asystole"
    VENTRICULAR_FIBRILLATION = "ventricular fibrillation or flutter"
    VENTRICULAR_TACHYCARDIA = "ventricular tachycardia"
    IDIOVENTRICULAR_RHYTHM = "idioventricular rhythm"
    ATRIAL_FIBRILLATION = "atrial fibrillation"
    SUPRAVENTRICULAR_TACHYCARDIA = "supraventricular tachycardia"
    PAUSE = "pause"
    EXTREME_BRADYCARDIA = "extreme bradycardia"
    EXTREME_TACHYCARDIA = "extreme tachycardia"
    VENTRICULAR_BIGEMINY = "ventricular bigeminy"
    VENTRICULAR_TRIGEMINY = "ventricular trigeminy"
    VENTRICULAR_COUPLET = "ventricular couplet"
    LEAD_OFF = "lead off"


@dataclass(frozen=True, slots=True)
class RhythmEpisode:
    """A stretch of one rhythm, from `onset_index` to `end_index` (exclusive).

    Parameters
    ----------
    evidence
        What it rests on: beats that follow a rule, windows of a model, or both.
    n_beats, rate_bpm
        Beats in it and their mean rate; None where it is not made of beats. Of an episode
        of a model and rules only the rate, of the rules' longest.
    certainty
        0 to 1: the model's mean probability, or the least probability that a beat it is
        made of has the class it counts as. None: neither model nor classes tell.
    """

    kind: EpisodeKind
    onset_index: int
    end_index: int
    evidence: tuple[Evidence, ...]
    n_beats: int | None = None
    rate_bpm: float | None = None
    certainty: float | None = None


@dataclass(frozen=True, slots=True)
class RhythmReading:
    """What models and rules together say of the rhythm of a recording.

    Parameters
    ----------
    label
        The rhythm of all windows that have an answer, or `NORMAL` by `p_waves`; None: it
        changes, or see `reason`.
    reason
        Why the rhythm is undetermined; empty when it is not.
    windows
        The rhythm model's.
    shares
        Part of the answered time that each class takes, those that occur; sums to 1.
    episodes
        In order of onset.
    irregular_share
        Part of the recording, in pieces of 30 s, in which intervals between normal beats
        change from one to the next more than `interpretation` allows a regular rhythm;
        None: too few such intervals.
    unread_share
        Part of the intervals between beats that rules could not rely upon; no rule found
        an episode there.
    contradictions
        Between models and rules.
    p_waves
        What shows that the beats come from the sinus node: the rhythm of a recording up to
        a minute, unless the model calls it fibrillation. Empty: not seen, or not asked.
    """

    label: RhythmClass | None = None
    reason: str = ""
    windows: tuple[RhythmWindow, ...] = ()
    shares: Mapping[RhythmClass, float] = field(default_factory=dict, hash=False)
    episodes: tuple[RhythmEpisode, ...] = ()
    irregular_share: float | None = None
    unread_share: float = 0.0
    contradictions: tuple[Contradiction, ...] = ()
    p_waves: tuple[Evidence, ...] = ()

    @property
    def words(self) -> str:
        """The rhythm as a person reads it; empty when it changes or is undetermined."""
        if self.label is None:
            return ""
        said = any(w.answer is RhythmClass.NORMAL for w in self.windows)
        if self.label is RhythmClass.NORMAL and not said:
            return "sinus rhythm"
        return RHYTHM_WORDS[self.label]

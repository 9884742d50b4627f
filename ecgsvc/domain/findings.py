"""What the analysis found, each finding with the evidence it rests on."""

from dataclasses import dataclass
from enum import StrEnum

SNOMED_CT = "http://snomed.info/sct"
BORDERLINE = "the value is within its measurement error of the cut-off"
"""Reservation of a finding that is borderline: its text says so, and none asserts it."""


@dataclass(frozen=True, slots=True)
class Coding:
    """A code of a code system."""

    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact behind a finding.

    `path` points into the analysis document (``measurements.heart_rate_bpm``, ``beats``);
    `text` says it to a person; `samples` are the sample indices it stands at, if any;
    `source` is the publication the cut-off is from, if any.
    """

    path: str
    text: str
    samples: tuple[int, ...] = ()
    source: str = ""


class Urgency(StrEnum):
    """How soon a clinician should see a finding."""

    EMERGENCY = "emergency"
    """Now: a rhythm of cardiac arrest, or one that may become it."""
    PROMPT = "prompt"
    """The same day: guidelines ask for evaluation."""
    ROUTINE = "routine"
    """With the report."""


class Certainty(StrEnum):
    """How far a finding can be relied upon, by who says it and of whom."""

    HIGH = "high"
    """Rule and network agree, and nothing speaks against it."""
    MODERATE = "moderate"
    """One of the two says so; the other is silent or undecided."""
    LOW = "low"
    """The two contradict each other, or there is a reservation."""


@dataclass(frozen=True, slots=True)
class NetworkOpinion:
    """What the diagnosis network says of the same thing as a finding.

    Parameters
    ----------
    label
        Statement or superclass of PTB-XL.
    probability, threshold
        Calibrated, and from where on the network calls it.
    answer
        Present, absent, or undetermined (None) at 90 % by its conformal set.
    """

    label: str
    probability: float
    threshold: float
    answer: bool | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about the recording.

    Parameters
    ----------
    coding, text
        As reports code it, and for people.
    evidence
        What it rests on, never empty.
    urgency
        How soon it should be seen; None: no source says.
    rule
        Name of the criterion (docs/algorithms.md), or ``network``.
    opinion
        The network's, where one says anything of it.
    certainty
        None: a count or a value, which is as sure as its measurement.
    reservations
        What lowers the certainty, a phrase each.
    """

    coding: Coding
    text: str
    evidence: tuple[Evidence, ...]
    urgency: Urgency | None = None
    rule: str = ""
    opinion: NetworkOpinion | None = None
    certainty: Certainty | None = None
    reservations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two stages that cannot both be right, and what each rests on."""

    text: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the conclusion and what it rests on.

    `evidence` are paths into the analysis document, never none; every number in the text is
    found there, rounded.
    """

    text: str
    evidence: tuple[str, ...]

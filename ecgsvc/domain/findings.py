"""What the analysis found, each finding with the evidence it rests on."""

from dataclasses import dataclass
from enum import StrEnum

SNOMED_CT = "http://snomed.info/sct"


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


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about the recording; None: its urgency has no source."""

    coding: Coding
    text: str
    evidence: tuple[Evidence, ...]
    urgency: Urgency | None = None


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two stages that cannot both be right, and what each rests on."""

    text: str
    evidence: tuple[Evidence, ...]

"""What the analysis found, each finding with the evidence it rests on."""

from dataclasses import dataclass

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
    `text` says it to a person; `samples` are the sample indices it stands at, if any.
    """

    path: str
    text: str
    samples: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement about the recording."""

    coding: Coding
    text: str
    evidence: tuple[Evidence, ...]

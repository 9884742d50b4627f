"""What an ECG sheet is asked to show, beside the recording and its analysis."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Paper(StrEnum):
    """Sizes of paper, landscape."""

    A4 = "a4"
    LETTER = "letter"


class Layout(StrEnum):
    """How twelve leads share a page; fewer leads are drawn as strips in any case."""

    THREE_BY_FOUR = "3x4"
    """Four columns of three leads, 2.5 s each, and a rhythm strip."""
    SIX_BY_TWO = "6x2"
    """Two columns of six leads, 5 s each, and a rhythm strip."""
    TWELVE_BY_ONE = "12x1"
    """Twelve leads of 10 s."""


class PatientShown(StrEnum):
    """How much of the patient stands on a sheet."""

    FULL = "full"
    """Name, identifier, birth date, sex, age."""
    IDENTIFIER = "identifier"
    """Identifier, sex, age."""
    NOTHING = "nothing"
    """Sex and age."""


@dataclass(frozen=True, slots=True)
class SheetOptions:
    """How a sheet is drawn.

    Parameters
    ----------
    mark_beats
        Write the class above each beat of the strips.
    mark_waves
        Show where P, QRS and T begin and end, on the strips.
    shade
        Shade what the models looked at, where the analysis has an explanation.
    """

    paper: Paper = Paper.A4
    layout: Layout = Layout.THREE_BY_FOUR
    patient: PatientShown = PatientShown.FULL
    mark_beats: bool = True
    mark_waves: bool = False
    shade: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Whose ECG it is, as a person reads it; empty is what is not known.

    `birth_date` is as precise as it was given (``1961``, ``1961-03``, ``1961-03-02``).
    """

    name: str = ""
    identifier: str = ""
    birth_date: str = ""
    sex: str = ""
    age_years: float | None = None


@dataclass(frozen=True, slots=True)
class SheetHeader:
    """What stands around the tracing.

    Parameters
    ----------
    recorded
        Time of the ECG as it was given, with its zone.
    recorded_note
        What a reader must know of that time (the zone was assumed), or empty.
    device
        What recorded it.
    organization
        Who is responsible for the report.
    report
        Name of the report and its version.
    software
        What read it.
    made_at
        When the sheet was made, time-zone aware; it is the date of the document.
    """

    person: Person
    recorded: str
    made_at: datetime
    recorded_note: str = ""
    device: str = ""
    organization: str = ""
    report: str = ""
    software: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """Who stands for a report, and since when.

    Parameters
    ----------
    signed_by
        Name of the clinician.
    signed_at
        Time-zone aware.
    status
        ``DiagnosticReport.status`` that the review gave: final, amended, corrected …
    """

    signed_by: str
    signed_at: datetime
    status: str = "final"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A drawn sheet: the content of a file, and what it is."""

    content: bytes
    content_type: str
    title: str
    made_at: datetime

"""What the header of a recording says besides samples, leads and rate."""

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class RecordedPatient:
    """The patient as a file names them; None where it says nothing.

    Parameters
    ----------
    identifier, identifier_system
        The patient's id and who gave it (``urn:oid:…`` or another URI).
    """

    identifier: str | None = None
    identifier_system: str | None = None
    family_name: str | None = None
    given_name: str | None = None
    birth_date: date | None = None


@dataclass(frozen=True, slots=True)
class RecordingDevice:
    """The electrocardiograph as a file names it; None where it says nothing."""

    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    software_version: str | None = None


@dataclass(frozen=True, slots=True)
class RecordingFilters:
    """Cut-off frequencies of the filters that were applied; None where none is named."""

    high_pass_hz: float | None = None
    low_pass_hz: float | None = None
    notch_hz: float | None = None


@dataclass(frozen=True, slots=True)
class RecordingHeader:
    """Who, when and how a recording was made.

    Parameters
    ----------
    recorded_at
        First sample; without a zone where the file states none.
    step_uv
        Microvolts between neighbouring digital values, of the finest lead; None when not
        known.
    """

    patient: RecordedPatient = field(default_factory=RecordedPatient)
    recorded_at: datetime | None = None
    device: RecordingDevice = field(default_factory=RecordingDevice)
    filters: RecordingFilters = field(default_factory=RecordingFilters)
    step_uv: float | None = None

"""An ECG beside the patient's one before it."""

from dataclasses import dataclass
from datetime import datetime

from ecgsvc.domain.measurements import Measurements


@dataclass(frozen=True, slots=True)
class StatedFinding:
    """A finding as a stored report states it."""

    system: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class MeasuredReport:
    """What the store keeps of a report version to compare others with.

    `models` are names with versions, in the order of the report.
    """

    report_id: str
    version: int
    effective_at: datetime
    measurements: Measurements
    findings: tuple[StatedFinding, ...] = ()
    models: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A value now and before.

    Parameters
    ----------
    name
        Field of `Measurements`.
    before, after, unit
        The values; UCUM unit.
    limit, source
        What a change must exceed to be more than variability of the measurement, and why.
    """

    name: str
    before: float
    after: float
    unit: str
    limit: float
    source: str

    @property
    def difference(self) -> float:
        """Now less before; of an angle the shorter way around, in (-180, 180]."""
        plain = self.after - self.before
        return plain if self.unit != "deg" else 180.0 - (180.0 - plain) % 360.0

    @property
    def exceeds(self) -> bool:
        """Whether it is more than variability."""
        return abs(self.difference) > self.limit


@dataclass(frozen=True, slots=True)
class SerialComparison:
    """How an ECG differs from an earlier one of the patient.

    Parameters
    ----------
    report_id, version, effective_at
        Of the earlier report.
    changes
        Of every value that both have.
    appeared, vanished
        Findings that only the later, only the earlier one has.
    other_models
        Whether other models, or other versions, read the earlier one.
    """

    report_id: str
    version: int
    effective_at: datetime
    changes: tuple[Change, ...] = ()
    appeared: tuple[StatedFinding, ...] = ()
    vanished: tuple[StatedFinding, ...] = ()
    other_models: bool = False

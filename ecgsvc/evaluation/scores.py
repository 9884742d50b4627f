"""Figures of merit made of counts; an undefined one is NaN, and null in JSON."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

JsonValue = float | int | str | None


@dataclass(frozen=True, slots=True)
class DetectionCounts:
    """Detections against annotated beats."""

    true_positives: int
    false_negatives: int
    false_positives: int

    @property
    def n_reference(self) -> int:
        """Number of annotated beats."""
        return self.true_positives + self.false_negatives

    @property
    def sensitivity(self) -> float:
        """Share of the annotated beats that were detected."""
        return ratio(self.true_positives, self.n_reference)

    @property
    def positive_predictivity(self) -> float:
        """Share of the detections that are beats."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        errors = self.false_negatives + self.false_positives
        return ratio(2 * self.true_positives, 2 * self.true_positives + errors)

    @property
    def failed_detections(self) -> float:
        """Missed and false beats over annotated beats (detection error rate)."""
        return ratio(self.false_negatives + self.false_positives, self.n_reference)

    def to_json(self) -> dict[str, JsonValue]:
        """Counts and figures, fractions not percentages."""
        return {
            "beats": self.n_reference,
            "true_positives": self.true_positives,
            "false_negatives": self.false_negatives,
            "false_positives": self.false_positives,
            "sensitivity": number(self.sensitivity),
            "positive_predictivity": number(self.positive_predictivity),
            "f1": number(self.f1),
            "failed_detections": number(self.failed_detections),
        }


def total(counts: Iterable[DetectionCounts]) -> DetectionCounts:
    """Add counts up (gross statistics)."""
    listed = list(counts)
    return DetectionCounts(
        sum(c.true_positives for c in listed),
        sum(c.false_negatives for c in listed),
        sum(c.false_positives for c in listed),
    )


def ratio(part: float, whole: float) -> float:
    """Divide counts or sums; NaN when there is nothing to divide by."""
    return part / whole if whole else math.nan


def mean(values: Iterable[float]) -> float:
    """Mean of the defined values; NaN when there is none."""
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan


def number(value: float) -> float | None:
    """Make a figure fit for JSON."""
    return None if math.isnan(value) else float(value)

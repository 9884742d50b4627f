"""Intervals of a whole recording against annotated waves, and what IEC 60601-2-25 allows.

The reference is made of the annotations as `dsp.measure` makes its own of the delineation:
a boundary of a beat is the second-earliest onset or second-latest offset over the leads
that have it (the earliest or latest of one or two), an interval the median over beats. The
earliest and latest of all leads would be 9-15 ms wider.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waves import ABSENT
from ecgsvc.evaluation.scores import number
from ecgsvc.evaluation.wave_references import WAVES, ReferenceWaves, WaveName

LIMITS_MS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "p_ms": (10.0, 15.0),
        "pr_ms": (10.0, 10.0),
        "qrs_ms": (10.0, 10.0),
        "qt_ms": (25.0, 30.0),
    }
)
"""Mean and SD of the difference that IEC 60601-2-25 accepts of global measurements."""

SAME_BEAT_S = 0.150
"""QRS peaks of the leads at most this far apart, one after the other, are one beat."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordIntervals:
    """P, PR, QRS and QT of one record in ms by name; None where there is none."""

    reference: Mapping[str, float | None]
    own: Mapping[str, float | None]

    def to_json(self) -> dict[str, dict[str, float | None]]:
        """Both values of each interval."""
        return {
            name: {"reference": self.reference[name], "own": self.own[name]}
            for name in LIMITS_MS
        }


@dataclass(frozen=True, slots=True)
class IntervalErrors:
    """Ours less the reference over the records that have both, in ms; NaN: undefined.

    `n_missing` records have an annotated interval that we do not give, `n_invented` have
    one of ours that is not annotated.
    """

    name: str
    n_records: int
    n_missing: int
    n_invented: int
    mean_ms: float
    sd_ms: float
    largest_ms: float

    @property
    def limits_ms(self) -> tuple[float, float]:
        """Greatest mean and SD that IEC 60601-2-25 accepts."""
        return LIMITS_MS[self.name]

    @property
    def within_limits(self) -> bool:
        """Whether mean and SD are both accepted."""
        mean_limit, sd_limit = self.limits_ms
        return abs(self.mean_ms) <= mean_limit and self.sd_ms <= sd_limit

    def to_json(self) -> dict[str, object]:
        """Figures with their limits."""
        return {
            "interval": self.name,
            "records": self.n_records,
            "missing": self.n_missing,
            "invented": self.n_invented,
            "mean_error_ms": number(self.mean_ms),
            "sd_ms": number(self.sd_ms),
            "largest_error_ms": number(self.largest_ms),
            "limits_ms": self.limits_ms,
            "within_limits": self.within_limits,
        }


def interval_errors(records: Sequence[RecordIntervals]) -> tuple[IntervalErrors, ...]:
    """Compare each interval over all records; none is left out as an outlier."""
    return tuple(_errors_of(name, records) for name in LIMITS_MS)


def _errors_of(name: str, records: Sequence[RecordIntervals]) -> IntervalErrors:
    pairs = [(r.reference[name], r.own[name]) for r in records]
    errors = np.array([o - r for r, o in pairs if r is not None and o is not None])
    return IntervalErrors(
        name,
        len(errors),
        sum(own is None for reference, own in pairs if reference is not None),
        sum(own is not None for reference, own in pairs if reference is None),
        float(errors.mean()) if errors.size else math.nan,
        float(errors.std(ddof=1)) if errors.size > 1 else math.nan,
        float(np.abs(errors).max()) if errors.size else math.nan,
    )


def reference_intervals(
    leads: Sequence[ReferenceWaves], sampling_rate_hz: float
) -> dict[str, float | None]:
    """Median intervals of a record over its annotated beats, in ms."""
    beats = _beat_positions(leads, sampling_rate_hz)
    onset: dict[WaveName, NDArray[np.float64]] = {}
    offset: dict[WaveName, NDArray[np.float64]] = {}
    for wave in WAVES:
        by_lead = np.stack([_by_beat(lead, wave, beats) for lead in leads])
        onset[wave] = _second(by_lead[:, :, 0])
        offset[wave] = -_second(-by_lead[:, :, 2])
    spans = {
        "p_ms": offset["P"] - onset["P"],
        "pr_ms": onset["QRS"] - onset["P"],
        "qrs_ms": offset["QRS"] - onset["QRS"],
        "qt_ms": offset["T"] - onset["QRS"],
    }
    return {name: _median_ms(span, sampling_rate_hz) for name, span in spans.items()}


def annotated_rate_bpm(
    leads: Sequence[ReferenceWaves], sampling_rate_hz: float
) -> float | None:
    """60 s over the mean distance of the annotated beats; None with fewer than two."""
    beats = _beat_positions(leads, sampling_rate_hz)
    if len(beats) < 2:
        return None
    return float(60.0 * sampling_rate_hz / np.diff(beats).mean())


def _beat_positions(
    leads: Sequence[ReferenceWaves], sampling_rate_hz: float
) -> NDArray[np.float64]:
    """Median QRS peak of each beat over the leads, in order of time."""
    peaks = np.sort(np.concatenate([lead.points["QRS"][:, 1] for lead in leads]))
    apart = np.flatnonzero(np.diff(peaks) > SAME_BEAT_S * sampling_rate_hz) + 1
    groups = np.split(peaks, apart) if peaks.size else []
    return np.array([np.median(group) for group in groups])


def _by_beat(
    lead: ReferenceWaves, wave: WaveName, beats: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Points of a lead's waves, shape (n_beats, 3), NaN where not annotated.

    A P wave belongs to the next beat (the last one before it counts), a T wave to the beat
    before (the first one after it counts), a QRS complex to the nearest.
    """
    rows = np.full((len(beats), 3), np.nan)
    if not beats.size:
        return rows
    points = lead.points[wave]
    if wave == "QRS":
        beat = np.abs(points[:, 1:2] - beats).argmin(axis=1)
    else:
        beat = np.searchsorted(beats, points[:, 1]) - (wave == "T")
    inside = (beat >= 0) & (beat < len(beats))
    points, beat = points[inside], beat[inside]
    if wave == "T":
        points, beat = points[::-1], beat[::-1]
    rows[beat] = np.where(points == ABSENT, np.nan, points)
    return rows


def _second(by_lead: NDArray[np.float64]) -> NDArray[np.float64]:
    """Second-smallest over the rows where three or more have a value, else the smallest."""
    ordered = np.sort(by_lead, axis=0)
    rank = np.where(np.isfinite(ordered).sum(axis=0) >= 3, 1, 0)
    picked: NDArray[np.float64] = np.take_along_axis(ordered, rank[np.newaxis], axis=0)[0]
    return picked


def _median_ms(span: NDArray[np.float64], sampling_rate_hz: float) -> float | None:
    defined = span[np.isfinite(span)]
    if not defined.size:
        return None
    return float(np.median(defined)) * 1000.0 / sampling_rate_hz

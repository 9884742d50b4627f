"""How well P, QRS and T are bounded, lead by lead, against annotated waves.

A wave is found when its peak lies within 150 ms of the annotated one; waves are paired as
beats are. An onset or offset is found when its wave is and it lies within 150 ms too; the
errors of these (ours less the annotated) give mean and SD.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.waveform import Recording
from ecgsvc.domain.waves import ABSENT, LeadWaves, WavePoints
from ecgsvc.evaluation.beat_matching import (
    MATCH_WINDOW_S,
    match_beats,
    match_window_samples,
)
from ecgsvc.evaluation.bootstrap import Interval, interval, resample_totals
from ecgsvc.evaluation.global_intervals import (
    LIMITS_MS,
    RecordIntervals,
    interval_errors,
    reference_intervals,
)
from ecgsvc.evaluation.references import OnRecord
from ecgsvc.evaluation.scores import number, ratio
from ecgsvc.evaluation.wave_references import (
    POINTS,
    WAVES,
    ReferenceWaves,
    WaveName,
    WaveRecord,
    find_wave_records,
    present_waves,
)

Analyse: TypeAlias = Callable[[Recording], Analysis]
PointCounts: TypeAlias = NDArray[np.float64]
"""Shape (…, 3 waves, 3 points, 5): found, missed, false, sum of errors (ms), of squares."""

_FOUND, _MISSED, _FALSE, _SUM, _SQUARES = range(5)


@dataclass(frozen=True, slots=True, eq=False)
class PointFigures:
    """Figures of each point of each wave, shape (…, 3 waves, 3 points), NaN: undefined."""

    sensitivity: NDArray[np.float64]
    positive_predictivity: NDArray[np.float64]
    f1: NDArray[np.float64]
    mean_error_ms: NDArray[np.float64]
    sd_ms: NDArray[np.float64]


def point_figures(counts: PointCounts) -> PointFigures:
    """Compute the figures of counts; the SD is that of a sample (n - 1)."""
    found, missed, false, total, squares = np.moveaxis(counts, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / found
        variance = np.maximum(squares - total * mean, 0) / np.where(
            found > 1, found - 1, np.nan
        )
        return PointFigures(
            sensitivity=found / (found + missed),
            positive_predictivity=found / (found + false),
            f1=2 * found / (2 * found + missed + false),
            mean_error_ms=mean,
            sd_ms=np.sqrt(variance),
        )


@dataclass(frozen=True, slots=True)
class InventedP:
    """P waves marked in records whose rhythm has none (atrial fibrillation and flutter).

    Whole recordings count. `lead_beats` are beats times leads; a beat is among
    `beats_with_p` when any lead has a P wave.
    """

    beats: int = 0
    beats_with_p: int = 0
    lead_beats: int = 0
    lead_beats_with_p: int = 0

    def __add__(self, other: "InventedP") -> "InventedP":
        """Add the counts of two records."""
        return InventedP(
            self.beats + other.beats,
            self.beats_with_p + other.beats_with_p,
            self.lead_beats + other.lead_beats,
            self.lead_beats_with_p + other.lead_beats_with_p,
        )

    def to_json(self) -> dict[str, float | int | None]:
        """Counts and shares."""
        return {
            "beats": self.beats,
            "beats_with_p": self.beats_with_p,
            "share_of_beats": number(ratio(self.beats_with_p, self.beats)),
            "lead_beats": self.lead_beats,
            "lead_beats_with_p": self.lead_beats_with_p,
            "share_of_lead_beats": number(ratio(self.lead_beats_with_p, self.lead_beats)),
        }


@dataclass(frozen=True, slots=True, eq=False)
class RecordDelineation:
    """Counts of one record over its annotated leads, shape (3, 3, 5), and its intervals.

    `invented_p` is None where the rhythm may have P waves.
    """

    record: str
    n_leads: int
    counts: PointCounts
    intervals: RecordIntervals
    invented_p: InventedP | None = None

    @property
    def figures(self) -> PointFigures:
        """Figures of this record alone."""
        return point_figures(self.counts)


@dataclass(frozen=True, slots=True, eq=False)
class DelineationResults:
    """All records; `seed` is that of the bootstrap."""

    records: tuple[RecordDelineation, ...]
    seed: int = 0

    @property
    def counts(self) -> PointCounts:
        """Gross counts: all waves of all leads and records count the same."""
        total: PointCounts = np.sum([r.counts for r in self.records], axis=0)
        return total

    @property
    def figures(self) -> PointFigures:
        """Gross figures."""
        return point_figures(self.counts)

    @property
    def invented_p(self) -> InventedP | None:
        """Sum over the records without P waves; None when there is no such record."""
        counts = [r.invented_p for r in self.records if r.invented_p is not None]
        return sum(counts, InventedP()) if counts else None

    def intervals(self) -> dict[tuple[str, str, str], Interval]:
        """95 % intervals by wave, point and figure (f1, mean_error_ms, sd_ms)."""
        stacked = np.stack([r.counts for r in self.records])
        drawn = point_figures(resample_totals(stacked, seed=self.seed))
        return {
            (wave, point, figure): interval(getattr(drawn, figure)[:, i, j])
            for i, wave in enumerate(WAVES)
            for j, point in enumerate(POINTS)
            for figure in ("f1", "mean_error_ms", "sd_ms")
        }

    def to_json(self) -> dict[str, object]:
        """Everything, with the protocol, as plain JSON values."""
        intervals = self.intervals()
        gross = _counts_to_json(self.counts)
        for (wave, point, figure), ends in intervals.items():
            gross[wave][point][f"{figure}_interval"] = ends
        invented = self.invented_p
        return {
            "task": "delineation",
            "protocol": {
                "match_window_s": MATCH_WINDOW_S,
                "scored": "from the first to the last annotated point of each lead",
                "interval": "95 %, bootstrap over records",
                "seed": self.seed,
            },
            "records": [
                {
                    "record": r.record,
                    "leads": r.n_leads,
                    "waves": _counts_to_json(r.counts),
                    "intervals": r.intervals.to_json(),
                    "invented_p": r.invented_p and r.invented_p.to_json(),
                }
                for r in self.records
            ],
            "gross": gross,
            "invented_p": invented and invented.to_json(),
            "global_intervals": [
                errors.to_json()
                for errors in interval_errors([r.intervals for r in self.records])
            ],
        }


def _counts_to_json(counts: PointCounts) -> dict[str, dict[str, dict[str, object]]]:
    figures = point_figures(counts)
    return {
        wave: {
            point: {
                "found": int(counts[i, j, _FOUND]),
                "missed": int(counts[i, j, _MISSED]),
                "false": int(counts[i, j, _FALSE]),
                **{
                    name: number(float(getattr(figures, name)[i, j]))
                    for name in PointFigures.__slots__
                },
            }
            for j, point in enumerate(POINTS)
        }
        for i, wave in enumerate(WAVES)
    }


def evaluate_delineation(
    records_dir: Path,
    analyse: Analyse,
    *,
    extension: str | None = None,
    records: Collection[str] | None = None,
    seed: int = 0,
    on_record: OnRecord | None = None,
) -> DelineationResults:
    """Analyse records whose waves are annotated and compare.

    Parameters
    ----------
    records_dir
        Folder of WFDB records, or one that holds them in ``data`` (LUDB).
    analyse
        The whole signal path, as it serves.
    extension
        Annotator of all leads; None: one a lead, named as the lead (``.i`` … ``.v6``).
    records
        Names of those to analyse; all when not given.
    seed
        Seed of the bootstrap.
    on_record
        Called after each record.

    Raises
    ------
    UnreadableRecording
        Records are missing or damaged.
    """
    found = [
        record
        for record in find_wave_records(records_dir, extension)
        if records is None or record.path.name in records
    ]
    results = []
    for n_done, record in enumerate(found, start=1):
        results.append(_evaluate_record(record, analyse))
        if on_record is not None:
            on_record(record.path.name, n_done, len(found))
    return DelineationResults(tuple(results), seed)


def _evaluate_record(record: WaveRecord, analyse: Analyse) -> RecordDelineation:
    recording = read_wfdb(record.path)
    rate_hz = recording.waveform.sampling_rate_hz
    references = record.read(recording.waveform.leads)
    analysis = analyse(recording)
    own = {waves.lead: waves for waves in analysis.waves}
    counts = [
        count_points(waves, own.get(lead), rate_hz) for lead, waves in references.items()
    ]
    return RecordDelineation(
        record.path.name,
        len(references),
        np.sum(counts, axis=0) if counts else np.zeros((3, 3, 5)),
        RecordIntervals(
            reference_intervals(list(references.values()), rate_hz),
            {name: getattr(analysis.measurements, name) for name in LIMITS_MS},
        ),
        count_invented_p(analysis.waves) if record.has_no_p else None,
    )


def count_points(
    reference: ReferenceWaves, own: LeadWaves | None, sampling_rate_hz: float
) -> PointCounts:
    """Count one lead, shape (3, 3, 5); all its waves are missed when it was not delineated.

    A wave too many counts when its peak lies between the lead's first and last annotated
    point. Where only the onset or offset of a wave is not annotated, ours is neither right
    nor wrong.
    """
    counts = np.zeros((len(WAVES), len(POINTS), 5))
    for i, wave in enumerate(WAVES):
        rows = _rows_of(own, wave)
        counts[i] = _count_wave(reference, wave, rows, sampling_rate_hz)
    return counts


def _rows_of(own: LeadWaves | None, wave: WaveName) -> NDArray[np.int64]:
    if own is None:
        return np.empty((0, len(POINTS)), dtype=np.int64)
    points: WavePoints = {"P": own.p, "QRS": own.qrs, "T": own.t}[wave]
    return present_waves((points.onset, points.peak, points.offset))


def _count_wave(
    reference: ReferenceWaves,
    wave: WaveName,
    own: NDArray[np.int64],
    sampling_rate_hz: float,
) -> PointCounts:
    theirs = reference.points[wave]
    window = match_window_samples(sampling_rate_hz)
    matches = match_beats(theirs[:, 1], own[:, 1], window)
    counts = np.zeros((len(POINTS), 5))
    pairs = theirs[matches.reference], own[matches.detected]
    annotated = pairs[0] != ABSENT
    errors = pairs[1] - pairs[0]
    found = annotated & (np.abs(errors) <= window)
    errors_ms = np.where(found, errors * (1000.0 / sampling_rate_hz), 0.0)
    too_far = (annotated & ~found).sum(axis=0)
    peaks = own[matches.false, 1]
    n_false = np.sum((peaks >= reference.first) & (peaks <= reference.last))
    counts[:, _FOUND] = found.sum(axis=0)
    counts[:, _MISSED] = too_far + (theirs[matches.missed] != ABSENT).sum(axis=0)
    counts[:, _FALSE] = too_far + n_false
    counts[:, _SUM] = errors_ms.sum(axis=0)
    counts[:, _SQUARES] = (errors_ms**2).sum(axis=0)
    return counts


def count_invented_p(waves: Sequence[LeadWaves]) -> InventedP:
    """Count the beats of a recording, and those with a P wave."""
    if not waves:
        return InventedP()
    present = np.stack([lead.p.peak != ABSENT for lead in waves])
    return InventedP(
        beats=present.shape[1],
        beats_with_p=int(present.any(axis=0).sum()),
        lead_beats=present.size,
        lead_beats_with_p=int(present.sum()),
    )

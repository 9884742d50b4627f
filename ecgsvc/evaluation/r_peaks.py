"""How well R peaks are found, as ANSI/AAMI EC57 asks and WFDB's ``bxb`` counts."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.waveform import SampleIndices
from ecgsvc.evaluation.beat_matching import (
    MATCH_WINDOW_S,
    match_beats,
    match_window_samples,
)
from ecgsvc.evaluation.bootstrap import Interval, interval, resample_totals
from ecgsvc.evaluation.references import (
    Detect,
    OnRecord,
    ReferenceBeats,
    find_records,
    read_reference_beats,
)
from ecgsvc.evaluation.scores import DetectionCounts, mean, number, total

LEARNING_PERIOD_S = 300.0
"""EC57 and ``bxb``: the first five minutes are not scored."""


@dataclass(frozen=True, slots=True)
class RecordDetections:
    """Counts of one record."""

    record: str
    counts: DetectionCounts


@dataclass(frozen=True, slots=True)
class RPeakResults:
    """Counts of all records; `start_s` is where scoring began, `seed` the bootstrap's."""

    start_s: float
    records: tuple[RecordDetections, ...]
    seed: int = 0

    @property
    def gross(self) -> DetectionCounts:
        """All beats count the same."""
        return total(r.counts for r in self.records)

    @property
    def average(self) -> dict[str, float]:
        """All records count the same: means of the records' figures."""
        counts = [r.counts for r in self.records]
        return {
            "sensitivity": mean(c.sensitivity for c in counts),
            "positive_predictivity": mean(c.positive_predictivity for c in counts),
            "f1": mean(c.f1 for c in counts),
            "failed_detections": mean(c.failed_detections for c in counts),
        }

    def intervals(self) -> dict[str, Interval]:
        """95 % intervals of the gross figures, by bootstrap over records."""
        counts = np.array([astuple(r.counts) for r in self.records])
        found, missed, false = resample_totals(counts, seed=self.seed).T
        with np.errstate(invalid="ignore"):
            figures = {
                "sensitivity": found / (found + missed),
                "positive_predictivity": found / (found + false),
                "f1": 2 * found / (2 * found + missed + false),
            }
        return {name: interval(values) for name, values in figures.items()}

    def to_json(self) -> dict[str, object]:
        """Everything, with the protocol, as plain JSON values."""
        return {
            "task": "r-peaks",
            "protocol": {
                "rule": "ANSI/AAMI EC57 beat by beat, as WFDB bxb",
                "match_window_s": MATCH_WINDOW_S,
                "start_s": self.start_s,
                "ventricular_flutter": "excluded",
                "interval": "95 %, bootstrap over records",
                "seed": self.seed,
            },
            "records": [{"record": r.record, **r.counts.to_json()} for r in self.records],
            "gross": self.gross.to_json(),
            "intervals": self.intervals(),
            "average": {name: number(value) for name, value in self.average.items()},
        }


def evaluate_r_peaks(
    records_dir: Path,
    detect: Detect,
    *,
    records: Sequence[str] | None = None,
    extension: str = "atr",
    start_s: float = LEARNING_PERIOD_S,
    on_record: OnRecord | None = None,
) -> RPeakResults:
    """Detect the R peaks of annotated records and count right and wrong ones.

    Parameters
    ----------
    records_dir
        Folder of WFDB records.
    detect
        Gives the R peaks of a waveform as sample indices in order.
    records
        Names of the records to score; all annotated ones by default.
    extension
        The reference annotator.
    start_s
        Beats before are not scored; 0 scores all. Detection always sees all samples.
    on_record
        Called after each record.

    Raises
    ------
    UnreadableRecording
        Records are missing or damaged.
    """
    paths = find_records(records_dir, extension, records)
    results = []
    for n_done, path in enumerate(paths, start=1):
        waveform = read_wfdb(path).waveform
        reference = read_reference_beats(path, extension)
        counts = count_detections(
            reference, detect(waveform), waveform.sampling_rate_hz, start_s
        )
        results.append(RecordDetections(path.name, counts))
        if on_record is not None:
            on_record(path.name, n_done, len(paths))
    return RPeakResults(start_s, tuple(results))


def count_detections(
    reference: ReferenceBeats,
    detected: SampleIndices,
    sampling_rate_hz: float,
    start_s: float,
) -> DetectionCounts:
    """Count the detections of one record.

    Beats are paired over the whole record. A pair counts when its annotated beat lies at
    `start_s` or later, a lone beat when it does itself; lone detections within ventricular
    flutter do not count.
    """
    detected = np.asarray(detected, dtype=np.int64)
    start = start_s * sampling_rate_hz
    window = match_window_samples(sampling_rate_hz)
    matches = match_beats(reference.sample_indices, detected, window)
    false = detected[matches.false]
    false = false[~reference.in_flutter(false)]
    return DetectionCounts(
        int(np.sum(reference.sample_indices[matches.reference] >= start)),
        int(np.sum(reference.sample_indices[matches.missed] >= start)),
        int(np.sum(false >= start)),
    )

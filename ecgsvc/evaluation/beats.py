"""How well beats are classified: AAMI classes, patient by patient (ANSI/AAMI EC57)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass, ClassifiedBeats
from ecgsvc.domain.waveform import SampleIndices
from ecgsvc.evaluation.beat_matching import (
    MATCH_WINDOW_S,
    BeatMatches,
    match_beats,
    match_window_samples,
)
from ecgsvc.evaluation.confusion import (
    MATRIX_SHAPE,
    NO_BEAT,
    BeatFigures,
    Counts,
    beat_figures,
    bootstrap_intervals,
    figures_to_json,
)
from ecgsvc.evaluation.references import (
    DS2,
    PACED_RECORDS,
    Classify,
    Detect,
    OnRecord,
    ReferenceBeats,
    find_records,
    read_reference_beats,
)

Positions: TypeAlias = Literal["annotated", "own"]

REMARKABLE_RECORDS = ("232", "202")
"""Left out one at a time: 232 holds three quarters of DS2's S beats, 202 is the patient
of 201, which is in DS1."""


@dataclass(frozen=True, slots=True, eq=False)
class RecordConfusion:
    """Confusion matrix of one record, shape (6, 6): annotated by assigned class."""

    record: str
    confusion: Counts


@dataclass(frozen=True, slots=True, eq=False)
class BeatResults:
    """Confusion matrices of all records.

    `positions` says whether the classifier was given the annotated beats' positions or
    those of our own detector; `seed` is that of the bootstrap.
    """

    positions: Positions
    records: tuple[RecordConfusion, ...]
    seed: int = 0

    @property
    def subsets(self) -> dict[str, tuple[RecordConfusion, ...]]:
        """All records, and all but each of `REMARKABLE_RECORDS` that is among them."""
        names = [r.record for r in self.records]
        return {"all": self.records} | {
            f"without {left_out}": tuple(r for r in self.records if r.record != left_out)
            for left_out in REMARKABLE_RECORDS
            if left_out in names and len(names) > 1
        }

    def figures(self, subset: str = "all") -> BeatFigures:
        """Gross figures of a subset; `KeyError` when there is no such."""
        return beat_figures(_stack(self.subsets[subset]).sum(axis=0))

    def intervals(
        self, subset: str = "all"
    ) -> dict[str, tuple[float | None, float | None]]:
        """95 % intervals of the gross figures of a subset, by bootstrap over records."""
        return bootstrap_intervals(_stack(self.subsets[subset]), seed=self.seed)

    def to_json(self) -> dict[str, object]:
        """Everything, with the protocol, as plain JSON values."""
        return {
            "task": "beats",
            "protocol": {
                "rule": "ANSI/AAMI EC57 classes, all beats of a record",
                "positions": self.positions,
                "match_window_s": MATCH_WINDOW_S if self.positions == "own" else None,
                "macro_f1": "mean over N, S, V, F",
                "interval": "95 %, bootstrap over records",
                "seed": self.seed,
            },
            "classes": [*BEAT_CLASSES, "none"],
            "records": [
                {
                    "record": r.record,
                    "confusion": r.confusion.tolist(),
                    **figures_to_json(beat_figures(r.confusion)),
                }
                for r in self.records
            ],
            "gross": {
                name: {
                    "records": len(subset),
                    "confusion": _stack(subset).sum(axis=0).tolist(),
                    "figures": figures_to_json(self.figures(name)),
                    "intervals": self.intervals(name),
                }
                for name, subset in self.subsets.items()
            },
        }


def evaluate_beats(
    records_dir: Path,
    classify: Classify,
    *,
    detect: Detect | None = None,
    records: Sequence[str] | None = DS2,
    extension: str = "atr",
    seed: int = 0,
    on_record: OnRecord | None = None,
) -> BeatResults:
    """Classify the beats of annotated records and count right and wrong ones.

    Parameters
    ----------
    records_dir
        Folder of WFDB records.
    classify
        Gives the classes of the beats at the R peaks it is told.
    detect
        Finds the R peaks to classify, for figures end to end; without it the classifier is
        told the annotated ones.
    records
        Names of the records to score; None takes all annotated ones but the paced.
    extension
        The reference annotator.
    seed
        Seed of the bootstrap.
    on_record
        Called after each record.

    Raises
    ------
    UnreadableRecording
        Records are missing or damaged.
    ValueError
        The classifier returned other beats than it was asked about.
    """
    paths = find_records(records_dir, extension, records)
    if records is None:
        paths = tuple(path for path in paths if path.name not in PACED_RECORDS)
    results = []
    for n_done, path in enumerate(paths, start=1):
        waveform = read_wfdb(path).waveform
        reference = read_reference_beats(path, extension)
        r_peaks = reference.sample_indices if detect is None else detect(waveform)
        beats = classify(waveform, r_peaks)
        if not np.array_equal(beats.r_peak_indices, r_peaks):
            msg = "the classifier must answer for exactly the beats it was asked about"
            raise ValueError(msg)
        if detect is None:
            matches = _same_beats(reference.sample_indices)
        else:
            window = match_window_samples(waveform.sampling_rate_hz)
            matches = match_beats(reference.sample_indices, r_peaks, window)
        results.append(RecordConfusion(path.name, confusion_of(reference, beats, matches)))
        if on_record is not None:
            on_record(path.name, n_done, len(paths))
    return BeatResults("annotated" if detect is None else "own", tuple(results), seed)


def confusion_of(
    reference: ReferenceBeats, beats: ClassifiedBeats, matches: BeatMatches
) -> Counts:
    """Count the beats of one record, shape (6, 6).

    Missed beats go to the last column, detections where no beat is to the last row, but for
    those within ventricular flutter, which do not count.
    """
    annotated = _class_indices(reference.classes)
    assigned = _class_indices(beats.classes)
    in_flutter = reference.in_flutter(beats.r_peak_indices)
    false = matches.false[~in_flutter[matches.false]]
    confusion = np.zeros(MATRIX_SHAPE, dtype=np.int64)
    np.add.at(confusion, (annotated[matches.reference], assigned[matches.detected]), 1)
    confusion[:NO_BEAT, NO_BEAT] = np.bincount(annotated[matches.missed], minlength=NO_BEAT)
    confusion[NO_BEAT, :NO_BEAT] = np.bincount(assigned[false], minlength=NO_BEAT)
    return confusion


def _same_beats(sample_indices: SampleIndices) -> BeatMatches:
    everyone = np.arange(len(sample_indices))
    return BeatMatches(everyone, everyone, everyone[:0], everyone[:0])


def _class_indices(classes: Sequence[BeatClass]) -> SampleIndices:
    return np.array([BEAT_CLASSES.index(c) for c in classes], dtype=np.int64)


def _stack(records: Sequence[RecordConfusion]) -> Counts:
    return np.stack([r.confusion for r in records])

"""The few constants of the R-peak detector that are fitted, by folds over the records.

Coordinate search on a coarse grid: from values with one digit, each constant in turn is
moved a step up or down as long as that makes fewer errors. Two digits are enough; finer
ones would fit the records, not hearts.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from ecgsvc import dsp
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.waveform import Waveform
from ecgsvc.dsp import DetectorConstants
from ecgsvc.evaluation.r_peaks import LEARNING_PERIOD_S, count_detections
from ecgsvc.evaluation.references import (
    ReferenceBeats,
    find_records,
    read_reference_beats,
)
from ecgsvc.evaluation.scores import DetectionCounts, total

START = DetectorConstants(
    early_share=0.5,
    late_share=0.3,
    surely_no_t_wave=0.8,
    shape_gain=1.0,
    usual_likeness=0.6,
    search_back_rr=1.5,
    search_back_share=0.25,
)
STEPS: Mapping[str, float] = MappingProxyType(
    {
        "usual_likeness": 0.05,
        "search_back_share": 0.05,
        "search_back_rr": 0.1,
        "surely_no_t_wave": 0.05,
        "early_share": 0.05,
        "late_share": 0.05,
        "shape_gain": 0.2,
    }
)
"""Grid of each constant, in the order of the search."""

N_FOLDS = 5
MOST_ROUNDS = 3
SAME_PERSON = MappingProxyType({"202": "201"})
"""MIT-BIH: records 201 and 202 are one person and share a fold."""

Recording: TypeAlias = tuple[str, Waveform, ReferenceBeats]
Counts: TypeAlias = dict[str, tuple[DetectionCounts, DetectionCounts]]
"""By record, with all leads and with the first alone."""
Count: TypeAlias = Callable[[DetectorConstants], Counts]


@dataclass(frozen=True, slots=True)
class Fold:
    """What the search found without some records, and how these fared with it."""

    constants: DetectorConstants
    held_out: Counts


@dataclass(frozen=True, slots=True)
class FittedConstants:
    """The folds, what the search finds on all records, and what ships, on the same."""

    folds: tuple[Fold, ...]
    constants: DetectorConstants
    in_sample: Counts
    shipped: Counts

    @property
    def out_of_fold(self) -> Counts:
        """Every record with the constants found without it."""
        return {name: c for fold in self.folds for name, c in fold.held_out.items()}


def fit_detector_constants(
    records_dir: Path, *, on_run: Callable[[int], None] | None = None
) -> FittedConstants:
    """Search the constants on all records and, five times, on four fifths of them.

    Takes a hundred or two runs of the detector over all records, some minutes; `on_run` is
    told their number. The records stay in memory.

    Raises
    ------
    UnreadableRecording
        Records are missing or damaged.
    """
    recordings = [
        (path.name, read_wfdb(path).waveform, read_reference_beats(path, "atr"))
        for path in find_records(records_dir, "atr")
    ]
    names = [name for name, _, _ in recordings]
    known: dict[DetectorConstants, Counts] = {}

    def count(constants: DetectorConstants) -> Counts:
        if constants not in known:
            known[constants] = count_errors(recordings, constants)
            if on_run is not None:
                on_run(len(known))
        return known[constants]

    folds = []
    for held_out in split(names):
        kept = [name for name in names if name not in held_out]
        constants = search(count, kept)
        counts = count(constants)
        folds.append(Fold(constants, {name: counts[name] for name in held_out}))
    constants = search(count, names)
    return FittedConstants(
        tuple(folds), constants, count(constants), count(DetectorConstants())
    )


def split(names: Iterable[str]) -> list[list[str]]:
    """Deal the records out to the folds, a person's to the same."""
    folds: list[list[str]] = [[] for _ in range(N_FOLDS)]
    fold_of: dict[str, int] = {}
    for name in names:
        person = SAME_PERSON.get(name, name)
        fold = fold_of.setdefault(person, len(fold_of) % N_FOLDS)
        folds[fold].append(name)
    return folds


def search(count: Count, names: list[str]) -> DetectorConstants:
    """Find the constants with the fewest errors on these records.

    Errors with all leads and with the first alone count the same; of equals the first
    that was met stays.
    """

    def n_errors(constants: DetectorConstants) -> int:
        counts = count(constants)
        both = total(c for name in names for c in counts[name])
        return both.false_negatives + both.false_positives

    best = START
    for _ in range(MOST_ROUNDS):
        before = best
        for name, step in STEPS.items():
            for direction in (step, -step):
                best = _walk(n_errors, best, name, direction)
        if best == before:
            break
    return best


def _walk(
    n_errors: Callable[[DetectorConstants], int],
    best: DetectorConstants,
    name: str,
    step: float,
) -> DetectorConstants:
    while True:
        value = round(getattr(best, name) + step, 2)
        further = replace(best, **{name: value})
        if n_errors(further) >= n_errors(best):
            return best
        best = further


def count_errors(recordings: Iterable[Recording], constants: DetectorConstants) -> Counts:
    """Score recordings from five minutes on, with all leads and with the first alone."""
    return {
        name: (
            _count(waveform, reference, constants),
            _count(waveform.select(waveform.leads[:1]), reference, constants),
        )
        for name, waveform, reference in recordings
    }


def _count(
    waveform: Waveform, reference: ReferenceBeats, constants: DetectorConstants
) -> DetectionCounts:
    rate_hz = waveform.sampling_rate_hz
    r_peaks = dsp.detect_r_peaks(waveform.samples_mv, rate_hz, constants=constants)
    return count_detections(reference, r_peaks, rate_hz, LEARNING_PERIOD_S)

"""How well rules find episodes in beats: runs, couplets, bigeminy, pauses.

An episode is found when one of its kind overlaps it, and right when it overlaps one of the
reference, as ANSI/AAMI EC57 counts episodes of ventricular fibrillation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc import dsp, interpretation
from ecgsvc.convert import WfdbAnnotations, read_wfdb, read_wfdb_annotations
from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.beats import BEAT_CLASSES, ClassifiedBeats
from ecgsvc.domain.rhythm import EpisodeKind
from ecgsvc.domain.waveform import Recording, Waveform
from ecgsvc.evaluation.bootstrap import Interval, interval, resample_totals
from ecgsvc.evaluation.references import (
    PACED_RECORDS,
    OnRecord,
    find_records,
    reference_beats,
)
from ecgsvc.evaluation.scores import number, ratio

Span: TypeAlias = tuple[int, int]
"""First sample and the one after the last."""
Spans: TypeAlias = Mapping[EpisodeKind, Sequence[Span]]
Reference: TypeAlias = Literal["marks", "beats"]

MARKS: Mapping[str, EpisodeKind] = {
    "(VT": EpisodeKind.VENTRICULAR_TACHYCARDIA,
    "(IVR": EpisodeKind.IDIOVENTRICULAR_RHYTHM,
    "(SVTA": EpisodeKind.SUPRAVENTRICULAR_TACHYCARDIA,
    "(B": EpisodeKind.VENTRICULAR_BIGEMINY,
    "(T": EpisodeKind.VENTRICULAR_TRIGEMINY,
}
"""Rhythm annotations of MIT-BIH that rules can be held against."""
FROM_BEATS = (*MARKS.values(), EpisodeKind.VENTRICULAR_COUPLET, EpisodeKind.PAUSE)
FIBRILLATION_MARKS = ("(AFIB", "(AFL")
"""Runs of supraventricular beats within them are not scored."""


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeResults:
    """Counts of episodes.

    Parameters
    ----------
    reference
        ``marks``: the annotators' rhythm marks, held against rules on annotated beats;
        ``beats``: rules on annotated beats, held against rules on the service's beats.
    kinds, records
        Names of the axes of `counts`.
    counts
        Shape (n_records, n_kinds, 4): episodes of the reference, those of them found,
        episodes reported, those of them right.
    seed
        Of the bootstrap.
    """

    reference: Reference
    kinds: tuple[EpisodeKind, ...]
    records: tuple[str, ...]
    counts: NDArray[np.int64]
    seed: int = 0

    def figures(self, kind: EpisodeKind) -> dict[str, float]:
        """Gross counts, sensitivity and positive predictivity of a kind."""
        return _figures(self.counts[:, self.kinds.index(kind)].sum(axis=0))

    def intervals(self, kind: EpisodeKind) -> dict[str, Interval]:
        """95 % intervals of sensitivity and positive predictivity, over records."""
        totals = resample_totals(self.counts[:, self.kinds.index(kind)], seed=self.seed)
        with np.errstate(invalid="ignore"):
            return {
                "sensitivity": interval(totals[:, 1] / totals[:, 0]),
                "positive_predictivity": interval(totals[:, 3] / totals[:, 2]),
            }

    def to_json(self) -> dict[str, object]:
        """Everything, with the protocol, as plain JSON values."""
        return {
            "task": "episodes",
            "protocol": {
                "rule": "an overlap of the same kind",
                "reference": self.reference,
                "interval": "95 %, bootstrap over records",
                "seed": self.seed,
            },
            "records": [
                {"record": name}
                | {
                    kind.value: _json_figures(counts[i])
                    for i, kind in enumerate(self.kinds)
                }
                for name, counts in zip(self.records, self.counts, strict=True)
            ],
            "gross": {
                kind.value: _json_figures(self.counts[:, i].sum(axis=0))
                | {"intervals": self.intervals(kind)}
                for i, kind in enumerate(self.kinds)
            },
        }


def evaluate_episodes(
    records_dir: Path,
    analyse: Callable[[Recording], Analysis] | None = None,
    *,
    records: Sequence[str] | None = None,
    extension: str = "atr",
    seed: int = 0,
    on_record: OnRecord | None = None,
) -> EpisodeResults:
    """Count the episodes of annotated records that rules find.

    Parameters
    ----------
    records_dir
        Folder of WFDB records.
    analyse
        The service's own analysis, held against rules on the annotated beats. None: rules
        on the annotated beats are held against the annotators' rhythm marks.
    records
        Names of the records; None takes all annotated ones but the paced.
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
    """
    paths = find_records(records_dir, extension, records)
    if records is None:
        paths = tuple(path for path in paths if path.name not in PACED_RECORDS)
    kinds = tuple(MARKS.values()) if analyse is None else FROM_BEATS
    counts = []
    for n_done, path in enumerate(paths, start=1):
        recording = read_wfdb(path)
        annotations = read_wfdb_annotations(path, extension)
        marks = marked_spans(annotations, recording.waveform.n_samples)
        ruled = _from_annotated_beats(annotations, recording.waveform)
        reference: Spans = ruled
        found: Spans = ruled
        if analyse is None:
            reference = {kind: marks.get(mark, []) for mark, kind in MARKS.items()}
        else:
            found = _from_analysis(analyse(recording))
        fibrillation = [span for mark in FIBRILLATION_MARKS for span in marks.get(mark, [])]
        counts.append(
            [
                _count(
                    _scored(kind, reference.get(kind, ()), fibrillation),
                    _scored(kind, found.get(kind, ()), fibrillation),
                )
                for kind in kinds
            ]
        )
        if on_record is not None:
            on_record(path.name, n_done, len(paths))
    return EpisodeResults(
        "marks" if analyse is None else "beats",
        kinds,
        tuple(path.name for path in paths),
        np.array(counts, dtype=np.int64),
        seed,
    )


def marked_spans(annotations: WfdbAnnotations, n_samples: int) -> dict[str, list[Span]]:
    """Where each rhythm mark holds: to the next one, or to the end of the recording."""
    marks = [
        (index, note)
        for index, symbol, note in zip(
            annotations.sample_indices.tolist(),
            annotations.symbols,
            annotations.aux_notes,
            strict=True,
        )
        if symbol == "+" and note.startswith("(")
    ]
    ends = [*(index for index, _ in marks[1:]), n_samples]
    spans: dict[str, list[Span]] = {}
    for (index, note), end in zip(marks, ends, strict=True):
        spans.setdefault(note, []).append((index, end))
    return spans


def _from_annotated_beats(annotations: WfdbAnnotations, waveform: Waveform) -> Spans:
    reference = reference_beats(annotations)
    labels = [BEAT_CLASSES.index(each) for each in reference.classes]
    one_hot = np.eye(len(BEAT_CLASSES), dtype=np.float32)[labels]
    beats = ClassifiedBeats(reference.sample_indices, one_hot)
    statistics, _ = dsp.rhythm_statistics(waveform, beats)
    reading = interpretation.read_rhythm(waveform, beats, statistics)
    return _by_kind((e.kind, (e.onset_index, e.end_index)) for e in reading.episodes)


def _from_analysis(analysis: Analysis) -> Spans:
    episodes = analysis.rhythm.episodes if analysis.rhythm is not None else ()
    return _by_kind((e.kind, (e.onset_index, e.end_index)) for e in episodes)


def _by_kind(episodes: Iterable[tuple[EpisodeKind, Span]]) -> Spans:
    spans: dict[EpisodeKind, list[Span]] = {}
    for kind, span in episodes:
        spans.setdefault(kind, []).append(span)
    return spans


def _scored(
    kind: EpisodeKind, spans: Sequence[Span], fibrillation: Sequence[Span]
) -> Sequence[Span]:
    if kind is not EpisodeKind.SUPRAVENTRICULAR_TACHYCARDIA:
        return spans
    return [span for span in spans if not _meets(span, fibrillation)]


def _count(reference: Sequence[Span], found: Sequence[Span]) -> tuple[int, int, int, int]:
    n_found = sum(_meets(span, found) for span in reference)
    n_right = sum(_meets(span, reference) for span in found)
    return len(reference), n_found, len(found), n_right


def _meets(span: Span, others: Iterable[Span]) -> bool:
    return any(span[0] < other[1] and other[0] < span[1] for other in others)


def _figures(counts: NDArray[np.int64]) -> dict[str, float]:
    n_reference, n_found, n_reported, n_right = counts.tolist()
    return {
        "reference": n_reference,
        "reported": n_reported,
        "sensitivity": ratio(n_found, n_reference),
        "positive_predictivity": ratio(n_right, n_reported),
    }


def _json_figures(counts: NDArray[np.int64]) -> dict[str, object]:
    return {name: number(value) for name, value in _figures(counts).items()}

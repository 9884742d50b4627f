"""How well rules find episodes in beats: runs, couplets, bigeminy, pauses.

An episode is found when one of its kind overlaps it, and right when it overlaps one of the
reference; and of their whole time, the part that both share is found and right: the two
ways in which ANSI/AAMI EC57 scores episodes of fibrillation.
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
OWN_KINDS = (
    *MARKS.values(),
    EpisodeKind.VENTRICULAR_COUPLET,
    EpisodeKind.PAUSE,
    EpisodeKind.ATRIAL_FIBRILLATION,
)
FIBRILLATION_MARK = "(AFIB"
FIBRILLATION_MARKS = (FIBRILLATION_MARK, "(AFL")
"""Runs of supraventricular beats within them are not scored."""


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeResults:
    """Counts of episodes.

    Parameters
    ----------
    reference
        ``marks``: the annotators' rhythm marks, held against rules on annotated beats;
        ``beats``: rules on annotated beats, and the marks of atrial fibrillation, held
        against the service's episodes.
    kinds, records
        Names of the axes of `counts`.
    counts
        Shape (n_records, n_kinds, 4): episodes of the reference, those of them found,
        episodes reported, those of them right.
    durations_s
        Of the same shape: time of the reference, of it found, reported, of it right.
    seed
        Of the bootstrap.
    """

    reference: Reference
    kinds: tuple[EpisodeKind, ...]
    records: tuple[str, ...]
    counts: NDArray[np.int64]
    durations_s: NDArray[np.float64]
    seed: int = 0

    def figures(self, kind: EpisodeKind) -> dict[str, float]:
        """Gross counts, sensitivity and positive predictivity of a kind."""
        i = self.kinds.index(kind)
        return _figures(self.counts[:, i].sum(axis=0), self.durations_s[:, i].sum(axis=0))

    def intervals(self, kind: EpisodeKind) -> dict[str, Interval]:
        """95 % intervals of sensitivity and positive predictivity, over records."""
        i = self.kinds.index(kind)
        ends = {}
        for prefix, counted in (("", self.counts), ("duration_", self.durations_s)):
            totals = resample_totals(counted[:, i].astype(np.float64), seed=self.seed)
            with np.errstate(invalid="ignore"):
                sensitivity, predictivity = (
                    totals[:, 1] / totals[:, 0],
                    totals[:, 3] / totals[:, 2],
                )
            ends[f"{prefix}sensitivity"] = interval(sensitivity)
            ends[f"{prefix}positive_predictivity"] = interval(predictivity)
        return ends

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
                    kind.value: _json_figures(_figures(counts[i], durations_s[i]))
                    for i, kind in enumerate(self.kinds)
                }
                for name, counts, durations_s in zip(
                    self.records, self.counts, self.durations_s, strict=True
                )
            ],
            "gross": {
                kind.value: _json_figures(self.figures(kind))
                | {"intervals": self.intervals(kind)}
                for kind in self.kinds
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
        The service's own analysis, held against rules on the annotated beats and against
        the marks of atrial fibrillation. None: rules on the annotated beats are held
        against the annotators' rhythm marks.
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
    kinds = tuple(MARKS.values()) if analyse is None else OWN_KINDS
    counts, durations_s = [], []
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
            marked = marks.get(FIBRILLATION_MARK, [])
            reference = {**ruled, EpisodeKind.ATRIAL_FIBRILLATION: marked}
            found = _from_analysis(analyse(recording))
        fibrillation = [span for mark in FIBRILLATION_MARKS for span in marks.get(mark, [])]
        pairs = [
            (
                _scored(kind, reference.get(kind, ()), fibrillation),
                _scored(kind, found.get(kind, ()), fibrillation),
            )
            for kind in kinds
        ]
        counts.append([_count(*pair) for pair in pairs])
        rate_hz = recording.waveform.sampling_rate_hz
        durations_s.append([_durations_s(*pair, rate_hz) for pair in pairs])
        if on_record is not None:
            on_record(path.name, n_done, len(paths))
    return EpisodeResults(
        "marks" if analyse is None else "beats",
        kinds,
        tuple(path.name for path in paths),
        np.array(counts, dtype=np.int64),
        np.array(durations_s),
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


def _durations_s(
    reference: Sequence[Span], found: Sequence[Span], rate_hz: float
) -> tuple[float, float, float, float]:
    end = max((stop for _, stop in (*reference, *found)), default=0)
    in_reference, in_found = np.zeros((2, end), dtype=bool)
    for covered, spans in ((in_reference, reference), (in_found, found)):
        for start, stop in spans:
            covered[start:stop] = True
    shared_s = float(np.count_nonzero(in_reference & in_found) / rate_hz)
    reference_s, found_s = in_reference.sum() / rate_hz, in_found.sum() / rate_hz
    return float(reference_s), shared_s, float(found_s), shared_s


def _figures(
    counts: NDArray[np.int64], durations_s: NDArray[np.float64]
) -> dict[str, float]:
    n_reference, n_found, n_reported, n_right = counts.tolist()
    reference_s, found_s, reported_s, right_s = durations_s.tolist()
    return {
        "reference": n_reference,
        "reported": n_reported,
        "sensitivity": ratio(n_found, n_reference),
        "positive_predictivity": ratio(n_right, n_reported),
        "reference_s": reference_s,
        "reported_s": reported_s,
        "duration_sensitivity": ratio(found_s, reference_s),
        "duration_positive_predictivity": ratio(right_s, reported_s),
    }


def _json_figures(figures: Mapping[str, float]) -> dict[str, object]:
    return {name: number(value) for name, value in figures.items()}

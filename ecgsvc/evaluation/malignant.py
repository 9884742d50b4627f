"""How well malignant rhythm is found: by window, by episode, and false alarms by hour."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.rhythm import MalignantCall, MalignantRhythm, MalignantWindow
from ecgsvc.domain.waveform import SampleIndices, Waveform
from ecgsvc.evaluation.bootstrap import Interval, interval, resample_totals
from ecgsvc.evaluation.malignant_references import (
    MALIGNANT,
    RHYTHMS,
    AnnotatedRhythm,
    RhythmReference,
    read_rhythm_reference,
    window_labels,
)
from ecgsvc.evaluation.references import OnRecord, find_records
from ecgsvc.evaluation.scores import number

Detect: TypeAlias = Callable[[Waveform], MalignantCall]

ANSWERS: tuple[MalignantRhythm | None, ...] = (*MalignantRhythm, None)
"""What a window may be called; None: unreadable."""
EPISODE_S = 10.0
"""Shorter annotated episodes do not fill a window and are not scored."""

_ALARMS = (MalignantRhythm.VF, MalignantRhythm.VT)
_ALARM_COLUMNS = [ANSWERS.index(answer) for answer in _ALARMS]
_ELSE = tuple(rhythm for rhythm in RHYTHMS if rhythm not in MALIGNANT)
_CLEAR_ELSE = tuple(rhythm for rhythm in _ELSE if rhythm is not AnnotatedRhythm.NOISE)


@dataclass(frozen=True, slots=True, eq=False)
class RecordAlarms:
    """Counts of one record.

    Parameters
    ----------
    windows, pure_windows
        Shape (6, 6): windows of each of `RHYTHMS` by what they were called (`ANSWERS`);
        windows that do not overlap, all of them and those of one rhythm only.
    episodes
        Shape (2, 2): for VF and VT, annotated episodes of 10 s or more and how many of
        them had an alarm.
    false_alarms
        Runs of alarmed windows that touch no malignant rhythm, however short.
    quiet_s
        Seconds without malignant rhythm.
    """

    record: str
    windows: NDArray[np.int64]
    pure_windows: NDArray[np.int64]
    episodes: NDArray[np.int64]
    false_alarms: int
    quiet_s: float

    def flat(self) -> NDArray[np.float64]:
        """All counts in one row, for adding up."""
        return np.concatenate(
            [
                self.windows.ravel(),
                self.pure_windows.ravel(),
                self.episodes.ravel(),
                [self.false_alarms, self.quiet_s],
            ]
        ).astype(np.float64)


@dataclass(frozen=True, slots=True)
class MalignantResults:
    """Counts of all records; `seed` is the bootstrap's."""

    records: tuple[RecordAlarms, ...]
    seed: int = 0

    def figures(self) -> dict[str, float]:
        """Figures of all records together; NaN where nothing was there to count."""
        total = np.sum([record.flat() for record in self.records], axis=0)
        values = _figures(total[None, :])
        return {name: float(column[0]) for name, column in values.items()}

    def intervals(self) -> dict[str, Interval]:
        """95 % intervals of the figures, by bootstrap over records."""
        counts = np.array([record.flat() for record in self.records])
        values = _figures(resample_totals(counts, seed=self.seed))
        return {name: interval(column) for name, column in values.items()}

    def windows(self) -> NDArray[np.int64]:
        """Windows of all records, shape (6, 6), as in `RecordAlarms`."""
        total: NDArray[np.int64] = np.sum([r.windows for r in self.records], axis=0)
        return total

    def to_json(self) -> dict[str, Any]:
        """Figures with their intervals, confusion matrix, and a row per record."""
        bounds = self.intervals()
        return {
            "seed": self.seed,
            "figures": {
                name: {"value": number(value), "interval": bounds[name]}
                for name, value in self.figures().items()
            },
            "rhythms": [rhythm.value for rhythm in RHYTHMS],
            "answers": [answer and answer.value for answer in ANSWERS],
            "windows": self.windows().tolist(),
            "records": [
                {
                    "record": record.record,
                    "windows": record.windows.tolist(),
                    "episodes": record.episodes.tolist(),
                    "false_alarms": record.false_alarms,
                    "quiet_hours": record.quiet_s / 3600,
                }
                for record in self.records
            ],
        }


def evaluate_malignant(
    records_dir: Path,
    detect: Detect,
    *,
    extension: str = "atr",
    seed: int = 0,
    on_record: OnRecord = lambda _name, _done, _total: None,
) -> MalignantResults:
    """Run a detector over the records of a folder and score it against their marks.

    Parameters
    ----------
    records_dir
        Folder of WFDB records with rhythm marks, beats, or both.
    detect
        From a recording to its windows.
    extension
        Annotator of the reference.
    seed
        Of the bootstrap.

    Raises
    ------
    UnreadableRecording
        There is no annotated record, or one is damaged.
    """
    paths = find_records(records_dir, extension)
    scored = []
    for done, path in enumerate(paths, start=1):
        waveform = read_wfdb(path).waveform
        reference = read_rhythm_reference(path, extension, waveform.n_samples)
        scored.append(
            score_alarms(path.name, reference, detect(waveform), waveform.sampling_rate_hz)
        )
        on_record(path.name, done, len(paths))
    return MalignantResults(tuple(scored), seed)


def score_alarms(
    record: str, reference: RhythmReference, call: MalignantCall, sampling_rate_hz: float
) -> RecordAlarms:
    """Count one record.

    An episode is found when an alarmed window lies in it by half or more.
    """
    bounds = _bounds(call.windows)
    labels, pure = window_labels(reference, bounds)
    answers = np.array([ANSWERS.index(window.answer) for window in call.windows], np.int64)
    apart = _apart(bounds)
    alarmed = bounds[np.isin(answers, _ALARM_COLUMNS)]
    quiet = np.isin(reference.rhythms, [RHYTHMS.index(rhythm) for rhythm in _ELSE])
    lengths = np.diff(np.append(reference.onsets, reference.n_samples))
    return RecordAlarms(
        record=record,
        windows=_crossed(labels[apart], answers[apart]),
        pure_windows=_crossed(labels[apart & pure], answers[apart & pure]),
        episodes=np.array(
            [
                _episodes_found(reference, rhythm, alarmed, sampling_rate_hz)
                for rhythm in MALIGNANT
            ]
        ),
        false_alarms=_false_alarms(reference, alarmed),
        quiet_s=float(lengths[quiet].sum() / sampling_rate_hz),
    )


def _bounds(windows: Sequence[MalignantWindow]) -> SampleIndices:
    bounds = [(window.start_index, window.stop_index) for window in windows]
    return np.array(bounds, dtype=np.int64).reshape(-1, 2)


def _apart(bounds: SampleIndices) -> NDArray[np.bool_]:
    """Choose windows that do not overlap: the first, the next behind it, and so on."""
    chosen = np.zeros(len(bounds), dtype=bool)
    end = 0
    for place, (start, stop) in enumerate(bounds.tolist()):
        if start >= end:
            chosen[place] = True
            end = stop
    return chosen


def _crossed(labels: NDArray[np.int64], answers: NDArray[np.int64]) -> NDArray[np.int64]:
    table = np.zeros((len(RHYTHMS), len(ANSWERS)), np.int64)
    np.add.at(table, (labels, answers), 1)
    return table


def _episodes_found(
    reference: RhythmReference,
    rhythm: AnnotatedRhythm,
    alarmed: SampleIndices,
    sampling_rate_hz: float,
) -> tuple[int, int]:
    """Annotated episodes of 10 s or more, and those with an alarm."""
    episodes = reference.episodes((rhythm,))
    episodes = episodes[np.diff(episodes, axis=1)[:, 0] >= EPISODE_S * sampling_rate_hz]
    low = np.maximum(episodes[:, None, 0], alarmed[None, :, 0])
    high = np.minimum(episodes[:, None, 1], alarmed[None, :, 1])
    found = (2 * (high - low) >= np.diff(alarmed, axis=1)[:, 0]).any(axis=1)
    return len(episodes), int(found.sum())


def _false_alarms(reference: RhythmReference, alarmed: SampleIndices) -> int:
    """Runs of touching alarmed windows without malignant rhythm in any of them."""
    if not len(alarmed):
        return 0
    new_run = np.append(True, alarmed[1:, 0] > alarmed[:-1, 1])
    first = np.flatnonzero(new_run)
    last = np.append(first[1:], len(alarmed)) - 1
    runs = np.stack([alarmed[first, 0], alarmed[last, 1]], axis=1)
    malignant = [RHYTHMS.index(rhythm) for rhythm in MALIGNANT]
    return int((reference.shares(runs)[:, malignant].sum(axis=1) == 0).sum())


def _figures(totals: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Figures of rows of counts laid out as `RecordAlarms.flat`; shape (n,) each."""
    size = len(RHYTHMS) * len(ANSWERS)
    shape = (-1, len(RHYTHMS), len(ANSWERS))
    figures = {}
    for name, table in (
        ("", totals[:, :size].reshape(shape)),
        ("pure_", totals[:, size : 2 * size].reshape(shape)),
    ):
        for rhythm in MALIGNANT:
            found = _alarmed(table, (rhythm,))
            figures[f"{name}{rhythm.value.lower()}_sensitivity"] = found
        figures[f"{name}specificity"] = 1 - _alarmed(table, _ELSE)
        figures[f"{name}specificity_without_noise"] = 1 - _alarmed(table, _CLEAR_ELSE)
    episodes = totals[:, 2 * size : -2].reshape(-1, len(MALIGNANT), 2)
    for place, rhythm in enumerate(MALIGNANT):
        n_episodes, n_found = episodes[:, place].T
        figures[f"{rhythm.value.lower()}_episode_sensitivity"] = _share(n_found, n_episodes)
    figures["false_alarms_per_hour"] = _share(totals[:, -2], totals[:, -1] / 3600)
    return figures


def _alarmed(
    table: NDArray[np.float64], rhythms: Sequence[AnnotatedRhythm]
) -> NDArray[np.float64]:
    """Share of the windows of these rhythms that are called VF or VT."""
    rows = table[:, [RHYTHMS.index(rhythm) for rhythm in rhythms]]
    return _share(rows[:, :, _ALARM_COLUMNS].sum(axis=(1, 2)), rows.sum(axis=(1, 2)))


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    out = np.full(len(part), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out

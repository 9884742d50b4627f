"""The worst held-out records, drawn: where to look first.

The pictures hold pieces of recordings; they are for the one who has these, not for others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.waveform import Lead, Waveform
from ecgsvc.evaluation.held_out import HeldOutAnswers
from ecgsvc.evaluation.references import read_reference_beats
from ecgsvc.render.strip_picture import Strip, strip_picture

STRIP_S = 10.0
_STRIPS = 3
"""Of a recording: those of most errors."""


@dataclass(frozen=True, slots=True, eq=False)
class WorstRecord:
    """A record, and which of the answers are of it."""

    name: str
    rows: NDArray[np.int64]
    error: float
    probability: float
    """Mean probability of the right class."""


def worst_records(answers: HeldOutAnswers, n: int) -> list[WorstRecord]:
    """The `n` records with the largest share of wrong answers, the surest errors first."""
    wrong = answers.called != answers.labels
    right = answers.probabilities[np.arange(len(wrong)), answers.labels]
    order = np.argsort(answers.records, kind="stable")
    names, starts = np.unique(answers.records[order], return_index=True)
    found = [
        WorstRecord(str(name), rows, float(wrong[rows].mean()), float(right[rows].mean()))
        for name, rows in zip(names, np.split(order, starts[1:]), strict=True)
    ]
    return sorted(found, key=lambda each: (-each.error, each.probability))[:n]


def draw_gallery(
    answers: HeldOutAnswers, folders: Sequence[Path], n: int, output: Path
) -> list[Path]:
    """Write a picture of each of the `n` worst records: ``NUMBER-NAME.svg``.

    Beats of other classes than they were given are marked ``right>called``. Of a record of
    beats the strips with most errors are shown, of a rhythm recording its beginning.

    Raises
    ------
    UnreadableRecording
        A record is in none of the folders, or its beats are not those that were answered.
    """
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for number, worst in enumerate(worst_records(answers, n), start=1):
        record = _find(worst.name, folders)
        waveform = read_wfdb(record).waveform
        title, strips = (
            _beats(answers, worst, record, waveform)
            if answers.of_beats
            else _recording(answers, worst, waveform)
        )
        path = output / f"{number:02}-{worst.name}.svg"
        path.write_bytes(strip_picture(waveform, [(title, strips)], worst.name))
        written.append(path)
    return written


def _find(name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        if (folder / f"{name}.hea").is_file():
            return folder / name
    msg = f"the record {name} is in none of the folders"
    raise UnreadableRecording(msg)


def _beats(
    answers: HeldOutAnswers, worst: WorstRecord, record: Path, waveform: Waveform
) -> tuple[str, list[Strip]]:
    r_peaks = read_reference_beats(record, "atr").sample_indices
    if len(r_peaks) != len(worst.rows):
        msg = f"the beats of {worst.name} are not those that were answered"
        raise UnreadableRecording(msg)
    right, called = answers.labels[worst.rows], answers.called[worst.rows]
    wrong = right != called
    length = round(STRIP_S * waveform.sampling_rate_hz)
    per_strip = np.bincount(r_peaks // length, weights=wrong)
    shown = np.sort(np.argsort(-per_strip, kind="stable")[:_STRIPS])
    strips = []
    for start in (shown * length).tolist():
        stop = min(start + length, waveform.n_samples)
        labels = [
            (int(r_peaks[i]), _label(answers.classes, int(right[i]), int(called[i])))
            for i in np.flatnonzero((r_peaks >= start) & (r_peaks < stop))
        ]
        strips += [_strip(waveform, lead, start, stop, labels) for lead in waveform.leads]
    return f"{worst.name}: {wrong.sum()} of {len(wrong)} beats wrong", strips


def _recording(
    answers: HeldOutAnswers, worst: WorstRecord, waveform: Waveform
) -> tuple[str, list[Strip]]:
    row = int(worst.rows[0])
    what = _label(answers.classes, int(answers.labels[row]), int(answers.called[row]))
    length = round(STRIP_S * waveform.sampling_rate_hz)
    starts = range(0, waveform.n_samples, length)[:_STRIPS]
    lead = waveform.leads[0]
    strips = [
        _strip(waveform, lead, start, min(start + length, waveform.n_samples), ())
        for start in starts
    ]
    return f"{worst.name}: {what}, probability of it {worst.probability:.3f}", strips


def _strip(
    waveform: Waveform,
    lead: Lead,
    start: int,
    stop: int,
    labels: Sequence[tuple[int, str]],
) -> Strip:
    return Strip(lead, start, stop, np.zeros(stop - start, np.float32), labels)


def _label(classes: Sequence[str], right: int, called: int) -> str:
    return classes[right] if right == called else f"{classes[right]}>{classes[called]}"

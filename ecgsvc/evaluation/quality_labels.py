"""The judgement of signal quality on recordings that people have labelled."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ecgsvc import dsp
from ecgsvc.convert import read_wfdb, read_wfdb_annotations
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.quality import QualityProblem
from ecgsvc.domain.waveform import Waveform
from ecgsvc.evaluation.figures import Figures, Row, area_under_roc, pooled_share
from ecgsvc.evaluation.references import OnRecord, find_records

NOISY_LABEL = "~"
FIBRILLATION = ("(VF", "(VFIB", "(VFL")
STRETCH_S = 10.0


def noisy_recordings(directory: Path, *, on_record: OnRecord) -> Figures:
    """How well the index tells recordings labelled noisy in CinC 2017 from the others."""
    try:
        with (directory / "REFERENCE-v3.csv").open(newline="") as file:
            labels = {row[0]: row[1] for row in csv.reader(file)}
    except (OSError, IndexError) as error:
        msg = "The folder has no readable REFERENCE-v3.csv."
        raise UnreadableRecording(msg) from error
    paths = [p for p in find_records(directory, "mat") if p.name in labels]
    indices = []
    for n_done, path in enumerate(paths, start=1):
        indices.append(dsp.assess_quality(read_wfdb(path).waveform).index or 0.0)
        on_record(path.name, n_done, len(paths))
    is_noisy_one = np.array([labels[p.name] == NOISY_LABEL for p in paths])
    row: Row = {
        "Recordings": len(paths),
        "Noisy": int(is_noisy_one.sum()),
        "AUROC": area_under_roc(-np.array(indices), is_noisy_one),
    }
    return Figures("Index of recordings labelled noisy against the others", (row,))


def fibrillation(directory: Path, *, on_record: OnRecord) -> Figures:
    """How often ventricular flutter and fibrillation is called no electrocardiogram."""
    paths = find_records(directory, "atr")
    stretches, refused, unusable = [], [], []
    for n_done, path in enumerate(paths, start=1):
        waveform = read_wfdb(path).waveform
        judged = [dsp.assess_quality(w) for w in _fibrillating_stretches(path, waveform)]
        stretches.append(len(judged))
        refused.append(sum(QualityProblem.NOT_AN_ECG in q.problems for q in judged))
        unusable.append(sum(not q.usable_leads for q in judged))
        on_record(path.name, n_done, len(paths))
    row: Row = {
        "Records": sum(n > 0 for n in stretches),
        "Stretches": sum(stretches),
        "called no ECG": pooled_share(refused, stretches),
        "no usable lead": pooled_share(unusable, stretches),
    }
    title = f"Ventricular flutter and fibrillation, stretches of {STRETCH_S:g} s"
    return Figures(title, (row,))


def _fibrillating_stretches(path: Path, waveform: Waveform) -> Iterator[Waveform]:
    """One after the other from the beginning of each episode, all within it."""
    marks = read_wfdb_annotations(path, "atr")
    rhythms = [
        (index, note)
        for index, note in zip(marks.sample_indices.tolist(), marks.aux_notes, strict=True)
        if note.startswith("(")
    ]
    width = round(STRETCH_S * waveform.sampling_rate_hz)
    ends = [index for index, _ in rhythms[1:]] + [waveform.n_samples]
    for (start, note), end in zip(rhythms, ends, strict=True):
        if note in FIBRILLATION:
            for first in range(start, end - width + 1, width):
                yield Waveform(
                    np.ascontiguousarray(waveform.samples_mv[:, first : first + width]),
                    waveform.sampling_rate_hz,
                    waveform.leads,
                )

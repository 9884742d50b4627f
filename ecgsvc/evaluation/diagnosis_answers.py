"""What the shipped model says of the recordings of PTB-XL that it was not shown."""

from pathlib import Path

import numpy as np

from ecgsvc.evaluation.diagnosis import DiagnosisResults, results_of
from ecgsvc.evaluation.diagnosis_references import read_diagnosis_set
from ecgsvc.evaluation.references import OnRecord
from ecgsvc.inference import DiagnosisReader
from ecgsvc.inference.diagnosis import THRESHOLD_KINDS, threshold_name
from ecgsvc.inference.diagnosis_inputs import DiagnosisInputs, standardise

TEST_SPLIT = "test"
_BATCH = 64


def evaluate_diagnosis(
    directory: Path,
    reader: DiagnosisReader,
    *,
    on_record: OnRecord = lambda _name, _done, _total: None,
) -> DiagnosisResults:
    """Ask about every recording of fold 10, with amplitudes or without.

    Raises
    ------
    FileNotFoundError, UnreadableRecording
        As `read_diagnosis_set`.
    """
    everything = read_diagnosis_set(
        directory, lambda done, total: on_record("", done, total)
    )
    recordings = everything.of_split(TEST_SPLIT)
    logits = []
    for start in range(0, len(recordings.labels), _BATCH):
        rows = np.arange(start, min(start + _BATCH, len(recordings.labels)))
        batch = recordings.take(rows)
        signal, leads = standardise(batch.samples.astype(np.float32), batch.size_known)
        answers, _ = reader.outputs(DiagnosisInputs.of(signal, leads, batch.person))
        logits.append(answers)
    labels = list(reader.card.labels)
    columns = [recordings.label_names.index(label) for label in labels]
    limits = {
        kind: np.array(
            [reader.card.thresholds[threshold_name(kind, label)] for label in labels]
        )
        for kind in THRESHOLD_KINDS
    }
    return results_of(
        labels,
        recordings.labels[:, columns],
        reader.probabilities(np.concatenate(logits)),
        limits,
        age_years=recordings.age_years,
        sexes=recordings.sexes,
        size_known=recordings.size_known,
    )

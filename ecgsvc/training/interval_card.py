"""The card of the interval model."""

from collections.abc import Mapping, Sequence
from typing import Any

from ecgsvc.evaluation.figures import Figures
from ecgsvc.inference.interval_inputs import (
    INTERVAL_FEATURES,
    INTERVAL_LEADS,
    INTERVAL_RATE_HZ,
    TARGETS,
)
from ecgsvc.inference.wave_groups import WAVE_BAND_HZ, WINDOW_SAMPLES
from ecgsvc.training.cards import training_commit

FAILURE_MODES = (
    "It reads the mean beat of the largest group of alike beats: where R peaks are wrong "
    "for most beats, both measurements are.",
    "On PTB-XL it learned what our own delineation says: an error that this makes "
    "everywhere is not found.",
    "Heart rate starts from the counted R peaks and is held against an autocorrelation: "
    "where leads do not repeat (atrial fibrillation, frequent ectopy) the autocorrelation "
    "says little of a wrong count.",
    "QT beyond about 700 ms and PR beyond 450 ms do not fit the window.",
    "Amplitudes are of lead II and rest on LUDB's presumed gain of 1000 units per mV.",
)
PROTOCOL = (
    "LUDB: patient-grouped cross-validation over the folds that are listed, annotated "
    "references; PTB-XL: the publisher's fold 10, never trained on and deciding nothing, "
    "against our own delineation where signal quality is high; read once for this version, "
    "after an earlier fit by the same recipe was lost (it read 4.3, 4.3 and 7.0 ms for PR, "
    "QRS and QT, 0.2 bpm); simulated ECGs of other seeds, against their truth. PTB-XL's "
    "fold 9 and LUDB's first fold decided on the head and how long to train. The "
    "delineation's own model and constants were fitted to all of LUDB"
)


def interval_card(
    *,
    name: str,
    version: str,
    sha256: str,
    thresholds: Mapping[str, float],
    training: Mapping[str, Any],
    tables: Sequence[Figures],
) -> dict[str, Any]:
    """Put the card together; the tables become its metrics."""
    low_hz, high_hz = WAVE_BAND_HZ
    return {
        "model": {
            "name": name,
            "version": version,
            "task": "intervals",
            "sha256": sha256,
            "labels": list(TARGETS),
        },
        "input": {
            "leads": list(INTERVAL_LEADS),
            "lead_rule": "all usable standard leads; those that are missing are zero",
            "sampling_rate_hz": INTERVAL_RATE_HZ,
            "window_samples": WINDOW_SAMPLES,
            "features": list(INTERVAL_FEATURES),
            "window": "mean beat in mV, 480 ms before R to 732 ms after, "
            f"{low_hz:g} to {high_hz:g} Hz; autocorrelation of the slopes at 0.24 to 4.8 s",
        },
        "decision": {
            "temperature": 1.0,
            "logit_offsets": [0.0] * len(TARGETS),
            "thresholds": dict(thresholds),
        },
        "training": {
            "data": [
                "Lobachevsky University Electrocardiography Database 1.0.1 (Kalyakulina "
                "et al. 2020, doi 10.1109/ACCESS.2020.3029211), 150 records: annotations",
                "PTB-XL 1.0.3 (Wagner et al. 2020, doi 10.13026/kfzx-aw45): ours",
                "simulated ECGs: their truth",
            ],
            "data_licence": "Open Data Commons Attribution 1.0; Creative Commons "
            "Attribution 4.0",
            "licence": "Apache-2.0",
            "commit": training_commit(),
            **training,
        },
        "limits": {
            "failure_modes": list(FAILURE_MODES),
            "subgroups": "normal and abnormal ECGs apart; age and sex not measured",
        },
        "metrics": {"protocol": {"text": PROTOCOL}, **_rows_of(tables)},
    }


def _rows_of(tables: Sequence[Figures]) -> dict[str, Any]:
    return {
        "".join(c if c.isalnum() else "_" for c in table.title.lower()): {
            "columns": list(table.rows[0]),
            "rows": [[str(cell) for cell in row.values()] for row in table.rows],
        }
        for table in tables
    }

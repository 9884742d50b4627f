"""The card of the model of malignant rhythm: how made, how measured, where it fails."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecgsvc.evaluation.malignant import MalignantResults
from ecgsvc.inference.malignant_decision import LABELS
from ecgsvc.inference.malignant_features import FEATURE_NAMES, RATE_HZ, WINDOW_SAMPLES
from ecgsvc.training.cards import training_commit
from ecgsvc.training.malignant_decision import (
    FALSE_ALARMS_PER_HOUR,
    SPECIFICITY,
    Operation,
)

NAME = "malignant-cnn"
VERSION = "1.1.0"

FAILURE_MODES = (
    "Trained on 22 patients with malignant rhythm; the figures of single patients lie far "
    "apart (table by record in docs/evaluation.md).",
    "Fibrillation under a pacemaker that goes on firing (record 602) and slow or faint "
    "tachycardia (427) are missed in part.",
    "Idioventricular and other broad slow rhythms may be called tachycardia.",
    "Runs shorter than about 5 s fill no window; rules on beats find them.",
    "Tachycardia near 100/min (record 223 of MIT-BIH) is missed; rules on beats find it.",
    "VF and VT are often taken for one another; an alarm is for both.",
    "Motion artefact of a few hertz may look like flutter.",
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the card says of: vfdb and the quiet databases by folds, and unseen records."""

    cross_validated: MalignantResults
    quiet_databases: MalignantResults
    unseen: MalignantResults

    def by_protocol(self) -> dict[str, MalignantResults]:
        """The three by what they were measured with."""
        return {
            "vfdb, 5 folds grouped by record; temperature and threshold of each fold "
            "chosen on the others": self.cross_validated,
            "DS1 of MIT-BIH and svdb, same folds: false alarms": self.quiet_databases,
            "records of MIT-BIH outside DS1, from which nothing was learned or "
            "chosen": self.unseen,
        }


def malignant_card(
    sha256: str, operation: Operation, figures: Figures, training: Mapping[str, Any]
) -> dict[str, Any]:
    """Put the card together; `training` says with what seed and how long it was fitted."""
    return {
        "model": {
            "name": NAME,
            "version": VERSION,
            "task": "malignant",
            "sha256": sha256,
            "labels": [label.value for label in LABELS],
        },
        "input": {
            "leads": ["any"],
            "lead_rule": "up to four connected leads, II, MLII, I, V5 first; halfway "
            "from their mean to the one most alarmed",
            "sampling_rate_hz": RATE_HZ,
            "window_samples": WINDOW_SAMPLES,
            "window": "10 s, one every 5 s, 1 to 30 Hz, scaled to standard deviation 1",
            "features": list(FEATURE_NAMES),
        },
        "decision": {
            "temperature": operation.temperature,
            "logit_offsets": [0.0] * len(LABELS),
            "rule": "VF and VT together at or above the threshold in two overlapping "
            "windows in a row; chosen on held-out folds: specificity of "
            f"{SPECIFICITY} in vfdb without noise, {FALSE_ALARMS_PER_HOUR} false alarms an "
            "hour on the rest",
            "thresholds": {"malignant": operation.threshold},
        },
        "training": {
            "data": "MIT-BIH Malignant Ventricular Ectopy Database 1.0.0 (Greenwald 1986), "
            "22 records; without malignant rhythm: DS1 of the MIT-BIH Arrhythmia Database, "
            "50 records of the MIT-BIH Supraventricular Arrhythmia Database, every third "
            "recording of PhysioNet/CinC 2017",
            "data_licence": "Open Data Commons Attribution License 1.0",
            "licence": "Apache-2.0",
            "commit": training_commit(),
            **training,
        },
        "limits": {
            "failure_modes": list(FAILURE_MODES),
            "subgroups": "not measured: 22 patients, age and sex unknown",
        },
        "metrics": {
            name: _table(results, protocol)
            for name, (protocol, results) in zip(
                ("vfdb_cross_validation", "quiet_cross_validation", "mitdb_unseen"),
                figures.by_protocol().items(),
                strict=True,
            )
        },
    }


def _table(results: MalignantResults, protocol: str) -> dict[str, Any]:
    """Figures as value, low and high end of 95 %; undefined ones are left out."""
    bounds = results.intervals()
    table: dict[str, Any] = {
        "protocol": protocol,
        "records": len(results.records),
        "interval": "95 %, percentile bootstrap over records",
    }
    for name, value in results.figures().items():
        if math.isfinite(value):
            ends = [end for end in bounds[name] if end is not None]
            table[name] = [round(end, 4) for end in (value, *ends)]
    return table

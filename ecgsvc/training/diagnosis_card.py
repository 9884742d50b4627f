"""The card of the diagnosis model."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from ecgsvc.evaluation.figures import Estimate, Figures
from ecgsvc.inference.diagnosis import INPUT_FEATURES
from ecgsvc.inference.diagnosis_inputs import (
    DIAGNOSIS_BAND_HZ,
    DIAGNOSIS_LEADS,
    DIAGNOSIS_RATE_HZ,
    DIAGNOSIS_WINDOW_SAMPLES,
)
from ecgsvc.training.cards import training_commit
from ecgsvc.training.diagnosis_decision import DiagnosisDecision

FAILURE_MODES = (
    "Trained on 2,500 recordings of one German institute, 1989 to 1996, of adults; "
    "children, paced rhythm (9 examples) and pre-excitation (4) are hardly known.",
    "Hypertrophy is seen less well than the rest, without amplitudes hardly.",
    "Statements with fewer than 22 examples have no upper limit of their sets: they are "
    "undetermined or present, never surely absent.",
    "Statements are of the recordings whose statements could be recovered; of others only "
    "the superclasses were learned.",
    "Electrodes on wrong places look like disease; swaps of the right arm are found by "
    "other means, those of the left arm and leg, and of chest electrodes, are not.",
)
PROTOCOL = (
    "PTB-XL, 1,599 recordings in mV and 1,661 without amplitudes (z-scores); the "
    "publisher's folds, each patient in one: 1-8 trained on; temperature, offsets, "
    "thresholds and conformal limits by 9 and by cross-validation of 1-8, patients apart; "
    "10 held out and scored by what is exported; 95 % by bootstrap over recordings "
    "(coverage: Wilson)"
)


def diagnosis_card(
    *,
    name: str,
    version: str,
    sha256: str,
    labels: Sequence[str],
    decision: DiagnosisDecision,
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> dict[str, Any]:
    """Put the card together; `metrics` by protocol."""
    low_hz, high_hz = DIAGNOSIS_BAND_HZ
    return {
        "model": {
            "name": name,
            "version": version,
            "task": "diagnosis",
            "sha256": sha256,
            "labels": list(labels),
        },
        "input": {
            "leads": list(DIAGNOSIS_LEADS),
            "lead_rule": "all usable standard leads; limb leads that are missing are made "
            "of I and II, others are zero",
            "sampling_rate_hz": DIAGNOSIS_RATE_HZ,
            "window_samples": DIAGNOSIS_WINDOW_SAMPLES,
            "window": f"2.5 to 10 s, {low_hz:g} to {high_hz:g} Hz, each lead in its own "
            "standard deviation, which stands beside it; longer recordings in pieces",
            "features": list(INPUT_FEATURES),
        },
        "decision": {
            "temperature": round(decision.temperature, 4),
            "logit_offsets": [round(float(offset), 4) for offset in decision.offsets],
            "thresholds": {
                "outlier": 1.0,
                **decision.thresholds(labels),
            },
        },
        "training": {
            "data": "PTB-XL 1.0.3 (Wagner et al. 2020, doi 10.13026/kfzx-aw45), part of it",
            "data_licence": "Creative Commons Attribution 4.0",
            "licence": "Apache-2.0",
            "commit": training_commit(),
            **training,
        },
        "limits": {"failure_modes": list(FAILURE_MODES)},
        "metrics": {"protocol": {"text": PROTOCOL}, **metrics},
    }


def figures_of_card(tables: Sequence[Figures]) -> dict[str, Any]:
    """Tables of figures as tables of the card: a list a row, estimates as three numbers."""
    return {
        _key(table.title): {
            _key(str(next(iter(row.values())))): [
                part for cell in list(row.values())[1:] for part in rounded(cell)
            ]
            for row in table.rows
        }
        | {"columns": _columns(table)}
        for table in tables
    }


def rounded(cell: object) -> list[float]:
    """An estimate with its ends; nothing where it is not defined."""
    if isinstance(cell, Estimate):
        parts = [cell.value, *(end for end in cell.ends if end is not None)]
        return [round(part, 4) for part in parts] if all(map(isfinite, parts)) else []
    return [float(cell)] if isinstance(cell, int | float) else []


def _columns(table: Figures) -> list[str]:
    names = []
    for name, cell in list(table.rows[0].items())[1:]:
        ends = [f"{name}, low", f"{name}, high"] if isinstance(cell, Estimate) else []
        names += [name, *ends]
    return names


def _key(text: str) -> str:
    """A bare TOML key."""
    return "".join(c if c.isalnum() else "_" for c in text.lower()).strip("_")

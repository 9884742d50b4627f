"""The card of a beat model: what it is, how it was made and measured, where it fails."""

import json
import math
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.evaluation.beats import BeatResults
from ecgsvc.evaluation.confusion import SCORED_CLASSES
from ecgsvc.inference.beat_features import (
    BAND_HZ,
    FEATURE_NAMES,
    MAX_LEADS,
    MODEL_RATE_HZ,
    WINDOW_SAMPLES,
)
from ecgsvc.inference.model_card import CARD_FILE
from ecgsvc.training.decision import Decision
from ecgsvc.training.splits import Track

_MEASURES = ("sensitivity", "positive_predictivity", "f1")

_DS1 = (
    "MIT-BIH Arrhythmia Database 1.0.0 (Moody & Mark 2001, doi 10.13026/C2F305), the 22 "
    "records of DS1 (de Chazal et al. 2004)"
)
_SVDB = (
    "MIT-BIH Supraventricular Arrhythmia Database 1.0.0 (Greenwald 1990, doi "
    "10.13026/C2V30W), 45 records"
)
_SIMULATED = (
    "simulated ECGs in sinus rhythm with ectopy, in atrial fibrillation, with atrial "
    "tachycardias and with intermittent block"
)
_DATA: Mapping[Track, tuple[str, ...]] = MappingProxyType(
    {"a": (_DS1, _SIMULATED), "b": (_DS1, _SVDB, _SIMULATED)}
)

FAILURE_MODES = (
    "Q is not recognised by shape: the training records hold a few dozen such beats, and "
    "the protocol leaves out records with paced beats, which are called N.",
    "Fusion beats (F) are called N or V: nearly all examples are of one patient (208).",
    "Sustained irregular rhythm (atrial fibrillation): no beat is called S, by rule. In "
    "recordings of 10 s the rule may miss the rhythm.",
    "Where ectopic beats are the majority they become the dominant beat that others are "
    "compared with.",
    "A sustained supraventricular rhythm is told by how it begins: one that lasts all the "
    "recording is called N, and a rate that jumps for another reason (a block that ends) "
    "may be called S.",
    "Fewer than about ten beats: rhythm and dominant beat are uncertain, so is the class.",
    "Trained on two-lead Holter recordings of adults from one hospital; not on children, "
    "not on other devices.",
)


def beat_card(
    *,
    name: str,
    version: str,
    sha256: str,
    decision: Decision,
    conformal: Mapping[str, float],
    least_probability: float,
    track: Track,
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> dict[str, Any]:
    """Put the card of a beat model together; `metrics` by protocol."""
    return {
        "model": {"name": name, "version": version, "task": "beats", "sha256": sha256}
        | {"labels": [beat_class.value for beat_class in BEAT_CLASSES]},
        "input": {
            "leads": ["any"] * MAX_LEADS,
            "lead_rule": "first usable of II, MLII, I, V5, V6, V4, aVF, V1 …, else any; "
            "with it the first usable of V1, V2, V5, V3, V4, V6, else any, if there is one",
            "sampling_rate_hz": MODEL_RATE_HZ,
            "window_samples": WINDOW_SAMPLES,
            "window": f"400 ms before R to 400 ms after, {BAND_HZ[0]:g} to {BAND_HZ[1]:g} "
            "Hz, scaled per recording",
            "features": list(FEATURE_NAMES),
        },
        "decision": {
            "temperature": decision.temperature,
            "logit_offsets": list(decision.logit_offsets),
            "thresholds": {
                "max_irregularity": decision.max_irregularity,
                "kind_weight": decision.kind_weight,
                "least_probability": round(least_probability, 4),
            },
            "conformal_90_percent": dict(conformal),
        },
        "training": {
            "track": track.upper(),
            "data": list(_DATA[track]),
            "data_licence": "Open Data Commons Attribution License 1.0",
            "licence": "Apache-2.0",
            "commit": training_commit(),
            **training,
        },
        "limits": {
            "failure_modes": list(FAILURE_MODES),
            "subgroups": "not measured: too few patients of known age and sex",
        },
        "metrics": dict(metrics),
    }


def evaluated(results: BeatResults, protocol: str) -> dict[str, Any]:
    """Figures of an evaluation as a table of the card: value, low and high end of 95 %.

    Figures that are undefined, as the precision of a class never called, are left out.
    """
    table: dict[str, Any] = {
        "protocol": protocol,
        "positions": results.positions,
        "records": len(results.records),
        "interval": "95 %, percentile bootstrap over records",
    }
    names = [f"{BEAT_CLASSES[i]}.{m}" for i in SCORED_CLASSES for m in _MEASURES]
    for subset in results.subsets:
        flat, bounds = results.figures(subset).flat(), results.intervals(subset)
        table[subset.replace(" ", "_")] = {
            name.replace(".", "_"): [
                round(float(value), 4)
                for value in (flat[name], *bounds[name])
                if value is not None
            ]
            for name in [*names, "macro_f1", "j_kappa"]
            if math.isfinite(flat[name])
        }
    return table


def write_card(folder: Path, document: Mapping[str, Mapping[str, Any]]) -> None:
    """Write ``card.toml``: tables of strings, numbers, lists, and tables of those."""
    lines: list[str] = []
    for name, table in document.items():
        lines += _table_lines(name, table)
    (folder / CARD_FILE).write_text("\n".join(lines).lstrip() + "\n", encoding="utf-8")


def _table_lines(name: str, table: Mapping[str, Any]) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = ["", f"[{name}]"] if plain else []
    # A JSON string, finite number or list of them is also a TOML one.
    lines += [
        f"{key} = {json.dumps(value, ensure_ascii=False, allow_nan=False)}"
        for key, value in plain.items()
    ]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += _table_lines(f"{name}.{key}", value)
    return lines


def training_commit() -> str:
    """Commit of the code that trained, ``unknown`` outside a checkout."""
    command = ["git", "rev-parse", "HEAD"]
    here = Path(__file__).parent
    try:
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()

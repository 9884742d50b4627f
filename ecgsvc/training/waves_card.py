"""The card of the wave model."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from ecgsvc.evaluation.delineation import DelineationResults
from ecgsvc.evaluation.global_intervals import interval_errors
from ecgsvc.evaluation.wave_references import POINTS, WAVES
from ecgsvc.inference.wave_groups import (
    CONTEXT_NAMES,
    WAVE_BAND_HZ,
    WAVE_RATE_HZ,
    WINDOW_SAMPLES,
)
from ecgsvc.inference.waves import WAVE_LABELS
from ecgsvc.training.cards import training_commit

FAILURE_MODES = (
    "Trained on 150 resting ECGs of adults, 10 s each, mostly sinus rhythm: few records "
    "with paced beats, bundle branch block or atrioventricular block of the second degree.",
    "P waves hidden in the T wave before, and those no beat follows, are not marked.",
    "One mean beat speaks for all beats of a QRS shape within 128 beats: a P wave or T "
    "wave that moves from beat to beat is marked where it is on average.",
    "With one lead the limits over all leads are a guess of what twelve would show.",
)


def wave_card(
    *,
    version: str,
    sha256: str,
    thresholds: Mapping[str, float],
    training: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> dict[str, Any]:
    """Put the card together; `metrics` by protocol."""
    low_hz, high_hz = WAVE_BAND_HZ
    return {
        "model": {
            "name": "waves-unet",
            "version": version,
            "task": "waves",
            "sha256": sha256,
            "labels": list(WAVE_LABELS),
        },
        "input": {
            "leads": ["any"],
            "lead_rule": "all usable leads, as a set",
            "sampling_rate_hz": WAVE_RATE_HZ,
            "window_samples": WINDOW_SAMPLES,
            "window": "mean beat of a group, 480 ms before R to 732 ms after, "
            f"{low_hz:g} to {high_hz:g} Hz, each lead relative to its QRS complex",
            "features": list(CONTEXT_NAMES),
        },
        "decision": {
            "temperature": 1.0,
            "logit_offsets": [0.0] * len(WAVE_LABELS),
            "thresholds": dict(thresholds),
        },
        "training": {
            "data": "Lobachevsky University Electrocardiography Database 1.0.1 "
            "(Kalyakulina et al. 2020, doi 10.1109/ACCESS.2020.3029211), 150 records",
            "data_licence": "Open Data Commons Attribution License 1.0",
            "licence": "Apache-2.0",
            "commit": training_commit(),
            **training,
        },
        "limits": {
            "failure_modes": list(FAILURE_MODES),
            "subgroups": "not measured: 150 patients",
        },
        "metrics": dict(metrics),
    }


def held_out_figures(results: DelineationResults, protocol: str) -> dict[str, Any]:
    """Figures as a table of the card: F1 %, mean and SD in ms, with 95 % intervals."""
    bounds = results.intervals()
    figures = results.figures
    table: dict[str, Any] = {
        "protocol": protocol,
        "records": len(results.records),
        "interval": "95 %, percentile bootstrap over records",
    }
    for i, wave in enumerate(WAVES):
        for j, point in enumerate(POINTS):
            name = f"{wave.lower()}_{point}"
            f1, sd = float(figures.f1[i, j]), float(figures.sd_ms[i, j])
            f1_ends = [100 * end for end in _known(bounds[wave, point, "f1"])]
            table[f"{name}_f1_percent"] = _rounded(100 * f1, f1_ends)
            table[f"{name}_sd_ms"] = _rounded(sd, _known(bounds[wave, point, "sd_ms"]))
    for errors in interval_errors([r.intervals for r in results.records]):
        table[f"global_{errors.name}_mean_sd"] = _rounded(errors.mean_ms, [errors.sd_ms])
    invented = results.invented_p
    if invented is not None:
        table["invented_p_share"] = invented.to_json()["share_of_lead_beats"]
    return {name: value for name, value in table.items() if value != []}


def _known(ends: Sequence[float | None]) -> list[float]:
    return [end for end in ends if end is not None]


def _rounded(value: float, ends: Sequence[float]) -> list[float]:
    """Nothing for a figure that is not defined."""
    figures = (value, *ends)
    return [round(v, 2) for v in figures] if all(map(isfinite, figures)) else []

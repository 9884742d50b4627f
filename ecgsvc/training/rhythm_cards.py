"""The card of a rhythm model: what it is, how it was made and measured, where it fails."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.rhythm import RHYTHM_CLASSES
from ecgsvc.evaluation.rhythm import RhythmResults
from ecgsvc.inference.rhythm_inputs import MODEL_FEATURES, MODEL_RATE_HZ, PIECE_SAMPLES
from ecgsvc.training.cards import training_commit
from ecgsvc.training.rhythm_decision import COVERAGE, KEPT_QUANTILE, RhythmDecision

FAILURE_MODES = (
    "Other (O) is a mixture: ectopic beats, tachycardia, bradycardia, flutter, blocks; the "
    "answer does not say which, and is N where the disturbance is rare or small.",
    "Atrial flutter with regular conduction is O or N, not AF.",
    "Frequent ectopic beats in an irregular order may be called AF.",
    "Ten seconds hold few beats: sets with more than one class are common there.",
    "Trained on one hand-held device (lead I or its inverse, adults, 300 Hz) only.",
    "Paced rhythms are not in the training data as such.",
)


def rhythm_card(
    *,
    name: str,
    version: str,
    sha256: str,
    decision: RhythmDecision,
    beat_model: ModelIdentity,
    training: Mapping[str, Any],
    results: RhythmResults,
    alone: Mapping[str, RhythmResults],
    outliers: Mapping[str, Sequence[float]],
    n_parameters: int,
) -> dict[str, Any]:
    """Put the card of a rhythm model together.

    `results` are those of network and trees together, `alone` those of each; out of fold.
    """
    return {
        "model": {
            "name": name,
            "version": version,
            "task": "rhythm",
            "sha256": sha256,
            "labels": [rhythm.value for rhythm in RHYTHM_CLASSES],
            "parameters_of_each_network": n_parameters,
        },
        "input": {
            "leads": ["any"],
            "lead_rule": "first usable of II, MLII, I, V5, V6, V4, aVF, V1 …, else any",
            "sampling_rate_hz": MODEL_RATE_HZ,
            "window_samples": PIECE_SAMPLES,
            "window": "up to 30 s, 0.5 to 40 Hz, in units of the median second's range, "
            "padded with zeros",
            "beat_classes_of": f"{beat_model.name}-{beat_model.version}",
            "features": list(MODEL_FEATURES),
        },
        "decision": {
            "weights_of_network_and_trees": list(decision.weights),
            "temperature": decision.temperature,
            "logit_offsets": list(decision.logit_offsets),
            "conformal_coverage": COVERAGE,
            "outlier_kept_share": KEPT_QUANTILE,
            "thresholds": dict(decision.thresholds()),
        },
        "training": {
            "data": "PhysioNet/CinC Challenge 2017 (Clifford et al. 2017, "
            "doi 10.22489/CinC.2017.065-469), training recordings with REFERENCE-v3",
            "data_licence": "Open Data Commons Attribution License 1.0",
            "licence": "Apache-2.0",
            "commit": training_commit(),
            **training,
        },
        "limits": {
            "failure_modes": list(FAILURE_MODES),
            "subgroups": "not measured: the recordings come without age and sex",
        },
        "metrics": {
            "out_of_fold": out_of_fold(results),
            **{f"{part}_alone_out_of_fold": out_of_fold(r) for part, r in alone.items()},
            "out_of_distribution": {
                "protocol": "AUROC of the outlier score, and share above its limit: made "
                "signals against readable recordings by networks that did not see them",
                **outliers,
            },
        },
    }


def out_of_fold(results: RhythmResults) -> dict[str, Any]:
    """Figures as a table of the card: value, low and high end of 95 %."""
    figures, bounds = results.figures(), results.intervals()
    return {
        "protocol": "stratified 5-fold, equal recordings in one fold, each recording "
        "scored by the network that did not see it; temperature, offsets and limits chosen "
        "on four fifths of the recordings scored and applied to the fifth",
        "recordings": len(results.labels),
        "interval": "95 %, percentile bootstrap over recordings",
        "confusion": results.confusion.tolist(),
        "figures": {
            name.replace("~", "noise"): [
                round(float(v), 4) for v in (value, *bounds[name]) if v is not None
            ]
            for name, value in figures.items()
            if math.isfinite(value)
        },
        "coverage": {
            "noise" if rhythm == "~" else rhythm.value: list(counts)
            for rhythm, counts in results.coverage().items()
        },
        "abstention": {
            name: round(value, 4)
            for name, value in results.abstention().items()
            if math.isfinite(value)
        },
    }

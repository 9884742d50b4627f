"""Temperature and threshold of the alarms, chosen on windows the networks never saw."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.rhythm import MalignantCall
from ecgsvc.evaluation.malignant import RecordAlarms, score_alarms
from ecgsvc.evaluation.malignant_references import (
    MALIGNANT,
    RHYTHMS,
    AnnotatedRhythm,
    window_labels,
)
from ecgsvc.inference.malignant_decision import (
    alarm_scores,
    malignant_call,
    malignant_probabilities,
    malignant_probability,
)
from ecgsvc.training.malignant_windows import VFDB, RecordWindows

SPECIFICITY = 0.9875
"""Of windows of known rhythm in vfdb; the goal is 0.98."""
FALSE_ALARMS_PER_HOUR = 0.5
"""On recordings of other databases; the goal is 1."""

_TEMPERATURES = np.geomspace(0.5, 4.0, 31)
_THRESHOLDS = np.linspace(0.02, 0.98, 97)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutRecord:
    """A record and the logits of a network that did not learn from it, (n_windows, 3)."""

    record: RecordWindows
    logits: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Operation:
    """Temperature of the probabilities and least probability of an alarm."""

    temperature: float
    threshold: float


def choose_operation(held_out: Sequence[HeldOutRecord]) -> Operation:
    """Choose the temperature of least log loss, then the lowest threshold that is quiet.

    Quiet: 98.75 % of the windows of vfdb with a known rhythm that is not malignant, and
    half a false alarm an hour elsewhere.
    """
    vfdb = [h for h in held_out if h.record.database == VFDB]
    others = [h for h in held_out if h.record.database != VFDB]
    temperature = min(_TEMPERATURES.tolist(), key=lambda t: _log_loss(vfdb, t))
    quiet = np.concatenate([_quiet_scores(h, temperature) for h in vfdb])
    lowest = float(np.quantile(quiet, SPECIFICITY))
    fitting = (
        threshold
        for threshold in _THRESHOLDS.tolist()
        if threshold >= lowest
        and _false_alarms_per_hour(others, Operation(temperature, threshold))
        <= FALSE_ALARMS_PER_HOUR
    )
    return Operation(temperature, next(fitting, float(_THRESHOLDS[-1])))


def call(held_out: HeldOutRecord, operation: Operation) -> MalignantCall:
    """Answer as the service would."""
    record = held_out.record
    probabilities = malignant_probabilities(held_out.logits, operation.temperature)
    return malignant_call(
        record.bounds,
        probabilities,
        operation.threshold,
        still=record.still,
        off=record.off,
    )


def score(held_out: HeldOutRecord, operation: Operation) -> RecordAlarms:
    """Count one record."""
    record = held_out.record
    return score_alarms(
        record.name, record.reference, call(held_out, operation), record.sampling_rate_hz
    )


def _log_loss(held_out: Sequence[HeldOutRecord], temperature: float) -> float:
    surprise = []
    for h in held_out:
        labels, pure = window_labels(h.record.reference, h.record.bounds)
        known = pure & ~np.isnan(h.logits).any(axis=1)
        known &= labels != RHYTHMS.index(AnnotatedRhythm.NOISE)
        told = malignant_probabilities(h.logits[known], temperature)
        true = np.minimum(labels[known], len(MALIGNANT))
        surprise.append(-np.log(told[np.arange(len(true)), true] + 1e-12))
    return float(np.concatenate(surprise).mean())


def _quiet_scores(held_out: HeldOutRecord, temperature: float) -> NDArray[np.float64]:
    """Alarm scores of the windows of a known rhythm that is not malignant."""
    labels, _ = window_labels(held_out.record.reference, held_out.record.bounds)
    loud = [*MALIGNANT, AnnotatedRhythm.NOISE]
    quiet = ~np.isin(labels, [RHYTHMS.index(rhythm) for rhythm in loud])
    probabilities = malignant_probabilities(held_out.logits, temperature)
    return alarm_scores(malignant_probability(probabilities))[quiet]


def _false_alarms_per_hour(
    held_out: Sequence[HeldOutRecord], operation: Operation
) -> float:
    scored = [score(h, operation) for h in held_out]
    hours = sum(s.quiet_s for s in scored) / 3600
    return sum(s.false_alarms for s in scored) / hours if hours else 0.0

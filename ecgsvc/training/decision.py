"""Where the classes part, and how sure the answers are, by patients not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass
from ecgsvc.evaluation.beats import BeatResults, RecordConfusion
from ecgsvc.evaluation.confusion import MATRIX_SHAPE, Counts, beat_figures
from ecgsvc.inference.beat_decision import beat_probabilities

_S, _V = BEAT_CLASSES.index(BeatClass.S), BEAT_CLASSES.index(BeatClass.V)
_CANDIDATES: tuple[list[float], ...] = (
    [0.0],
    np.arange(-3.0, 2.01, 0.5).tolist(),
    np.arange(-3.0, 2.01, 0.5).tolist(),
    np.arange(-2.0, 0.01, 1.0).tolist(),
    [0.0],
)
"""Offsets tried, in the order of `BEAT_CLASSES`; at less than -2, F is never called."""
MAX_IRREGULARITIES = (0.12, 0.16, 0.2, 0.25, 0.3, 0.4)
"""Limits tried for the rule of `beat_probabilities`. Of the beats of DS1 in atrial
fibrillation or flutter, as annotated, 98 % lie above 0.12, as do many S beats of patients
with much ectopy."""
MIN_V_SENSITIVITY = 0.9
"""Of held-out ventricular beats, where the networks can reach it: a run that is missed
costs a patient more than one that a reader strikes out. No standard sets it; it is ours."""
_TEMPERATURES = np.geomspace(0.2, 3.0, 60)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Logits of a record's beats by a network that never saw the patient."""

    record: str
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    rhythm: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Decision:
    """How logits become probabilities; the fields are those of `beat_probabilities`."""

    temperature: float
    logit_offsets: tuple[float, ...]
    max_irregularity: float

    def probabilities(self, part: HeldOut) -> NDArray[np.float32]:
        """Probabilities of a held-out record's beats, shape (n_beats, 5)."""
        return beat_probabilities(
            part.logits,
            part.rhythm,
            temperature=self.temperature,
            logit_offsets=self.logit_offsets,
            max_irregularity=self.max_irregularity,
        )


def choose_decision(held_out: Sequence[HeldOut]) -> Decision:
    """Choose offsets and rule by the mean F1 of S and V, the temperature by likelihood.

    Decisions that find fewer than `MIN_V_SENSITIVITY` of the ventricular beats count only
    when none finds more.

    The loss that makes rare classes learnable also distorts how often they are called; N
    and Q keep 0. F has no part in the aim: nearly all fusion beats are one patient's, and
    called freely they cost the other classes more than they gain. Dividing logits and
    offsets by one temperature changes no call, so that it is free to make the probabilities
    as likely as can be (Guo et al. 2017, arXiv 1706.04599). Beats of all held-out records
    are pooled.
    """
    labels = np.concatenate([part.labels for part in held_out])
    best, limit = (False, -1.0), MAX_IRREGULARITIES[0]
    offsets: tuple[float, ...] = (0.0,) * len(BEAT_CLASSES)
    for tried_limit in MAX_IRREGULARITIES:
        logits = _pooled_logits(held_out, tried_limit)
        tried = max(product(*_CANDIDATES), key=lambda o: _score(labels, logits, o))
        score = _score(labels, logits, tried)
        if score > best:
            best, offsets, limit = score, tried, tried_limit
    decisions = [
        Decision(float(t), tuple(o / float(t) for o in offsets), limit)
        for t in _TEMPERATURES
    ]
    return min(decisions, key=lambda decision: _surprise(held_out, decision))


def held_out_results(held_out: Sequence[HeldOut], decision: Decision) -> BeatResults:
    """Confusion matrices of the held-out records by this decision."""
    return BeatResults(
        "annotated",
        tuple(
            RecordConfusion(part.record, _confusion(part, decision)) for part in held_out
        ),
    )


def _pooled_logits(held_out: Sequence[HeldOut], limit: float) -> NDArray[np.float32]:
    """Log-probabilities of all held-out beats, with the rule but without offsets."""
    plain = Decision(1.0, (0.0,) * len(BEAT_CLASSES), limit)
    with np.errstate(divide="ignore"):
        return np.log(np.concatenate([plain.probabilities(part) for part in held_out]))


def _score(
    labels: NDArray[np.int64], logits: NDArray[np.float32], offsets: Sequence[float]
) -> tuple[bool, float]:
    """Whether enough ventricular beats are found, and the mean F1 of S and V."""
    counts = _count(labels, (logits + np.asarray(offsets, np.float32)).argmax(axis=1))
    figures = beat_figures(counts)
    enough = bool(figures.sensitivity[_V] >= MIN_V_SENSITIVITY)
    return enough, float(np.nan_to_num(figures.f1[[_S, _V]]).mean())


def _surprise(held_out: Sequence[HeldOut], decision: Decision) -> float:
    """Mean negative log-likelihood of the classes, but for what a rule forbade."""
    losses = []
    for part in held_out:
        given = decision.probabilities(part)[np.arange(len(part.labels)), part.labels]
        losses.append(-np.log(given[given > 0]))
    return float(np.concatenate(losses).mean())


def _confusion(part: HeldOut, decision: Decision) -> Counts:
    return _count(part.labels, decision.probabilities(part).argmax(axis=1))


def _count(labels: NDArray[np.int64], calls: NDArray[np.int64]) -> Counts:
    size = MATRIX_SHAPE[0]
    return np.bincount(size * labels + calls, minlength=size**2).reshape(MATRIX_SHAPE)

"""Where the classes part, and how sure the answers are, by patients not trained on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass
from ecgsvc.evaluation.beats import BeatResults, RecordConfusion
from ecgsvc.evaluation.confusion import MATRIX_SHAPE, Counts
from ecgsvc.inference.beat_decision import beat_probabilities

_S, _V = BEAT_CLASSES.index(BeatClass.S), BEAT_CLASSES.index(BeatClass.V)
_COARSE = ((-2.0, -1.0, 0.0, 1.0), (-2.0, -1.0, 0.0, 1.0), (-2.0,))
_FINE = (
    np.arange(-3.0, 2.01, 0.5).tolist(),
    np.arange(-3.0, 2.01, 0.5).tolist(),
    (-2.0, -1.0, 0.0),
)
"""Offsets tried of S, V and F; at less than -2, F is never called."""
MAX_IRREGULARITIES = (0.12, 0.16, 0.2, 0.25, 0.3, 0.4)
"""Limits tried for the rule of `beat_probabilities`. Of the beats of DS1 in atrial
fibrillation or flutter, as annotated, 98 % lie above 0.12, as do many S beats of patients
with much ectopy."""
KIND_WEIGHTS = (0.0, 0.5, 0.7, 0.9)
"""Weights tried of what beats of one shape share (`share_ventricular`)."""
MOST_BEATS = 200
"""Beats of a class, called or annotated, that a record counts for at most: some records of
the training set hold over a thousand, of one heart and one annotator's opinion."""
HELD_OUT_FILE = "beats-held-out.npz"
_NO_DIFFERENCE = 0.01
"""Of the score, which patients drawn anew move by more."""
_TEMPERATURES = np.geomspace(0.2, 3.0, 60)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Logits of a record's beats by a network that never saw the patient."""

    record: str
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    rhythm: NDArray[np.float32]
    kinds: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Decision:
    """How logits become probabilities; the fields are those of `beat_probabilities`."""

    temperature: float
    logit_offsets: tuple[float, ...]
    max_irregularity: float
    kind_weight: float

    def probabilities(self, part: HeldOut) -> NDArray[np.float32]:
        """Probabilities of a held-out record's beats, shape (n_beats, 5)."""
        return beat_probabilities(
            part.logits,
            part.rhythm,
            part.kinds,
            temperature=self.temperature,
            logit_offsets=self.logit_offsets,
            max_irregularity=self.max_irregularity,
            kind_weight=self.kind_weight,
        )


def choose_decision(held_out: Sequence[HeldOut]) -> Decision:
    """Choose offsets and rules by the mean F1 of S and V, the temperature by likelihood.

    For F1 a record counts for `MOST_BEATS` beats of a class at most. The rules are chosen
    with offsets on a coarse grid, then the offsets on a finer one. Of limits of
    irregularity that score alike the least is taken: few training records fibrillate, many
    patients do.

    The loss that makes rare classes learnable also distorts how often they are called; N
    and Q keep 0. F has no part in the aim: nearly all fusion beats are one patient's, and
    called freely they cost the other classes more than they gain. Dividing logits and
    offsets by one temperature changes no call, so that it is free to make the probabilities
    as likely as can be (Guo et al. 2017, arXiv 1706.04599).
    """
    pooled, lengths = _joined(held_out), [len(part.labels) for part in held_out]
    scored = []
    for limit, weight in product(MAX_IRREGULARITIES, KIND_WEIGHTS):
        tried = [Decision(1.0, offsets, limit, weight) for offsets in _offsets(_COARSE)]
        scores = [_score(pooled, lengths, decision) for decision in tried]
        scored.append((max(scores), tried[int(np.argmax(scores))]))
    highest, leader = max(scored, key=itemgetter(0))
    rules = next(
        decision
        for score, decision in scored
        if score >= highest - _NO_DIFFERENCE and decision.kind_weight == leader.kind_weight
    )
    fine = [replace(rules, logit_offsets=offsets) for offsets in _offsets(_FINE)]
    best = max(fine, key=lambda decision: _score(pooled, lengths, decision))
    scaled = [
        replace(
            best,
            temperature=float(t),
            logit_offsets=tuple(o / float(t) for o in best.logit_offsets),
        )
        for t in _TEMPERATURES
    ]
    return min(scaled, key=lambda decision: _surprise(pooled, decision))


def _offsets(grids: Sequence[Sequence[float]]) -> Iterator[tuple[float, ...]]:
    """Every combination of offsets of S, V and F; N and Q keep 0."""
    for s, v, f in product(*grids):
        yield (0.0, s, v, f, 0.0)


def held_out_results(held_out: Sequence[HeldOut], decision: Decision) -> BeatResults:
    """Confusion matrices of the held-out records by this decision."""
    return BeatResults(
        "annotated",
        tuple(
            RecordConfusion(part.record, _confusion(part, decision)) for part in held_out
        ),
    )


def save_held_out(held_out: Sequence[HeldOut], decision: Decision, path: Path) -> None:
    """Keep the held-out answers: ``record``, ``labels``, ``probabilities`` of beats."""
    np.savez_compressed(
        path,
        record=np.concatenate([np.full(len(p.labels), p.record) for p in held_out]),
        labels=np.concatenate([part.labels for part in held_out]),
        probabilities=np.concatenate([decision.probabilities(part) for part in held_out]),
    )


def _joined(held_out: Sequence[HeldOut]) -> HeldOut:
    """All records as one, whose kinds of beats stay apart."""
    last = np.cumsum([0, *(int(part.kinds.max(initial=-1)) + 1 for part in held_out)])
    return HeldOut(
        "all",
        np.concatenate([part.labels for part in held_out]),
        np.concatenate([part.logits for part in held_out]),
        np.concatenate([part.rhythm for part in held_out]),
        np.concatenate([p.kinds + n for p, n in zip(held_out, last[:-1], strict=True)]),
    )


def _score(pooled: HeldOut, lengths: Sequence[int], decision: Decision) -> float:
    """Mean F1 of S and V over the records, of which none counts too much."""
    calls = decision.probabilities(pooled).argmax(axis=1)
    of_record = np.repeat(np.arange(len(lengths)), lengths)
    f1 = []
    for beat_class in (_S, _V):
        annotated, called = pooled.labels == beat_class, calls == beat_class
        hits, either = (
            np.bincount(of_record[beats], minlength=len(lengths)).astype(np.float64)
            for beats in (annotated & called, annotated | called)
        )
        weight = 1 / np.maximum(1, either / MOST_BEATS)
        right, all_of_it = float(hits @ weight), float(either @ weight)
        f1.append(2 * right / max(right + all_of_it, 1e-9))
    return float(np.mean(f1))


def _surprise(pooled: HeldOut, decision: Decision) -> float:
    """Mean negative log-likelihood of the classes, but for what a rule forbade."""
    of_label = np.arange(len(pooled.labels)), pooled.labels
    given = decision.probabilities(pooled)[of_label]
    return float(-np.log(given[given > 0]).mean())


def _confusion(part: HeldOut, decision: Decision) -> Counts:
    return _count(part.labels, decision.probabilities(part).argmax(axis=1))


def _count(labels: NDArray[np.int64], calls: NDArray[np.int64]) -> Counts:
    size = MATRIX_SHAPE[0]
    return np.bincount(size * labels + calls, minlength=size**2).reshape(MATRIX_SHAPE)

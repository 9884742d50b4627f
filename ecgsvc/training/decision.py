"""Where the classes part, chosen on patients the network never saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass
from ecgsvc.evaluation.beats import BeatResults, RecordConfusion
from ecgsvc.evaluation.confusion import MATRIX_SHAPE, Counts
from ecgsvc.inference.beat_decision import beat_probabilities

TEMPERATURE = 1.0
MAX_IRREGULARITY = 0.12
"""Of the beats of DS1 in atrial fibrillation or flutter, as annotated, 98 % lie above it;
of its S beats elsewhere, without record 201, 98 % lie below."""

_S, _V = BEAT_CLASSES.index(BeatClass.S), BEAT_CLASSES.index(BeatClass.V)
_CANDIDATES: tuple[list[float], ...] = (
    [0.0],
    np.arange(-2.0, 2.01, 0.5).tolist(),
    np.arange(-2.0, 2.01, 0.5).tolist(),
    np.arange(-2.0, 0.01, 1.0).tolist(),
    [0.0],
)
"""Offsets tried, in the order of `BEAT_CLASSES`; at less than -2, F is never called."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Logits of a record's beats by a network that never saw the patient."""

    record: str
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]


def choose_offsets(held_out: Sequence[HeldOut]) -> tuple[float, ...]:
    """Choose what is added to the logits of S, V and F: the best mean F1 of S and V.

    The loss that makes rare classes learnable also distorts how often they are called; N
    and Q keep 0. F has no part in the aim: DS1's fusion beats are nearly all one patient's,
    and called freely they cost the other classes more than they gain. Beats of all held-out
    records are pooled.
    """
    best, chosen = -1.0, (0.0,) * len(BEAT_CLASSES)
    for offsets in product(*_CANDIDATES):
        f1 = held_out_results(held_out, offsets).figures().f1
        score = float(np.nan_to_num(f1[[_S, _V]]).mean())
        if score > best:
            best, chosen = score, offsets
    return chosen


def held_out_results(held_out: Sequence[HeldOut], offsets: Sequence[float]) -> BeatResults:
    """Confusion matrices of the held-out records with these offsets."""
    return BeatResults(
        "annotated",
        tuple(RecordConfusion(part.record, _confusion(part, offsets)) for part in held_out),
    )


def _confusion(part: HeldOut, offsets: Sequence[float]) -> Counts:
    probabilities = beat_probabilities(
        part.logits,
        part.features,
        temperature=TEMPERATURE,
        logit_offsets=offsets,
        max_irregularity=MAX_IRREGULARITY,
    )
    counts = np.zeros(MATRIX_SHAPE, dtype=np.int64)
    np.add.at(counts, (part.labels, probabilities.argmax(axis=1)), 1)
    return counts

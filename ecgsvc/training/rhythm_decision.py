"""From logits of recordings the networks never saw to probabilities, sets, and a limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.rhythm import RHYTHM_CLASSES
from ecgsvc.evaluation.rhythm import SCORED, RhythmResults, rhythm_figures
from ecgsvc.inference.rhythm import rhythm_probabilities
from ecgsvc.training.rhythm_recordings import stratified_folds

COVERAGE = 0.9
"""Share of the recordings of each class whose conformal set is to hold the class."""
KEPT_QUANTILE = 0.99
"""Share of the training recordings that are not to be called outliers."""
_TEMPERATURES = np.geomspace(0.5, 3.0, 61)
_STEPS = np.arange(-1.0, 1.01, 0.1)


@dataclass(frozen=True, slots=True)
class RhythmDecision:
    """What is done with the logits of a recording.

    Parameters
    ----------
    temperature, logit_offsets
        Probabilities are the softmax of ``logits / temperature + logit_offsets``.
    conformal
        Of each class: it is left in the set while its probability is at least 1 minus this.
    outlier
        Scores above it are called unlike the training recordings.
    """

    temperature: float
    logit_offsets: tuple[float, ...]
    conformal: tuple[float, ...]
    outlier: float

    def thresholds(self) -> Mapping[str, float]:
        """As the model card keeps them."""
        named = zip(RHYTHM_CLASSES, self.conformal, strict=True)
        return {f"conformal_{name.name.lower()}": value for name, value in named} | {
            "outlier": self.outlier
        }

    def apply(self, answers: "RhythmLogits") -> RhythmResults:
        """Score recordings under this decision."""
        probabilities = rhythm_probabilities(
            answers.logits, self.temperature, self.logit_offsets
        )
        return RhythmResults(
            labels=answers.labels,
            probabilities=probabilities,
            conformal_sets=probabilities >= 1 - np.asarray(self.conformal),
            outliers=answers.outlier > self.outlier,
        )


@dataclass(frozen=True, slots=True, eq=False)
class RhythmLogits:
    """Labels (n,), logits (n, 4) and outlier scores (n,) of recordings."""

    labels: NDArray[np.int64]
    logits: NDArray[np.float64]
    outlier: NDArray[np.float64]

    def take(self, chosen: NDArray[np.bool_]) -> "RhythmLogits":
        """Some of the recordings."""
        return RhythmLogits(self.labels[chosen], self.logits[chosen], self.outlier[chosen])


def joined(parts: Sequence[RhythmLogits]) -> RhythmLogits:
    """The recordings of all parts, in order."""
    return RhythmLogits(
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.outlier for part in parts]),
    )


def choose_decision(held_out: RhythmLogits) -> RhythmDecision:
    """Choose everything on recordings that the networks did not see.

    The temperature is that of the least negative log-likelihood (Guo et al. 2017, arXiv
    1706.04599), the offsets those of the best mean F1 of N, A and O (noise keeps 0), the
    conformal limits the quantiles that split conformal prediction takes, class by class
    (Vovk 2012, arXiv 1209.2673). Noise has no part in the outlier limit: that limit is to
    tell electrocardiograms from what is none.
    """
    temperature = _best_temperature(held_out)
    offsets = _best_offsets(held_out, temperature)
    probabilities = rhythm_probabilities(held_out.logits, temperature, offsets)
    readable = np.isin(held_out.labels, SCORED)
    return RhythmDecision(
        temperature,
        offsets,
        tuple(
            _conformal_limit(1 - probabilities[held_out.labels == i, i])
            for i in range(len(RHYTHM_CLASSES))
        ),
        float(np.quantile(held_out.outlier[readable], KEPT_QUANTILE)),
    )


def cross_decided(held_out: RhythmLogits, seed: int, n_parts: int = 5) -> RhythmResults:
    """Score each fifth of the recordings under the decision chosen on the others."""
    n = len(held_out.labels)
    part_of = stratified_folds(held_out.labels, [str(i) for i in range(n)], seed, n_parts)
    order = np.argsort(part_of, kind="stable")
    scored = [
        choose_decision(held_out.take(part_of != part)).apply(
            held_out.take(part_of == part)
        )
        for part in range(n_parts)
    ]
    back = np.argsort(order, kind="stable")
    return RhythmResults(
        labels=np.concatenate([part.labels for part in scored])[back],
        probabilities=np.concatenate([part.probabilities for part in scored])[back],
        conformal_sets=np.concatenate([part.conformal_sets for part in scored])[back],
        outliers=np.concatenate([part.outliers for part in scored])[back],
    )


def _best_temperature(held_out: RhythmLogits) -> float:
    rows = np.arange(len(held_out.labels))

    def surprise(temperature: float) -> float:
        p = rhythm_probabilities(held_out.logits, temperature, [0.0] * len(RHYTHM_CLASSES))
        return float(-np.log(p[rows, held_out.labels] + 1e-12).mean())

    return min(np.round(_TEMPERATURES, 3).tolist(), key=surprise)


def _best_offsets(held_out: RhythmLogits, temperature: float) -> tuple[float, ...]:
    """One class at a time, twice around: the F1 is flat near its best."""
    offsets = [0.0] * len(RHYTHM_CLASSES)
    scaled = held_out.logits / temperature

    def score(candidate: list[float]) -> float:
        called = (scaled + np.asarray(candidate)).argmax(axis=1)
        confusion = np.zeros((len(RHYTHM_CLASSES),) * 2, np.int64)
        np.add.at(confusion, (held_out.labels, called), 1)
        return float(rhythm_figures(confusion)["f1_mean_NAO"])

    for i in (1, 2, 1, 2):
        tried = [
            [*offsets[:i], round(float(step), 2), *offsets[i + 1 :]] for step in _STEPS
        ]
        offsets = max(tried, key=lambda o: (score(o), -sum(map(abs, o))))
    return tuple(offsets)


def _conformal_limit(scores: NDArray[np.float64]) -> float:
    """The ceil((n + 1) * coverage)-th smallest score; 1 (all) when n is too small."""
    rank = int(np.ceil((len(scores) + 1) * COVERAGE))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else 1.0

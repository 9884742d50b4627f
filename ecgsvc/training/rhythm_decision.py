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
# Trees that count twice or thrice have the same log loss within 0.002, but then what the
# network looks at, which can be shown, hardly decides any more.
_TREES_WEIGHTS = np.arange(0, 1.01, 0.25)
_TEMPERATURES = np.geomspace(0.5, 4.0, 61)
_STEPS = np.arange(-1.0, 1.01, 0.1)


@dataclass(frozen=True, slots=True)
class RhythmDecision:
    """What is done with the logits of a recording.

    Parameters
    ----------
    weights
        Logits are the sum of the parts' log-probabilities by these.
    temperature, logit_offsets
        Probabilities are the softmax of ``logits / temperature + logit_offsets``.
    conformal
        Of each class: it is left in the set while its probability is at least 1 minus this.
    outlier
        Scores above it are called unlike the training recordings.
    """

    weights: tuple[float, ...]
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
            answers.logits(self.weights), self.temperature, self.logit_offsets
        )
        return RhythmResults(
            labels=answers.labels,
            probabilities=probabilities,
            conformal_sets=probabilities >= 1 - np.asarray(self.conformal),
            outliers=answers.outlier > self.outlier,
        )


@dataclass(frozen=True, slots=True, eq=False)
class RhythmLogits:
    """Answers to recordings by models that did not see them.

    Parameters
    ----------
    labels
        Shape (n,).
    parts
        Shape (n_parts, n, 4), log-probabilities: of a network, of trees beside it.
    outlier
        Shape (n,), outlier scores.
    """

    labels: NDArray[np.int64]
    parts: NDArray[np.float64]
    outlier: NDArray[np.float64]

    def logits(self, weights: Sequence[float]) -> NDArray[np.float64]:
        """Sum of the parts by their weights, shape (n, 4)."""
        weighed: NDArray[np.float64] = np.tensordot(np.asarray(weights), self.parts, 1)
        return weighed

    def take(self, chosen: NDArray[np.bool_]) -> "RhythmLogits":
        """Some of the recordings."""
        return RhythmLogits(
            self.labels[chosen], self.parts[:, chosen], self.outlier[chosen]
        )

    def part(self, number: int) -> "RhythmLogits":
        """What one part says alone."""
        return RhythmLogits(self.labels, self.parts[[number]], self.outlier)


def joined(folds: Sequence[RhythmLogits]) -> RhythmLogits:
    """The recordings of all folds, in order."""
    return RhythmLogits(
        np.concatenate([fold.labels for fold in folds]),
        np.concatenate([fold.parts for fold in folds], axis=1),
        np.concatenate([fold.outlier for fold in folds]),
    )


def choose_decision(held_out: RhythmLogits) -> RhythmDecision:
    """Choose everything on recordings that the networks did not see.

    The weight of trees beside a network, which counts once, and the temperature are those
    of the least negative log-likelihood (Guo et al. 2017, arXiv 1706.04599), the offsets
    those of the best mean F1 of N, A and O to expect (noise keeps 0), the conformal limits
    the quantiles that split conformal prediction takes, class by class (Vovk 2012, arXiv
    1209.2673). Noise has no part in the outlier limit: that limit is to tell
    electrocardiograms from what is none.
    """
    weights, temperature = _best_weights(held_out)
    logits = held_out.logits(weights)
    offsets = _best_offsets(logits, temperature)
    probabilities = rhythm_probabilities(logits, temperature, offsets)
    readable = np.isin(held_out.labels, SCORED)
    return RhythmDecision(
        weights,
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


def _best_weights(held_out: RhythmLogits) -> tuple[tuple[float, ...], float]:
    """Weights of the parts and the temperature, together."""
    if len(held_out.parts) == 1:
        candidates: list[tuple[float, ...]] = [(1.0,)]
    else:
        candidates = [(1.0, weight) for weight in _TREES_WEIGHTS.tolist()]
    tried = [
        (*_best_temperature(held_out.logits(weights), held_out.labels), weights)
        for weights in candidates
    ]
    _, temperature, weights = min(tried)
    return weights, temperature


def _best_temperature(
    logits: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[float, float]:
    """The least mean negative log-likelihood, and the temperature that has it."""
    rows = np.arange(len(labels))

    def surprise(temperature: float) -> float:
        p = rhythm_probabilities(logits, temperature, [0.0] * len(RHYTHM_CLASSES))
        return float(-np.log(p[rows, labels] + 1e-12).mean())

    return min((surprise(t), t) for t in np.round(_TEMPERATURES, 3).tolist())


def _best_offsets(logits: NDArray[np.float64], temperature: float) -> tuple[float, ...]:
    """Of the best F1 to expect, one class at a time, twice around.

    Recordings count by their probabilities, not by their labels: calibrated probabilities
    say nearly the same and scatter less.
    """
    offsets = [0.0] * len(RHYTHM_CLASSES)
    probabilities = rhythm_probabilities(logits, temperature, offsets)
    log_probabilities = np.log(probabilities + 1e-12)

    def score(candidate: list[float]) -> float:
        called = (log_probabilities + np.asarray(candidate)).argmax(axis=1)
        confusion = np.zeros((len(RHYTHM_CLASSES),) * 2)
        np.add.at(confusion.T, called, probabilities)
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

"""How far the probabilities of held-out beats can be trusted: sets of classes, abstention.

Class-conditional split conformal prediction (Vovk 2012, arXiv 1209.2673): a class is in a
beat's set when its probability is no lower than that of all but a tenth of the beats of
that class in the calibration records. Beats of one record are alike, so coverage on new
records scatters more than the binomial interval says.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.evaluation.confusion import SCORED_CLASSES
from ecgsvc.training.decision import Decision, HeldOut

COVERAGE = 0.9
_ANSWERED = 0.8
_Z = 1.96

Probabilities = NDArray[np.float32]


def lowest_probabilities(
    labels: NDArray[np.int64], probabilities: Probabilities
) -> list[float]:
    """By class of N, S, V, F: the probability from which on it belongs to the set.

    0, so that the class is in every set, where there are fewer than ten beats of it.
    """
    lowest = []
    for beat_class in SCORED_CLASSES:
        given = np.sort(probabilities[labels == beat_class, beat_class])
        rank = int(np.floor((1 - COVERAGE) * (len(given) + 1)))
        lowest.append(float(given[rank - 1]) if rank else 0.0)
    return lowest


def uncertainty_figures(
    folds: Sequence[Sequence[HeldOut]], decision: Decision
) -> dict[str, Any]:
    """Coverage and size of the sets, and the error when the least sure fifth is left out.

    Each fold's sets come of the limits of the other folds. Coverage is given with its 95 %
    binomial interval, by class.
    """
    pooled = [_pool(fold, decision) for fold in folds]
    labels = np.concatenate([fold_labels for fold_labels, _ in pooled])
    probabilities = np.concatenate([given for _, given in pooled])
    sets = np.concatenate(
        [
            given[:, SCORED_CLASSES]
            >= lowest_probabilities(*_join(pooled[:i] + pooled[i + 1 :]))
            for i, (_, given) in enumerate(pooled)
        ]
    )
    wrong = probabilities.argmax(axis=1) != labels
    surest = np.argsort(-probabilities.max(axis=1))[: int(_ANSWERED * len(labels))]
    return {
        "protocol": "beats of the cross-validation; limits of each fold from the others",
        "coverage_asked": COVERAGE,
        "coverage": {
            str(BEAT_CLASSES[c]): _share(sets[labels == c, c]) for c in SCORED_CLASSES
        },
        "mean_set_size": round(float(sets.sum(axis=1).mean()), 3),
        "error_of_all": round(float(wrong.mean()), 4),
        "error_of_the_surest_80_percent": round(float(wrong[surest].mean()), 4),
    }


def conformal_limits(
    folds: Sequence[Sequence[HeldOut]], decision: Decision
) -> dict[str, float]:
    """Limits by class from the beats of all folds, for the card."""
    limits = lowest_probabilities(*_join([_pool(fold, decision) for fold in folds]))
    return {
        str(BEAT_CLASSES[c]): round(limit, 4)
        for c, limit in zip(SCORED_CLASSES, limits, strict=True)
    }


def _pool(
    fold: Sequence[HeldOut], decision: Decision
) -> tuple[NDArray[np.int64], Probabilities]:
    labels = np.concatenate([part.labels for part in fold])
    return labels, np.concatenate([decision.probabilities(part) for part in fold])


def _join(
    pooled: Sequence[tuple[NDArray[np.int64], Probabilities]],
) -> tuple[NDArray[np.int64], Probabilities]:
    return (
        np.concatenate([labels for labels, _ in pooled]),
        np.concatenate([probabilities for _, probabilities in pooled]),
    )


def _share(covered: NDArray[np.bool_]) -> list[float]:
    """Share of the covered beats with its 95 % interval (Wilson 1927)."""
    n, share = max(len(covered), 1), float(covered.mean()) if len(covered) else 0.0
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return [round(float(v), 4) for v in (share, centre - reach, centre + reach)]

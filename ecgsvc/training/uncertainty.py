"""How far the probabilities of held-out beats can be trusted: sets of classes, abstention.

Class-conditional split conformal prediction (Vovk 2012, arXiv 1209.2673): a class is in a
beat's set when its probability is no lower than that of all but a tenth of the beats of
that class in the calibration records. Records, not beats, are exchangeable: the beats of
one heart are alike. So the limits of each record come from the other records, and the
interval of the coverage from drawing records.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.evaluation.bootstrap import N_RESAMPLES, interval, resample_totals
from ecgsvc.evaluation.confusion import SCORED_CLASSES
from ecgsvc.training.decision import Decision, HeldOut

COVERAGE = 0.9
N_PARTS = 10
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
    held_out: Sequence[HeldOut], decision: Decision, *, seed: int = 0
) -> dict[str, Any]:
    """Coverage and size of the sets, and the error when the least sure fifth is left out.

    Records are dealt into `N_PARTS`; the sets of each part come of the limits of the
    others. Coverage by class, with a 95 % interval by bootstrap over records, and the
    binomial one, which takes beats for independent and is too narrow.
    """
    given = [decision.probabilities(record) for record in held_out]
    part = np.random.default_rng(seed).permutation(len(held_out)) % N_PARTS
    sets = [
        probabilities[:, SCORED_CLASSES]
        >= lowest_probabilities(
            np.concatenate(
                [r.labels for r, p in zip(held_out, part, strict=True) if p != own]
            ),
            np.concatenate([g for g, p in zip(given, part, strict=True) if p != own]),
        )
        for probabilities, own in zip(given, part, strict=True)
    ]
    labels = np.concatenate([record.labels for record in held_out])
    probabilities = np.concatenate(given)
    wrong = probabilities.argmax(axis=1) != labels
    surest = np.argsort(-probabilities.max(axis=1))[: int(_ANSWERED * len(labels))]
    counts = np.array(
        [
            [[(r.labels == c).sum(), s[r.labels == c, c].sum()] for c in SCORED_CLASSES]
            for r, s in zip(held_out, sets, strict=True)
        ]
    )  # record, class, beats and covered beats
    return {
        "protocol": f"beats of the cross-validation; records in {N_PARTS} parts, limits of "
        "each part from the others; share, 95 % by bootstrap over records",
        "coverage_asked": COVERAGE,
        "coverage": _by_class(counts, _bootstrapped),
        "coverage_binomial": _by_class(counts, _binomial),
        "mean_set_size": round(float(np.concatenate(sets).sum(axis=1).mean()), 3),
        "error_of_all": round(float(wrong.mean()), 4),
        "error_of_the_surest_80_percent": round(float(wrong[surest].mean()), 4),
    }


def conformal_limits(held_out: Sequence[HeldOut], decision: Decision) -> dict[str, float]:
    """Limits by class from all held-out beats, for the card."""
    limits = lowest_probabilities(
        np.concatenate([record.labels for record in held_out]),
        np.concatenate([decision.probabilities(record) for record in held_out]),
    )
    return {
        str(BEAT_CLASSES[c]): round(limit, 4)
        for c, limit in zip(SCORED_CLASSES, limits, strict=True)
    }


def least_probability(held_out: Sequence[HeldOut], decision: Decision) -> float:
    """Limit from which on held-out beats are wrong half as often as all of them."""
    given = np.concatenate([decision.probabilities(record) for record in held_out])
    labels = np.concatenate([record.labels for record in held_out])
    sure = given.max(axis=1)
    order = np.argsort(-sure)
    wrong = (given.argmax(axis=1) != labels)[order]
    error_of_surest = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    answered = np.flatnonzero(error_of_surest <= wrong.mean() / 2)
    return float(sure[order[answered[-1]]]) if len(answered) else 1.0


def _by_class(
    counts: NDArray[np.int64], interval_of: Callable[[NDArray[np.int64]], list[float]]
) -> dict[str, list[float]]:
    return {
        str(BEAT_CLASSES[c]): [round(v, 4) for v in interval_of(counts[:, c])]
        for c in SCORED_CLASSES
    }


def _bootstrapped(counts: NDArray[np.int64]) -> list[float]:
    """Share of the covered beats with its interval; `counts` is (records, 2)."""
    n_beats, n_covered = counts.sum(axis=0)
    drawn = resample_totals(counts, n_resamples=N_RESAMPLES, seed=0)
    shares = drawn[:, 1] / np.maximum(drawn[:, 0], 1)
    bounds = interval(shares[drawn[:, 0] > 0])
    return [n_covered / max(n_beats, 1), *(float(b) for b in bounds if b is not None)]


def _binomial(counts: NDArray[np.int64]) -> list[float]:
    """The same with Wilson's interval (1927)."""
    n, covered = (float(total) for total in counts.sum(axis=0))
    n = max(n, 1.0)
    share = covered / n
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return [share, centre - reach, centre + reach]

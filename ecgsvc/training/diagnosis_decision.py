"""From validation logits to the decision: calibration, thresholds, conformal limits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.inference.diagnosis import threshold_name

Floats = NDArray[np.float64]

COVERAGE = 0.9
CONFIDENCE = 0.9
_SHIFT_PENALTY = 0.5  # on the square of a label's offset: as if a record or two said no
_STEPS = 60


@dataclass(frozen=True, slots=True, eq=False)
class DiagnosisDecision:
    """What turns logits into answers.

    Parameters
    ----------
    temperature, offsets
        Probabilities are the sigmoid of ``logits / temperature + offsets``, (labels,).
    limits
        ``call``, ``present`` and ``absent``, each of shape (labels,), as in the card.
    """

    temperature: float
    offsets: Floats
    limits: Mapping[str, Floats]

    def probabilities(self, logits: NDArray[np.floating]) -> Floats:
        """Calibrated probabilities of (n, labels)."""
        scaled = logits.astype(np.float64) / self.temperature + self.offsets
        probabilities: Floats = 1 / (1 + np.exp(-scaled))
        return probabilities

    def thresholds(self, labels: Sequence[str]) -> dict[str, float]:
        """The limits by the names they have in the card."""
        return {
            threshold_name(kind, label): round(float(value), 6)
            for kind, values in self.limits.items()
            for label, value in zip(labels, values, strict=True)
        }


def choose_decision(
    logits: NDArray[np.float32], labels: NDArray[np.float32]
) -> DiagnosisDecision:
    """Choose the decision on validation recordings; NaN labels do not count."""
    temperature, offsets = calibrate(logits.astype(np.float64), labels)
    uncut = DiagnosisDecision(temperature, offsets, {})
    probabilities = uncut.probabilities(logits)
    columns = [
        (truth[np.isfinite(truth)] == 1, given[np.isfinite(truth)])
        for truth, given in zip(labels.T, probabilities.T, strict=True)
    ]
    limits = {
        "call": np.array([best_f1_threshold(*column) for column in columns]),
        "present": np.array([least_of_most(given[truth]) for truth, given in columns]),
        "absent": np.array(
            [1 - least_of_most(1 - given[~truth]) for truth, given in columns]
        ),
    }
    return DiagnosisDecision(temperature, offsets, limits)


def calibrate(logits: Floats, labels: NDArray[np.float32]) -> tuple[float, Floats]:
    """One temperature and an offset a label, by penalised likelihood."""
    known = np.isfinite(labels)
    truth = np.nan_to_num(labels)

    def fitted(temperature: float) -> tuple[float, Floats]:
        offsets = np.zeros(logits.shape[1])
        scaled = logits / temperature
        for _ in range(_STEPS):
            given = 1 / (1 + np.exp(-(scaled + offsets)))
            slope = ((given - truth) * known).sum(axis=0) + 2 * _SHIFT_PENALTY * offsets
            curvature = (given * (1 - given) * known).sum(axis=0) + 2 * _SHIFT_PENALTY
            offsets -= np.clip(slope / curvature, -0.5, 0.5)
        score = scaled + offsets
        surprise = np.logaddexp(0, score) - truth * score
        loss = (surprise * known).sum() + _SHIFT_PENALTY * np.square(offsets).sum()
        return float(loss), offsets

    candidates = np.geomspace(0.5, 2.0, 25)
    best = min(candidates.tolist(), key=lambda t: fitted(t)[0])
    return float(best), fitted(best)[1]


def best_f1_threshold(truth: NDArray[np.bool_], probabilities: Floats) -> float:
    """Limit of the best F1; 0.5 without positives."""
    if not truth.any():
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + truth.sum())
    best = int(f1.argmax())
    last = probabilities[order[best]]
    after = probabilities[order[best + 1]] if best + 1 < len(order) else 0.0
    return float((last + after) / 2)


def least_of_most(probabilities: Floats) -> float:
    """The probability that nine tenths reach; 0 where too few are given to tell.

    Class-conditional split conformal prediction with training-conditional validity: with
    90 % confidence in the draw of those given, a tenth of others or fewer are below
    (Vovk 2012, arXiv 1209.2673, proposition 2). Plain quantiles of a few dozen recordings
    are as often too high as too low.
    """
    rank = tolerated(len(probabilities))
    return float(np.sort(probabilities)[rank - 1]) if rank else 0.0


def tolerated(n: int) -> int:
    """How many of `n` may be below: the greatest k of P(Binomial(n, 0.1) >= k) >= 0.9."""
    miss = 1 - COVERAGE
    below = 0.0
    for k in range(n + 1):
        draws = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        below += math.exp(draws + k * math.log(miss) + (n - k) * math.log1p(-miss))
        if below > 1 - CONFIDENCE:
            return k
    return n

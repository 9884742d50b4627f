"""Diagnoses against those of PTB-XL's readers: ranking, sets, abstention, subgroups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.diagnosis import SUPERCLASSES
from ecgsvc.evaluation.bootstrap import N_RESAMPLES, interval
from ecgsvc.evaluation.figures import (
    Cell,
    Estimate,
    Figures,
    Row,
    area_under_roc,
    pooled_share,
)

Floats = NDArray[np.float64]

ANSWERED = 0.8
"""Share of the recordings that the surest answers are of."""
_Z = 1.96
AGE_BANDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"below 50": (0, 50), "50 to 69": (50, 70), "70 and above": (70, 200)}
)


@dataclass(frozen=True, slots=True, eq=False)
class DiagnosisResults:
    """Answers to recordings whose diagnoses are known; row i of everything is one ECG.

    Parameters
    ----------
    label_names
        Superclasses first, then statements.
    labels
        Shape (n, labels): 1 present, 0 absent, NaN not known.
    probabilities
        Shape (n, labels).
    may_be_present, may_be_absent
        Shape (n, labels): the conformal sets.
    thresholds
        Shape (labels,): from which probability on a label is called.
    age_years
        Shape (n,), NaN not known.
    sexes
        ``female``, ``male`` or empty.
    size_known
        Shape (n,): whether the leads were in millivolts.
    """

    label_names: tuple[str, ...]
    labels: Floats
    probabilities: Floats
    may_be_present: NDArray[np.bool_]
    may_be_absent: NDArray[np.bool_]
    thresholds: Floats
    age_years: Floats
    sexes: tuple[str, ...]
    size_known: NDArray[np.bool_]

    def take(self, rows: NDArray[np.bool_]) -> "DiagnosisResults":
        """Some of the recordings."""
        return DiagnosisResults(
            self.label_names,
            self.labels[rows],
            self.probabilities[rows],
            self.may_be_present[rows],
            self.may_be_absent[rows],
            self.thresholds,
            self.age_years[rows],
            tuple(np.array(self.sexes)[rows].tolist()),
            self.size_known[rows],
        )


def macro_auc(labels: Floats, scores: Floats, seed: int = 0) -> Estimate:
    """Mean area under ROC of the superclasses; ends by drawing recordings.

    Recordings without a known superclass do not count.
    """
    n = len(SUPERCLASSES)
    known = np.isfinite(labels[:, :n]).all(axis=1)
    truth, given = labels[known, :n] == 1, scores[known, :n]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(N_RESAMPLES // 4):
        rows = rng.integers(len(truth), size=len(truth))
        drawn.append(_mean_auc(truth[rows], given[rows]))
    return Estimate(_mean_auc(truth, given), interval(np.array(drawn)))


def _mean_auc(truth: NDArray[np.bool_], scores: Floats) -> float:
    return float(np.mean([auc(t, s) for t, s in zip(truth.T, scores.T, strict=True)]))


def auc(is_positive: NDArray[np.bool_], scores: Floats) -> float:
    """How often a positive scores above a negative, ties half; NaN without either."""
    _, rank, count = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = (np.cumsum(count) - (count - 1) / 2)[rank]
    n_positive = int(is_positive.sum())
    n_negative = len(scores) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    above = mean_rank[is_positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * n_negative))


def diagnosis_figures(results: DiagnosisResults) -> tuple[Figures, ...]:
    """All tables of one evaluation."""
    n = len(SUPERCLASSES)
    return (
        _superclasses(results),
        _statements(results, n),
        _subgroups(results),
        _coverage(results, n),
        _abstention(results),
    )


def _superclasses(results: DiagnosisResults) -> Figures:
    rows: list[Row] = [
        _ranking(results, column, str(name)) for column, name in enumerate(SUPERCLASSES)
    ]
    positives = int(np.nansum(results.labels[:, : len(SUPERCLASSES)] == 1))
    macro: dict[str, Cell] = {
        "Label": "macro",
        "Known": int(np.isfinite(results.labels[:, 0]).sum()),
        "Positive": positives,
        "AUC": macro_auc(results.labels, results.probabilities),
    }
    return Figures("Superclasses", (*(_without_calls(row) for row in rows), macro))


def _without_calls(row: Row) -> Row:
    return {name: row[name] for name in ("Label", "Known", "Positive", "AUC")}


def _statements(results: DiagnosisResults, first: int) -> Figures:
    columns = [
        column
        for column in range(first, len(results.label_names))
        if (results.labels[:, column] == 1).any()
    ]
    rows = [_ranking(results, column, results.label_names[column]) for column in columns]
    return Figures("Statements", tuple(rows), "Of recordings whose statements are known.")


def _ranking(results: DiagnosisResults, column: int, name: str) -> Row:
    known = np.isfinite(results.labels[:, column])
    truth = results.labels[known, column] == 1
    scores = results.probabilities[known, column]
    called = scores >= results.thresholds[column]
    return {
        "Label": name,
        "Known": int(known.sum()),
        "Positive": int(truth.sum()),
        "AUC": area_under_roc(scores, truth),
        "Se": pooled_share((called & truth).astype(int), truth.astype(int)),
        "+P": pooled_share((called & truth).astype(int), called.astype(int)),
    }


def _subgroups(results: DiagnosisResults) -> Figures:
    ages = results.age_years
    groups: dict[str, NDArray[np.bool_]] = {
        "female": np.array([sex == "female" for sex in results.sexes]),
        "male": np.array([sex == "male" for sex in results.sexes]),
        **{name: (ages >= low) & (ages < high) for name, (low, high) in AGE_BANDS.items()},
        "age and sex not known": np.isnan(ages) & np.array([not s for s in results.sexes]),
        "in millivolts": results.size_known,
        "without amplitudes": ~results.size_known,
    }
    rows: list[Row] = []
    for name, inside in groups.items():
        if inside.any():
            part = results.take(inside)
            rows.append(
                {
                    "Group": name,
                    "n": int(inside.sum()),
                    "macro AUC": macro_auc(part.labels, part.probabilities),
                }
            )
    return Figures("Superclasses by subgroup", tuple(rows))


def _coverage(results: DiagnosisResults, n: int) -> Figures:
    rows: list[Row] = []
    for column in range(n):
        truth = results.labels[:, column]
        both = results.may_be_present[:, column] & results.may_be_absent[:, column]
        known = np.isfinite(truth)
        rows.append(
            {
                "Superclass": str(SUPERCLASSES[column]),
                "covered where present": wilson(results.may_be_present[truth == 1, column]),
                "covered where absent": wilson(results.may_be_absent[truth == 0, column]),
                "undetermined": pooled_share(both[known].astype(int), [1] * known.sum()),
            }
        )
    return Figures(
        "Sets asked to cover 90 %", tuple(rows), "In brackets Wilson's 95 % interval; "
        "undetermined: both answers are in the set.",
    )  # fmt: skip


def wilson(hits: NDArray[np.bool_]) -> Estimate:
    """Share of hits with Wilson's interval (1927)."""
    n = max(len(hits), 1)
    share = float(hits.sum() / n)
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Estimate(share, (float(centre - reach), float(centre + reach)))


def _abstention(results: DiagnosisResults) -> Figures:
    """Errors of all answers and of the surest, by superclass and of all together."""
    shape = (len(SUPERCLASSES), len(results.labels))
    answers, errors = np.zeros((2, *shape), np.int64), np.zeros((2, *shape), np.int64)
    for column in range(len(SUPERCLASSES)):
        known = np.flatnonzero(np.isfinite(results.labels[:, column]))
        wrong, surest = risk_at(
            results.labels[known, column] == 1,
            results.probabilities[known, column],
            float(results.thresholds[column]),
        )
        for number, kept in enumerate((np.arange(len(known)), surest)):
            answers[number, column, known[kept]] = 1
            errors[number, column, known[kept]] = wrong[kept]
    rows: list[Row] = [
        {
            "Superclass": str(name),
            "error of all": pooled_share(errors[0, column], answers[0, column]),
            "error of the surest 80 %": pooled_share(errors[1, column], answers[1, column]),
        }
        for column, name in enumerate(SUPERCLASSES)
    ]
    of_all, of_surest = map(pooled_share, errors.sum(axis=1), answers.sum(axis=1))
    together: Row = {
        "Superclass": "together",
        "error of all": of_all,
        "error of the surest 80 %": of_surest,
    }
    title = "Error when the least sure fifth is left out"
    return Figures(title, (*rows, together))


def risk_at(
    truth: NDArray[np.bool_], probabilities: Floats, threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which answers are errors (1), and the indices of those most probably right.

    A call at the threshold or above is right with the label's probability, the answer that
    it is absent with the rest: to leave out the least probable is optimal (Chow 1970, doi
    10.1109/TIT.1970.1054406).
    """
    called = probabilities >= threshold
    right = np.where(called, probabilities, 1 - probabilities)
    surest = np.argsort(-right, kind="stable")[: int(ANSWERED * len(truth))]
    return (called != truth).astype(np.int64), surest


def results_of(
    label_names: Sequence[str],
    labels: NDArray[np.float32],
    probabilities: Floats,
    limits: Mapping[str, Floats],
    *,
    age_years: Floats,
    sexes: Sequence[str],
    size_known: NDArray[np.bool_],
) -> DiagnosisResults:
    """Put results together; `limits` are the card's, by kind of threshold."""
    return DiagnosisResults(
        tuple(label_names),
        labels.astype(np.float64),
        probabilities,
        probabilities >= limits["present"],
        probabilities <= limits["absent"],
        limits["call"],
        age_years,
        tuple(sexes),
        size_known,
    )

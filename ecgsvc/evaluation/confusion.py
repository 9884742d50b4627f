"""Figures of beat classification made of confusion matrices."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass
from ecgsvc.evaluation.bootstrap import (
    N_RESAMPLES,
    Interval,
    interval,
    resample_totals,
)
from ecgsvc.evaluation.scores import JsonValue, number

Counts = NDArray[np.int64]
Figures = NDArray[np.float64]

N_CLASSES = len(BEAT_CLASSES)
NO_BEAT = N_CLASSES
"""Last row: detections where no beat is; last column: beats that were not detected."""
MATRIX_SHAPE = (N_CLASSES + 1, N_CLASSES + 1)

SCORED_CLASSES = tuple(range(4))
"""N, S, V, F; there are too few Q beats to score."""
_S, _V = BEAT_CLASSES.index(BeatClass.S), BEAT_CLASSES.index(BeatClass.V)


@dataclass(frozen=True, slots=True, eq=False)
class BeatFigures:
    """Figures of one confusion matrix, or of many: arrays have the matrices' leading shape.

    Parameters
    ----------
    sensitivity, positive_predictivity, f1
        Shape (…, 5), in the order of `BEAT_CLASSES`; NaN where undefined.
    macro_f1
        Mean F1 of N, S, V and F.
    accuracy
        Share of the annotated beats that got their class.
    kappa
        Cohen's kappa of the whole matrix.
    j
        Sum of sensitivity and positive predictivity of S and V, 0 to 4 (Mar et al. 2011,
        doi 10.1109/TBME.2011.2113395).
    j_kappa
        kappa / 2 + j / 8 (Mar et al. 2011; weights as in Mondéjar-Guerra et al. 2019,
        doi 10.1016/j.bspc.2018.08.007).
    """

    sensitivity: Figures
    positive_predictivity: Figures
    f1: Figures
    macro_f1: Figures
    accuracy: Figures
    kappa: Figures
    j: Figures
    j_kappa: Figures

    def flat(self) -> dict[str, Figures]:
        """Every figure by its name in the results: ``S.f1``, ``macro_f1`` …."""
        named: dict[str, Figures] = {}
        for i, beat_class in enumerate(BEAT_CLASSES):
            named[f"{beat_class}.sensitivity"] = self.sensitivity[..., i]
            named[f"{beat_class}.positive_predictivity"] = self.positive_predictivity[
                ..., i
            ]
            named[f"{beat_class}.f1"] = self.f1[..., i]
        named |= {
            "macro_f1": self.macro_f1,
            "accuracy": self.accuracy,
            "kappa": self.kappa,
            "j": self.j,
            "j_kappa": self.j_kappa,
        }
        return named


def beat_figures(confusion: Counts | Figures) -> BeatFigures:
    """Compute the figures of confusion matrices.

    Parameters
    ----------
    confusion
        Shape (…, 6, 6): rows are annotated, columns assigned classes in the order N, S, V,
        F, Q, no beat. A missed beat counts against its class's sensitivity, a false
        detection against the positive predictivity of the class it was given. EC57's
        pardons (F or Q beats called V) are not granted.
    """
    counts = confusion.astype(np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)[..., :N_CLASSES]
    annotated = counts.sum(axis=-1)
    assigned = counts.sum(axis=-2)
    beats, calls = annotated[..., :N_CLASSES], assigned[..., :N_CLASSES]
    sensitivity, predictivity = _divide(hits, beats), _divide(hits, calls)
    f1 = _divide(2 * hits, beats + calls)
    n = counts.sum(axis=(-2, -1))
    by_chance = _divide((annotated * assigned).sum(axis=-1), n**2)
    kappa = _divide(_divide(hits.sum(axis=-1), n) - by_chance, 1 - by_chance)
    j = np.asarray(
        sensitivity[..., _S]
        + sensitivity[..., _V]
        + predictivity[..., _S]
        + predictivity[..., _V]
    )
    return BeatFigures(
        sensitivity=sensitivity,
        positive_predictivity=predictivity,
        f1=f1,
        macro_f1=f1[..., SCORED_CLASSES].mean(axis=-1),
        accuracy=_divide(hits.sum(axis=-1), beats.sum(axis=-1)),
        kappa=kappa,
        j=j,
        j_kappa=np.asarray(kappa / 2 + j / 8),
    )


def figures_to_json(figures: BeatFigures) -> dict[str, JsonValue]:
    """Figures of a single matrix by name."""
    return {name: number(float(value)) for name, value in figures.flat().items()}


def bootstrap_intervals(
    confusions: Counts, *, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> dict[str, Interval]:
    """95 % intervals of gross figures by name; `confusions` is (n_records, 6, 6)."""
    resampled = resample_totals(confusions, n_resamples=n_resamples, seed=seed)
    return {
        name: interval(values) for name, values in beat_figures(resampled).flat().items()
    }


def _divide(part: Figures, whole: Figures) -> Figures:
    """Divide; NaN where there is nothing to divide by."""
    undefined = np.full(np.broadcast_shapes(part.shape, whole.shape), math.nan)
    quotient: Figures = np.divide(part, whole, out=undefined, where=np.asarray(whole != 0))
    return quotient

"""How well the rhythm is named: the figures of PhysioNet/CinC 2017, and of abstention."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.rhythm import RHYTHM_CLASSES, RhythmCall, RhythmClass
from ecgsvc.domain.waveform import Waveform
from ecgsvc.evaluation.bootstrap import Interval, interval, resample_totals
from ecgsvc.evaluation.references import OnRecord
from ecgsvc.evaluation.rhythm_references import read_reference_rhythms
from ecgsvc.evaluation.scores import mean

N_CLASSES = len(RHYTHM_CLASSES)
SCORED = tuple(RHYTHM_CLASSES.index(c) for c in RhythmClass if c is not RhythmClass.NOISE)
"""N, A, O: the challenge's mean is over them."""
KEPT_SHARE = 0.8
"""Of the recordings, for the error that is left when the least sure are set aside."""
_NOISE = RHYTHM_CLASSES.index(RhythmClass.NOISE)

Classify: TypeAlias = Callable[[Waveform], RhythmCall]


@dataclass(frozen=True, slots=True, eq=False)
class RhythmResults:
    """What was said of each recording.

    Parameters
    ----------
    labels
        Shape (n,), indices into `RHYTHM_CLASSES`.
    probabilities
        Shape (n, 4). A recording without any window counts as called noise.
    conformal_sets
        Shape (n, 4) bool: which classes could not be ruled out.
    outliers
        Shape (n,) bool: called unlike the training recordings.
    seed
        Of the bootstrap.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    conformal_sets: NDArray[np.bool_]
    outliers: NDArray[np.bool_]
    seed: int = 0

    @property
    def called(self) -> NDArray[np.int64]:
        """The most probable class of each recording."""
        called: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return called

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Shape (4, 4), reference by called class."""
        total: NDArray[np.int64] = _confusions(self.labels, self.called).sum(axis=0)
        return total

    def figures(self) -> dict[str, float]:
        """F1 of each class, their mean over N, A, O and over all four, accuracy."""
        return {k: float(v) for k, v in rhythm_figures(self.confusion).items()}

    def intervals(self) -> dict[str, Interval]:
        """95 % intervals of `figures` by bootstrap over recordings."""
        counts = _confusions(self.labels, self.called).reshape(len(self.labels), -1)
        totals = resample_totals(counts, seed=self.seed)
        resampled = rhythm_figures(totals.reshape(-1, N_CLASSES, N_CLASSES))
        return {name: interval(values) for name, values in resampled.items()}

    def coverage(self) -> dict[RhythmClass, tuple[int, int]]:
        """Of each class: recordings whose set holds their class, and all of them."""
        return {
            name: (
                int(self.conformal_sets[self.labels == i, i].sum()),
                int((self.labels == i).sum()),
            )
            for i, name in enumerate(RHYTHM_CLASSES)
        }

    def abstention(self) -> dict[str, float]:
        """Figures of setting recordings aside.

        ``error`` is of all recordings, ``error_at_80`` of the 80 % with the highest
        probability of the called class, ``determined`` the share with a single class other
        than noise and no outlier, ``error_determined`` the error among these, ``set_size``
        the mean number of classes left.
        """
        wrong = self.called != self.labels
        surest = np.argsort(-self.probabilities.max(axis=1), kind="stable")
        kept = surest[: round(KEPT_SHARE * len(surest))]
        single = (self.conformal_sets.sum(axis=1) == 1) & ~self.conformal_sets[:, _NOISE]
        determined = single & ~self.outliers
        answer = self.conformal_sets.argmax(axis=1)
        return {
            "error": float(wrong.mean()),
            "error_at_80": float(wrong[kept].mean()),
            "determined": float(determined.mean()),
            "error_determined": mean((answer != self.labels)[determined].tolist()),
            "set_size": float(self.conformal_sets.sum(axis=1).mean()),
            "called_outlier": float(self.outliers.mean()),
        }

    def to_json(self) -> dict[str, object]:
        """Everything, with the protocol, as plain JSON values."""
        return {
            "task": "rhythm",
            "protocol": {
                "rule": "F1 of N, A, O, ~ as in the PhysioNet/CinC Challenge 2017",
                "interval": "95 %, bootstrap over recordings",
                "seed": self.seed,
            },
            "classes": list(RHYTHM_CLASSES),
            "recordings": len(self.labels),
            "confusion": self.confusion.tolist(),
            "figures": self.figures(),
            "intervals": self.intervals(),
            "coverage": {name: list(counts) for name, counts in self.coverage().items()},
            "abstention": self.abstention(),
        }


def rhythm_figures(
    confusion: NDArray[np.int64] | NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    """Figures of confusion matrices, shape (…, 4, 4), reference by called class."""
    counts = confusion.astype(np.float64)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    both = counts.sum(axis=-1) + counts.sum(axis=-2)
    f1 = np.divide(2 * hits, both, out=np.full_like(both, np.nan), where=both > 0)
    figures = {f"f1_{name}": f1[..., i] for i, name in enumerate(RHYTHM_CLASSES)}
    return figures | {
        "f1_mean_NAO": f1[..., SCORED].mean(axis=-1),
        "f1_mean": f1.mean(axis=-1),
        "accuracy": hits.sum(axis=-1) / counts.sum(axis=(-2, -1)),
    }


def evaluate_rhythm(
    folder: Path,
    classify: Classify,
    *,
    seed: int = 0,
    on_record: OnRecord | None = None,
) -> RhythmResults:
    """Name the rhythm of every recording of a folder in the layout of CinC 2017.

    Recordings are called as a whole: the mean over the windows of a long one.

    Raises
    ------
    UnreadableRecording
        There is no reference, or a recording is damaged.
    """
    references = read_reference_rhythms(folder)
    probabilities, sets, outliers = [], [], []
    for n_done, reference in enumerate(references, start=1):
        call = classify(reference.read())
        probabilities.append(_mean_probabilities(call))
        sets.append(_common_set(call))
        outliers.append(any(window.out_of_distribution for window in call.windows))
        if on_record is not None:
            on_record(reference.path.name, n_done, len(references))
    return RhythmResults(
        np.array([reference.label for reference in references], dtype=np.int64),
        np.array(probabilities),
        np.array(sets, dtype=np.bool_),
        np.array(outliers, dtype=np.bool_),
        seed,
    )


def _mean_probabilities(call: RhythmCall) -> list[float]:
    if not call.windows:
        return [float(name is RhythmClass.NOISE) for name in RHYTHM_CLASSES]
    return [
        float(np.mean([window.probabilities[name] for window in call.windows]))
        for name in RHYTHM_CLASSES
    ]


def _common_set(call: RhythmCall) -> list[bool]:
    """Classes some window could not rule out; noise when there is no window."""
    if not call.windows:
        return [name is RhythmClass.NOISE for name in RHYTHM_CLASSES]
    return [
        any(name in window.conformal_set for window in call.windows)
        for name in RHYTHM_CLASSES
    ]


def _confusions(labels: NDArray[np.int64], called: NDArray[np.int64]) -> NDArray[np.int64]:
    """Confusion matrix of each recording, shape (n, 4, 4)."""
    confusions = np.zeros((len(labels), N_CLASSES, N_CLASSES), np.int64)
    confusions[np.arange(len(labels)), labels, called] = 1
    return confusions

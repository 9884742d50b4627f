"""Answers to beats or recordings that a model's networks had not seen, kept as numbers.

Training leaves them beside its checkpoints, so that curves can be drawn without it:
``record`` (n,) names, ``labels`` (n,) indices and ``probabilities`` (n, classes).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.rhythm import RHYTHM_CLASSES

Floats = NDArray[np.float64]

_CLASSES = {len(c): tuple(map(str, c)) for c in (BEAT_CLASSES, RHYTHM_CLASSES)}


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutAnswers:
    """Held-out probabilities of beats (five classes) or of rhythm (four).

    Parameters
    ----------
    records
        Shape (n,): the record of each answer.
    labels
        Shape (n,): index of the right class.
    probabilities
        Shape (n, classes).
    """

    records: NDArray[np.str_]
    labels: NDArray[np.int64]
    probabilities: Floats

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return _CLASSES[self.probabilities.shape[1]]

    @property
    def of_beats(self) -> bool:
        """Answers to beats; otherwise to recordings, one each."""
        return len(self.classes) == len(BEAT_CLASSES)

    @property
    def called(self) -> NDArray[np.int64]:
        """Index of the most probable class of each."""
        called: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return called

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Right class by called class."""
        n = len(self.classes)
        counts: NDArray[np.int64] = np.bincount(
            self.labels * n + self.called, minlength=n * n
        ).reshape(n, n)
        return counts


def save_held_out(
    path: Path, records: Sequence[str], labels: NDArray[np.int64], probabilities: Floats
) -> None:
    """Keep answers in a file."""
    np.savez_compressed(
        path,
        record=np.array(records),
        labels=labels,
        probabilities=probabilities.astype(np.float32),
    )


def read_held_out(path: Path) -> HeldOutAnswers:
    """Read answers that training kept.

    Raises
    ------
    UnreadableRecording
        The file does not hold them.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            answers = HeldOutAnswers(
                held["record"].astype(np.str_),
                held["labels"].astype(np.int64),
                held["probabilities"].astype(np.float64),
            )
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        msg = f"{path.name} holds no held-out answers"
        raise UnreadableRecording(msg) from error
    if answers.probabilities.ndim != 2 or answers.probabilities.shape[1] not in _CLASSES:
        msg = f"{path.name} has another number of classes than beats or rhythm"
        raise UnreadableRecording(msg)
    return answers


def roc_curve(scores: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """False and true positive rate at every distinct limit, from (0, 0) to (1, 1)."""
    order = np.argsort(-scores, kind="stable")
    last_of_a_score = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    hits = np.cumsum(positive[order])[last_of_a_score]
    false = 1 + last_of_a_score - hits
    rates = [
        np.concatenate([[0.0], counts / max(counts[-1], 1)]) for counts in (false, hits)
    ]
    return rates[0], rates[1]


def area_under(false_rate: Floats, true_rate: Floats) -> float:
    """Area under a curve of `roc_curve`."""
    return float(np.trapezoid(true_rate, false_rate))


def risk_coverage(answers: HeldOutAnswers) -> tuple[Floats, Floats]:
    """Share that is answered, surest first, and the error among these; shape (n,) each."""
    surest = np.argsort(-answers.probabilities.max(axis=1), kind="stable")
    wrong = np.cumsum((answers.called != answers.labels)[surest])
    answered = np.arange(1, len(surest) + 1)
    return answered / len(surest), wrong / answered

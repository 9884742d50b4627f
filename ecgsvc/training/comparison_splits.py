"""How the comparison splits MIT-BIH: by beats, as the literature does, and by patients."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from ecgsvc.evaluation.references import DS1, DS2
from ecgsvc.inference.beat_features import BeatInputs
from ecgsvc.training.datasets import BeatSequence, prepare_sequences
from ecgsvc.training.splits import folds

Split: TypeAlias = Literal["random", "inter-patient"]

_TRAIN_SHARE, _VALIDATION_SHARE = 0.7, 0.1  # of the beats of a random split
_SPLIT_SEED = 0  # the same beats are tested whatever the seed of the fit


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Beats of a sequence that count; the network sees the others as neighbours."""

    sequence: BeatSequence
    counts: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Parts:
    """What trains, what validates, what tests."""

    train: list[BeatSequence]
    validation: list[Part]
    test: list[Part]


def prepare_records(mitdb: Path, shown: Progress) -> list[BeatSequence]:
    """Read DS1 and DS2 of the MIT-BIH Arrhythmia Database: whole records."""
    task = shown.add_task("preparing beats", total=len(DS1) + len(DS2))
    return prepare_sequences(
        mitdb, DS1 + DS2, 0, lambda _: shown.advance(task), pieces=False
    )


def split_parts(split: Split, sequences: Sequence[BeatSequence]) -> Parts:
    """Split whole records.

    ``inter-patient``: two of three parts of DS1 train, the third validates, DS2 tests.
    ``random``: beats of all records are drawn 70 : 10 : 20, the same whatever the seed
    of a fit. Neighbours of a beat may be of another part: their signal is seen, not their
    class.
    """
    if split == "random":
        return _random_parts(sequences)
    *_, last = folds("a")
    return Parts(
        train=[s for s in sequences if s.record in DS1 and s.record not in last],
        validation=[Part(s, s.inputs.readable) for s in sequences if s.record in last],
        test=[Part(s, s.inputs.readable) for s in sequences if s.record in DS2],
    )


def _random_parts(sequences: Sequence[BeatSequence]) -> Parts:
    rng = np.random.default_rng(_SPLIT_SEED)
    parts = Parts([], [], [])
    for sequence in sequences:
        draw, readable = rng.random(len(sequence.labels)), sequence.inputs.readable
        trains, tests = draw < _TRAIN_SHARE, draw >= _TRAIN_SHARE + _VALIDATION_SHARE
        inputs = replace(sequence.inputs, readable=readable & trains)
        parts.train.append(replace(sequence, inputs=inputs))
        parts.validation.append(Part(sequence, readable & ~trains & ~tests))
        parts.test.append(Part(sequence, readable & tests))
    return parts


def without_neighbours(parts: Parts) -> Parts:
    """The same beats alone, for networks that see no neighbours: nothing else changes."""
    return Parts(
        train=[_only(s, s.inputs.readable) for s in parts.train],
        validation=[_counted(part) for part in parts.validation],
        test=[_counted(part) for part in parts.test],
    )


def _counted(part: Part) -> Part:
    alone = _only(part.sequence, part.counts)
    return Part(alone, np.ones(len(alone.labels), np.bool_))


def _only(sequence: BeatSequence, beats: NDArray[np.bool_]) -> BeatSequence:
    inputs = sequence.inputs
    chosen = BeatInputs(
        inputs.windows[beats],
        inputs.shapes[beats],
        inputs.rhythm[beats],
        inputs.kinds[beats],
        np.ones(int(beats.sum()), np.bool_),
    )
    return replace(sequence, inputs=chosen, labels=sequence.labels[beats])

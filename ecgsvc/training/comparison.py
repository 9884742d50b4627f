"""Every architecture of the literature under one protocol, on both ways to split.

Split by beats, the same patient is in training and test: the figures are inflated, and
stand here because the literature's do. Split by patients, they are what to expect.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from torch import nn

from ecgsvc.evaluation.confusion import MATRIX_SHAPE, Counts, beat_figures
from ecgsvc.evaluation.references import DS1, DS2
from ecgsvc.training.batches import Augmentation
from ecgsvc.training.datasets import BeatSequence, prepare_sequences
from ecgsvc.training.fit import FitPlan, fit, network_logits
from ecgsvc.training.losses import LossName
from ecgsvc.training.networks import BEAT_NETWORKS
from ecgsvc.training.splits import folds

Split: TypeAlias = Literal["random", "inter-patient"]

_TRAIN_SHARE, _VALIDATION_SHARE = 0.7, 0.1  # of the beats of a random split
_SPLIT_SEED = 0  # the same beats are tested whatever the seed of the fit


@dataclass(frozen=True, slots=True)
class Cell:
    """One network of the comparison: how it is made and split."""

    model: str
    loss: LossName
    augmentation: Augmentation
    split: Split
    seed: int

    @property
    def name(self) -> str:
        """Name of its files."""
        return "_".join(str(part) for part in asdict(self).values())


@dataclass(frozen=True, slots=True, eq=False)
class CellResult:
    """What became of a cell.

    Parameters
    ----------
    epochs
        How many were fitted, of which the best on validation was kept.
    validation_macro_f1
        On the beats (random) or patients of DS1 (inter-patient) kept for it.
    labels, probabilities
        Of the test beats, shape (n,) and (n, 5).
    """

    cell: Cell
    epochs: int
    validation_macro_f1: float
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    @property
    def confusion(self) -> Counts:
        """Test beats, shape (6, 6)."""
        return _confusion(self.labels, self.probabilities)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Beats of a sequence that count; the network sees the others as neighbours."""

    sequence: BeatSequence
    counts: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Parts:
    train: list[BeatSequence]
    validation: list[_Part]
    test: list[_Part]


def compare_beats(
    mitdb: Path,
    output_dir: Path,
    cells: Sequence[Cell],
    *,
    epochs: int,
    threads: int = 1,
    progress: Progress | None = None,
) -> list[CellResult]:
    """Fit and test every cell; one that was finished before is read, not made again.

    Parameters
    ----------
    mitdb
        Folder of the MIT-BIH Arrhythmia Database.
    output_dir
        Gets checkpoints and curves, and ``CELL.npz`` with the answers to the test beats.
    cells
        What to fit. Inter-patient: two of three parts of DS1 train, the third validates,
        DS2 tests. Random: beats of DS1 and DS2 drawn 70 : 10 : 20.
    epochs
        At most; early stopping on the macro F1 of the validation beats.
    threads
        Of PyTorch.
    progress
        Where to show how far it is.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    shown = progress or Progress(disable=True)
    results = []
    for split in dict.fromkeys(cell.split for cell in cells):
        wanted = [cell for cell in cells if cell.split == split]
        missing = [c for c in wanted if not _answers_file(output_dir, c).exists()]
        parts = _split_parts(split, _prepare(mitdb, shown)) if missing else None
        for cell in wanted:
            if parts is not None and cell in missing:
                _save(output_dir, _fit_cell(cell, parts, output_dir, epochs, shown))
            results.append(_load(output_dir, cell))
    return results


def top2_weighted(results: Sequence[CellResult]) -> Counts:
    """Confusion of the two best on validation, weighted by their macro F1 there."""
    best = sorted(results, key=lambda result: -result.validation_macro_f1)[:2]
    weighted = sum(r.validation_macro_f1 * r.probabilities for r in best)
    return _confusion(best[0].labels, np.asarray(weighted))


def _prepare(mitdb: Path, shown: Progress) -> list[BeatSequence]:
    task = shown.add_task("preparing beats", total=len(DS1) + len(DS2))
    return prepare_sequences(mitdb, DS1 + DS2, 0, lambda _: shown.advance(task))


def _split_parts(split: Split, sequences: Sequence[BeatSequence]) -> _Parts:
    whole = [s for s in sequences if s.kind == "record"]
    if split == "random":
        return _random_parts(whole)
    *_, last = folds("a")
    return _Parts(
        train=[s for s in sequences if s.record in DS1 and s.record not in last],
        validation=[_Part(s, s.inputs.readable) for s in whole if s.record in last],
        test=[_Part(s, s.inputs.readable) for s in whole if s.record in DS2],
    )


def _random_parts(whole: Sequence[BeatSequence]) -> _Parts:
    rng = np.random.default_rng(_SPLIT_SEED)
    parts = _Parts([], [], [])
    for sequence in whole:
        draw, readable = rng.random(len(sequence.labels)), sequence.inputs.readable
        trains, tests = draw < _TRAIN_SHARE, draw >= _TRAIN_SHARE + _VALIDATION_SHARE
        inputs = replace(sequence.inputs, readable=readable & trains)
        parts.train.append(replace(sequence, inputs=inputs))
        parts.validation.append(_Part(sequence, readable & ~trains & ~tests))
        parts.test.append(_Part(sequence, readable & tests))
    return parts


def _fit_cell(
    cell: Cell, parts: _Parts, output_dir: Path, epochs: int, shown: Progress
) -> CellResult:
    task = shown.add_task(cell.name, total=epochs)
    torch.manual_seed(cell.seed)
    n_done = 0

    def on_epoch(n: int) -> None:
        nonlocal n_done
        n_done = n
        shown.update(task, completed=n)

    def score(network: nn.Module) -> float:
        labels, probabilities = _answers(network, parts.validation)
        return _macro_f1(_confusion(labels, probabilities))

    plan = FitPlan(epochs, cell.seed, output_dir, True, cell.loss, cell.augmentation)
    network = BEAT_NETWORKS[cell.model]()
    fitted = fit(network, parts.train, plan, cell.name, on_epoch, score)
    return CellResult(cell, n_done, score(fitted), *_answers(fitted, parts.test))


def _answers(
    network: nn.Module, parts: Sequence[_Part]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    labels = np.concatenate([part.sequence.labels[part.counts] for part in parts])
    logits = np.concatenate(
        [network_logits(network, part.sequence.inputs)[part.counts] for part in parts]
    )
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return labels, odds / odds.sum(axis=1, keepdims=True)


def _confusion(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> Counts:
    counts = np.zeros(MATRIX_SHAPE, dtype=np.int64)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    return counts


def _macro_f1(confusion: Counts) -> float:
    return float(np.nan_to_num(beat_figures(confusion).f1[:4]).mean())


def _answers_file(output_dir: Path, cell: Cell) -> Path:
    return output_dir / f"{cell.name}.npz"


def _save(output_dir: Path, result: CellResult) -> None:
    about = {"epochs": result.epochs, "validation_macro_f1": result.validation_macro_f1}
    partial = output_dir / f"{result.cell.name}.partial.npz"
    np.savez_compressed(
        partial,
        about=json.dumps(about),
        labels=result.labels,
        probabilities=result.probabilities,
    )
    partial.replace(_answers_file(output_dir, result.cell))


def _load(output_dir: Path, cell: Cell) -> CellResult:
    with np.load(_answers_file(output_dir, cell)) as held:
        about = json.loads(str(held["about"]))
        return CellResult(
            cell, labels=held["labels"], probabilities=held["probabilities"], **about
        )


def all_cells(
    models: Sequence[str],
    losses: Sequence[LossName],
    augmentations: Sequence[Augmentation],
    splits: Sequence[Split],
    seeds: Sequence[int],
) -> Iterator[Cell]:
    """Every combination, seed by seed, so that an unfinished table has whole rounds."""
    for seed in seeds:
        for split in splits:
            for model in models:
                for loss in losses:
                    for augmentation in augmentations:
                        yield Cell(model, loss, augmentation, split, seed)

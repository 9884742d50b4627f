"""Every architecture of the literature under one protocol, on both ways to split.

Split by beats, the same patient is in training and test: the figures are inflated, and
stand here because the literature's do. Split by patients, they are what to expect.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from torch import nn

from ecgsvc.evaluation.confusion import MATRIX_SHAPE, Counts, beat_figures
from ecgsvc.training.batches import Augmentation
from ecgsvc.training.beat_gan import (
    GAN_STEPS,
    Generator,
    RareBeats,
    load_or_fit_generator,
    rare_beats,
)
from ecgsvc.training.comparison_splits import (
    Part,
    Parts,
    Split,
    prepare_records,
    split_parts,
    without_neighbours,
)
from ecgsvc.training.datasets import BeatSequence
from ecgsvc.training.fit import FitPlan, fit, network_logits
from ecgsvc.training.generated_beats import N_STRETCHES, generated_sequences
from ecgsvc.training.losses import LossName, equal_weights
from ecgsvc.training.networks import BEAT_NETWORKS

_Answers: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32]]

EPOCHS: Mapping[Split, int] = MappingProxyType({"random": 8, "inter-patient": 12})
"""Until the score of a first network on validation was flat. Two thirds of DS1 are fewer
beats an epoch than seven tenths of DS1 and DS2."""

_VALIDATE_EVERY = 3  # epochs
_MAX_LEARNING_RATE = 4e-3
_DROPOUT = 0.2  # few epochs: less than that of the shipped model


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


def compare_beats(
    mitdb: Path,
    output_dir: Path,
    cells: Sequence[Cell],
    *,
    epochs: int | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> list[CellResult]:
    """Fit and test every cell; one that was finished before is read, not made again.

    Whole records with the annotated positions, both leads, every beat of equal weight.

    Parameters
    ----------
    mitdb
        Folder of the MIT-BIH Arrhythmia Database.
    output_dir
        Gets checkpoints and curves, generators of the augmentation ``gan``, and
        ``CELL.npz`` with the answers to the test beats.
    cells
        What to fit. Inter-patient: two of three parts of DS1 train, the third validates,
        DS2 tests. Random: beats of DS1 and DS2 drawn 70 : 10 : 20.
    epochs
        How many, `EPOCHS` when not given. Inter-patient the best of those scored on the
        patients who validate, every third, is kept.
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
        parts = split_parts(split, prepare_records(mitdb, shown)) if missing else None
        for cell in wanted:
            if parts is not None and cell in missing:
                n_epochs = epochs or EPOCHS[split]
                _save(output_dir, _fit_cell(cell, parts, output_dir, n_epochs, shown))
            results.append(_load(output_dir, cell))
    return results


def split_generator(
    mitdb: Path,
    output_dir: Path,
    split: Split,
    seed: int,
    *,
    threads: int = 1,
    progress: Progress | None = None,
) -> tuple[Generator, RareBeats]:
    """Generator of the augmentation ``gan``, and the training beats it was fitted to.

    One that was fitted before for the cells of this split and seed is read. No validation
    or test beat is among those given.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    shown = progress or Progress(disable=True)
    real = rare_beats(split_parts(split, prepare_records(mitdb, shown)).train)
    return _generator(split, seed, real, output_dir, shown), real


def top2_weighted(results: Sequence[CellResult]) -> Counts:
    """Confusion of the two best on validation, weighted by their macro F1 there."""
    best = sorted(results, key=lambda result: -result.validation_macro_f1)[:2]
    weighted = sum(r.validation_macro_f1 * r.probabilities for r in best)
    return _confusion(best[0].labels, np.asarray(weighted))


def _fit_cell(
    cell: Cell, parts: Parts, output_dir: Path, epochs: int, shown: Progress
) -> CellResult:
    task = shown.add_task(cell.name, total=epochs)
    n_done = 0

    def on_epoch(n: int) -> None:
        nonlocal n_done
        n_done = n
        shown.update(task, completed=n)

    def score(network: nn.Module) -> float:
        (answers,) = _answers(network, parts.validation)
        return _macro_f1(_confusion(*answers))

    network_type = BEAT_NETWORKS[cell.model]
    made: list[BeatSequence] = []
    if cell.augmentation == "gan":
        made = _generated(cell, parts.train, output_dir, shown)
    if not network_type.sees_neighbours:
        parts = without_neighbours(parts)
    train = parts.train + made
    # Split by beats there is nothing to stop for: every patient is in training.
    judge = score if cell.split == "inter-patient" else None
    torch.manual_seed(cell.seed)
    network, weights = network_type(_DROPOUT), equal_weights(train)
    plan = _plan(cell, epochs, output_dir)
    fitted = fit(network, train, plan, cell.name, on_epoch, judge, weights)
    validation, test = _answers(fitted, parts.validation, parts.test)
    return CellResult(cell, n_done, _macro_f1(_confusion(*validation)), *test)


def _plan(cell: Cell, epochs: int, output_dir: Path) -> FitPlan:
    return FitPlan(
        epochs,
        cell.seed,
        output_dir,
        resume=True,
        loss=cell.loss,
        augmentation=cell.augmentation,
        one_lead_share=0.0,
        validate_every=_VALIDATE_EVERY,
        max_learning_rate=_MAX_LEARNING_RATE,
    )


def _generated(
    cell: Cell, train: Sequence[BeatSequence], output_dir: Path, shown: Progress
) -> list[BeatSequence]:
    real = rare_beats(train)
    generator = _generator(cell.split, cell.seed, real, output_dir, shown)
    return generated_sequences(generator, train, N_STRETCHES, cell.seed)


def _generator(
    split: Split, seed: int, real: RareBeats, output_dir: Path, shown: Progress
) -> Generator:
    task = shown.add_task(f"gan of {split}", total=GAN_STEPS)
    checkpoint = output_dir / f"gan_{split}_{seed}.pt"
    return load_or_fit_generator(
        checkpoint, real, seed, lambda step: shown.update(task, completed=step)
    )


def _answers(network: nn.Module, *wanted: Sequence[Part]) -> list[_Answers]:
    """Labels and probabilities of the beats of each group of parts.

    A sequence is read once, also when several groups have beats of it.
    """
    sequences = {id(part.sequence): part.sequence for group in wanted for part in group}
    logits = {key: network_logits(network, s.inputs) for key, s in sequences.items()}
    answers = []
    for group in wanted:
        labels = np.concatenate([part.sequence.labels[part.counts] for part in group])
        of_beats = [logits[id(part.sequence)][part.counts] for part in group]
        scores = torch.from_numpy(np.concatenate(of_beats))
        answers.append((labels, torch.softmax(scores, dim=1).numpy()))
    return answers


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

"""What a wrong answer costs."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.training.batches import IGNORED, Weights
from ecgsvc.training.datasets import BeatSequence

LossName: TypeAlias = Literal["focal", "cross-entropy"]

_FOCUS = 2.0  # gamma of Lin et al. 2017, arXiv 1708.02002
_EFFECTIVE_NUMBER = 0.99  # beta of Cui et al. 2019, arXiv 1901.05555


def beat_weights(sequences: Sequence[BeatSequence]) -> Weights:
    """Weights of the beats of each record, one for each class, 1 on average.

    Beats of one class of one patient resemble each other: n of them count as the effective
    number (1 - beta^n) / (1 - beta), at most 100. Classes then share the loss in proportion
    to the square root of the effective number of their beats, over all patients.
    """
    counts = {
        s.record: np.bincount(s.labels, minlength=len(BEAT_CLASSES))
        for s in sequences
        if s.kind != "piece"
    }
    n_beats = np.stack(list(counts.values()))
    effective = (1 - _EFFECTIVE_NUMBER**n_beats) / (1 - _EFFECTIVE_NUMBER)
    weights = effective / n_beats.clip(1) / np.sqrt(effective.sum(axis=0).clip(1))
    weights *= n_beats.sum() / (weights * n_beats).sum()
    return dict(zip(counts, weights.astype(np.float32), strict=True))


def equal_weights(sequences: Sequence[BeatSequence]) -> Weights:
    """Weights of 1 for every beat of every record, as in most of the literature."""
    return {s.record: np.ones(len(BEAT_CLASSES), np.float32) for s in sequences}


def focal_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted focal loss over the beats that have a label."""
    known = labels != IGNORED
    surprise = functional.cross_entropy(logits[known], labels[known], reduction="none")
    return (weights[known] * (1 - torch.exp(-surprise)) ** _FOCUS * surprise).mean()


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy over the beats that have a label."""
    known = labels != IGNORED
    surprise = functional.cross_entropy(logits[known], labels[known], reduction="none")
    return (weights[known] * surprise).mean()


LOSSES: Mapping[LossName, Callable[[Tensor, Tensor, Tensor], Tensor]] = MappingProxyType(
    {"focal": focal_loss, "cross-entropy": cross_entropy}
)
"""Loss functions by the name `ecgsvc train beats --loss` takes."""

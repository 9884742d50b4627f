"""Fitting one network: optimiser, loss, moving average, checkpoints."""

import json
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.inference.beat_chunks import chunked_logits
from ecgsvc.inference.beat_features import BeatInputs
from ecgsvc.training.batches import IGNORED, Chunk, Weights, augment, collate, epoch_batches
from ecgsvc.training.datasets import BeatSequence
from ecgsvc.training.networks import CnnLstmAttention

_MAX_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 5e-2
_MAX_NORM = 1.0
_EMA_DECAY = 0.995
_FOCUS = 2.0  # gamma of Lin et al. 2017, arXiv 1708.02002
_EFFECTIVE_NUMBER = 0.99  # beta of Cui et al. 2019, arXiv 1901.05555

Curve = list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class FitPlan:
    """How long, from which seed, and where the checkpoint lies (``NAME.pt``)."""

    epochs: int
    seed: int
    checkpoint: Path
    resume: bool = False


def fit(
    network: CnnLstmAttention,
    sequences: Sequence[BeatSequence],
    plan: FitPlan,
    on_epoch: Callable[[int], None] = lambda _: None,
) -> CnnLstmAttention:
    """Fit a network and return the moving average of its weights.

    Every epoch draws from generators seeded by (seed, epoch), so that a resumed run makes
    the weights an unbroken one makes. The curve is written beside the checkpoint, and
    `on_epoch` hears how many epochs are done.
    """
    standardise(network, sequences)
    average = deepcopy(network).eval()
    weights = beat_weights(sequences)
    n_steps = sum(len(_draw(sequences, plan, epoch)) for epoch in range(plan.epochs))
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _MAX_LEARNING_RATE, total_steps=n_steps
    )
    state = {"network": network, "average": average, "optimiser": optimiser, "lr": schedule}
    curve = _restore(plan, state)
    for epoch in range(len(curve), plan.epochs):
        started = time.monotonic()
        torch.manual_seed(plan.seed * 1000 + epoch)
        rng = torch.Generator().manual_seed(plan.seed * 1000 + epoch)
        network.train()
        losses = []
        for chunks in _draw(sequences, plan, epoch):
            batch = augment(collate(chunks, weights), rng)
            logits = network(batch.windows, batch.features, batch.lengths)
            loss = focal_loss(logits, batch.labels, batch.weights)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation
            nn.utils.clip_grad_norm_(network.parameters(), _MAX_NORM)
            optimiser.step()
            schedule.step()
            _move_average(average, network, schedule.last_epoch)
            losses.append(loss.item())
        row = {"epoch": epoch + 1, "loss": float(np.mean(losses))}
        row["seconds"] = round(time.monotonic() - started, 1)
        curve.append(row)
        _save(plan, state, curve)
        on_epoch(len(curve))
    return average


def _draw(
    sequences: Sequence[BeatSequence], plan: FitPlan, epoch: int
) -> list[list[Chunk]]:
    return epoch_batches(sequences, np.random.default_rng([plan.seed, epoch]))


def standardise(network: CnnLstmAttention, sequences: Sequence[BeatSequence]) -> None:
    """Set the feature scaler from the readable beats of the training sequences."""
    readable = [s.inputs.features[s.inputs.readable] for s in sequences]
    features = torch.from_numpy(np.concatenate(readable))
    network.feature_mean.copy_(features.mean(dim=0))
    network.feature_std.copy_(features.std(dim=0).clamp_min(1e-3))


def beat_weights(sequences: Sequence[BeatSequence]) -> Weights:
    """Weights of the beats of each record, one for each class, 1 on average.

    Beats of one class of one patient resemble each other: n of them count as the effective
    number (1 - beta^n) / (1 - beta), at most 100. Classes then share the loss in proportion
    to the square root of the effective number of their beats, over all patients.
    """
    counts = {
        s.record: np.bincount(s.labels, minlength=len(BEAT_CLASSES))
        for s in sequences
        if s.piece_s is None
    }
    n_beats = np.stack(list(counts.values()))
    effective = (1 - _EFFECTIVE_NUMBER**n_beats) / (1 - _EFFECTIVE_NUMBER)
    weights = effective / n_beats.clip(1) / np.sqrt(effective.sum(axis=0).clip(1))
    weights *= n_beats.sum() / (weights * n_beats).sum()
    return dict(zip(counts, weights.astype(np.float32), strict=True))


def focal_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted focal loss over the beats that have a label."""
    known = labels != IGNORED
    surprise = functional.cross_entropy(logits[known], labels[known], reduction="none")
    return (weights[known] * (1 - torch.exp(-surprise)) ** _FOCUS * surprise).mean()


@torch.no_grad()
def network_logits(network: nn.Module, inputs: BeatInputs) -> NDArray[np.float32]:
    """Logits of every beat, through the same overlapping chunks as in service."""

    def run(
        windows: NDArray[np.float32], features: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        logits: Tensor = network(torch.from_numpy(windows), torch.from_numpy(features))
        answers: NDArray[np.float32] = logits.numpy()
        return answers

    return chunked_logits(inputs, run)


@torch.no_grad()
def _move_average(average: nn.Module, network: nn.Module, step: int) -> None:
    decay = min(_EMA_DECAY, (1 + step) / (10 + step))
    current = network.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])


def _save(plan: FitPlan, state: dict[str, Any], curve: Curve) -> None:
    held = {name: part.state_dict() for name, part in state.items()}
    partial = plan.checkpoint.with_suffix(".partial")
    torch.save({"seed": plan.seed, "epochs": plan.epochs, "curve": curve, **held}, partial)
    partial.replace(plan.checkpoint)
    plan.checkpoint.with_suffix(".json").write_text(json.dumps(curve, indent=1) + "\n")


def _restore(plan: FitPlan, state: dict[str, Any]) -> Curve:
    if not (plan.resume and plan.checkpoint.exists()):
        return []
    held = torch.load(plan.checkpoint, weights_only=True)
    if (held["seed"], held["epochs"]) != (plan.seed, plan.epochs):
        msg = f"the checkpoint {plan.checkpoint.name} is of another run (seed or epochs)"
        raise ValueError(msg)
    for name, part in state.items():
        part.load_state_dict(held[name])
    curve: Curve = held["curve"]
    return curve

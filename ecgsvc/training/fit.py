"""Fitting one network: optimiser, moving average, early stopping, checkpoints."""

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

from ecgsvc.inference.beat_chunks import chunked_logits
from ecgsvc.inference.beat_features import BeatInputs
from ecgsvc.training.batches import (
    ONE_LEAD_SHARE,
    Augmentation,
    Chunk,
    Weights,
    augment,
    collate,
    epoch_batches,
)
from ecgsvc.training.datasets import BeatSequence
from ecgsvc.training.losses import LOSSES, LossName, beat_weights
from ecgsvc.training.networks import Standardise

_WEIGHT_DECAY = 5e-2
_MAX_NORM = 1.0
_EMA_DECAY = 0.995

PATIENCE = 4
"""Scores without a better one before a validated fit ends."""

Curve = list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class FitPlan:
    """How long, from which seed, by which loss; which folder gets ``NAME.pt``.

    `one_lead_share` of the chunks are shown on one lead; a validated fit is scored every
    `validate_every` epochs.
    """

    epochs: int
    seed: int
    checkpoints: Path
    resume: bool = False
    loss: LossName = "focal"
    augmentation: Augmentation = "noise"
    one_lead_share: float = ONE_LEAD_SHARE
    validate_every: int = 1
    max_learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        if self.epochs < 1:
            msg = "a fit takes at least one epoch"
            raise ValueError(msg)


def fit(
    network: nn.Module,
    sequences: Sequence[BeatSequence],
    plan: FitPlan,
    name: str,
    on_epoch: Callable[[int], None] = lambda _: None,
    validate: Callable[[nn.Module], float] | None = None,
    weights: Weights | None = None,
) -> nn.Module:
    """Fit a network and return the moving average of its weights.

    With `validate`, a score of a network on patients or beats it is not fitted to, the
    average of the best epoch is returned, and the fit ends when `PATIENCE` scores were no
    better. `weights` are those of `beat_weights` when not given.

    Every epoch draws from generators seeded by (seed, epoch), so that a resumed run makes
    the weights an unbroken one makes. Checkpoint and curve are called `name`; `on_epoch`
    hears how many epochs are done.
    """
    standardise(network, sequences)
    if plan.augmentation != "noise":
        _show_features_sharp(network)
    average, best = (deepcopy(network).eval() for _ in range(2))
    weights = beat_weights(sequences) if weights is None else weights
    loss_of = LOSSES[plan.loss]
    n_steps = sum(len(_draw(sequences, plan, epoch)) for epoch in range(plan.epochs))
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.max_learning_rate, total_steps=n_steps
    )
    state: dict[str, Any] = {"network": network, "average": average, "best": best}
    state |= {"optimiser": optimiser, "lr": schedule}
    checkpoint = plan.checkpoints / f"{name}.pt"
    curve = _restore(plan, checkpoint, state)
    for epoch in range(len(curve), plan.epochs):
        if _is_stale(curve):
            break
        started = time.monotonic()
        torch.manual_seed(plan.seed * 1000 + epoch)
        rng = torch.Generator().manual_seed(plan.seed * 1000 + epoch)
        network.train()
        losses = []
        for chunks in _draw(sequences, plan, epoch):
            batch = collate(chunks, weights)
            if plan.augmentation == "noise":
                batch = augment(batch, rng)
            logits = network(batch.windows, batch.shapes, batch.rhythm)
            loss = loss_of(logits, batch.labels, batch.weights)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation
            nn.utils.clip_grad_norm_(network.parameters(), _MAX_NORM)
            optimiser.step()
            schedule.step()
            _move_average(average, network, schedule.last_epoch)
            losses.append(loss.item())
        row = {"epoch": epoch + 1, "loss": float(np.mean(losses))}
        if validate is not None and (epoch + 1) % plan.validate_every == 0:
            row["score"] = validate(average)
        row["seconds"] = round(time.monotonic() - started, 1)
        curve.append(row)
        if _is_best(curve):
            best.load_state_dict(average.state_dict())
        _save(plan, checkpoint, state, curve)
        on_epoch(len(curve))
    return best


def _is_best(curve: Curve) -> bool:
    """Tell whether the last epoch scored best; without scores the last is the best."""
    scores = [row["score"] for row in curve if "score" in row]
    return not scores or curve[-1].get("score") == max(scores)


def _is_stale(curve: Curve) -> bool:
    scores = [row["score"] for row in curve if "score" in row]
    return bool(scores) and len(scores) - 1 - int(np.argmax(scores)) >= PATIENCE


def _draw(
    sequences: Sequence[BeatSequence], plan: FitPlan, epoch: int
) -> list[list[Chunk]]:
    rng = np.random.default_rng([plan.seed, epoch])
    return epoch_batches(sequences, rng, plan.one_lead_share)


def standardise(network: nn.Module, sequences: Sequence[BeatSequence]) -> None:
    """Set the feature scalers from the readable beats of the training sequences."""
    for name in ("shapes", "rhythm"):
        scaler = network.get_submodule(f"scale_{name}")
        width = scaler.get_buffer("mean").numel()
        readable = [
            getattr(s.inputs, name)[s.inputs.readable][..., :width] for s in sequences
        ]
        features = torch.from_numpy(
            np.concatenate([r.reshape(-1, width) for r in readable])
        )
        scaler.load_state_dict(
            {"mean": features.mean(dim=0), "deviation": features.std(dim=0).clamp_min(1e-3)}
        )


def _show_features_sharp(network: nn.Module) -> None:
    """Blurred and hidden features belong to the augmentation ``noise``."""
    for module in network.modules():
        if isinstance(module, Standardise):
            module.noise, module.hidden = 0.0, 0.0


@torch.no_grad()
def network_logits(network: nn.Module, inputs: BeatInputs) -> NDArray[np.float32]:
    """Logits of every beat, through the same overlapping chunks as in service."""

    def run(
        windows: NDArray[np.float32],
        shapes: NDArray[np.float32],
        rhythm: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        parts = (torch.from_numpy(part) for part in (windows, shapes, rhythm))
        logits: Tensor = network(*parts)
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


def _save(plan: FitPlan, checkpoint: Path, state: dict[str, Any], curve: Curve) -> None:
    held = {name: part.state_dict() for name, part in state.items()}
    partial = checkpoint.with_suffix(".partial")
    torch.save({"run": _run(plan), "curve": curve, **held}, partial)
    partial.replace(checkpoint)
    checkpoint.with_suffix(".json").write_text(json.dumps(curve, indent=1) + "\n")


def _restore(plan: FitPlan, checkpoint: Path, state: dict[str, Any]) -> Curve:
    if not (plan.resume and checkpoint.exists()):
        return []
    held = torch.load(checkpoint, weights_only=True)
    if held["run"] != _run(plan):
        msg = f"the checkpoint {checkpoint.name} is of another run"
        raise ValueError(msg)
    for name, part in state.items():
        part.load_state_dict(held[name])
    curve: Curve = held["curve"]
    return curve


def _run(plan: FitPlan) -> list[int | float | str]:
    how = [plan.loss, plan.augmentation, plan.one_lead_share, plan.max_learning_rate]
    return [plan.seed, plan.epochs, *how]

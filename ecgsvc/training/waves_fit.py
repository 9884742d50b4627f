"""Fitting the wave network: loss, optimiser, moving average."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from ecgsvc.training.precision import half_precision
from ecgsvc.training.waves_batches import WaveBatch, epoch_batches
from ecgsvc.training.waves_dataset import AnnotatedGroup
from ecgsvc.training.waves_network import WaveNetwork

_MAX_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 2e-2
_MAX_NORM = 1.0
_EMA_DECAY = 0.99
_WARM_UP = 0.2
_BLUR = 3.0  # columns: width of the target on a heat map
_HUBER = 10.0  # columns (40 ms): beyond it an error counts linearly
_PLACE_WEIGHT = 0.06
_PRESENCE_WEIGHT = 0.5
_GLOBAL_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class WavePlan:
    """How long, from which seed, and where the weights are kept (``NAME.pt``).

    With `resume`, weights that are there already are taken instead of fitting again.
    """

    epochs: int
    seed: int
    checkpoint: Path
    resume: bool = False


def fit_waves(
    groups: Sequence[AnnotatedGroup],
    plan: WavePlan,
    on_epoch: Callable[[int], None] = lambda _: None,
) -> WaveNetwork:
    """Fit a network and return the moving average of its weights.

    The curve is written beside the checkpoint; `on_epoch` hears how many epochs are done.

    Raises
    ------
    ValueError
        The checkpoint is of another run (seed or epochs).
    """
    torch.manual_seed(plan.seed)
    network = WaveNetwork()
    if plan.resume and plan.checkpoint.exists():
        network.load_state_dict(_kept(plan))
        return network.eval()
    average = AveragedModel(network, avg_fn=moving_average, use_buffers=True)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _MAX_LEARNING_RATE, total_steps=plan.epochs, pct_start=_WARM_UP
    )
    curve = []
    for epoch in range(plan.epochs):
        started = time.monotonic()
        losses = _train_epoch(network, average, optimiser, groups, (plan.seed, epoch))
        schedule.step()
        seconds = round(time.monotonic() - started, 1)
        curve.append(
            {"epoch": epoch + 1, "loss": float(np.mean(losses)), "seconds": seconds}
        )
        on_epoch(epoch + 1)
    network.load_state_dict(average.module.state_dict())
    kept = {"seed": plan.seed, "epochs": plan.epochs, "weights": network.state_dict()}
    torch.save(kept, plan.checkpoint)
    plan.checkpoint.with_suffix(".json").write_text(json.dumps(curve, indent=1) + "\n")
    return network.eval()


def _train_epoch(
    network: WaveNetwork,
    average: AveragedModel,
    optimiser: torch.optim.Optimizer,
    groups: Sequence[AnnotatedGroup],
    seed: tuple[int, int],
) -> list[float]:
    """Show every group once; the losses of the batches."""
    torch.manual_seed(seed[0] * 1000 + seed[1])
    network.train()
    losses = []
    for batch in epoch_batches(groups, np.random.default_rng(seed)):
        with half_precision():
            maps = network.maps(batch.windows, batch.context)
        loss = wave_loss(network, maps, batch)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation
        nn.utils.clip_grad_norm_(network.parameters(), _MAX_NORM)
        optimiser.step()
        average.update_parameters(network)
        losses.append(loss.item())
    return losses


def moving_average(
    average: Tensor | nn.Parameter, current: Tensor | nn.Parameter, n_averaged: Tensor | int
) -> Tensor:
    """Exponential, and shorter at first."""
    n = float(n_averaged)
    decay = min(_EMA_DECAY, (1 + n) / (10 + n))
    return average + (current - average) * (1 - decay)


def _kept(plan: WavePlan) -> dict[str, Tensor]:
    kept = torch.load(plan.checkpoint, weights_only=True)
    if (kept["seed"], kept["epochs"]) != (plan.seed, plan.epochs):
        msg = f"the checkpoint {plan.checkpoint.name} is of another run (seed or epochs)"
        raise ValueError(msg)
    weights: dict[str, Tensor] = kept["weights"]
    return weights


def wave_loss(
    network: WaveNetwork, maps: tuple[Tensor, Tensor, Tensor], batch: WaveBatch
) -> Tensor:
    """Cross-entropy and distance of every known point, and presence."""
    heat, presence, global_heat = (m.float() for m in maps)
    by_lead = batch.weights[:, None, None]
    known = batch.presence.isfinite()
    surprise = functional.binary_cross_entropy_with_logits(
        presence, batch.presence.nan_to_num(), reduction="none"
    )
    return (
        _place_loss(network, heat, batch.points, by_lead)
        + _GLOBAL_WEIGHT
        * _place_loss(network, global_heat, batch.global_points, batch.weights[:, None])
        + _PRESENCE_WEIGHT * (surprise * known * by_lead).sum() / (known * by_lead).sum()
    )


def _place_loss(
    network: WaveNetwork, heat: Tensor, target: Tensor, weights: Tensor
) -> Tensor:
    known = target.isfinite()
    at = target.nan_to_num()
    goal = torch.exp(-0.5 * ((network.columns - at[..., None]) / _BLUR) ** 2)
    goal = goal / goal.sum(dim=-1, keepdim=True).clamp_min(1e-6)
    surprise = -(goal * heat.log_softmax(dim=-1)).sum(dim=-1)
    distance = functional.huber_loss(
        network.expected(heat), at, reduction="none", delta=_HUBER
    )
    counted = known * weights
    return (
        (surprise + _PLACE_WEIGHT * distance) * counted
    ).sum() / counted.sum().clamp_min(1)

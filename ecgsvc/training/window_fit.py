"""Fitting a network that reads windows: one loop for every such task."""

import json
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ecgsvc.training.precision import half_precision
from ecgsvc.training.window_augment import Augmentation, augment_windows
from ecgsvc.training.window_networks import WindowNetwork

Curve: TypeAlias = list[dict[str, float]]
DrawEpoch: TypeAlias = Callable[[np.random.Generator], NDArray[np.int64]]
"""Which windows an epoch shows, in which order."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowSet:
    """Labelled windows.

    Parameters
    ----------
    windows
        Shape (n, samples), any float type; half precision keeps many in memory.
    features
        Shape (n, features) float32; features may be 0 wide.
    labels
        Shape (n,), class indices.
    weights
        Shape (n,) float32, share of each in the loss, 1 on average.
    """

    windows: NDArray[Any]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    weights: NDArray[np.float32]

    def take(self, indices: NDArray[np.int64]) -> "WindowSet":
        """Some of the windows, in this order."""
        return WindowSet(
            self.windows[indices],
            self.features[indices],
            self.labels[indices],
            self.weights[indices],
        )


@dataclass(frozen=True, slots=True)
class WindowFitPlan:
    """How a network is fitted.

    Parameters
    ----------
    epochs, seed
        Same seed, epochs, threads and versions: same weights.
    checkpoint
        ``NAME.pt``; the curve is written to ``NAME.json`` beside it.
    augmentation
        None for none.
    patience
        Stop after so many epochs without a lower validation loss, and return the average
        of the best epoch; None fits all epochs.
    half_precision
        bfloat16 in convolutions and matrix products, where `precision` finds it fast.
    resume
        Go on from the checkpoint if it is there.
    """

    epochs: int
    seed: int
    checkpoint: Path
    augmentation: Augmentation | None = None
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.0
    ema_decay: float = 0.999
    max_norm: float = 1.0
    patience: int | None = None
    half_precision: bool = False
    resume: bool = False


def fit_windows(
    network: WindowNetwork,
    training: WindowSet,
    plan: WindowFitPlan,
    *,
    validation: WindowSet | None = None,
    draw: DrawEpoch | None = None,
    on_epoch: Callable[[int], None] = lambda _: None,
) -> WindowNetwork:
    """Fit a network and return the moving average of its weights.

    AdamW under OneCycle. Every epoch draws from generators seeded by (seed, epoch), so that
    a resumed run makes the weights an unbroken one makes.

    Parameters
    ----------
    network
        Untrained; its feature scaler is set from `training`.
    validation
        Scored after each epoch, for the curve and for `patience`. From the training
        patients' side: never what results are reported on.
    draw
        All windows in random order when not given; must always draw as many.
    on_epoch
        Hears how many epochs are done.

    Raises
    ------
    ValueError
        The checkpoint is of another seed or number of epochs, or patience has nothing to
        be measured on.
    """
    if plan.patience is not None and validation is None:
        msg = "early stopping needs validation windows"
        raise ValueError(msg)
    network.standardise(torch.from_numpy(training.features))
    draw = draw or (lambda rng: rng.permutation(len(training.labels)))
    n_steps = -(-len(draw(np.random.default_rng(0))) // plan.batch_size)
    run = _Run.begin(network, plan, n_steps)
    for epoch in range(len(run.curve), plan.epochs):
        started = time.monotonic()
        order = draw(np.random.default_rng([plan.seed, epoch]))
        row = {"epoch": epoch + 1, "loss": run.train_epoch(training, order, epoch)}
        if validation is not None:
            row["validation_loss"] = _loss(run.average, validation)
        row["seconds"] = round(time.monotonic() - started, 1)
        run.curve.append(row)
        run.keep_best()
        run.save()
        on_epoch(len(run.curve))
        if run.out_of_patience():
            break
    return run.best


@dataclass(slots=True, eq=False)
class _Run:
    """All that changes while a network is fitted."""

    plan: WindowFitPlan
    network: WindowNetwork
    average: WindowNetwork
    best: WindowNetwork
    optimiser: torch.optim.AdamW
    schedule: torch.optim.lr_scheduler.OneCycleLR
    curve: Curve

    @classmethod
    def begin(cls, network: WindowNetwork, plan: WindowFitPlan, n_steps: int) -> "_Run":
        """Start, or go on from the checkpoint."""
        average = deepcopy(network).eval()
        optimiser = torch.optim.AdamW(network.parameters(), weight_decay=plan.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, plan.learning_rate, total_steps=n_steps * plan.epochs
        )
        best = deepcopy(average) if plan.patience is not None else average
        run = cls(plan, network, average, best, optimiser, schedule, [])
        if plan.resume and plan.checkpoint.exists():
            run.restore()
        return run

    def train_epoch(
        self, training: WindowSet, order: NDArray[np.int64], epoch: int
    ) -> float:
        """One pass; the mean loss of its batches."""
        plan = self.plan
        torch.manual_seed(plan.seed * 1000 + epoch)
        rng = torch.Generator().manual_seed(plan.seed * 1000 + epoch)
        self.network.train()
        losses = []
        for start in range(0, len(order), plan.batch_size):
            batch = training.take(order[start : start + plan.batch_size])
            logits = self._forward(batch, rng)
            loss = weighted_loss(logits.float(), batch, plan.label_smoothing)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation
            nn.utils.clip_grad_norm_(self.network.parameters(), plan.max_norm)
            self.optimiser.step()
            self.schedule.step()
            self._move_average()
            losses.append(loss.item())
        return float(np.mean(losses))

    def _forward(self, batch: WindowSet, rng: torch.Generator) -> Tensor:
        windows = _windows_tensor(batch)
        features = torch.from_numpy(batch.features)
        how = self.plan.augmentation
        if how is not None:
            windows = augment_windows(windows, how, rng)
            features = self._vary_features(features, how, rng)
        with half_precision(self.plan.half_precision):
            logits: Tensor = self.network(windows, features)
        return logits

    def _vary_features(
        self, features: Tensor, how: Augmentation, rng: torch.Generator
    ) -> Tensor:
        noise = how.feature_noise * torch.randn(features.shape, generator=rng)
        hidden = torch.rand(len(features), 1, generator=rng) < how.hidden_features
        varied = features + noise * self.network.feature_std
        return torch.where(hidden, self.network.feature_mean, varied)

    @torch.no_grad()
    def _move_average(self) -> None:
        step = self.schedule.last_epoch
        decay = min(self.plan.ema_decay, (1 + step) / (10 + step))
        current = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(current[name], 1 - decay)
            else:
                value.copy_(current[name])

    def keep_best(self) -> None:
        """With patience, remember the average of the lowest validation loss."""
        if self.plan.patience is not None and self._epochs_since_best() == 0:
            self.best.load_state_dict(self.average.state_dict())

    def out_of_patience(self) -> bool:
        """Tell whether the last epochs brought nothing."""
        patience = self.plan.patience
        return patience is not None and self._epochs_since_best() >= patience

    def _epochs_since_best(self) -> int:
        losses = [row["validation_loss"] for row in self.curve]
        return len(losses) - 1 - int(np.argmin(losses))

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "average": self.average,
            "best": self.best,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
        }

    def save(self) -> None:
        """Write checkpoint and curve, each whole or not at all."""
        plan = self.plan
        partial = plan.checkpoint.with_suffix(".partial")
        held = {name: part.state_dict() for name, part in self._parts().items()}
        head = {"seed": plan.seed, "epochs": plan.epochs, "curve": self.curve}
        torch.save(head | held, partial)
        partial.replace(plan.checkpoint)
        curve = json.dumps(self.curve, indent=1) + "\n"
        plan.checkpoint.with_suffix(".json").write_text(curve, encoding="utf-8")

    def restore(self) -> None:
        """Take everything from the checkpoint; `ValueError` when it is of another run."""
        held = torch.load(self.plan.checkpoint, weights_only=True)
        if (held["seed"], held["epochs"]) != (self.plan.seed, self.plan.epochs):
            name = self.plan.checkpoint.name
            msg = f"the checkpoint {name} is of another run (seed or epochs)"
            raise ValueError(msg)
        for name, part in self._parts().items():
            part.load_state_dict(held[name])
        self.curve = held["curve"]


def weighted_loss(logits: Tensor, batch: WindowSet, label_smoothing: float = 0.0) -> Tensor:
    """Weighted mean cross-entropy of the labels."""
    surprise = functional.cross_entropy(
        logits,
        torch.from_numpy(batch.labels),
        reduction="none",
        label_smoothing=label_smoothing,
    )
    return (surprise * torch.from_numpy(batch.weights)).mean()


@torch.no_grad()
def window_outputs(
    network: WindowNetwork, windows: WindowSet, batch_size: int = 64
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (n, classes) and embeddings (n, width) of windows, in full precision."""
    network.eval()
    embeddings, logits = [], []
    for start in range(0, len(windows.labels), batch_size):
        batch = windows.take(np.arange(start, min(start + batch_size, len(windows.labels))))
        embedding = network.embed(_windows_tensor(batch), torch.from_numpy(batch.features))
        embeddings.append(embedding.numpy())
        logits.append(network.classify(embedding).numpy())
    return np.concatenate(logits), np.concatenate(embeddings)


def class_weights(
    labels: NDArray[np.int64], n_classes: int, power: float = 0.5
) -> NDArray[np.float32]:
    """Weights of windows, their class's count to the power of ``-power``, 1 on average.

    Power 0 weighs windows alike, 1 classes alike.
    """
    counts = np.bincount(labels, minlength=n_classes).clip(1)
    weights = counts[labels].astype(np.float64) ** -power
    scaled: NDArray[np.float32] = (weights / weights.mean()).astype(np.float32)
    return scaled


def _loss(network: WindowNetwork, windows: WindowSet) -> float:
    logits, _ = window_outputs(network, windows)
    return weighted_loss(torch.from_numpy(logits), windows).item()


def _windows_tensor(batch: WindowSet) -> Tensor:
    return torch.from_numpy(batch.windows.astype(np.float32)).unsqueeze(1)

"""Fitting the diagnosis network: what is varied, the loss, the moving average."""

import json
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ecgsvc.evaluation.diagnosis_references import DiagnosisSet
from ecgsvc.inference.diagnosis_inputs import (
    DIAGNOSIS_LEADS,
    DIAGNOSIS_RATE_HZ,
    DIAGNOSIS_WINDOW_SAMPLES,
    LEAST_SAMPLES,
    standardise,
)
from ecgsvc.training.diagnosis_network import DiagnosisNetwork
from ecgsvc.training.precision import half_precision

_BATCH = 64
_LEARNING_RATE = 2e-3
_WEIGHT_DECAY = 2e-2
_MAX_NORM = 1.0
_EMA_DECAY = 0.995
_HIDDEN_PERSON = 0.2  # of age, and of sex
_HIDDEN_SIZES = 0.15
_FEWER_LEADS = 0.35
_GAIN = 0.1
_WHOLE = 0.3  # of the batches show all of their recordings
_LEAD_SETS = (
    ("I", "II", "III", "aVR", "aVL", "aVF"),
    ("II",),
    ("I",),
    ("V1",),
    ("I", "II", "III"),
    ("I", "II", "V2"),
    ("II", "V5"),
)


@dataclass(frozen=True, slots=True)
class DiagnosisPlan:
    """How long, from which seed, and where weights and curve are kept (``NAME.pt``).

    With `resume`, weights that are there already are taken instead of fitting again.
    """

    epochs: int
    seed: int
    checkpoint: Path
    resume: bool = False


def fit_diagnosis(
    network: DiagnosisNetwork,
    training: DiagnosisSet,
    plan: DiagnosisPlan,
    *,
    validation: DiagnosisSet | None = None,
    on_epoch: Callable[[int], None] = lambda _: None,
) -> DiagnosisNetwork:
    """Fit a network and return the moving average of its weights.

    Raises
    ------
    ValueError
        The checkpoint is of another run (seed or epochs).
    """
    if plan.resume and plan.checkpoint.exists():
        network.load_state_dict(_kept(plan))
        return network.eval()
    average = deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=_WEIGHT_DECAY)
    n_steps = -(-len(training.labels) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _LEARNING_RATE, total_steps=n_steps * plan.epochs
    )
    curve: list[dict[str, float]] = []
    for epoch in range(plan.epochs):
        started = time.monotonic()
        torch.manual_seed(plan.seed * 1000 + epoch)
        rng = np.random.default_rng([plan.seed, epoch])
        network.train()
        losses = []
        order = rng.permutation(len(training.labels))
        for start in range(0, len(order), _BATCH):
            batch = training.take(order[start : start + _BATCH])
            inputs = varied_inputs(batch, rng)
            with half_precision():
                logits = network(*inputs)
            loss = label_loss(logits.float(), batch.labels)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation
            nn.utils.clip_grad_norm_(network.parameters(), _MAX_NORM)
            optimiser.step()
            schedule.step()
            _move_average(average, network, schedule.last_epoch)
            losses.append(loss.item())
        row = {"epoch": epoch + 1, "loss": float(np.mean(losses))}
        if validation is not None and (epoch + 1) % 5 == 0:
            logits, _ = diagnosis_outputs(average, validation)
            row["validation_loss"] = label_loss(
                torch.from_numpy(logits), validation.labels
            ).item()
        row["seconds"] = round(time.monotonic() - started, 1)
        curve.append(row)
        plan.checkpoint.with_suffix(".json").write_text(json.dumps(curve, indent=1) + "\n")
        on_epoch(epoch + 1)
    kept = {"seed": plan.seed, "epochs": plan.epochs, "weights": average.state_dict()}
    torch.save(kept, plan.checkpoint)
    return average


def label_loss(logits: Tensor, labels: NDArray[np.float32]) -> Tensor:
    """Mean binary cross-entropy of the labels that are known."""
    target = torch.from_numpy(labels)
    known = target.isfinite()
    surprise = functional.binary_cross_entropy_with_logits(
        logits, target.nan_to_num(), reduction="none"
    )
    return (surprise * known).sum() / known.sum().clamp_min(1)


def varied_inputs(
    batch: DiagnosisSet, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """A random part of each recording, some leads, sizes, ages and sexes hidden."""
    n = len(batch.labels)
    length = int(rng.integers(LEAST_SAMPLES, DIAGNOSIS_WINDOW_SAMPLES + 1))
    if rng.random() < _WHOLE:
        length = DIAGNOSIS_WINDOW_SAMPLES
    starts = rng.integers(0, DIAGNOSIS_WINDOW_SAMPLES - length + 1, n)
    columns = starts[:, np.newaxis] + np.arange(length)
    windows = np.take_along_axis(
        batch.samples.astype(np.float32), columns[:, np.newaxis, :], axis=-1
    )
    windows = windows * np.exp(rng.uniform(-_GAIN, _GAIN, (n, 1, 1)))
    windows = windows + _noise(windows, rng)
    windows = np.where(_shown_leads(n, rng)[..., np.newaxis], windows, np.nan)
    known = batch.size_known & (rng.random(n) >= _HIDDEN_SIZES)
    signal, leads = standardise(windows, known)
    person = batch.person * np.repeat(rng.random((n, 2)) >= _HIDDEN_PERSON, 2, axis=1)
    return (
        torch.from_numpy(signal),
        torch.from_numpy(leads),
        torch.from_numpy(person.astype(np.float32)),
    )


def _noise(windows: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Slow sines and white noise, little of it in most windows, in each lead's own unit."""
    n, n_leads, length = windows.shape
    size = windows.std(axis=-1, keepdims=True)
    time_s = np.arange(length, dtype=np.float32) / np.float32(DIAGNOSIS_RATE_HZ)
    slow_hz = rng.uniform(0.05, 0.5, (n, 1, 1)).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, (n, n_leads, 1)).astype(np.float32)
    wander = 0.4 * rng.random((n, 1, 1)) ** 3 * np.sin(2 * np.pi * slow_hz * time_s + phase)
    muscle = 0.4 * rng.random((n, 1, 1)) ** 3
    white = rng.standard_normal(windows.shape, dtype=np.float32)
    noise: NDArray[np.float32] = (size * (wander + muscle * white)).astype(np.float32)
    return noise


def _shown_leads(n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which leads each window shows: mostly all, else a usual set or a random one."""
    shown = np.ones((n, len(DIAGNOSIS_LEADS)), dtype=bool)
    for row in np.flatnonzero(rng.random(n) < _FEWER_LEADS):
        if rng.random() < 0.5:
            names = _LEAD_SETS[rng.integers(len(_LEAD_SETS))]
            shown[row] = np.isin(DIAGNOSIS_LEADS, names)
        else:
            shown[row] = rng.random(len(DIAGNOSIS_LEADS)) < rng.uniform(0.3, 1)
            shown[row, rng.integers(len(DIAGNOSIS_LEADS))] = True
    return shown


@torch.no_grad()
def diagnosis_outputs(
    network: DiagnosisNetwork,
    recordings: DiagnosisSet,
    *,
    shown: NDArray[np.bool_] | None = None,
    person: bool = True,
    sizes: bool = True,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (n, labels) and embeddings (n, width) of whole recordings.

    `shown` of shape (12,) hides leads, `person` and `sizes` what is known beside them.
    """
    network.eval()
    logits, embeddings = [], []
    for start in range(0, len(recordings.labels), _BATCH):
        rows = np.arange(start, min(start + _BATCH, len(recordings.labels)))
        batch = recordings.take(rows)
        windows = batch.samples.astype(np.float32)
        if shown is not None:
            windows[:, ~shown] = np.nan
        signal, leads = standardise(windows, batch.size_known & sizes)
        embedding = network.embed(
            torch.from_numpy(signal),
            torch.from_numpy(leads),
            torch.from_numpy(batch.person * np.float32(person)),
        )
        embeddings.append(embedding.numpy())
        logits.append(network.classify(embedding).numpy())
    return np.concatenate(logits), np.concatenate(embeddings)


@torch.no_grad()
def _move_average(average: nn.Module, network: nn.Module, step: int) -> None:
    decay = min(_EMA_DECAY, (1 + step) / (10 + step))
    current = network.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])


def _kept(plan: DiagnosisPlan) -> dict[str, Tensor]:
    kept = torch.load(plan.checkpoint, weights_only=True)
    if (kept["seed"], kept["epochs"]) != (plan.seed, plan.epochs):
        msg = f"the checkpoint {plan.checkpoint.name} is of another run (seed or epochs)"
        raise ValueError(msg)
    weights: dict[str, Tensor] = kept["weights"]
    return weights

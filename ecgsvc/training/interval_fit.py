"""Fitting a network that estimates intervals: warped beats, Laplace likelihood."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from ecgsvc.inference.interval_inputs import INTERVAL_LEADS, INTERVAL_RATE_HZ, repetition
from ecgsvc.inference.wave_groups import SAMPLES_BEFORE_R, WINDOW_SAMPLES
from ecgsvc.training.interval_data import MeasuredBeat, Source
from ecgsvc.training.interval_marks import heat_columns
from ecgsvc.training.interval_networks import IntervalNetwork
from ecgsvc.training.precision import half_precision
from ecgsvc.training.waves_fit import moving_average

SHOWN = MappingProxyType({"ludb": 6, "ptbxl": 1, "simulated": 1})
"""How often an epoch shows each recording of a source, warped anew each time."""
WEIGHTS = MappingProxyType({"ludb": 1.0, "ptbxl": 1.0, "simulated": 0.3})
_BATCH = 64
_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 1e-2
_MAX_NORM = 1.0
_MS_PER_COLUMN = 1000.0 / INTERVAL_RATE_HZ
_QRS_PACE = (0.85, 1.4)
_PR_PACE = (0.75, 1.45)
_ST_PACE = (0.75, 1.3)
_RATE_PACE = (0.7, 1.4)
_MOST_JITTER = 3
_GAIN = 1.25
_LEAD_GAIN = 0.2
_MOST_NOISE_MV = 0.05
_FEWER_LEADS = 0.35
_WRONG_COUNTS = 0.1
_COUNTED = (0.4, 2.2)  # times the true rate, where beats are missed or counted twice
_MARK_WEIGHT = 0.3
_MARK_SD = 3.0  # columns
_LEAD_II = INTERVAL_LEADS.index("II")
_FIRST_MARK, _LAST_MARK = 4.0, 299.0


@dataclass(frozen=True, slots=True)
class IntervalPlan:
    """How long, from which seed, and where weights and curve are kept (``NAME.pt``).

    With `resume`, weights that are there already are taken instead of fitting again.
    """

    epochs: int
    seed: int
    checkpoint: Path
    resume: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    beat: NDArray[np.float32]
    repetition: NDArray[np.float32]
    features: NDArray[np.float32]
    known: NDArray[np.float64]
    marks: NDArray[np.float64]
    weight: float


def fit_intervals(
    network: IntervalNetwork,
    beats: Sequence[MeasuredBeat],
    plan: IntervalPlan,
    on_epoch: Callable[[int], None] = lambda _: None,
) -> IntervalNetwork:
    """Fit a network and return the moving average of its weights.

    Raises
    ------
    ValueError
        The checkpoint is of another run (seed or epochs).
    """
    if plan.resume and plan.checkpoint.exists():
        network.load_state_dict(_kept(plan))
        return network.eval()
    drawn = [beat for beat in beats for _ in range(SHOWN[beat.source])]
    first = np.random.default_rng(plan.seed)
    network.standardise(torch.from_numpy(np.stack([varied(b, first).known for b in drawn])))
    average = AveragedModel(network, avg_fn=moving_average, use_buffers=True)
    optimiser = torch.optim.AdamW(
        network.parameters(), weight_decay=_WEIGHT_DECAY, fused=True
    )
    n_steps = -(-len(drawn) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _LEARNING_RATE, total_steps=n_steps * plan.epochs
    )
    curve = []
    for epoch in range(plan.epochs):
        started = time.monotonic()
        torch.manual_seed(plan.seed * 1000 + epoch)
        rng = np.random.default_rng([plan.seed, epoch])
        network.train()
        losses = []
        order = rng.permutation(len(drawn))
        for start in range(0, len(order), _BATCH):
            batch = [varied(drawn[i], rng) for i in order[start : start + _BATCH]]
            loss = _loss_of(network, batch)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation
            nn.utils.clip_grad_norm_(network.parameters(), _MAX_NORM)
            optimiser.step()
            schedule.step()
            average.update_parameters(network)
            losses.append(loss.item())
        seconds = round(time.monotonic() - started, 1)
        curve.append(
            {"epoch": epoch + 1, "loss": float(np.mean(losses)), "seconds": seconds}
        )
        plan.checkpoint.with_suffix(".json").write_text(json.dumps(curve, indent=1) + "\n")
        on_epoch(epoch + 1)
    network.load_state_dict(average.module.state_dict())
    kept = {"seed": plan.seed, "epochs": plan.epochs, "weights": network.state_dict()}
    torch.save(kept, plan.checkpoint)
    return network.eval()


def _loss_of(network: IntervalNetwork, batch: Sequence[_Shown]) -> Tensor:
    beat = torch.from_numpy(np.stack([s.beat for s in batch]))
    repeated = torch.from_numpy(np.stack([s.repetition for s in batch]))
    features = torch.from_numpy(np.stack([s.features for s in batch]))
    known = torch.from_numpy(np.stack([s.known for s in batch]).astype(np.float32))
    marks = torch.from_numpy(np.stack([s.marks for s in batch]).astype(np.float32))
    weights = torch.tensor([s.weight for s in batch]).unsqueeze(-1)
    with half_precision():
        place, scale, log_heat = network.with_heat(beat, repeated, features)
    likelihood = laplace_loss(place, scale, known, weights, network.spread)
    return likelihood + _MARK_WEIGHT * mark_loss(log_heat, marks, weights)


def laplace_loss(
    place: Tensor, scale: Tensor, known: Tensor, weights: Tensor, spread: Tensor
) -> Tensor:
    """Mean negative log-likelihood of the targets that are known, in their spreads."""
    there = known.isfinite()
    away = (place - known.nan_to_num()).abs()
    surprise = away / scale + (scale / spread).log()
    counted = there * weights
    return (surprise * counted).sum() / counted.sum().clamp_min(1e-6)


def mark_loss(log_heat: Tensor, marks: Tensor, weights: Tensor) -> Tensor:
    """Mean cross-entropy of heat maps (batch, marks, 152) with bumps at the marks known.

    `marks` are columns of the mean beat, shape (batch, marks), NaN where there is no wave.
    """
    there = marks.isfinite()
    away = (heat_columns() - marks.nan_to_num().unsqueeze(-1)) / _MARK_SD
    wanted = (-0.5 * away * away).softmax(dim=-1)
    surprise = -(wanted * log_heat).sum(dim=-1)
    counted = there * weights
    return (surprise * counted).sum() / counted.sum().clamp_min(1e-6)


def varied(beat: MeasuredBeat, rng: np.random.Generator) -> _Shown:
    """Stretch PR, QRS, ST-T and RR apart from each other; gains, place, noise, leads.

    Time is warped piecewise between the marks, so that the intervals of the warped beat
    are known exactly. Where marks of the QRS complex are missing nothing is warped. Now and
    then beats are counted wrong, so that the count is not believed against the repetition.
    """
    known = beat.reference.copy()
    window, marks = beat.beat, beat.marks
    if np.isfinite(marks[1:3]).all():
        moved = _moved_marks(marks, rng)
        jitter = float(rng.uniform(-_MOST_JITTER, _MOST_JITTER))
        window = warp(window, marks, moved, jitter)
        marks = moved + jitter
        known[:3] = (
            (moved[1] - moved[0]) * _MS_PER_COLUMN,
            (moved[2] - moved[1]) * _MS_PER_COLUMN,
            (moved[3] - moved[1]) * _MS_PER_COLUMN,
        )
    pace = float(np.exp(rng.uniform(*np.log(_RATE_PACE))))
    known[3] /= pace
    counted = beat.counted_bpm / pace
    if rng.random() < _WRONG_COUNTS:
        counted *= float(np.exp(rng.uniform(*np.log(_COUNTED))))
    gain = _GAIN ** rng.uniform(-1, 1) * rng.uniform(
        1 - _LEAD_GAIN, 1 + _LEAD_GAIN, len(window)
    )
    known[4:] *= gain[_LEAD_II]
    noise = _MOST_NOISE_MV * rng.random() ** 2
    shown = window * gain.astype(np.float32)[:, np.newaxis]
    shown = shown + np.float32(noise) * rng.standard_normal(shown.shape, dtype=np.float32)
    if rng.random() < _FEWER_LEADS:
        hidden = rng.random(len(shown)) < rng.uniform(0, 0.7)
        shown[hidden] = 0
        known[4:] = np.nan if hidden[_LEAD_II] else known[4:]
    return _Shown(
        shown,
        repetition(beat.slopes, pace),
        np.array([counted], dtype=np.float32),
        known,
        marks,
        WEIGHTS[beat.source],
    )


def _moved_marks(
    marks: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Marks of a warped beat: R stays, spans are drawn anew."""
    r = float(SAMPLES_BEFORE_R)
    p_onset, onset, offset, t_offset = marks
    qrs, pr, st = (
        np.exp(rng.uniform(*np.log(paces))) for paces in (_QRS_PACE, _PR_PACE, _ST_PACE)
    )
    new_onset, new_offset = r - (r - onset) * qrs, r + (offset - r) * qrs
    new_p = max(_FIRST_MARK, new_onset - (onset - p_onset) * pr)
    new_t = min(_LAST_MARK, new_offset + (t_offset - offset) * st)
    return np.array(
        [
            new_p if np.isfinite(p_onset) else np.nan,
            new_onset,
            new_offset,
            new_t if np.isfinite(t_offset) else np.nan,
        ]
    )


def warp(
    window: NDArray[np.float32],
    marks: NDArray[np.float64],
    moved: NDArray[np.float64],
    jitter: float = 0.0,
) -> NDArray[np.float32]:
    """Move what stands at `marks` to `moved`, R staying, then all `jitter` columns later.

    `window` has shape (n_leads, 304); between marks time is stretched evenly, beyond them
    it is shifted. NaN marks are left out.
    """
    there = np.isfinite(marks) & np.isfinite(moved)
    r = float(SAMPLES_BEFORE_R)
    old = np.sort(np.append(marks[there], r))
    new = np.sort(np.append(moved[there], r))
    at = np.arange(WINDOW_SAMPLES) - jitter
    source = np.interp(at, new, old)
    source += np.where(at < new[0], at - new[0], 0) + np.where(
        at > new[-1], at - new[-1], 0
    )
    source = source.clip(0, WINDOW_SAMPLES - 1.001)
    left = source.astype(np.int64)
    share = (source - left).astype(np.float32)
    warped: NDArray[np.float32] = (
        window[:, left] * (1 - share) + window[:, left + 1] * share
    )
    return warped


@torch.no_grad()
def interval_answers(
    network: IntervalNetwork, beats: Sequence[MeasuredBeat]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and scales, each (n, targets), of recordings as they are."""
    network.eval()
    beat = torch.from_numpy(np.stack([b.beat for b in beats]))
    repeated = torch.from_numpy(np.stack([repetition(b.slopes) for b in beats]))
    counted = torch.tensor([[b.counted_bpm] for b in beats], dtype=torch.float32)
    place, scale = network(beat, repeated, counted)
    return place.numpy().astype(np.float64), scale.numpy().astype(np.float64)


def shown_in_epoch(beats: Sequence[MeasuredBeat]) -> dict[Source, int]:
    """How many warped beats of each source an epoch shows."""
    counts: dict[Source, int] = {}
    for beat in beats:
        counts[beat.source] = counts.get(beat.source, 0) + SHOWN[beat.source]
    return counts


def _kept(plan: IntervalPlan) -> dict[str, Tensor]:
    kept = torch.load(plan.checkpoint, weights_only=True)
    if (kept["seed"], kept["epochs"]) != (plan.seed, plan.epochs):
        msg = f"the checkpoint {plan.checkpoint.name} is of another run (seed or epochs)"
        raise ValueError(msg)
    weights: dict[str, Tensor] = kept["weights"]
    return weights

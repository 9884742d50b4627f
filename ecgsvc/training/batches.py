"""Batches of chunks of consecutive beats, drawn anew for every epoch, and augmented."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass
from ecgsvc.inference.beat_chunks import CHUNK_BEATS
from ecgsvc.inference.beat_features import WINDOW_SAMPLES
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES
from ecgsvc.training.datasets import BeatSequence

BATCH_BEATS = 1024
IGNORED = -100
"""Label of beats that were not readable, or are of no class that can be learnt."""

ONE_LEAD_SHARE = 0.5
"""Of the chunks: one model for one lead and for two."""

_WHOLE_SHARE = 0.4  # of the beats of whole records, each epoch
_SHORT_SHARE = 0.3  # of the short recordings, each epoch
_HIDDEN_WINDOWS = 0.15  # of the chunks: the features must do
_Q = BEAT_CLASSES.index(BeatClass.Q)  # some dozens of beats that have nothing in common
_PACE = [RHYTHM_FEATURES.index(name) for name in ("rr_before", "rr_after")]

Augmentation: TypeAlias = Literal["none", "noise", "gan"]
"""``noise``: `augment` below; ``gan``: `generated_beats` among the sequences."""

Weights: TypeAlias = Mapping[str, NDArray[np.float32]]
"""By record: the weight of a beat of each class."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Chunks of equally many beats and leads: (batch, beats, …)."""

    windows: Tensor
    shapes: Tensor
    rhythm: Tensor
    labels: Tensor
    weights: Tensor


@dataclass(frozen=True, slots=True)
class Chunk:
    """Beats `start` to `stop` of a sequence, on some of its leads."""

    sequence: BeatSequence
    start: int
    stop: int
    leads: tuple[int, ...]


def epoch_batches(
    sequences: Sequence[BeatSequence],
    rng: np.random.Generator,
    one_lead_share: float = ONE_LEAD_SHARE,
) -> list[list[Chunk]]:
    """Draw an epoch: a part of the beats of every record, and some of the short recordings.

    The chunks of a batch have equally many beats and leads, so that nothing is padded.
    """
    alike: dict[tuple[int, int], list[Chunk]] = {}
    for sequence in sequences:
        for start, stop in _stretches(sequence, rng):
            chunk = Chunk(sequence, start, stop, _draw_leads(sequence, rng, one_lead_share))
            alike.setdefault((stop - start, len(chunk.leads)), []).append(chunk)
    batches: list[list[Chunk]] = []
    for (n_beats, _), chunks in alike.items():
        rng.shuffle(chunks)
        size = max(1, BATCH_BEATS // n_beats)
        batches += [chunks[i : i + size] for i in range(0, len(chunks), size)]
    rng.shuffle(batches)
    return batches


def _stretches(
    sequence: BeatSequence, rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    n_beats = len(sequence.labels)
    length = min(n_beats, CHUNK_BEATS)
    if sequence.kind == "record":
        for start in range(int(rng.integers(length)), n_beats - length + 1, length):
            if rng.random() < _WHOLE_SHARE:
                yield start, start + length
    elif rng.random() < _SHORT_SHARE:
        start = int(rng.integers(n_beats - length + 1))
        yield start, start + length


def _draw_leads(
    sequence: BeatSequence, rng: np.random.Generator, one_lead_share: float
) -> tuple[int, ...]:
    n_leads = sequence.inputs.windows.shape[1]
    if n_leads == 1 or rng.random() >= one_lead_share:
        return tuple(range(n_leads))
    return (int(rng.integers(n_leads)),)


def collate(chunks: Sequence[Chunk], weights_of: Weights) -> Batch:
    """Put chunks into one batch."""

    def stacked(name: str) -> Tensor:
        parts = [getattr(c.sequence.inputs, name)[c.start : c.stop] for c in chunks]
        if name != "rhythm":
            parts = [part[:, list(c.leads)] for part, c in zip(parts, chunks, strict=True)]
        return torch.from_numpy(np.stack(parts).astype(np.float32))

    known = np.stack([c.sequence.labels[c.start : c.stop] for c in chunks])
    readable = np.stack([c.sequence.inputs.readable[c.start : c.stop] for c in chunks])
    weights = np.stack([weights_of[c.sequence.record] for c in chunks])
    return Batch(
        stacked("windows"),
        stacked("shapes"),
        stacked("rhythm"),
        torch.from_numpy(np.where(readable & (known != _Q), known, IGNORED)),
        torch.from_numpy(np.take_along_axis(weights, known, axis=1)),
    )


def augment(batch: Batch, rng: torch.Generator) -> Batch:
    """Vary what must not matter: gain, place of R, noise, baseline, polarity, pace."""
    n_chunks, n_beats, n_leads = batch.windows.shape[:3]
    windows = _shift(batch.windows, rng)
    each_lead = (n_chunks, 1, n_leads, 1, 1)
    gain = torch.empty(each_lead).uniform_(0.8, 1.25, generator=rng)
    flip = torch.where(torch.rand(each_lead, generator=rng) < 0.1, -1.0, 1.0)
    windows = windows * gain * flip + _noise(n_chunks, n_beats, n_leads, rng)
    windows = windows * (torch.rand(n_chunks, 1, 1, 1, 1, generator=rng) >= _HIDDEN_WINDOWS)
    rhythm = batch.rhythm.clone()
    rhythm[..., _PACE] += 0.5 * torch.randn(n_chunks, 1, 1, generator=rng)
    return replace(batch, windows=windows, rhythm=rhythm)


def _shift(windows: Tensor, rng: torch.Generator) -> Tensor:
    """Move each beat's R by up to 2 samples; the dominant beat stays where it is."""
    n_chunks, n_beats = windows.shape[:2]
    dominant = windows[:, :, :, 0] - windows[:, :, :, 1]
    together = torch.randint(-1, 2, (n_chunks, 1, 1, 1), generator=rng)
    alone = torch.randint(-1, 2, (n_chunks, n_beats, 1, 1), generator=rng)
    at = (torch.arange(WINDOW_SAMPLES) + together + alone).clamp(0, WINDOW_SAMPLES - 1)
    beats = windows[:, :, :, 0]
    beats = beats.gather(-1, at.expand(beats.shape))
    return torch.stack([beats, beats - dominant], dim=3)


def _noise(n_chunks: int, n_beats: int, n_leads: int, rng: torch.Generator) -> Tensor:
    """Muscle noise (white) and baseline wander (a slow sine), as loud in both channels."""
    each_lead, each_beat = (n_chunks, 1, n_leads, 1), (n_chunks, n_beats, n_leads, 1)
    loud = torch.rand(each_lead, generator=rng).pow(3) * 0.15
    muscle = torch.randn(n_chunks, n_beats, n_leads, WINDOW_SAMPLES, generator=rng)
    wander = torch.rand(each_lead, generator=rng).pow(3) * 0.3
    phase = 6.3 * torch.rand(each_beat, generator=rng)
    slow = torch.empty(each_beat).uniform_(0.5, 5.0, generator=rng)
    baseline = torch.sin(phase + slow * torch.linspace(0, 1, WINDOW_SAMPLES))
    return (loud * muscle + wander * baseline).unsqueeze(3)

"""Batches of chunks of consecutive beats, drawn anew for every epoch, and augmented."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ecgsvc.inference.beat_chunks import CHUNK_BEATS
from ecgsvc.inference.beat_features import FEATURE_NAMES, WINDOW_SAMPLES
from ecgsvc.training.datasets import BeatSequence

BATCH_BEATS = 512
IGNORED = -100
"""Label of padding, and of beats that were not readable."""

_FIRST_LEAD_SHARE = 0.75  # the rest is drawn from the other leads: one model for any lead
_PIECES_SHARE = 0.25  # of the short recordings, each epoch
_HIDDEN_SHAPES = 0.2  # of the chunks: the features must do
_RR_COLUMNS = [FEATURE_NAMES.index(name) for name in ("rr_before", "rr_after")]


Weights: TypeAlias = Mapping[str, NDArray[np.float32]]
"""By record: the weight of a beat of each class."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Chunks padded to the longest: (batch, beats, …), and `lengths`, the beats of each."""

    windows: Tensor
    features: Tensor
    labels: Tensor
    weights: Tensor
    lengths: Tensor


@dataclass(frozen=True, slots=True)
class Chunk:
    """Beats `start` to `stop` of a sequence."""

    sequence: BeatSequence
    start: int
    stop: int


def epoch_batches(
    sequences: Sequence[BeatSequence], rng: np.random.Generator
) -> list[list[Chunk]]:
    """Draw an epoch: the beats of every record once, and some short recordings."""
    chunks: dict[float | None, list[Chunk]] = {None: _whole_chunks(sequences, rng)}
    for sequence in sequences:
        share = _FIRST_LEAD_SHARE if sequence.lead_index == 0 else 1 - _FIRST_LEAD_SHARE
        if sequence.piece_s is not None and rng.random() < share * _PIECES_SHARE:
            start = int(rng.integers(max(1, len(sequence.labels) - CHUNK_BEATS + 1)))
            stop = min(start + CHUNK_BEATS, len(sequence.labels))
            chunks.setdefault(sequence.piece_s, []).append(Chunk(sequence, start, stop))
    batches: list[list[Chunk]] = []
    for alike in chunks.values():
        rng.shuffle(alike)
        n_beats = sum(chunk.stop - chunk.start for chunk in alike)
        size = max(1, round(len(alike) * BATCH_BEATS / max(n_beats, 1)))
        batches += [alike[i : i + size] for i in range(0, len(alike), size)]
    rng.shuffle(batches)
    return batches


def _whole_chunks(
    sequences: Sequence[BeatSequence], rng: np.random.Generator
) -> list[Chunk]:
    leads_of: dict[str, list[BeatSequence]] = {}
    for sequence in sequences:
        if sequence.piece_s is None:
            leads_of.setdefault(sequence.record, []).append(sequence)
    chunks = []
    for leads in leads_of.values():
        n_beats = len(leads[0].labels)
        for start in range(-int(rng.integers(CHUNK_BEATS)), n_beats, CHUNK_BEATS):
            first = len(leads) == 1 or rng.random() < _FIRST_LEAD_SHARE
            lead = leads[0] if first else leads[int(rng.integers(1, len(leads)))]
            chunks.append(Chunk(lead, max(0, start), min(n_beats, start + CHUNK_BEATS)))
    return chunks


def collate(chunks: Sequence[Chunk], weights_of: Weights) -> Batch:
    """Put chunks into one batch, padded with zeros."""
    longest = max(chunk.stop - chunk.start for chunk in chunks)
    windows = np.zeros((len(chunks), longest, 2, WINDOW_SAMPLES), np.float32)
    features = np.zeros((len(chunks), longest, len(FEATURE_NAMES)), np.float32)
    labels = np.full((len(chunks), longest), IGNORED, np.int64)
    weights = np.zeros((len(chunks), longest), np.float32)
    for row, chunk in enumerate(chunks):
        beats = slice(chunk.start, chunk.stop)
        n_beats = chunk.stop - chunk.start
        inputs = chunk.sequence.inputs
        windows[row, :n_beats] = inputs.windows[beats]
        features[row, :n_beats] = inputs.features[beats]
        known = chunk.sequence.labels[beats]
        labels[row, :n_beats] = np.where(inputs.readable[beats], known, IGNORED)
        weights[row, :n_beats] = weights_of[chunk.sequence.record][known]
    lengths = torch.tensor([chunk.stop - chunk.start for chunk in chunks])
    return Batch(
        torch.from_numpy(windows),
        torch.from_numpy(features),
        torch.from_numpy(labels),
        torch.from_numpy(weights),
        lengths,
    )


def augment(batch: Batch, rng: torch.Generator) -> Batch:
    """Vary what must not matter: gain, place of R, noise, baseline, polarity, pace."""
    shape = batch.windows.shape[:2]
    windows = _shift(batch.windows, rng)
    gain = torch.empty(shape[0], 1, 1, 1).uniform_(0.8, 1.25, generator=rng)
    flip = torch.where(torch.rand(shape[0], 1, 1, 1, generator=rng) < 0.1, -1.0, 1.0)
    windows = windows * gain * flip + _noise(shape, rng)
    windows = windows * (torch.rand(shape[0], 1, 1, 1, generator=rng) >= _HIDDEN_SHAPES)
    features = batch.features.clone()
    pace = 0.5 * torch.randn(shape[0], 1, 1, generator=rng)
    features[..., _RR_COLUMNS] += pace
    return replace(batch, windows=windows, features=features)


def _shift(windows: Tensor, rng: torch.Generator) -> Tensor:
    """Move each beat's R by up to 4 samples; the dominant beat stays where it is."""
    n_chunks, n_beats = windows.shape[:2]
    dominant = windows[:, :, 0] - windows[:, :, 1]
    together = torch.randint(-2, 3, (n_chunks, 1, 1), generator=rng)
    alone = torch.randint(-2, 3, (n_chunks, n_beats, 1), generator=rng)
    at = (torch.arange(WINDOW_SAMPLES) + together + alone).clamp(0, WINDOW_SAMPLES - 1)
    beats = windows[:, :, 0].gather(-1, at)
    return torch.stack([beats, beats - dominant], dim=2)


def _noise(shape: torch.Size, rng: torch.Generator) -> Tensor:
    """Muscle noise (white) and baseline wander (a slow sine), as loud in both channels."""
    n_chunks, n_beats = shape
    loud = torch.rand(n_chunks, 1, 1, generator=rng).pow(3) * 0.15
    muscle = loud * torch.randn(n_chunks, n_beats, WINDOW_SAMPLES, generator=rng)
    wander = torch.rand(n_chunks, 1, 1, generator=rng).pow(3) * 0.3
    phase = 6.3 * torch.rand(n_chunks, n_beats, 1, generator=rng)
    slow = torch.empty(n_chunks, n_beats, 1).uniform_(0.5, 5.0, generator=rng)
    baseline = wander * torch.sin(phase + slow * torch.linspace(0, 1, WINDOW_SAMPLES))
    return (muscle + baseline).unsqueeze(2)

"""Generated beats among the real ones: what the augmentation `gan` adds to an epoch."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ecgsvc.inference.beat_chunks import CHUNK_BEATS
from ecgsvc.inference.beat_features import MODEL_RATE_HZ, WINDOW_SAMPLES
from ecgsvc.inference.beat_shapes import RATE_HZ, shape_features
from ecgsvc.training.beat_gan import RARE, Generator, generate
from ecgsvc.training.datasets import SIGNAL_TOOLS, BeatSequence

N_STRETCHES = 400
"""Stretches of 64 beats that are made once for a fit; an epoch shows three tenths."""

_EDGE = 16  # samples repeated beside a beat, so that the resampler does not ring on it


def generated_sequences(
    generator: Generator, sequences: Sequence[BeatSequence], n_stretches: int, seed: int
) -> list[BeatSequence]:
    """Stretches of real records in which every readable S, V and F beat is a generated one.

    A generated beat keeps the time, the neighbours and the class of the beat it stands for;
    its windows come from the generator, its shape features are measured on them. The
    stretches lie around S, V and F beats drawn alike, in records drawn alike, so that they
    also make the rare classes more frequent.
    """
    rng = np.random.default_rng(seed)
    whole = [s for s in sequences if s.kind == "record" and len(s.labels) >= CHUNK_BEATS]
    made = []
    for number in range(n_stretches):
        kind = RARE[number % len(RARE)]
        having = [s for s in whole if (_is_real(s) & (s.labels == kind)).any()]
        if not having:
            continue
        sequence = having[rng.integers(len(having))]
        beat = rng.choice(np.flatnonzero(_is_real(sequence) & (sequence.labels == kind)))
        last = len(sequence.labels) - CHUNK_BEATS
        start = int(np.clip(beat - rng.integers(CHUNK_BEATS), 0, last))
        made.append(_regenerated(generator, sequence, start, rng))
    return made


def _is_real(sequence: BeatSequence) -> NDArray[np.bool_]:
    rare: NDArray[np.bool_] = np.isin(sequence.labels, RARE) & sequence.inputs.readable
    return rare


def _regenerated(
    generator: Generator, sequence: BeatSequence, start: int, rng: np.random.Generator
) -> BeatSequence:
    beats = slice(start, start + CHUNK_BEATS)
    inputs, labels = sequence.inputs, sequence.labels[beats]
    replaced = _is_real(sequence)[beats]
    windows = inputs.windows[beats].copy()
    shapes = inputs.shapes[beats].copy()
    dominant = windows[:, :, 0] - windows[:, :, 1]
    new = generate(generator, labels[replaced], dominant[replaced], rng)
    windows[replaced] = np.stack([new, new - dominant[replaced]], axis=2)
    for lead in range(windows.shape[1]):
        measured = measure_shapes(windows[:, lead])[replaced]
        shapes[replaced, lead, : measured.shape[1]] = measured  # all that networks see
    changed = replace(
        inputs,
        windows=windows,
        shapes=shapes,
        rhythm=inputs.rhythm[beats],
        kinds=inputs.kinds[beats],
        readable=inputs.readable[beats],
    )
    return BeatSequence(sequence.record, "piece", changed, labels)


def measure_shapes(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shape features of consecutive beats as the network sees them.

    Parameters
    ----------
    windows
        Shape (n, 2, 100): beats of one lead of a record at 125 Hz, and their differences
        from the dominant beat.

    Returns
    -------
    ndarray
        Shape (n, 17). The dominant beat stands in for the beats after long intervals, which
        windows do not hold.
    """
    dominant = np.median(windows[:, 0] - windows[:, 1], axis=0)
    fine = _at_shape_rate(np.concatenate([windows[:, 0], dominant[np.newaxis]]))
    return shape_features(fine[:-1], fine[-1], fine[-1]).astype(np.float32)


def _at_shape_rate(beats: NDArray[np.float32]) -> NDArray[np.float32]:
    """From 100 samples at 125 Hz to 200 at 250 Hz, edges padded with the last sample."""
    padded = np.pad(beats.astype(np.float64), ((0, 0), (_EDGE, _EDGE)), mode="edge")
    fine = SIGNAL_TOOLS.resample(padded.reshape(-1), MODEL_RATE_HZ, RATE_HZ)
    factor = round(RATE_HZ / MODEL_RATE_HZ)
    first, last = factor * _EDGE, factor * (_EDGE + WINDOW_SAMPLES)
    inner = fine.reshape(len(beats), -1)[:, first:last]
    return np.ascontiguousarray(inner, dtype=np.float32)

"""Long recordings through a network that sees a bounded number of beats at once."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc.inference.beat_features import BeatInputs

CHUNK_BEATS = 64
CHUNK_STEP = 48  # neighbours share 16 beats, and each answers for those it sees context of
_CHUNKS_A_RUN = 8

RunNetwork: TypeAlias = Callable[
    [NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]
]
"""From windows, shapes and rhythm, each (chunks, beats, …), to logits."""


def chunks_of(n_beats: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Chunks of at least one beat, and the chunk each beat is read from.

    Chunks are full and overlap, so that no padding is needed; a beat is read from one in
    which it has eight neighbours on either side, where the recording has them. Fewer beats
    than a chunk make one shorter chunk.

    Returns
    -------
    chunks
        Shape (n_chunks, length): the beats of each.
    chunk_of
        Shape (n_beats,).
    """
    length = min(n_beats, CHUNK_BEATS)
    starts = np.arange(0, n_beats - length + CHUNK_STEP, CHUNK_STEP)
    starts = np.minimum(starts, n_beats - length)
    margin = (CHUNK_BEATS - CHUNK_STEP) // 2
    chunk_of = np.clip((np.arange(n_beats) - margin) // CHUNK_STEP, 0, len(starts) - 1)
    return starts[:, np.newaxis] + np.arange(length), chunk_of


def chunked_logits(inputs: BeatInputs, run: RunNetwork) -> NDArray[np.float32]:
    """Logits of every beat, shape (n_beats, n_classes), for at least one beat."""
    n_beats = len(inputs.windows)
    chunks, chunk_of = chunks_of(n_beats)
    answers = np.concatenate(
        [
            run(inputs.windows[beats], inputs.shapes[beats], inputs.rhythm[beats])
            for beats in np.split(chunks, range(_CHUNKS_A_RUN, len(chunks), _CHUNKS_A_RUN))
        ]
    )
    place = np.arange(n_beats) - chunks[chunk_of, 0]
    logits: NDArray[np.float32] = answers[chunk_of, place]
    return logits

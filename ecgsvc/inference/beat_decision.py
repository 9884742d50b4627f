"""From a network's logits to the probabilities that are reported."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES

MIN_SUSTAINED_BEATS = 8

_N, _S = BEAT_CLASSES.index(BeatClass.N), BEAT_CLASSES.index(BeatClass.S)
_IRREGULARITY = RHYTHM_FEATURES.index("rr_irregularity_32")


def beat_probabilities(
    logits: NDArray[np.float32],
    rhythm: NDArray[np.float32],
    *,
    temperature: float,
    logit_offsets: Sequence[float],
    max_irregularity: float,
) -> NDArray[np.float32]:
    """Probabilities of `BEAT_CLASSES`, shape (n_beats, 5), used in training and service.

    They are the softmax of ``logits / temperature + logit_offsets``, but for one rule: in
    a sustained irregular rhythm, as atrial fibrillation is, no beat is early against
    anything, and what would be S is N. Such a rhythm is one in which `rhythm` gives an
    irregularity above `max_irregularity`, in a recording of `MIN_SUSTAINED_BEATS` or more.
    """
    scaled = logits / np.float32(temperature) + np.asarray(logit_offsets, np.float32)
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float32] = odds / odds.sum(axis=1, keepdims=True)
    if len(scaled) >= MIN_SUSTAINED_BEATS:
        irregular = rhythm[:, _IRREGULARITY] > max_irregularity
        probabilities[irregular, _N] += probabilities[irregular, _S]
        probabilities[irregular, _S] = 0
    return probabilities

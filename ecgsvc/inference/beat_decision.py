"""From a network's logits to the probabilities that are reported."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES

MIN_SUSTAINED_BEATS = 8

_N, _S = BEAT_CLASSES.index(BeatClass.N), BEAT_CLASSES.index(BeatClass.S)
_V = BEAT_CLASSES.index(BeatClass.V)
_IRREGULARITY = RHYTHM_FEATURES.index("rr_irregularity_32")


def beat_probabilities(
    logits: NDArray[np.float32],
    rhythm: NDArray[np.float32],
    kinds: NDArray[np.int64],
    *,
    temperature: float,
    logit_offsets: Sequence[float],
    max_irregularity: float,
    kind_weight: float,
) -> NDArray[np.float32]:
    """Probabilities of `BEAT_CLASSES`, shape (n_beats, 5), used in training and service.

    They are the softmax of ``logits / temperature + logit_offsets``, but for two rules.
    Beats of one QRS complex come from one place: whether they are ventricular is decided
    by their mean to `kind_weight`, and for the rest by each alone (`share_ventricular`).
    In a sustained irregular rhythm, as atrial fibrillation is, no beat is early against
    anything, and what would be S is N. Such a rhythm is one in which `rhythm` gives an
    irregularity above `max_irregularity`, in a recording of `MIN_SUSTAINED_BEATS` or more.

    Parameters
    ----------
    logits
        Shape (n_beats, 5), of one recording.
    rhythm, kinds
        As in `BeatInputs`.
    """
    scaled = logits / np.float32(temperature) + np.asarray(logit_offsets, np.float32)
    scaled = share_ventricular(scaled, kinds, kind_weight)
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float32] = odds / odds.sum(axis=1, keepdims=True)
    if len(scaled) >= MIN_SUSTAINED_BEATS:
        irregular = rhythm[:, _IRREGULARITY] > max_irregularity
        probabilities[irregular, _N] += probabilities[irregular, _S]
        probabilities[irregular, _S] = 0
    return probabilities


def share_ventricular(
    scaled: NDArray[np.float32], kinds: NDArray[np.int64], weight: float
) -> NDArray[np.float32]:
    """Logits with the beats' lead of V over the next class drawn to that of their kind."""
    others = np.delete(scaled, _V, axis=1).max(axis=1)
    lead = scaled[:, _V] - others
    count = np.bincount(kinds)
    of_kind = np.bincount(kinds, lead) / np.maximum(count, 1)
    shared = scaled.copy()
    shared[:, _V] = others + (1 - weight) * lead + weight * of_kind[kinds]
    return shared

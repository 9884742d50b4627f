"""The beats that measurements are made of."""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BeatClass, ClassifiedBeats


def dominant_beats(beats: ClassifiedBeats) -> NDArray[np.bool_]:
    """Tell which beats are usual, shape (n_beats,): those of class N, or all if none is."""
    normal = np.array([c is BeatClass.N for c in beats.classes], dtype=bool)
    return normal if normal.any() else np.ones(beats.n_beats, dtype=bool)

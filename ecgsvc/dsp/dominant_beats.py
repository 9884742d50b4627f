"""The beats that measurements are made of."""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BeatClass, ClassifiedBeats


def dominant_beats(
    beats: ClassifiedBeats, shapes: NDArray[np.int64] | None = None
) -> NDArray[np.bool_]:
    """Tell which beats are usual, shape (n_beats,): those of class N, or all if none is.

    Of these the ones of the commonest QRS shape where `shapes`, as in `GlobalWaves`, are
    known: beats that a pacemaker or a block that comes and goes makes wide are of class N
    too, and a median over narrow and wide ones is the duration of neither.
    """
    usual = np.array([c is BeatClass.N for c in beats.classes], dtype=bool)
    if not usual.any():
        usual[:] = True
    if shapes is None:
        return usual
    counts = np.bincount(shapes[usual & (shapes >= 0)])
    return usual & (shapes == counts.argmax()) if counts.size else usual

"""Samples that no lead has."""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Waveform


def lost_samples(waveform: Waveform) -> NDArray[np.int64]:
    """Indices of the samples that are missing in all leads, increasing."""
    lost = np.ones(waveform.n_samples, dtype=bool)
    for lead_mv in waveform.samples_mv:
        lost &= ~np.isfinite(lead_mv)
        if not lost.any():
            break
    found: NDArray[np.int64] = np.flatnonzero(lost)
    return found

"""Onset, peak and offset of the P wave, the QRS complex and the T wave."""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Millivolts, SampleIndices
from ecgsvc.dsp import _core


def delineate(
    samples_mv: Millivolts,
    sampling_rate_hz: float,
    r_peak_indices: SampleIndices,
    *,
    threads: int = 1,
) -> NDArray[np.int64]:
    """Mark the waves of every beat in every lead.

    Each beat is read on the mean of the beats around it that have the same QRS complex,
    filtered 0.44-32 Hz without phase shift; a wave is sought in all leads together and then
    bounded in each, leads being drawn towards their common judgement. A P wave is one that
    recurs at the same time before similar beats, so that fibrillation has none.

    Parameters
    ----------
    samples_mv
        Shape (n_leads, n) or (n,), C-contiguous float64, millivolts, NaN where missing.
    sampling_rate_hz
        Samples per second; made for 100 to 2000.
    r_peak_indices
        Shape (n_beats,), int64, strictly increasing, each in [0, n).
    threads
        How many may work at it, 1 to 64; the marks do not depend on it. From 512 beats on
        more than one pays; each takes some minutes of filtered leads.

    Returns
    -------
    numpy.ndarray
        Shape (n_leads, n_beats, 3, 3), int64 sample indices; the third axis is P, QRS, T,
        the last one onset, peak, offset, in increasing order. -1 in all three points where
        the beat has no such wave, the recording ends before it does, or the lead is flat or
        has a missing sample there.

    Raises
    ------
    ValueError
        For R peaks that are not strictly increasing or outside the recording, a rate that
        is not positive, threads outside their range, or another shape.
    TypeError
        When an array is not C-contiguous or of another type.
    """
    return _core.delineate(samples_mv, sampling_rate_hz, r_peak_indices, threads=threads)

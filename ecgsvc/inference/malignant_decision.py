"""From logits to alarms: leads together, calibration, threshold, persistence."""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.rhythm import MalignantCall, MalignantRhythm, MalignantWindow
from ecgsvc.domain.waveform import SampleIndices

LABELS = (MalignantRhythm.VF, MalignantRhythm.VT, MalignantRhythm.OTHER)
"""The network's classes, in its order."""

_ALARMS = LABELS[:2]


def over_leads(
    logits: NDArray[np.float32], readable: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Put the leads that can be read together: halfway from their mean to the worst one.

    The mean alone misses what only one lead shows, the worst alone believes every artefact.

    Parameters
    ----------
    logits
        Shape (n_leads, n_windows, 3).
    readable
        Shape (n_leads, n_windows).

    Returns
    -------
    numpy.ndarray
        Shape (n_windows, 3); NaN where no lead can be read.
    """
    n_readable = readable.sum(axis=0)
    total = np.where(readable[:, :, None], logits, 0.0).sum(axis=0, dtype=np.float64)
    mean = total / np.maximum(n_readable, 1)[:, None]
    odds = np.logaddexp(logits[:, :, 0], logits[:, :, 1]) - logits[:, :, 2]
    worst = np.where(readable, odds, -np.inf).argmax(axis=0)
    together: NDArray[np.float64] = (mean + logits[worst, np.arange(len(worst))]) / 2
    together[n_readable == 0] = np.nan
    return together


def malignant_probabilities(
    logits: NDArray[np.float64], temperature: float
) -> NDArray[np.float64]:
    """Calibrated probabilities of `LABELS`, shape (n_windows, 3); NaN stays NaN."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def malignant_probability(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that a window is of VF or VT, shape (n_windows,)."""
    both: NDArray[np.float64] = probabilities[:, : len(_ALARMS)].sum(axis=1)
    return both


def alarm_scores(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """The threshold up to which each window is alarmed, shape (n_windows,).

    An alarm needs a neighbour above the threshold too: neighbours overlap by half, so that
    it stands on 15 s of signal. The only window of a short recording stands alone. Windows
    that cannot be read (NaN) score 0.
    """
    told = np.nan_to_num(probability)
    if len(told) < 2:
        return told
    padded = np.pad(told, 1)
    scores: NDArray[np.float64] = np.minimum(told, np.maximum(padded[:-2], padded[2:]))
    return scores


def malignant_call(
    bounds: SampleIndices,
    probabilities: NDArray[np.float64],
    threshold: float,
    *,
    still: NDArray[np.bool_],
    off: NDArray[np.bool_],
) -> MalignantCall:
    """Put network and rules together.

    Lead-off stands before everything; VF and VT before asystole, because fibrillation has
    no QRS complexes either.

    Parameters
    ----------
    bounds
        Shape (n_windows, 2), overlapping windows in order of time.
    probabilities
        Shape (n_windows, 3), NaN where nothing could be read.
    threshold
        Least probability of VF and VT together.
    still, off
        Shape (n_windows,): where the heart stands still, where no lead is connected.
    """
    malignant = alarm_scores(malignant_probability(probabilities)) >= threshold
    unread = np.isnan(probabilities.sum(axis=1))
    windows = []
    for place, (start, stop) in enumerate(bounds.tolist()):
        told = dict(zip(LABELS, probabilities[place].tolist(), strict=True))
        answer: MalignantRhythm | None = MalignantRhythm.OTHER
        if off[place]:
            answer = MalignantRhythm.LEAD_OFF
        elif malignant[place]:
            answer = max(_ALARMS, key=told.__getitem__)
        elif still[place]:
            answer = MalignantRhythm.ASYSTOLE
        elif unread[place]:
            answer = None
        unknown = off[place] or unread[place]
        windows.append(MalignantWindow(start, stop, {} if unknown else told, answer))
    return MalignantCall(tuple(windows))

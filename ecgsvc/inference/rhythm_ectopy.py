"""What the beat classes say of the rhythm of a stretch.

The beat model has learnt from records whose every beat is labelled what an ectopic beat
looks like; recordings with one label each teach that poorly. Intervals between beats that
are not ectopic tell fibrillation from a sinus rhythm with many ectopic beats.
"""

import math
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass
from ecgsvc.inference.averages import deviation, mean, share
from ecgsvc.inference.order_statistics import median, quantile
from ecgsvc.inference.rhythm_features import (
    LEAST_BEATS,
    Floats,
    irregularity,
    local_median,
    sample_entropies,
    usable_intervals,
)

_LEAST_NORMAL_INTERVALS = 4
_S, _V, _F, _Q = (BEAT_CLASSES.index(c) for c in BeatClass if c is not BeatClass.N)

ECTOPY_NAMES: tuple[str, ...] = (
    "s_mean", "v_mean", "f_mean", "q_mean",
    "s_first", "s_second", "s_third", "v_first", "v_second", "v_third", "n_s", "n_v",
    "log_n_mean", "ectopic_pair", "ectopic_run", "bigeminy",
    "ectopic_prematurity", "s_prematurity", "v_prematurity",
    "normal_intervals", "nn_variation", "nn_rmssd", "nn_change", "nn_entropy",
    "nn_irregularity", "nn_range",
)  # fmt: skip
"""Means, greatest values and counts of the probabilities, order of ectopic beats, how early
they come, and the intervals between normal beats (NN)."""


def ectopy_features(r_s: Floats, probabilities: NDArray[np.float32]) -> Floats:
    """Describe the beats of one stretch by their classes.

    Parameters
    ----------
    r_s
        Shape (n_beats,), seconds, increasing.
    probabilities
        Shape (n_beats, 5), columns as `BEAT_CLASSES`.

    Returns
    -------
    numpy.ndarray
        Shape (len(ECTOPY_NAMES),); zeros with fewer than five beats.
    """
    if len(r_s) < LEAST_BEATS:
        return np.zeros(len(ECTOPY_NAMES))
    p = probabilities.astype(np.float64)
    s, v = p[:, _S], p[:, _V]
    s_or_v = np.maximum(s, v)
    ectopic = np.maximum(s_or_v, p[:, _F])
    rr_s = usable_intervals(r_s)
    early = 1 - rr_s / local_median(rr_s)  # of the second beat of each interval
    named = [
        *mean(p[:, (_S, _V, _F, _Q)], axis=0).tolist(),
        *np.sort(s)[:-4:-1].tolist(),
        *np.sort(v)[:-4:-1].tolist(),
        float(np.count_nonzero(s > 0.5)),
        float(np.count_nonzero(v > 0.5)),
        float(mean(np.log(p[:, 0] + 1e-3))),
        float((s_or_v[1:] * s_or_v[:-1]).max()),
        float(_longest_run(ectopic > 0.5)),
        float(mean(ectopic[:-2] * (1 - ectopic[1:-1]) * ectopic[2:])),
        float((ectopic[1:] * early).sum() / max(float(ectopic[1:].sum()), 0.1)),
        float((s[1:] * early).max()),
        float((v[1:] * early).max()),
    ]
    normal = (ectopic < 0.5) & (p[:, _Q] < 0.5)
    return np.array([*named, *_normal_intervals(rr_s, normal)])


def _longest_run(flags: NDArray[np.bool_]) -> int:
    return max((len(list(run)) for flag, run in groupby(flags.tolist()) if flag), default=0)


def _normal_intervals(rr_s: Floats, normal: NDArray[np.bool_]) -> list[float]:
    """Share of the intervals between normal beats, and how these vary."""
    between = normal[1:] & normal[:-1]
    nn_s = rr_s[between]
    change_s = (rr_s[1:] - rr_s[:-1])[between[1:] & between[:-1]]
    if len(nn_s) < _LEAST_NORMAL_INTERVALS or len(change_s) < _LEAST_NORMAL_INTERVALS - 1:
        return [share(between), *[0.0] * 6]
    mean_s, usual_s = float(mean(nn_s)), float(median(nn_s))
    return [
        share(between),
        float(deviation(nn_s)) / mean_s,
        math.sqrt(float(mean(change_s**2))) / mean_s,
        float(median(np.abs(change_s))) / usual_s,
        sample_entropies(nn_s)[0],
        irregularity(nn_s),
        float(quantile(nn_s, 0.95) - quantile(nn_s, 0.05)) / usual_s,
    ]

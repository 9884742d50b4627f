"""Where waves begin and end over all leads, by the leads' own marks.

A boundary of a beat is the second-earliest onset and the second-latest offset over the
leads that have it (the only one or two when there are no more): the earliest of all leads
rests on one lead's noise.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waves import GlobalPoints, GlobalWaves, LeadWaves, WavePoints


def global_waves(waves: Sequence[LeadWaves]) -> GlobalWaves:
    """Reduce the marks of the leads to global limits; no leads give no beats."""
    return GlobalWaves(
        p=_global_points([lead.p for lead in waves]),
        qrs=_global_points([lead.qrs for lead in waves]),
        t=_global_points([lead.t for lead in waves]),
    )


def waves_apart(waves: GlobalWaves, most_overlap: float) -> GlobalWaves:
    """Leave out T waves marked to end after the next P wave begins, and these P waves.

    One of the two is not what it is marked as: in a tachycardia, or where a flutter wave is
    taken for both. LUDB's annotators leave 36 ms or more between them in each of 12,436
    beats. An overlap of up to `most_overlap` samples is let pass.
    """
    overlap = waves.t.offset[:-1] - waves.p.onset[1:] > most_overlap
    if not overlap.any():
        return waves
    return GlobalWaves(
        _without(waves.p, np.append(False, overlap)),
        waves.qrs,
        _without(waves.t, np.append(overlap, False)),
        waves.shapes,
    )


def _without(points: GlobalPoints, beats: NDArray[np.bool_]) -> GlobalPoints:
    return GlobalPoints(
        np.where(beats, np.nan, points.onset), np.where(beats, np.nan, points.offset)
    )


def _global_points(leads: Sequence[WavePoints]) -> GlobalPoints:
    if not leads:
        return GlobalPoints(np.empty(0), np.empty(0))
    return GlobalPoints(
        onset=_second(np.array([points.onset for points in leads])),
        offset=-_second(np.array([points.offset for points in leads]), -1.0),
    )


def _second(per_lead: NDArray[np.int64], sign: float = 1.0) -> NDArray[np.float64]:
    """Second-smallest over the leads where three or more have one, else the smallest."""
    ordered = np.where(per_lead < 0, np.nan, sign * per_lead)
    ordered.sort(axis=0)
    if len(ordered) < 3:
        smallest: NDArray[np.float64] = ordered[0]
        return smallest
    picked: NDArray[np.float64] = np.where(np.isnan(ordered[2]), ordered[0], ordered[1])
    return picked

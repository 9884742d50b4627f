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


def _global_points(leads: Sequence[WavePoints]) -> GlobalPoints:
    if not leads:
        return GlobalPoints(np.empty(0), np.empty(0))
    return GlobalPoints(
        onset=_second([_absent_as_nan(points.onset) for points in leads]),
        offset=-_second([-_absent_as_nan(points.offset) for points in leads]),
    )


def _absent_as_nan(indices: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(indices < 0, np.nan, indices.astype(np.float64))


def _second(per_lead: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Second-smallest over the rows where three or more have a value, else the smallest."""
    ordered = np.sort(np.stack(per_lead), axis=0)
    n_present = np.isfinite(ordered).sum(axis=0)
    rank = np.where(n_present >= 3, 1, 0)
    picked: NDArray[np.float64] = np.take_along_axis(ordered, rank[np.newaxis], axis=0)[0]
    return picked

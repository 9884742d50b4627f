"""Gaps of a lead, before anything filters it: a filter would ring on a step."""

import numpy as np

from ecgsvc.domain.waveform import Millivolts


def bridge_gaps(lead_mv: Millivolts) -> Millivolts:
    """Join the ends of each gap (NaN) by a straight line, shape (n_samples,) as given.

    Before the first sample and after the last one their values are held; a lead without
    any sample is 0 throughout.
    """
    missing = ~np.isfinite(lead_mv)
    if not missing.any():
        return np.ascontiguousarray(lead_mv)
    there = np.flatnonzero(~missing)
    if not len(there):
        return np.zeros_like(lead_mv)
    bridged = lead_mv.copy()
    bridged[missing] = np.interp(np.flatnonzero(missing), there, lead_mv[there])
    return bridged

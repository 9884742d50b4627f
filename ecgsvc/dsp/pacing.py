"""Pacing spikes: steps of a few milliseconds that stand alone in all leads together."""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import SampleIndices, Waveform

LOWEST_RATE_HZ = 240.0
"""Below, a spike cannot be told from a QRS complex."""
SPIKE_S, QUIET_S = 0.005, 0.014
LEAST_STEP, LEAST_CONTRAST = 0.10, 4.0
"""As the delineator removes them (csrc/ecg/pacing_spikes.cpp): a tenth of a lead's range,
four times what is around."""
BEFORE_R_S = 0.20
"""A ventricular spike begins the complex; an atrial one stands a PR interval before."""


def paced_share(waveform: Waveform, r_peak_indices: SampleIndices) -> float | None:
    """Share of the beats with a pacing spike in the 200 ms before the R peak.

    None without beats, or where the rate is too low to see spikes.
    """
    rate_hz = waveform.sampling_rate_hz
    if rate_hz < LOWEST_RATE_HZ or not len(r_peak_indices):
        return None
    spikes = pacing_spikes(waveform)
    first = np.searchsorted(spikes, r_peak_indices - round(BEFORE_R_S * rate_hz))
    behind = np.searchsorted(spikes, r_peak_indices, side="right")
    return float((behind > first).mean())


def pacing_spikes(waveform: Waveform) -> NDArray[np.int64]:
    """Sample indices at which spikes begin, increasing."""
    rate_hz = waveform.sampling_rate_hz
    spike, quiet = (max(2, round(s * rate_hz)) for s in (SPIKE_S, QUIET_S))
    energy = _step_energy(waveform)
    if len(energy) < 2 * quiet + spike + 1:
        return np.empty(0, dtype=np.int64)
    at = np.arange(quiet, len(energy) - spike - quiet)
    at = at[energy[at] >= LEAST_STEP**2 * waveform.n_leads]
    around = np.arange(quiet - 2)
    before = energy[at[:, None] + (around - quiet + 1)].max(axis=1)
    after = energy[at[:, None] + (around + spike)].max(axis=1)
    found = at[energy[at] >= LEAST_CONTRAST**2 * np.maximum(before, after)]
    begins: NDArray[np.int64] = found[np.diff(found, prepend=-quiet) > spike]
    return begins


def _step_energy(waveform: Waveform) -> NDArray[np.float64]:
    """Squared steps from sample to sample over each lead's range, summed over leads."""
    energy = np.zeros(waveform.n_samples)
    for lead_mv in waveform.samples_mv:
        steps = lead_mv[1:] - lead_mv[:-1]
        span = float(lead_mv.max() - lead_mv.min()) if lead_mv.size else 0.0
        if np.isnan(span):
            steps, there = np.nan_to_num(steps), lead_mv[~np.isnan(lead_mv)]
            span = float(np.ptp(there)) if there.size else 0.0
        if span > 0:
            steps /= span
            steps *= steps
            energy[1:] += steps
    return energy

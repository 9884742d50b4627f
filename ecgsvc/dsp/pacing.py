"""Pacing spikes: steps of a few milliseconds that stand alone in all leads together."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
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
    greatest = sliding_window_view(energy, quiet - 2).max(axis=1)
    before, after = greatest[at - quiet + 1], greatest[at + spike]
    least = LEAST_STEP**2 * waveform.n_leads
    is_spike = (energy[at] >= least) & (
        energy[at] >= LEAST_CONTRAST**2 * np.maximum(before, after)
    )
    found = at[is_spike]
    begins: NDArray[np.int64] = found[np.diff(found, prepend=-quiet) > spike]
    return begins


def _step_energy(waveform: Waveform) -> NDArray[np.float64]:
    """Squared steps from sample to sample over each lead's range, summed over leads."""
    energy = np.zeros(waveform.n_samples)
    for lead_mv in waveform.samples_mv:
        there = lead_mv[np.isfinite(lead_mv)]
        span = float(there.max() - there.min()) if there.size else 0.0
        if span > 0:
            energy[1:] += np.nan_to_num(np.diff(lead_mv) / span) ** 2
    return energy

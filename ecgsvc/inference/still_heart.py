"""Windows without beats: an arrested heart told apart from an electrode that fell off."""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.waveform import Millivolts, SampleIndices, Waveform

ASYSTOLE_S = 4.0
"""No QRS complex for so long: Clifford et al. 2015, doi 10.1109/CIC.2015.7408639 (the
PhysioNet/CinC challenge on false alarms). Pauses of 3 s are findings of their own."""
LEAD_OFF_SHARE = 0.8
"""Of a window's seconds."""
_QRS_MV = 0.15
"""ISO/IEC 60601-2-27: least QRS complex; what is smaller may be noise on a still line."""
_FAINT_SHARE = 0.2
"""Of the recording's large beats: small ones count where all are small."""
_HALF_QRS_S = 0.1
_FLAT_MV = 1e-3  # amplifier noise of a connected electrode exceeds 1 µV
_SECOND = 1.0


def leads_off(waveform: Waveform, bounds: SampleIndices) -> NDArray[np.bool_]:
    """Tell in which windows each lead is not connected, shape (n_leads, n_windows).

    There a lead is missing or exactly constant, at the end of its range or anywhere, for
    80 % of the seconds: a connected electrode always carries some noise.

    Parameters
    ----------
    waveform
        The recording.
    bounds
        Shape (n_windows, 2), first sample and the one after the last.
    """
    still = np.stack([_still_seconds(row, waveform) for row in waveform.samples_mv])
    first, stop = _seconds(bounds, waveform, still.shape[1])
    sums = np.pad(still.cumsum(axis=1), ((0, 0), (1, 0)))
    share = (sums[:, stop] - sums[:, first]) / np.maximum(stop - first, 1)
    off: NDArray[np.bool_] = share >= LEAD_OFF_SHARE
    return off


def asystoles(
    waveform: Waveform,
    bounds: SampleIndices,
    r_peak_indices: SampleIndices,
    quality: SignalQuality,
) -> NDArray[np.bool_]:
    """Tell in which windows the heart stands still for 4 s, shape (n_windows,).

    No R peak in any lead, while some lead is connected and can be read throughout: a beat
    that noise hides is no asystole. R peaks below 0.15 mV that are faint beside the
    recording's others do not count. Fibrillation has no QRS complexes either and must be
    ruled out by the caller.
    """
    rate_hz = waveform.sampling_rate_hz
    r_peaks = r_peak_indices[~_faint(waveform, r_peak_indices)]
    edges = np.concatenate([[0], r_peaks, [waveform.n_samples]])
    out = np.zeros(len(bounds), dtype=bool)
    readable = _readable_seconds(waveform, quality)
    for place in np.flatnonzero(np.diff(edges) >= ASYSTOLE_S * rate_hz):
        onset, end = edges[place], edges[place + 1]
        inside = readable[:, int(np.ceil(onset / rate_hz)) : int(end / rate_hz)]
        if inside.size and inside.all(axis=1).any():
            overlap = np.minimum(bounds[:, 1], end) - np.maximum(bounds[:, 0], onset)
            out |= overlap >= ASYSTOLE_S * rate_hz
    return out


def _faint(waveform: Waveform, r_peak_indices: SampleIndices) -> NDArray[np.bool_]:
    """R peaks too small for a QRS complex in every lead, by the swing around them."""
    if not len(r_peak_indices):
        return np.zeros(0, dtype=bool)
    reach = round(_HALF_QRS_S * waveform.sampling_rate_hz)
    at = r_peak_indices[:, None] + np.arange(-reach, reach + 1)
    at = np.clip(at, 0, waveform.n_samples - 1)
    swing_mv = np.zeros(len(r_peak_indices))
    for lead_mv in waveform.samples_mv:
        around = np.nan_to_num(lead_mv[at])
        np.maximum(swing_mv, around.max(axis=1) - around.min(axis=1), out=swing_mv)
    large_mv = np.quantile(swing_mv, 0.95)
    faint: NDArray[np.bool_] = swing_mv < min(_QRS_MV, _FAINT_SHARE * large_mv)
    return faint


def _readable_seconds(waveform: Waveform, quality: SignalQuality) -> NDArray[np.bool_]:
    """Seconds in which a lead is connected and nothing hides a beat, (n_leads, n)."""
    connected = ~np.stack([_still_seconds(row, waveform) for row in waveform.samples_mv])
    if quality.windows is None:
        return connected
    unreadable, width = quality.windows.unreadable, quality.windows.n_samples
    middle = (np.arange(connected.shape[1]) + 0.5) * waveform.sampling_rate_hz
    at = np.minimum((middle / width).astype(np.int64), unreadable.shape[1] - 1)
    return connected & ~unreadable[:, at]


def _still_seconds(lead_mv: Millivolts, waveform: Waveform) -> NDArray[np.bool_]:
    """Whole seconds of a lead that are missing or constant."""
    width = round(_SECOND * waveform.sampling_rate_hz)
    seconds = lead_mv[: len(lead_mv) // width * width].reshape(-1, width)
    there = np.isfinite(seconds)
    high = np.where(there, seconds, -np.inf).max(axis=1)
    low = np.where(there, seconds, np.inf).min(axis=1)
    still: NDArray[np.bool_] = (2 * there.sum(axis=1) < width) | (high - low < _FLAT_MV)
    return still


def _seconds(
    bounds: SampleIndices, waveform: Waveform, n_seconds: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First second of each window and the one after its last."""
    rounded = np.rint(bounds / waveform.sampling_rate_hz).astype(np.int64)
    first, stop = np.minimum(rounded, n_seconds).T
    return first, stop

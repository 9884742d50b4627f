"""Windows without beats: an arrested heart told apart from an electrode that fell off."""

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.waveform import Millivolts, SampleIndices, Waveform
from ecgsvc.inference.order_statistics import quantile

ASYSTOLE_S = 4.0
"""No QRS complex for so long: Clifford et al. 2015, doi 10.1109/CIC.2015.7408639 (the
PhysioNet/CinC challenge on false alarms). Pauses of 3 s are findings of their own."""
LEAD_OFF_SHARE = 0.8
"""Of a window's seconds."""
_QRS_MV = 0.15
"""ISO/IEC 60601-2-27: a smaller swing is no QRS complex."""
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
    still = _still_seconds(waveform)
    first, stop = _seconds(bounds, waveform, still.shape[1])
    sums = np.zeros((len(still), still.shape[1] + 1), np.int64)
    still.cumsum(axis=1, out=sums[:, 1:])
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

    No lead that is connected and readable swings by a QRS complex, and there is such a
    lead throughout. That a detector finds no R peak is not enough: after an artefact it may
    be deaf for seconds, and on a still line it may take noise for beats. What is a QRS
    complex is 0.15 mV, or a fifth of the recording's large beats if that is less. Fine
    fibrillation may lie below; the caller must rule it out.
    """
    rate_hz = waveform.sampling_rate_hz
    still = _still_steps(waveform, _least_qrs_mv(waveform, r_peak_indices), quality)
    edges = np.flatnonzero(np.diff(still.astype(np.int8), prepend=0, append=0))
    out = np.zeros(len(bounds), dtype=bool)
    for first, behind in edges.reshape(-1, 2) * _step(rate_hz):
        overlap = np.minimum(bounds[:, 1], behind) - np.maximum(bounds[:, 0], first)
        out |= overlap >= ASYSTOLE_S * rate_hz
    return out


def _step(rate_hz: float) -> int:
    return max(1, round(_HALF_QRS_S * rate_hz))


def _still_steps(
    waveform: Waveform, least_qrs_mv: float, quality: SignalQuality
) -> NDArray[np.bool_]:
    """Steps of 0.1 s after which no readable lead has a QRS complex within 0.2 s."""
    step = _step(waveform.sampling_rate_hz)
    n_steps = waveform.n_samples // step
    middle = (np.arange(n_steps) + 0.5) * step / waveform.sampling_rate_hz
    readable = _readable_seconds(waveform, quality)
    if not readable.shape[1]:
        return np.zeros(n_steps, dtype=bool)
    second = np.minimum(middle.astype(np.int64), readable.shape[1] - 1)
    samples_mv = _without_gaps(waveform.samples_mv[:, : n_steps * step])
    pieces = samples_mv.reshape(waveform.n_leads, n_steps, step)
    high, low = pieces.max(axis=2), pieces.min(axis=2)
    high[:, :-1] = np.maximum(high[:, :-1], high[:, 1:])
    low[:, :-1] = np.minimum(low[:, :-1], low[:, 1:])
    seen = readable[:, second]
    still: NDArray[np.bool_] = ((high - low < least_qrs_mv) | ~seen).all(axis=0)
    return still & seen.any(axis=0)


def _least_qrs_mv(waveform: Waveform, r_peak_indices: SampleIndices) -> float:
    """Swing within 0.2 s from which on something may be a QRS complex."""
    if not len(r_peak_indices):
        return _QRS_MV
    step = _step(waveform.sampling_rate_hz)
    at = r_peak_indices[:, None] + np.arange(-step, step + 1)
    at = at.clip(0, waveform.n_samples - 1)
    swing_mv = np.zeros(len(r_peak_indices))
    for lead_mv in _without_gaps(waveform.samples_mv):
        beats_mv = lead_mv[at]
        np.maximum(swing_mv, beats_mv.max(axis=1) - beats_mv.min(axis=1), out=swing_mv)
    return min(_QRS_MV, _FAINT_SHARE * float(quantile(swing_mv, 0.95)))


def _without_gaps(samples_mv: Millivolts) -> Millivolts:
    return samples_mv if np.isfinite(samples_mv).all() else np.nan_to_num(samples_mv)


def _readable_seconds(waveform: Waveform, quality: SignalQuality) -> NDArray[np.bool_]:
    """Seconds in which a lead is connected and nothing hides a beat, (n_leads, n)."""
    connected = ~_still_seconds(waveform)
    if quality.windows is None:
        return connected
    unreadable, width = quality.windows.unreadable, quality.windows.n_samples
    middle = (np.arange(connected.shape[1]) + 0.5) * waveform.sampling_rate_hz
    at = np.minimum((middle / width).astype(np.int64), unreadable.shape[1] - 1)
    return connected & ~unreadable[:, at]


def _still_seconds(waveform: Waveform) -> NDArray[np.bool_]:
    """Whole seconds of each lead that are missing or constant, shape (n_leads, n)."""
    width = round(_SECOND * waveform.sampling_rate_hz)
    n_seconds = waveform.n_samples // width
    whole = waveform.samples_mv[:, : n_seconds * width]
    seconds = whole.reshape(waveform.n_leads, n_seconds, width)
    swing_mv = seconds.max(axis=2) - seconds.min(axis=2)
    if np.isfinite(swing_mv).all():
        return np.asarray(swing_mv < _FLAT_MV)
    there = np.isfinite(seconds)
    high = np.where(there, seconds, -np.inf).max(axis=2)
    low = np.where(there, seconds, np.inf).min(axis=2)
    still: NDArray[np.bool_] = (2 * there.sum(axis=2) < width) | (high - low < _FLAT_MV)
    return still


def _seconds(
    bounds: SampleIndices, waveform: Waveform, n_seconds: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First second of each window and the one after its last."""
    rounded = np.rint(bounds / waveform.sampling_rate_hz).astype(np.int64)
    first, stop = np.minimum(rounded, n_seconds).T
    return first, stop

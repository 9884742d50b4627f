"""What the detector of malignant rhythm sees of a lead: overlapping windows of 10 s.

The one input builder of training and serving. A window is shown as its waveform, scaled by
its own size, and as a row of features (`malignant_features`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Millivolts, SampleIndices
from ecgsvc.inference.averages import deviation, mean
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.gaps import bridge_gaps
from ecgsvc.inference.malignant_features import (
    FEATURE_NAMES,
    RATE_HZ,
    WINDOW_SAMPLES,
    window_features,
)

WINDOW_S = WINDOW_SAMPLES / RATE_HZ
HOP_S = 5.0
SHORTEST_S = 5.0
"""A recording shorter than this has no window."""
BAND_HZ = (1.0, 30.0)
"""Amann et al. 2007: what is left of fibrillation without wander and muscle."""

_HOP_SAMPLES = WINDOW_SAMPLES // 2
_FAINT_MV = 1e-3  # a window whose standard deviation is below 1 µV is no signal
_CLIP = 8.0  # standard deviations: anything beyond is an artefact
_MAX_BEATS = 60  # in 10 s


@dataclass(frozen=True, slots=True, eq=False)
class MalignantInputs:
    """Model input for the windows of some leads: lead by lead, each in order of time.

    Parameters
    ----------
    windows
        Shape (n, 1, 1250) float32, at 125 Hz, 1 to 30 Hz, standard deviation 1.
    features
        Shape (n, n_features) float32, columns as `FEATURE_NAMES`.
    readable
        Shape (n,) bool: False where more than half was missing or nothing moved.
    """

    windows: NDArray[np.float32]
    features: NDArray[np.float32]
    readable: NDArray[np.bool_]


def window_bounds(n_samples: int, sampling_rate_hz: float) -> SampleIndices:
    """First sample of each window and the one after its last, shape (n_windows, 2).

    One window every 5 s as far as they fit; one in all in a recording of 5 to 10 s, which
    is mirrored at its end.
    """
    n_model = round(n_samples / sampling_rate_hz * RATE_HZ)
    n_windows = int(n_samples >= SHORTEST_S * sampling_rate_hz)
    if n_model >= WINDOW_SAMPLES:
        n_windows = (n_model - WINDOW_SAMPLES) // _HOP_SAMPLES + 1
    starts_s = HOP_S * np.arange(n_windows)
    bounds_s = np.stack([starts_s, starts_s + WINDOW_S], axis=1)
    bounds = np.rint(bounds_s * sampling_rate_hz).astype(np.int64)
    return np.minimum(bounds, n_samples)


def build_malignant_inputs(
    leads_mv: Millivolts,
    sampling_rate_hz: float,
    r_peak_indices: SampleIndices,
    tools: SignalTools,
) -> MalignantInputs:
    """Build the model input of every window of some leads.

    Parameters
    ----------
    leads_mv
        Shape (n_leads, n_samples), millivolts, NaN where nothing was reported.
    sampling_rate_hz
        Rate of `leads_mv`.
    r_peak_indices
        Shape (n_beats,), increasing sample indices into `leads_mv`.
    tools
        Band-pass filter and resampler.
    """
    n_windows = len(window_bounds(leads_mv.shape[1], sampling_rate_hz))
    if not n_windows:
        return _NOTHING
    there = np.isfinite(leads_mv)
    signals = _prepare(leads_mv, there, sampling_rate_hz, tools)
    windows = _cut(signals, n_windows)
    spread_mv = deviation(windows, axis=1)
    known = _at_model_rate(there, sampling_rate_hz, signals.shape[1])
    present = _cut(known, n_windows).sum(axis=1) / WINDOW_SAMPLES
    readable = (spread_mv > _FAINT_MV) & (present >= 0.5)
    windows = (windows - mean(windows, axis=1, keepdims=True)).astype(np.float32)
    windows /= np.maximum(spread_mv, _FAINT_MV)[:, None].astype(np.float32)
    np.clip(windows, -_CLIP, _CLIP, out=windows)
    r_peaks = np.asarray(r_peak_indices) * (RATE_HZ / sampling_rate_hz)
    beats = np.tile(_beats_by_window(r_peaks, n_windows), (len(leads_mv), 1))
    features = window_features(windows, spread_mv, beats)
    return MalignantInputs(windows[:, None, :], features.astype(np.float32), readable)


def _prepare(
    leads_mv: Millivolts, there: NDArray[np.bool_], rate_hz: float, tools: SignalTools
) -> Millivolts:
    """Bridge gaps, resample and filter; mirrored to one window where it is shorter."""
    whole = np.ascontiguousarray(leads_mv)
    if not there.all():
        whole = np.stack([bridge_gaps(lead_mv) for lead_mv in leads_mv])
    signals = tools.resample(whole, rate_hz, RATE_HZ)
    signals = tools.band_pass(np.ascontiguousarray(signals), RATE_HZ, *BAND_HZ)
    lacking = WINDOW_SAMPLES - signals.shape[1]
    if lacking > 0:
        signals = np.pad(signals, ((0, 0), (0, lacking)), mode="symmetric")
    return signals


def _at_model_rate(
    there: NDArray[np.bool_], rate_hz: float, n_samples: int
) -> NDArray[np.bool_]:
    at = (np.arange(n_samples) * (rate_hz / RATE_HZ)).astype(np.int64)
    return there[:, np.minimum(at, there.shape[1] - 1)]


def _cut(signals: NDArray[Any], n_windows: int) -> NDArray[Any]:
    """Windows of the leads one after the other, shape (n_leads * n_windows, 1250)."""
    halves = signals[:, : (n_windows + 1) * _HOP_SAMPLES].reshape(
        len(signals), n_windows + 1, _HOP_SAMPLES
    )
    windows = np.concatenate([halves[:, :-1], halves[:, 1:]], axis=2)
    return windows.reshape(-1, WINDOW_SAMPLES)


def _beats_by_window(r_peaks: NDArray[np.floating], n_windows: int) -> NDArray[np.float64]:
    """Places of the R peaks within each window, NaN-padded, shape (n_windows, 60)."""
    out = np.full((n_windows, _MAX_BEATS), np.nan)
    starts = np.arange(n_windows) * _HOP_SAMPLES
    first = np.searchsorted(r_peaks, starts)
    last = np.searchsorted(r_peaks, starts + WINDOW_SAMPLES)
    for row, (start, low, high) in enumerate(zip(starts, first, last, strict=True)):
        inside = r_peaks[low:high][:_MAX_BEATS] - start
        out[row, : len(inside)] = inside
    return out


_NOTHING = MalignantInputs(
    np.zeros((0, 1, WINDOW_SAMPLES), np.float32),
    np.zeros((0, len(FEATURE_NAMES)), np.float32),
    np.zeros(0, dtype=bool),
)

"""What the beat models see of a recording: the one input builder of training and serving.

A beat is shown three ways: its own waveform and its difference from the record's dominant
beat on each lead, a row of features of its shape on each lead, and a row of features of
its time among its neighbours and in the record. Everything is relative to the record
itself, so that gain, offset, polarity and the choice of leads matter as little as possible.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Millivolts, SampleIndices
from ecgsvc.inference.beat_kinds import KIND_FEATURES, joint_kinds, kind_features
from ecgsvc.inference.beat_rhythm import (
    RHYTHM_FEATURES,
    late,
    on_time,
    rhythm_features,
    rr_intervals,
)
from ecgsvc.inference.beat_shapes import (
    N_SAMPLES,
    ODDNESS_FEATURES,
    QRS,
    R_INDEX,
    RATE_HZ,
    SHAPE_FEATURES,
    oddness_features,
    shape_features,
)
from ecgsvc.inference.gaps import bridge_gaps
from ecgsvc.inference.order_statistics import median

_EVERY = 2  # shapes are measured at 250 Hz and shown to the network at 125 Hz
MODEL_RATE_HZ = RATE_HZ / _EVERY
WINDOW_SAMPLES = N_SAMPLES // _EVERY
SAMPLES_BEFORE_R = R_INDEX // _EVERY
SHOWN_QRS = slice(QRS.start // _EVERY, QRS.stop // _EVERY + 1)
BAND_HZ = (0.5, 40.0)
MAX_LEADS = 2
LEAD_FEATURES: tuple[str, ...] = SHAPE_FEATURES + ODDNESS_FEATURES + KIND_FEATURES
FEATURE_NAMES: tuple[str, ...] = RHYTHM_FEATURES + LEAD_FEATURES

_LIKE_DOMINANT = ("qrs_correlation", "p_correlation")
_MAX_TEMPLATE_BEATS = 500
_CLIP = 8.0  # of a dominant QRS complex: anything beyond is an artefact
_FAINT_MV = 1e-3  # a "QRS complex" below 1 µV is no signal


@dataclass(frozen=True, slots=True)
class SignalTools:
    """The signal functions the builder needs, given by whoever may import them.

    `band_pass` takes samples, their rate and the two corner frequencies; `resample` takes
    samples, their rate and the new rate.
    """

    band_pass: Callable[[Millivolts, float, float, float], Millivolts]
    resample: Callable[[Millivolts, float, float], Millivolts]


@dataclass(frozen=True, slots=True, eq=False)
class BeatInputs:
    """Model input for every beat of a recording, in order of time.

    Parameters
    ----------
    windows
        Shape (n_beats, n_leads, 2, 100) float32: the beat from 400 ms before to 400 ms
        after R at 125 Hz, and its difference from the dominant beat; in units of the
        dominant QRS complex, whose larger deflection points up.
    shapes
        Shape (n_beats, n_leads, 30) float32, columns as `LEAD_FEATURES`.
    rhythm
        Shape (n_beats, 20) float32, columns as `RHYTHM_FEATURES`.
    kinds
        Shape (n_beats,) int64: beats of one number have one QRS complex (`joint_kinds`).
    readable
        Shape (n_beats,) bool: False where on no lead most of the window was present, or
        nothing resembling a signal was there.

    Notes
    -----
    A beat that is not readable on one lead is shown by the other lead twice.
    """

    windows: NDArray[np.float32]
    shapes: NDArray[np.float32]
    rhythm: NDArray[np.float32]
    kinds: NDArray[np.int64]
    readable: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _LeadInputs:
    windows: NDArray[np.float32]
    shapes: NDArray[np.float32]
    readable: NDArray[np.bool_]


def build_beat_inputs(
    leads_mv: Millivolts,
    sampling_rate_hz: float,
    r_peak_indices: SampleIndices,
    tools: SignalTools,
) -> BeatInputs:
    """Build the model input of every beat.

    Parameters
    ----------
    leads_mv
        Shape (n_leads, n_samples), millivolts, NaN where nothing was reported; at least
        one lead.
    sampling_rate_hz
        Rate of `leads_mv`.
    r_peak_indices
        Shape (n_beats,), increasing sample indices into `leads_mv`.
    tools
        Band-pass filter and resampler.
    """
    r_s = np.asarray(r_peak_indices, dtype=np.float64) / sampling_rate_hz
    rr_s = rr_intervals(r_s)
    leads = [_lead_inputs(lead, sampling_rate_hz, r_s, rr_s, tools) for lead in leads_mv]
    readable = np.stack([lead.readable for lead in leads])
    source = np.where(
        readable, np.arange(len(leads))[:, np.newaxis], readable.argmax(axis=0)
    )
    beats = np.arange(len(r_s))
    windows = np.stack([lead.windows for lead in leads])[source, beats]
    shapes = np.stack([lead.shapes for lead in leads])[source, beats]
    rhythm = rhythm_features(rr_s) if len(r_s) else np.zeros((0, len(RHYTHM_FEATURES)))
    return BeatInputs(
        np.ascontiguousarray(windows.swapaxes(0, 1)),
        np.ascontiguousarray(shapes.swapaxes(0, 1)),
        rhythm.astype(np.float32),
        joint_kinds(windows[:, :, 0, SHOWN_QRS].swapaxes(0, 1)),
        np.asarray(readable.any(axis=0)),
    )


def _lead_inputs(
    lead_mv: Millivolts,
    sampling_rate_hz: float,
    r_s: NDArray[np.float64],
    rr_s: NDArray[np.float64],
    tools: SignalTools,
) -> _LeadInputs:
    missing = ~np.isfinite(lead_mv)
    if missing.all() or not len(r_s):
        return _nothing_readable(len(r_s))
    signal = tools.resample(bridge_gaps(lead_mv), sampling_rate_hz, RATE_HZ)
    signal = tools.band_pass(np.ascontiguousarray(signal), RATE_HZ, *BAND_HZ)
    beats = _cut(signal, np.rint(r_s * RATE_HZ).astype(np.int64))
    size_mv = float(median(np.ptp(beats[:, QRS], axis=1)))
    if size_mv < _FAINT_MV:
        return _nothing_readable(len(r_s))
    dominant = _median_beat(beats, on_time(rr_s))
    scale = np.float32(_polarity(dominant) / size_mv)
    beats, dominant = np.clip(beats * scale, -_CLIP, _CLIP), dominant * scale
    shapes = shape_features(beats, dominant, _median_beat(beats, late(rr_s)))
    likeness = (shapes[:, SHAPE_FEATURES.index(name)] for name in _LIKE_DOMINANT)
    kinds = kind_features(beats, dominant, rr_s, *likeness)
    odd = oddness_features(beats, dominant, shapes)
    shapes = np.concatenate([shapes, odd, kinds], axis=1)
    shown, expected = beats[:, ::_EVERY], dominant[::_EVERY]
    windows = np.stack([shown, np.clip(shown - expected, -_CLIP, _CLIP)], axis=1)
    readable = _mostly_present(missing, sampling_rate_hz, r_s)
    return _LeadInputs(windows, shapes.astype(np.float32), readable)


def _nothing_readable(n_beats: int) -> _LeadInputs:
    return _LeadInputs(
        np.zeros((n_beats, 2, WINDOW_SAMPLES), np.float32),
        np.zeros((n_beats, len(LEAD_FEATURES)), np.float32),
        np.zeros(n_beats, np.bool_),
    )


def _cut(signal: Millivolts, r_indices: SampleIndices) -> NDArray[np.float32]:
    """Cut the windows around R, shape (n_beats, 200), edges padded with the last sample."""
    before, after = (np.full(N_SAMPLES, signal[end], np.float32) for end in (0, -1))
    padded = np.concatenate([before, signal.astype(np.float32), after])
    starts = r_indices.clip(0, len(signal) - 1) + (N_SAMPLES - R_INDEX)
    beats: NDArray[np.float32] = sliding_window_view(padded, N_SAMPLES)[starts]
    return beats


def _median_beat(
    beats: NDArray[np.float32], which: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Median of some of the beats, evenly thinned where they are many, shape (200,)."""
    step = -(-len(which) // _MAX_TEMPLATE_BEATS)
    return median(beats[which[::step]], axis=0)


def _polarity(dominant: NDArray[np.float32]) -> float:
    """Return 1 or -1, whichever makes the larger deflection of the QRS complex point up."""
    qrs = dominant[QRS] - median(dominant)
    return 1.0 if np.sum(qrs**3) >= 0 else -1.0


def _mostly_present(
    missing: NDArray[np.bool_], sampling_rate_hz: float, r_s: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell the beats that have at least half of their window's samples."""
    if not missing.any():
        return np.ones(len(r_s), np.bool_)
    n_missing = np.concatenate([[0], np.cumsum(missing)])
    first_s = r_s - R_INDEX / RATE_HZ
    last_s = first_s + N_SAMPLES / RATE_HZ
    first, last = (
        np.clip(np.rint(at * sampling_rate_hz), 0, len(missing)).astype(np.int64)
        for at in (first_s, last_s)
    )
    present: NDArray[np.bool_] = 2 * (n_missing[last] - n_missing[first]) <= last - first
    return present

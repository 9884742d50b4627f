"""What the beat models see of a lead: the one input builder of training and serving.

A beat is shown three ways: its own waveform, its difference from the record's dominant
beat, and a row of rhythm and shape features that compare it with its neighbours and with
the rest of the record. Everything is relative to the record itself, so that gain, offset,
polarity and the choice of lead matter as little as possible.

The premature-beat features (RR intervals against local and record-wide means) follow
de Chazal et al. 2004, doi 10.1109/TBME.2004.827359.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Millivolts, SampleIndices

MODEL_RATE_HZ = 250.0
WINDOW_SAMPLES = 200
SAMPLES_BEFORE_R = 80
BAND_HZ = (0.5, 40.0)

_R = SAMPLES_BEFORE_R
_QRS = slice(_R - 25, _R + 25)  # ±100 ms
_P = slice(_R - 60, _R - 16)  # 240 to 64 ms before R
_T = slice(_R + 30, _R + 110)  # 120 to 440 ms after R
_MAX_TEMPLATE_BEATS = 1000
_MAX_LAG = 6  # ±24 ms: how far annotated and detected R peaks of one beat lie apart
_PREMATURE = 0.9  # of the record's mean RR interval
_MIN_RR_S, _MAX_RR_S = 0.2, 4.0
_DEFAULT_RR_S = 0.8  # 75 bpm, when there is only one beat
_CLIP = 8.0  # of a dominant QRS complex: anything beyond is an artefact
_FAINT_MV = 1e-3  # a "QRS complex" below 1 µV is no signal

FEATURE_NAMES: tuple[str, ...] = (
    "rr_before", "rr_after", "rr_before_to_local", "rr_after_to_local",
    "rr_before_to_record", "rr_before_to_after", "previous_rr_to_local", "rmssd_10",
    "rr_irregularity_32", "rr_jumps_32",
    "qrs_correlation", "beat_correlation", "t_correlation", "p_correlation",
    "p_difference", "local_p_correlation", "dominant_p_size",
    "qrs_size", "qrs_width", "qrs_width_to_dominant",
)  # fmt: skip


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
    """Model input for every beat of one lead, in order of time.

    Parameters
    ----------
    windows
        Shape (n_beats, 2, 200) float32: the beat from 320 ms before to 480 ms after R, and
        its difference from the dominant beat; in units of the dominant QRS complex, whose
        larger deflection points up.
    features
        Shape (n_beats, 20) float32, columns as `FEATURE_NAMES`.
    readable
        Shape (n_beats,) bool: False where most of the window was missing or nothing
        resembling a signal was there.
    """

    windows: NDArray[np.float32]
    features: NDArray[np.float32]
    readable: NDArray[np.bool_]


def build_beat_inputs(
    lead_mv: Millivolts,
    sampling_rate_hz: float,
    r_peak_indices: SampleIndices,
    tools: SignalTools,
) -> BeatInputs:
    """Build the model input of every beat of one lead.

    Parameters
    ----------
    lead_mv
        Shape (n_samples,), millivolts, NaN where nothing was reported.
    sampling_rate_hz
        Rate of `lead_mv`.
    r_peak_indices
        Shape (n_beats,), increasing sample indices into `lead_mv`.
    tools
        Band-pass filter and resampler.
    """
    n_beats = len(r_peak_indices)
    if not n_beats:
        return _nothing_readable(0)
    missing = ~np.isfinite(lead_mv)
    if missing.all():
        return _nothing_readable(n_beats)
    signal = tools.resample(_bridge_gaps(lead_mv, missing), sampling_rate_hz, MODEL_RATE_HZ)
    signal = tools.band_pass(np.ascontiguousarray(signal), MODEL_RATE_HZ, *BAND_HZ)
    r_s = np.asarray(r_peak_indices, dtype=np.float64) / sampling_rate_hz
    beats = _cut(signal, np.rint(r_s * MODEL_RATE_HZ).astype(np.int64))
    rr_s = _rr_intervals(r_s)
    on_time = _on_time(rr_s)
    dominant = _dominant_beat(beats, on_time)
    size_mv = float(np.median(np.ptp(beats[:, _QRS], axis=1)))
    if size_mv < _FAINT_MV:
        return _nothing_readable(n_beats)
    scale = np.float32(_polarity(dominant) / size_mv)
    beats, dominant = np.clip(beats * scale, -_CLIP, _CLIP), dominant * scale
    windows = np.stack([beats, np.clip(beats - dominant, -_CLIP, _CLIP)], axis=1)
    features = np.concatenate(
        [_rhythm_features(rr_s, on_time), _shape_features(beats, dominant)], axis=1
    )
    readable = _mostly_present(missing, sampling_rate_hz, r_s)
    return BeatInputs(windows, features.astype(np.float32), readable)


def _nothing_readable(n_beats: int) -> BeatInputs:
    return BeatInputs(
        np.zeros((n_beats, 2, WINDOW_SAMPLES), np.float32),
        np.zeros((n_beats, len(FEATURE_NAMES)), np.float32),
        np.zeros(n_beats, np.bool_),
    )


def _bridge_gaps(lead_mv: Millivolts, missing: NDArray[np.bool_]) -> Millivolts:
    """Join the ends of each gap by a straight line: filters would ring on a step."""
    if not missing.any():
        return lead_mv
    bridged = lead_mv.copy()
    there = np.flatnonzero(~missing)
    bridged[missing] = np.interp(np.flatnonzero(missing), there, lead_mv[there])
    return bridged


def _cut(signal: Millivolts, r_indices: SampleIndices) -> NDArray[np.float32]:
    """Cut the windows around R, shape (n_beats, 200), edges padded with the last sample."""
    padded = np.pad(signal.astype(np.float32), WINDOW_SAMPLES, mode="edge")
    starts = np.clip(r_indices, 0, len(signal) - 1) + (WINDOW_SAMPLES - _R)
    beats: NDArray[np.float32] = sliding_window_view(padded, WINDOW_SAMPLES)[starts]
    return beats


def _rr_intervals(r_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """RR intervals before each beat and after the last, shape (n_beats + 1,), seconds.

    The two that lie outside the recording are taken to be the record's median.
    """
    inside = np.diff(r_s)
    outside = float(np.median(inside)) if len(inside) else _DEFAULT_RR_S
    rr_s = np.concatenate([[outside], inside, [outside]])
    clipped: NDArray[np.float64] = np.clip(rr_s, _MIN_RR_S, _MAX_RR_S)
    return clipped


def _on_time(rr_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Beats that did not come early: the record's own rhythm, even where ectopy abounds.

    Early is below 0.9 of the mean, not of the median, which in bigeminy, or when most beats
    are ectopic, is itself an early one's.
    """
    on_time: NDArray[np.int64] = np.flatnonzero(rr_s[:-1] >= _PREMATURE * rr_s.mean())
    return on_time if len(on_time) else np.arange(len(rr_s) - 1)


def _dominant_beat(
    beats: NDArray[np.float32], on_time: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Median of the beats that came on time, shape (200,)."""
    step = -(-len(on_time) // _MAX_TEMPLATE_BEATS)
    dominant: NDArray[np.float32] = np.median(beats[on_time[::step]], axis=0)
    return dominant


def _polarity(dominant: NDArray[np.float32]) -> float:
    """Return 1 or -1, whichever makes the larger deflection of the QRS complex point up."""
    qrs = dominant[_QRS] - np.median(dominant)
    return 1.0 if np.sum(qrs**3) >= 0 else -1.0


def _rhythm_features(
    rr_s: NDArray[np.float64], on_time: NDArray[np.int64]
) -> NDArray[np.float64]:
    before, after = rr_s[:-1], rr_s[1:]
    local = _around(before, 11, "median")
    relative = _change_over(before, 1) / local
    previous = np.concatenate([before[:1], before[:-1]])
    columns = (
        np.log(before),
        np.log(after),
        np.log(before / local),
        np.log(after / local),
        np.log(before / np.median(before[on_time])),
        np.log(before / after),
        np.log(previous / local),
        np.sqrt(_around(relative**2, 11, "mean")),
        _irregularity(before, local),
        _around((relative > 0.1).astype(np.float64), 33, "mean"),
    )
    return np.stack(columns, axis=1)


def _irregularity(
    before: NDArray[np.float64], local: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How irregular the rhythm is around each beat, in local RR intervals.

    The median change of RR over 33 beats, from one beat to the next, the second next or the
    third, whichever is least: bigeminy and trigeminy repeat themselves, single ectopic
    beats do not move a median, atrial fibrillation changes at any distance.
    """
    least: NDArray[np.float64] = np.minimum.reduce(
        [_around(_change_over(before, n) / local, 33, "median") for n in (1, 2, 3)]
    )
    return least


def _change_over(before: NDArray[np.float64], n_beats: int) -> NDArray[np.float64]:
    """Change of the RR interval against that `n_beats` earlier; 0 where there is none."""
    change = np.zeros_like(before)
    change[n_beats:] = np.abs(before[n_beats:] - before[:-n_beats])
    return change


def _shape_features(
    beats: NDArray[np.float32], dominant: NDArray[np.float32]
) -> NDArray[np.float64]:
    p_correlation = _correlation(beats, dominant, _P)
    width = _qrs_width(beats)
    dominant_size = max(float(np.ptp(dominant[_QRS])), 1e-3)
    p_difference = (beats - dominant)[:, _P]
    columns = (
        _correlation(beats, dominant, _QRS),
        _correlation(beats, dominant, slice(_MAX_LAG, WINDOW_SAMPLES - _MAX_LAG)),
        _correlation(beats, dominant, _T),
        p_correlation,
        np.minimum(p_difference.std(axis=1) * 5, 5),
        _around(p_correlation, 33, "median"),
        np.full(len(beats), min(np.ptp(dominant[_P]) / dominant_size, 2.0)),
        np.log(np.clip(np.ptp(beats[:, _QRS], axis=1) / dominant_size, 0.05, 20)),
        np.log(width),
        np.log(width / _qrs_width(dominant[np.newaxis])),
    )
    return np.stack(columns, axis=1).astype(np.float64)


def _correlation(
    beats: NDArray[np.float32], dominant: NDArray[np.float32], part: slice
) -> NDArray[np.float64]:
    """Correlate one part of each beat with the dominant beat's, at the best small lag."""
    template = dominant[part] - dominant[part].mean()
    template = template / max(float(np.linalg.norm(template)), 1e-6)
    best = np.full(len(beats), -1.0)
    for lag in range(-_MAX_LAG, _MAX_LAG + 1, 2):
        pieces = beats[:, part.start + lag : part.stop + lag]
        centred = pieces - pieces.mean(axis=1, keepdims=True)
        norm = np.maximum(np.linalg.norm(centred, axis=1), 1e-6)
        np.maximum(best, centred @ template / norm, out=best)
    return best


def _qrs_width(beats: NDArray[np.float32]) -> NDArray[np.float64]:
    """Spread in time of the squared slope around R, in units of 40 ms."""
    energy = np.diff(beats[:, _R - 35 : _R + 40], axis=1).astype(np.float64) ** 2
    energy /= np.maximum(energy.sum(axis=1, keepdims=True), 1e-12)
    at = np.arange(energy.shape[1])
    centre = energy @ at
    variance = energy @ at**2 - centre**2
    width: NDArray[np.float64] = np.sqrt(np.maximum(variance, 0.25)) / 10
    return width


def _around(values: NDArray[np.float64], width: int, statistic: str) -> NDArray[np.float64]:
    """Median or mean over the `width` values around each, mirrored at the ends."""
    half = width // 2
    padded = np.pad(values, half, mode="reflect" if len(values) > half else "symmetric")
    view = sliding_window_view(padded, width)
    around: NDArray[np.float64] = (
        np.median(view, axis=1) if statistic == "median" else view.mean(axis=1)
    )
    return around


def _mostly_present(
    missing: NDArray[np.bool_], sampling_rate_hz: float, r_s: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell the beats that have at least half of their window's samples."""
    n_missing = np.concatenate([[0], np.cumsum(missing)])
    first_s = r_s - _R / MODEL_RATE_HZ
    last_s = first_s + WINDOW_SAMPLES / MODEL_RATE_HZ
    first, last = (
        np.clip(np.rint(at * sampling_rate_hz), 0, len(missing)).astype(np.int64)
        for at in (first_s, last_s)
    )
    present: NDArray[np.bool_] = 2 * (n_missing[last] - n_missing[first]) <= last - first
    return present

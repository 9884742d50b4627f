"""What the interval network sees: the mean beat in mV, how leads repeat, and a count.

None rests on a delineation. The mean beat is of the largest group of beats of one QRS
shape; the repetition is the autocorrelation of the leads' slopes, which knows no R peaks;
the count is of all R peaks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import STANDARD_LEADS, Millivolts, SampleIndices, Waveform
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.gaps import bridge_gaps
from ecgsvc.inference.wave_groups import (
    WAVE_RATE_HZ,
    WINDOW_SAMPLES,
    BeatGroup,
    BeatTools,
    Stretch,
    beat_groups,
    stretches,
)

INTERVAL_RATE_HZ = WAVE_RATE_HZ
INTERVAL_LEADS = STANDARD_LEADS
TARGETS = ("pr_ms", "qrs_ms", "qt_ms", "heart_rate_bpm", "r_mv", "t_mv")
"""What is estimated; amplitudes are those of lead II."""
INTERVAL_FEATURES = ("counted_bpm",)
LAGS_S = np.geomspace(0.24, 4.8, 224)
"""From 250 beats a minute to a few beats at once."""

_SLOPE_RATE_HZ = 100.0
_SLOPE_BAND_HZ = (5.0, 25.0)
_SMOOTHED = 7  # samples of 10 ms
_LONGEST_S = 60.0
_LEAST_OVERLAP_S = 1.5
_CLIP_MV = 5.0
_FAINT = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class IntervalInputs:
    """One recording.

    Parameters
    ----------
    beat
        Shape (12, 304) float32, mV at 250 Hz, R in column 120; a lead that is missing is 0.
    repetition
        Shape (2, 224) float32: autocorrelation at `LAGS_S`, and 1 where there is one.
    features
        Shape (1,) float32, `INTERVAL_FEATURES`; bpm, 0 where nothing can be counted.
    """

    beat: NDArray[np.float32]
    repetition: NDArray[np.float32]
    features: NDArray[np.float32]


def build_interval_inputs(
    waveform: Waveform,
    r_peak_indices: SampleIndices,
    tools: SignalTools,
    beat_tools: BeatTools,
) -> IntervalInputs | None:
    """Build the input of one recording; None when no two beats are alike.

    `waveform` holds the leads that may be relied upon, unfiltered; of a recording with more
    than 128 beats the mean beat is of the first 128.
    """
    found = leading_group(waveform, r_peak_indices, beat_tools)
    if found is None or len(found[1].beats) < min(2, len(r_peak_indices)):
        return None
    size = slope_size(waveform, tools)
    counted = counted_rate_bpm(r_peak_indices, waveform.sampling_rate_hz)
    return IntervalInputs(
        mean_beat_mv(waveform, *found),
        repetition(size),
        np.array([counted], dtype=np.float32),
    )


def counted_rate_bpm(r_peak_indices: SampleIndices, sampling_rate_hz: float) -> float:
    """60 s over the mean interval of all R peaks; 0 with fewer than two."""
    if len(r_peak_indices) < 2:
        return 0.0
    span_s = float(r_peak_indices[-1] - r_peak_indices[0]) / sampling_rate_hz
    return 60.0 * (len(r_peak_indices) - 1) / span_s if span_s > 0 else 0.0


def leading_group(
    waveform: Waveform, r_peak_indices: SampleIndices, beat_tools: BeatTools
) -> tuple[Stretch, BeatGroup] | None:
    """The largest group of alike beats among the first, with the beats cut out."""
    for stretch in stretches(waveform, r_peak_indices, beat_tools):
        groups = beat_groups(stretch, beat_tools)
        if not groups:
            return None
        return stretch, max(groups, key=lambda group: len(group.beats))
    return None


def mean_beat_mv(
    waveform: Waveform, stretch: Stretch, group: BeatGroup
) -> NDArray[np.float32]:
    """Mean of a group's beats, about the median of each lead, shape (12, 304)."""
    members = group.beats - stretch.beats[0]
    step = stretch.samples_per_column
    shifts = np.rint((group.anchors - stretch.r_peaks[members]) / step).astype(np.int64)
    margin = (stretch.cuts_mv.shape[-1] - WINDOW_SAMPLES) // 2
    cut = np.zeros((waveform.n_leads, WINDOW_SAMPLES))
    for member, shift in zip(members, shifts, strict=True):
        first = margin + shift
        cut += stretch.cuts_mv[member, :, first : first + WINDOW_SAMPLES]
    cut /= len(members)
    cut -= np.median(cut, axis=1, keepdims=True)
    beat = np.zeros((len(INTERVAL_LEADS), WINDOW_SAMPLES), np.float32)
    for row, lead in enumerate(INTERVAL_LEADS):
        if lead in waveform.leads:
            beat[row] = cut[waveform.leads.index(lead)].clip(-_CLIP_MV, _CLIP_MV)
    return beat


def slope_size(waveform: Waveform, tools: SignalTools) -> NDArray[np.float64]:
    """Size of the leads' slopes at 100 Hz, at most a minute; empty without leads."""
    n_samples = min(waveform.n_samples, round(_LONGEST_S * waveform.sampling_rate_hz))
    steps = [
        _slopes(row[:n_samples], waveform.sampling_rate_hz, tools)
        for row in waveform.samples_mv
        if np.isfinite(row[:n_samples]).any()
    ]
    if not steps:
        return np.zeros(0)
    size = np.sqrt(np.square(np.stack(steps)).sum(axis=0))
    smoothed: NDArray[np.float64] = np.convolve(
        size, np.hanning(_SMOOTHED + 2)[1:-1], mode="same"
    )
    return smoothed


def repetition(size: NDArray[np.floating], pace: float = 1.0) -> NDArray[np.float32]:
    """Autocorrelation of `slope_size` at `LAGS_S`, and where it is long enough for one.

    With a `pace` other than 1 it is that of a recording in which everything takes so many
    times as long. Shape (2, 224).
    """
    n = len(size)
    if n < 2:
        return np.zeros((2, len(LAGS_S)), np.float32)
    centred = size - size.mean()
    spectrum = np.fft.rfft(centred, 2 * n)
    products = np.fft.irfft(np.abs(spectrum) ** 2, 2 * n)[:n]
    correlation = products / (n - np.arange(n)) / max(products[0] / n, _FAINT)
    lags = LAGS_S / pace * _SLOPE_RATE_HZ
    there = lags < n - _LEAST_OVERLAP_S * _SLOPE_RATE_HZ
    at = np.interp(lags, np.arange(n), correlation).clip(-2, 2)
    return np.stack([np.where(there, at, 0.0), there]).astype(np.float32)


def _slopes(
    lead_mv: Millivolts, sampling_rate_hz: float, tools: SignalTools
) -> NDArray[np.float64]:
    signal = tools.resample(bridge_gaps(lead_mv), sampling_rate_hz, _SLOPE_RATE_HZ)
    banded = tools.band_pass(np.ascontiguousarray(signal), _SLOPE_RATE_HZ, *_SLOPE_BAND_HZ)
    return np.gradient(banded)

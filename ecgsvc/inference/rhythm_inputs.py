"""What the rhythm models see of a lead: the one input builder of training and serving."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.waveform import Millivolts
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.gaps import bridge_gaps
from ecgsvc.inference.order_statistics import median
from ecgsvc.inference.rhythm_ectopy import ECTOPY_NAMES, ectopy_features
from ecgsvc.inference.rhythm_features import FEATURE_NAMES, rhythm_features

MODEL_RATE_HZ = 100.0
PIECE_S = 30.0
"""Longest stretch read at once; shorter ones are padded with zeros at the end."""
PIECE_SAMPLES = 3000
LEAST_S = 5.0
"""Shorter recordings have too few beats for a rhythm."""
BAND_HZ = (0.5, 40.0)
MODEL_FEATURES = FEATURE_NAMES + ECTOPY_NAMES
"""Columns of the features: first those of the signal, then those of the beat classes."""

_CLIP = 3.0  # of the usual second's range
_FAINT_MV = 1e-3  # a signal that moves less than 1 µV in a second is none


@dataclass(frozen=True, slots=True, eq=False)
class RhythmInputs:
    """Model input for some stretches of one lead.

    Parameters
    ----------
    windows
        Shape (n, 1, 3000) float32 at 100 Hz, 0.5-40 Hz, in units of the peak-to-peak range
        of the stretch's median second, zero after the stretch's end.
    features
        Shape (n, features) float32, columns as `MODEL_FEATURES`.
    """

    windows: NDArray[np.float32]
    features: NDArray[np.float32]


def pieces_of(duration_s: float) -> list[tuple[float, float]]:
    """Stretches, start and end in seconds, that a recording of up to a minute is read in.

    One when it is no longer than a piece, else two, which overlap; at 61 s, the longest of
    the challenge, they leave a second between them.
    """
    if duration_s <= PIECE_S:
        return [(0.0, duration_s)]
    return [(0.0, PIECE_S), (duration_s - PIECE_S, duration_s)]


def filter_lead(
    lead_mv: Millivolts, sampling_rate_hz: float, tools: SignalTools
) -> Millivolts | None:
    """Bring a lead to 100 Hz and 0.5-40 Hz; gaps become straight lines. None: no sample."""
    if not np.isfinite(lead_mv).any():
        return None
    signal = tools.resample(bridge_gaps(lead_mv), sampling_rate_hz, MODEL_RATE_HZ)
    return tools.band_pass(np.ascontiguousarray(signal), MODEL_RATE_HZ, *BAND_HZ)


def build_rhythm_inputs(
    signal: Millivolts,
    beats: ClassifiedBeats,
    sampling_rate_hz: float,
    pieces_s: list[tuple[float, float]],
) -> RhythmInputs:
    """Build the model input of some stretches.

    Parameters
    ----------
    signal
        Of `filter_lead`.
    beats, sampling_rate_hz
        Beats and their classes, and the rate their R peaks count in.
    pieces_s
        Start and end of each stretch, at most 30 s apart.
    """
    r_s = np.asarray(beats.r_peak_indices, dtype=np.float64) / sampling_rate_hz
    windows = np.zeros((len(pieces_s), 1, PIECE_SAMPLES), np.float32)
    features = np.zeros((len(pieces_s), len(MODEL_FEATURES)), np.float32)
    for row, (start_s, stop_s) in enumerate(pieces_s):
        first = round(start_s * MODEL_RATE_HZ)
        stop = min(round(stop_s * MODEL_RATE_HZ), first + PIECE_SAMPLES)
        piece = signal[first:stop]
        inside = (r_s >= start_s) & (r_s < stop_s)
        beats_s = r_s[inside] - start_s
        windows[row, 0, : len(piece)] = scale_piece(piece)
        features[row] = np.concatenate(
            [
                rhythm_features(piece, MODEL_RATE_HZ, beats_s),
                ectopy_features(beats_s, beats.probabilities[inside]),
            ]
        )
    return RhythmInputs(windows, features)


def scale_piece(piece: Millivolts) -> NDArray[np.float32]:
    """Divide a stretch of at least a second by its median second's range; flat gives 0."""
    second = round(MODEL_RATE_HZ)
    seconds = piece[: len(piece) // second * second].reshape(-1, second)
    usual = float(median(np.ptp(seconds, axis=1)))
    if usual < _FAINT_MV:
        return np.zeros(len(piece), np.float32)
    scaled: NDArray[np.float32] = np.clip(piece / usual, -_CLIP, _CLIP).astype(np.float32)
    return scaled

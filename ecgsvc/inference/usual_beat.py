"""The usual beat of a window: what most of its beats have in common, lead by lead.

Beats are found in the slopes of all leads together at 100 Hz. Shapes are all that is asked
of them, so that a recording without amplitudes is read like any other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ecgsvc.inference.averages import mean
from ecgsvc.inference.order_statistics import median, quantile

BEFORE, AFTER = 36, 56
"""Samples of a beat at 100 Hz before its place and from it on."""
_MARGIN = 4  # samples a beat may be moved to lie on the others
_QRS_FROM, _QRS_TO = -12, 14  # samples around a beat's place
_QRS = slice(_MARGIN + BEFORE + _QRS_FROM, _MARGIN + BEFORE + _QRS_TO)  # of a cut
_NEAR = slice(_QRS.start - _MARGIN, _QRS.stop + _MARGIN)
_SMOOTHED = 7  # samples
_TAPS = np.hanning(_SMOOTHED + 2)[1:-1]
_APART = 25  # samples
_STRETCH, _STEP = 150, 50  # samples in which at least one beat is expected
_SHARE_OF_STRETCHES = 0.4
_STEEP = 0.42  # of what so many stretches reach
_ALIKE = 0.85  # correlation of QRS complexes
_LEAST_SHARE = 0.3
_FAINT = 1e-9

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class UsualBeat:
    """Beats of one window, and the mean of those alike.

    Parameters
    ----------
    places
        Sample index of every QRS complex, shape (n_beats,).
    whole
        Which of them are cut out: those far enough from the window's ends, (n_beats,).
    beats
        Shape (n_whole, 12, 92), moved to lie on each other.
    likeness
        Correlation of each QRS complex with the usual one over all leads, (n_whole,).
    alike
        Which are of the usual shape, (n_whole,).
    beat
        Mean of those, shape (12, 92).
    """

    places: NDArray[np.int64]
    whole: NDArray[np.bool_]
    beats: Floats
    likeness: Floats
    alike: NDArray[np.bool_]
    beat: Floats


def usual_beat(signal: Floats) -> UsualBeat | None:
    """Find and compare the beats of a window (12, n); None where there are none.

    `signal` is in units of each lead's standard deviation, zero where there is no lead.
    """
    places = _qrs_places(signal)
    n_samples = signal.shape[1]
    whole = (places >= BEFORE + _MARGIN) & (places <= n_samples - AFTER - _MARGIN)
    if not whole.any():
        return None
    reach = np.arange(-BEFORE - _MARGIN, AFTER + _MARGIN)
    cuts = signal[:, places[whole][:, np.newaxis] + reach].transpose(1, 0, 2)
    usual = median(cuts[..., _QRS], axis=0)
    pieces = _Pieces.of(cuts)
    for _ in range(2):
        likeness, moves = pieces.compare(usual)
        alike = likeness >= _ALIKE
        if alike.sum() < max(2, _LEAST_SHARE * len(alike)):
            alike = likeness >= median(likeness)
        moved = zip(cuts, moves.tolist(), strict=True)
        beats = np.array([cut[:, move : move + BEFORE + AFTER] for cut, move in moved])
        beat = mean(beats[alike], axis=0)
        usual = beat[:, BEFORE + _QRS_FROM : BEFORE + _QRS_TO]
    return UsualBeat(places, whole, beats, likeness, alike, beat)


def _qrs_places(signal: Floats) -> NDArray[np.int64]:
    """Where slopes are steepest, at most one place in a quarter of a second."""
    size = np.sqrt(mean(np.square(signal[:, 1:] - signal[:, :-1]), axis=0))
    size = np.convolve(size, _TAPS / _TAPS.sum(), mode="same")
    inner = size[1:-1]
    places = np.flatnonzero((inner >= size[:-2]) & (inner > size[2:])) + 1
    stretch = min(_STRETCH, len(size))
    starts = np.arange(0, len(size) - stretch + 1, _STEP)
    tops = size[starts[:, np.newaxis] + np.arange(stretch)].max(axis=1)
    places = places[size[places] > _STEEP * quantile(tops, _SHARE_OF_STRETCHES)]
    kept: list[int] = []
    for place in places[np.argsort(-size[places], kind="stable")].tolist():
        if all(abs(place - other) >= _APART for other in kept):
            kept.append(place)
    return np.array(sorted(kept), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """The QRS complex of each beat, read at nine places.

    Parameters
    ----------
    flat
        Shape (n_beats * 9, 12 * 26), all leads of a piece in a row.
    powers
        Shape (n_beats * 9,), sum of its squares, each lead about its mean.
    """

    flat: Floats
    powers: Floats

    @classmethod
    def of(cls, cuts: Floats) -> "_Pieces":
        n_samples = _QRS_TO - _QRS_FROM
        views = sliding_window_view(cuts[..., _NEAR], n_samples, axis=-1).swapaxes(1, 2)
        flat = views.reshape(-1, views.shape[2] * n_samples)
        levels = mean(views, axis=-1).reshape(len(flat), -1)
        powers = np.einsum("vq,vq->v", flat, flat)
        powers -= n_samples * np.square(levels).sum(axis=1)
        return cls(flat, powers)

    def compare(self, usual: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """Best correlation of each beat's QRS complex with the usual, and where it is."""
        template = usual - mean(usual, axis=1, keepdims=True)
        power = np.square(template).sum()
        likeness = self.flat @ template.ravel() / np.sqrt(self.powers * power + _FAINT)
        of_beats = likeness.reshape(-1, 2 * _MARGIN + 1)
        return of_beats.max(axis=1), of_beats.argmax(axis=1)

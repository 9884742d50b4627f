"""From what the wave model says of a group of beats to marks on each of them.

The model has read the mean of a group, the signal core every beat by itself. Beats of the
group take the model's marks, which are nearer to the cardiologists' than the core's own, or
than these moved as a group; what the core saw decides only whether a wave is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.inference.wave_groups import SAMPLES_BEFORE_R, BeatGroup

_PEAK = 1
_EARLIEST_P_S = 0.160  # after the R peak before, as in the signal core


@dataclass(frozen=True, slots=True, eq=False)
class WaveAnswers:
    """What the model says of one group of beats.

    Parameters
    ----------
    points
        Shape (n_leads, 3 waves, 3 points), columns of the group's mean beat.
    presence
        Shape (n_leads, 3), probability of each wave.
    limits
        Shape (3 waves, 2), global onset and offset, columns.
    """

    points: NDArray[np.float64]
    presence: NDArray[np.float64]
    limits: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Marks on every beat, sample indices with fractions, NaN where absent; they change.

    `points` has shape (n_leads, n_beats, 3 waves, 3 points), `limits` (n_beats, 3, 2).
    """

    points: NDArray[np.float64]
    limits: NDArray[np.float64]


THRESHOLD_NAMES = ("keep_p", "add_p", "keep_t", "add_t")


def carry(
    marks: Marks,
    group: BeatGroup,
    answers: WaveAnswers,
    samples_per_column: float,
    thresholds: Mapping[str, float],
) -> None:
    """Put what the model says of a group into the marks of its beats.

    A P (T) wave that the core marked stays where the model gives it at least ``keep_p``
    (``keep_t``); one it did not mark is added from ``add_p`` on. The QRS complex is never
    taken away.
    """
    block = np.ix_(group.leads, group.beats)
    anchors = group.anchors[:, np.newaxis, np.newaxis]
    said = anchors + (answers.points[:, np.newaxis] - SAMPLES_BEFORE_R) * samples_per_column
    marked = np.isfinite(marks.points[block][..., _PEAK])
    keep_from = np.array([[thresholds["keep_p"], 0.0, thresholds["keep_t"]]])
    add_from = np.array([[thresholds["add_p"], np.inf, thresholds["add_t"]]])
    least = np.where(marked, keep_from, add_from)
    said[answers.presence[:, np.newaxis] < least] = np.nan
    marks.points[block] = np.sort(said, axis=-1)
    limits = anchors + (answers.limits[np.newaxis] - SAMPLES_BEFORE_R) * samples_per_column
    there: NDArray[np.bool_] = np.any(np.isfinite(said[..., _PEAK]), axis=0)
    marks.limits[group.beats] = np.where(there[..., np.newaxis], limits, np.nan)


def drop_impossible_p(marks: Marks, r_peaks: NDArray[np.int64], rate_hz: float) -> None:
    """Take away P waves that begin within 160 ms after the R peak before."""
    earliest = np.full(len(r_peaks), -np.inf)
    earliest[1:] = r_peaks[:-1] + _EARLIEST_P_S * rate_hz
    with np.errstate(invalid="ignore"):
        early = marks.points[:, :, 0, 0] < earliest
        marks.points[:, :, 0][early] = np.nan
        marks.limits[:, 0][marks.limits[:, 0, 0] < earliest] = np.nan

"""From what the wave model says of a group of beats to marks on each of them.

The model has read the mean of a group, the signal core every beat by itself. Beats of the
group take the model's marks, which are nearer to the cardiologists' than the core's own, or
than these moved as a group; what the core saw decides only whether a wave is there, and
stands where the model's QRS complex cannot be that of the beat.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.inference.order_statistics import median
from ecgsvc.inference.wave_groups import CONTEXT_NAMES, SAMPLES_BEFORE_R, BeatGroup

_P, _QRS = 0, 1
_PEAK = 1
_IRREGULARITY = CONTEXT_NAMES.index("rr_irregularity")
_MOST_QRS_MOVE = 20.0  # columns, 80 ms: farther only where LUDB's R peak itself is amiss
_LEAST_QRS = 10.0  # columns, 40 ms: no complex is shorter
_EARLIEST_P_S = 0.160  # after the R peak before, as in the signal core
_AGREED = 0.8
_LEAST_REGULAR = 3  # beats
_MOST_IRREGULAR = 0.2  # as in the context: RR changes by a tenth from beat to beat
_LEAST_AGREED = 8  # leads


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

    `points` has shape (n_leads, n_beats, 3 waves, 3 points), `limits` (n_beats, 3, 2),
    `shapes` (n_beats,): the beat's group within its stretch, -1 for none.
    """

    points: NDArray[np.float64]
    limits: NDArray[np.float64]
    shapes: NDArray[np.int64]


THRESHOLD_NAMES = ("keep_p", "add_p", "keep_t", "add_t")


def carry(
    marks: Marks,
    groups: Sequence[BeatGroup],
    answers: Sequence[WaveAnswers],
    samples_per_column: float,
    thresholds: Mapping[str, float],
) -> None:
    """Put what the model says of each group into the marks of its beats.

    The groups show the same leads, and no beat is in two of them.

    A P (T) wave that the core marked stays where the model gives it at least ``keep_p``
    (``keep_t``); one it did not mark is added from ``add_p`` (``add_t``) on, and a P wave
    from ``keep_p`` on where eight leads or more agree (their median presence 0.8) in a
    group of three beats or more between which RR hardly changes. The QRS complex is never
    taken away. Where it would begin more than 80 ms from the core's, or last less than
    40 ms, the group was no picture of the beat: the core's marks stand in that lead, and
    likewise the core's limits.
    """
    if not groups:
        return
    beats = np.concatenate([group.beats for group in groups])
    of_group = np.repeat(np.arange(len(groups)), [len(group.beats) for group in groups])
    points, presence = (
        np.stack(values, axis=1)[:, of_group]  # lead, beat
        for values in ([a.points for a in answers], [a.presence for a in answers])
    )
    marks.shapes[beats] = of_group
    block = np.ix_(groups[0].leads, beats)
    own = marks.points[block]
    anchors = np.concatenate([group.anchors for group in groups])[:, np.newaxis, np.newaxis]
    said = anchors + (points - SAMPLES_BEFORE_R) * samples_per_column
    said.sort(axis=-1)
    marked = np.isfinite(own[..., _PEAK])
    keep_from = np.array([[thresholds["keep_p"], 0.0, thresholds["keep_t"]]])
    add_from = np.array([[thresholds["add_p"], np.inf, thresholds["add_t"]]])
    least = np.where(marked, keep_from, add_from)
    if len(presence) >= _LEAST_AGREED:
        regular = np.array([_is_regular(group) for group in groups])
        agreed = (median(presence[..., _P], axis=0) >= _AGREED) & regular[of_group]
        least[:, agreed, _P] = thresholds["keep_p"]
    said[presence < least] = np.nan
    astray = _astray(said, own, samples_per_column)
    marks.points[block] = np.where(astray, own, said)
    limits = np.stack([a.limits for a in answers])[of_group]
    limits = anchors + (limits - SAMPLES_BEFORE_R) * samples_per_column
    there: NDArray[np.bool_] = np.any(np.isfinite(said[..., _PEAK]), axis=0)
    limits = np.where(there[..., np.newaxis], limits, np.nan)
    own_limits = marks.limits[beats]
    astray = _astray(limits, own_limits, samples_per_column)
    marks.limits[beats] = np.where(astray, own_limits, limits)


def _is_regular(group: BeatGroup) -> bool:
    """Tell whether RR hardly changes: in fibrillation leads agree on what is no P wave."""
    irregularity = float(group.context[_IRREGULARITY])
    return len(group.beats) >= _LEAST_REGULAR and irregularity < _MOST_IRREGULAR


def _astray(
    said: NDArray[np.float64], own: NDArray[np.float64], samples_per_column: float
) -> NDArray[np.bool_]:
    """Tell of each beat (…, wave, point) whether its QRS complex cannot be as said."""
    onset, offset = said[..., _QRS, 0], said[..., _QRS, -1]
    moved = np.abs(onset - own[..., _QRS, 0]) > _MOST_QRS_MOVE * samples_per_column
    short = offset - onset < _LEAST_QRS * samples_per_column
    astray: NDArray[np.bool_] = (moved | short)[..., np.newaxis, np.newaxis]
    return astray


def drop_impossible(marks: Marks, r_peaks: NDArray[np.int64], rate_hz: float) -> None:
    """Take away waves that cannot be those of their beat.

    These are P waves that begin within 160 ms after the R peak before, and T waves that end
    after the next R peak.
    """
    earliest = np.full(len(r_peaks), -np.inf)
    earliest[1:] = r_peaks[:-1] + _EARLIEST_P_S * rate_hz
    latest = np.append(r_peaks[1:], np.inf)
    marks.points[marks.points[..., 0, 0] < earliest, 0] = np.nan
    marks.limits[marks.limits[:, 0, 0] < earliest, 0] = np.nan
    marks.points[marks.points[..., 2, 2] > latest, 2] = np.nan
    marks.limits[marks.limits[:, 2, 1] > latest, 2] = np.nan

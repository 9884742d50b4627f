"""Which detected beat is which annotated beat.

The rule is that of WFDB's ``bxb`` as revised on 24 November 2002, the reference
implementation of ANSI/AAMI EC57 beat-by-beat comparison
(https://physionet.org/physiotools/wag/bxb-1.htm).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import SampleIndices

MATCH_WINDOW_S = 0.150
"""EC57: a detection within 150 ms of an annotated beat may be that beat."""

_NEVER = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class BeatMatches:
    """Positions in the two lists of beats: pairs, and what is left on either side.

    `reference[i]` and `detected[i]` are a pair; all four are increasing.
    """

    reference: NDArray[np.intp]
    detected: NDArray[np.intp]
    missed: NDArray[np.intp]
    false: NDArray[np.intp]


def match_window_samples(sampling_rate_hz: float) -> int:
    """Return the match window in whole samples; a beat at its very edge still matches."""
    return int(MATCH_WINDOW_S * sampling_rate_hz + 0.5)


def match_beats(
    reference: SampleIndices, detected: SampleIndices, window_samples: int
) -> BeatMatches:
    """Pair beats one to one and in order.

    Both lists are walked through from the left. The earlier of the two beats at hand, `a`,
    is a pair with the other list's beat `b` when they lie within the window and `b` is not
    better off with the beat `a'` that follows `a`: that is, `a` is strictly nearer to `b`
    than `a'` is, or `a'` is strictly nearer to `b'`, the one after `b`, than to `b`.
    Otherwise `a` is alone.

    Parameters
    ----------
    reference, detected
        Shape (n,), sample indices in non-decreasing order; may be empty.
    window_samples
        Greatest distance of a pair, inclusive.

    Raises
    ------
    ValueError
        A list is not in order.
    """
    for name, beats in (("reference", reference), ("detected", detected)):
        if np.any(np.diff(beats) < 0):
            msg = f"the {name} beats must be in order of time"
            raise ValueError(msg)
    # Two beats that never come spare the loop every question about the end of a list.
    lists = ([*reference.tolist(), _NEVER, _NEVER], [*detected.tolist(), _NEVER, _NEVER])
    position = [0, 0]
    pairs: list[tuple[int, int]] = []
    while position[0] < len(reference) or position[1] < len(detected):
        first = 1 if lists[1][position[1]] < lists[0][position[0]] else 0
        earlier, later = lists[first], lists[1 - first]
        i, j = position[first], position[1 - first]
        beat, next_beat = earlier[i], earlier[i + 1]
        other, next_other = later[j], later[j + 1]
        taken_by_next = abs(next_beat - other)
        if other - beat <= window_samples and (
            other - beat < taken_by_next or abs(next_other - next_beat) < taken_by_next
        ):
            pairs.append((position[0], position[1]))
            position[0] += 1
            position[1] += 1
        else:
            position[first] += 1
    paired = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return BeatMatches(
        reference=paired[:, 0],
        detected=paired[:, 1],
        missed=np.setdiff1d(np.arange(len(reference)), paired[:, 0]),
        false=np.setdiff1d(np.arange(len(detected)), paired[:, 1]),
    )

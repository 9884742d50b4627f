"""P, QRS and T waves as a delineator marks them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Lead, SampleIndices

ABSENT = -1
"""Marks a fiducial point of a wave that is not there."""


@dataclass(frozen=True, slots=True, eq=False)
class WavePoints:
    """Onset, peak and offset of one kind of wave, each of shape (n_beats,).

    Sample indices at the recording's own rate; `ABSENT` (-1) in all three where the beat
    has no such wave. Row i belongs to beat i.
    """

    onset: SampleIndices
    peak: SampleIndices
    offset: SampleIndices


@dataclass(frozen=True, slots=True, eq=False)
class LeadWaves:
    """The waves of one lead, beat by beat."""

    lead: Lead
    p: WavePoints
    qrs: WavePoints
    t: WavePoints

    @classmethod
    def of_points(cls, lead: Lead, points: NDArray[np.int64]) -> "LeadWaves":
        """Take an array of shape (P QRS T, onset peak offset, n_beats)."""
        p, qrs, t = points
        return cls(
            lead,
            WavePoints(p[0], p[1], p[2]),
            WavePoints(qrs[0], qrs[1], qrs[2]),
            WavePoints(t[0], t[1], t[2]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class GlobalPoints:
    """Onset and offset of one kind of wave over all leads, each of shape (n_beats,).

    Sample indices with fractions, NaN where the beat has no such wave.
    """

    onset: NDArray[np.float64]
    offset: NDArray[np.float64]

    def select(self, beats: NDArray[np.bool_]) -> "GlobalPoints":
        """Keep some of the beats."""
        return GlobalPoints(self.onset[beats], self.offset[beats])


@dataclass(frozen=True, slots=True, eq=False)
class GlobalWaves:
    """Where the waves of a beat begin and end over all leads.

    `shapes` tells which of the recording's QRS shapes each beat has, shape (n_beats,), -1
    where it is like no other; None where beats were not put together by shape.
    """

    p: GlobalPoints
    qrs: GlobalPoints
    t: GlobalPoints
    shapes: NDArray[np.int64] | None = None

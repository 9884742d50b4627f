"""How much intervals between normal beats change from one to the next."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass, ClassifiedBeats
from ecgsvc.domain.rhythm_statistics import RhythmStatistics
from ecgsvc.domain.waveform import SampleIndices

IRREGULAR_ABOVE = 0.1
REGULARITY_SOURCE = "Dash et al. 2009, doi 10.1007/s10439-009-9740-z"
"""RMSSD over mean RR above 0.1 is one of their signs of atrial fibrillation. Sinus
arrhythmia exceeds it too, so irregular is all it says here."""
PIECE_S = 30.0
LEAST_DIFFERENCES = 5
"""Between successive intervals: what 10 s at 45/min hold."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalIntervals:
    """Intervals between two successive beats of class N that can be relied upon.

    Parameters
    ----------
    from_indices, rr_ms
        R peak at which each begins, and its length; shape (n,).
    follows
        Shape (n,): whether it begins where the one before it ends.
    """

    from_indices: SampleIndices
    rr_ms: NDArray[np.float64]
    follows: NDArray[np.bool_]

    @classmethod
    def of(cls, beats: ClassifiedBeats, statistics: RhythmStatistics) -> "NormalIntervals":
        """Pick them out of the intervals that `statistics` counts."""
        if not beats.n_beats:
            return cls(np.empty(0, np.int64), np.empty(0), np.empty(0, dtype=bool))
        is_normal = beats.probabilities.argmax(axis=1) == BEAT_CLASSES.index(BeatClass.N)
        before = np.searchsorted(beats.r_peak_indices, statistics.rr_from_indices)
        kept = is_normal[before] & is_normal[before + 1]
        follows = np.diff(before[kept], prepend=-2) == 1
        return cls(statistics.rr_from_indices[kept], statistics.rr_ms[kept], follows)

    def irregularity(self, start_index: int, stop_index: int) -> float | None:
        """RMSSD over mean RR of those that begin from `start_index` to `stop_index`.

        None: fewer than `LEAST_DIFFERENCES` follow each other.
        """
        inside = slice(*np.searchsorted(self.from_indices, [start_index, stop_index]))
        differences_ms = np.diff(self.rr_ms[inside])[self.follows[inside][1:]]
        if len(differences_ms) < LEAST_DIFFERENCES:
            return None
        rmssd_ms = np.sqrt(np.mean(differences_ms**2))
        return float(rmssd_ms / self.rr_ms[inside].mean())

    def irregular_share(self, sampling_rate_hz: float, n_samples: int) -> float | None:
        """Part of the pieces of `PIECE_S` that are irregular; None: none can be judged."""
        n_piece = round(PIECE_S * sampling_rate_hz)
        pieces = [
            self.irregularity(start, start + n_piece)
            for start in range(0, n_samples, n_piece)
        ]
        judged = [piece > IRREGULAR_ABOVE for piece in pieces if piece is not None]
        return sum(judged) / len(judged) if judged else None

"""Heart beats: where they are and what kind they are."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import SampleIndices


class BeatClass(StrEnum):
    """Beat classes of ANSI/AAMI EC57; the order is the models' order of labels."""

    N = "N"
    """Normal, bundle branch block, atrial or nodal escape."""
    S = "S"
    """Supraventricular ectopic."""
    V = "V"
    """Ventricular ectopic."""
    F = "F"
    """Fusion of ventricular and normal."""
    Q = "Q"
    """Paced or unclassifiable."""


BEAT_CLASSES: tuple[BeatClass, ...] = tuple(BeatClass)


@dataclass(frozen=True, slots=True, eq=False)
class ClassifiedBeats:
    """Every beat of a recording in order of time.

    Parameters
    ----------
    r_peak_indices
        Shape (n_beats,), sample indices at the recording's own rate, strictly increasing.
    probabilities
        Shape (n_beats, 5), columns in the order of `BEAT_CLASSES`, rows sum to 1.
    """

    r_peak_indices: SampleIndices
    probabilities: NDArray[np.float32]

    @property
    def n_beats(self) -> int:
        """Number of beats."""
        return len(self.r_peak_indices)

    @property
    def classes(self) -> tuple[BeatClass, ...]:
        """The most probable class of each beat."""
        if not self.n_beats:
            return ()
        return tuple(BEAT_CLASSES[i] for i in self.probabilities.argmax(axis=1))

    def count(self, beat_class: BeatClass) -> int:
        """Count the beats of one class."""
        return self.classes.count(beat_class)

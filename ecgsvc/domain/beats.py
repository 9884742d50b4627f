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

LEAST_QUALITY = 0.3
"""A beat of lower signal quality is not surely of its class. Of the annotated ventricular
beats of DS1 and svdb (every second record) 2 % have less, of others 0.1 %; of the beats
called ventricular in the normal recordings of CinC 2017 (every sixth), 44 %."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassifiedBeats:
    """Every beat of a recording in order of time.

    Parameters
    ----------
    r_peak_indices
        Shape (n_beats,), sample indices at the recording's own rate, strictly increasing.
    probabilities
        Shape (n_beats, 5), columns in the order of `BEAT_CLASSES`, rows sum to 1.
    least_probability
        A beat whose most probable class has less is not surely of it.
    quality
        Shape (n_beats,), 0 to 1, of the signal around each beat; None when not judged.
    """

    r_peak_indices: SampleIndices
    probabilities: NDArray[np.float32]
    least_probability: float = 0.0
    quality: NDArray[np.float32] | None = None

    @property
    def n_beats(self) -> int:
        """Number of beats."""
        return len(self.r_peak_indices)

    @property
    def classes(self) -> tuple[BeatClass, ...]:
        """The most probable class of each beat."""
        if not self.n_beats:
            return ()
        return tuple(BEAT_CLASSES[i] for i in self.probabilities.argmax(axis=1).tolist())

    @property
    def sure(self) -> NDArray[np.bool_]:
        """Whether each beat's class is sure, shape (n_beats,)."""
        sure: NDArray[np.bool_] = self.probabilities.max(axis=1) >= self.least_probability
        return sure if self.quality is None else sure & (self.quality >= LEAST_QUALITY)

    @property
    def n_unsure(self) -> int:
        """How many beats are not surely of their class."""
        return self.n_beats - int(self.sure.sum())

    def count(self, beat_class: BeatClass) -> int:
        """Count the beats of one class."""
        return self.classes.count(beat_class)

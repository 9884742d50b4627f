"""Why a model answered as it did: which samples and beats it looked at."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BeatClass
from ecgsvc.domain.measurements import Undetermined
from ecgsvc.domain.rhythm import RhythmClass
from ecgsvc.domain.waveform import Lead, SampleIndices


@dataclass(frozen=True, slots=True, eq=False)
class Highlight:
    """How much each sample of a stretch of one lead weighs.

    Parameters
    ----------
    start_index
        The first sample, at the recording's own rate.
    weights
        Shape (n_samples,) float32, 0 to 1, relative to the largest of one explanation.
    """

    lead: Lead
    start_index: int
    weights: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Freeze the weights."""
        self.weights.flags.writeable = False

    @property
    def stop_index(self) -> int:
        """The sample after the last."""
        return self.start_index + len(self.weights)


@dataclass(frozen=True, slots=True, eq=False)
class BeatExplanation:
    """What spoke for the class of one beat.

    Parameters
    ----------
    highlights
        Around the beat, one a lead that was read (integrated Grad-CAM).
    attended_r_peaks, attention
        The beats among which the model saw this one, and how much it attended to each;
        sums to 1. Empty when the model has no attention.
    """

    r_peak_index: int
    beat_class: BeatClass
    highlights: tuple[Highlight, ...]
    attended_r_peaks: SampleIndices
    attention: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class RhythmExplanation:
    """What spoke for the likeliest rhythm of one window.

    Parameters
    ----------
    highlight
        Of the lead that was read: how much of the answer hangs on each sample's
        surroundings (occlusion).
    attention
        How much each sample's surroundings were attended to, on the same lead; None when
        the model has no attention.
    """

    rhythm: RhythmClass
    highlight: Highlight
    attention: Highlight | None


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Explanations in order of time; of a long recording not of all beats and windows.

    `missing` says what could not be explained, and why.
    """

    beats: tuple[BeatExplanation, ...]
    rhythm: tuple[RhythmExplanation, ...]
    missing: tuple[Undetermined, ...] = ()

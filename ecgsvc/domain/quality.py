"""How good the signal is, lead by lead, second by second, beat by beat."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Lead


class QualityProblem(StrEnum):
    """Why a lead, or a recording, cannot be trusted."""

    FLAT = "flat"
    MISSING_SAMPLES = "missing samples"
    LIMB_LEADS_CONTRADICT = "limb leads contradict each other"
    SATURATED = "clipped or saturated"
    MAINS_HUM = "mains hum"
    BASELINE_WANDER = "baseline wander"
    MUSCLE_NOISE = "muscle noise"
    ELECTRODE_POPS = "electrode pops"
    NOT_AN_ECG = "does not look like an electrocardiogram"
    ARM_ELECTRODES_SWAPPED = "arm electrodes may be swapped"
    RIGHT_ARM_AND_LEG_SWAPPED = "right arm and left leg electrodes may be swapped"


@dataclass(frozen=True, slots=True)
class LeadQuality:
    """Quality of one lead; `usable` says whether later stages may rely on it.

    Parameters
    ----------
    lead, usable, missing_fraction, flat_fraction, problems
        `missing_fraction` is of the samples, `flat_fraction` of the seconds with samples.
    fractions
        Share of all seconds that have each problem, those that occur at all.
    index
        Mean over the seconds, 0 (worthless) to 1 (clean); None: not assessed.
    mains_hz
        50 or 60 where there is hum, else None.
    """

    lead: Lead
    usable: bool
    missing_fraction: float
    flat_fraction: float
    problems: tuple[QualityProblem, ...]
    fractions: Mapping[QualityProblem, float] = field(default_factory=dict, hash=False)
    index: float | None = None
    mains_hz: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class WindowQuality:
    """Quality second by second.

    Parameters
    ----------
    n_samples
        Length of a window; window i begins at sample i * n_samples, the last one ends with
        the recording.
    index, contrast
        Shape (n_leads, n_windows), 0 to 1. `contrast`: how far QRS complexes stand out of
        what lies between them; `index`: that times how free it is of noise and wander.
    unreadable
        Shape (n_leads, n_windows): missing, saturated, drowned in noise or no ECG, so that
        a beat could hide. A flat line and an asystole are readable.
    """

    n_samples: int
    index: NDArray[np.float32]
    contrast: NDArray[np.float32]
    unreadable: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SignalQuality:
    """Quality of all leads, in the recording's order, and of the whole."""

    leads: tuple[LeadQuality, ...]
    problems: tuple[QualityProblem, ...] = ()
    windows: WindowQuality | None = field(default=None, compare=False, repr=False)

    @property
    def usable_leads(self) -> tuple[Lead, ...]:
        """Names of the leads that later stages may rely on."""
        return tuple(q.lead for q in self.leads if q.usable)

    @property
    def index(self) -> float | None:
        """Index of the best lead; None: not assessed."""
        return max((q.index for q in self.leads if q.index is not None), default=None)

"""What to simulate."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.waveform import STANDARD_LEADS, Lead

SimulatedRhythm: TypeAlias = Literal["sinus", "af"]

QTC_MS = 410.0
"""QT at 60 beats a minute when the settings name none; Fridericia makes the rest."""

_RANGES = {
    "heart_rate_bpm": (20.0, 250.0),
    "duration_s": (1.0, 3600.0),
    "sampling_rate_hz": (50.0, 4000.0),
    "pvc_probability": (0.0, 1.0),
    "pac_probability": (0.0, 1.0),
    "atrial_run_probability": (0.0, 1.0),
    "aberrancy": (0.0, 1.0),
    "pr_ms": (80.0, 400.0),
    "qrs_ms": (60.0, 200.0),
    "qt_ms": (200.0, 700.0),
    "rr_variability": (0.0, 0.3),
    "respiration_hz": (0.05, 1.0),
    "baseline_wander_mv": (0.0, 5.0),
    "muscle_mv": (0.0, 5.0),
    "mains_mv": (0.0, 5.0),
    "mains_hz": (45.0, 65.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """Settings of `simulate`, checked when built; `InvalidRequest` when out of range.

    Parameters
    ----------
    heart_rate_bpm, rhythm
        Mean rate of the basic rhythm: ``"sinus"`` or ``"af"`` (atrial fibrillation: no P
        waves, fibrillation waves, irregular).
    duration_s, sampling_rate_hz
        Length and rate of the recording.
    pvc_probability, pac_probability
        Chance that a beat comes early as a ventricular or an atrial ectopic one; of these
        never two in a row. In atrial fibrillation there are no atrial ones.
    atrial_run_probability, atrial_run_beats
        Chance that a beat begins a run of an atrial tachycardia, which is regular, and how
        many beats such a run has: at least, and at most. None in atrial fibrillation.
    aberrancy
        Chance that an atrial ectopic beat finds the right bundle branch refractory.
    pr_ms, qrs_ms, qt_ms
        Intervals of normal beats. `qt_ms` is that at the mean rate; with every beat it
        follows the cube root of the RR interval (Fridericia 1920). None: 410 ms at 60 bpm.
    rr_variability
        Standard deviation of the sinus rhythm's RR intervals as a fraction of their mean.
    respiration_hz
        Rate of breathing, which moves rate, amplitudes and baseline.
    baseline_wander_mv, muscle_mv, mains_mv
        RMS of each kind of noise in every lead.
    mains_hz
        Frequency of the mains hum.
    leads
        Which leads, in which order; any of the 12 standard ones.
    inverted_leads
        Leads that come with the wrong sign, as if wired the wrong way round.
    seed
        The same settings and seed give the same samples.
    """

    heart_rate_bpm: float = 70.0
    rhythm: SimulatedRhythm = "sinus"
    duration_s: float = 10.0
    sampling_rate_hz: float = 500.0
    pvc_probability: float = 0.0
    pac_probability: float = 0.0
    atrial_run_probability: float = 0.0
    atrial_run_beats: tuple[int, int] = (3, 30)
    aberrancy: float = 0.0
    pr_ms: float = 160.0
    qrs_ms: float = 92.0
    qt_ms: float | None = None
    rr_variability: float = 0.03
    respiration_hz: float = 0.25
    baseline_wander_mv: float = 0.03
    muscle_mv: float = 0.008
    mains_mv: float = 0.003
    mains_hz: float = 50.0
    leads: tuple[Lead, ...] = STANDARD_LEADS
    inverted_leads: tuple[Lead, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every setting."""
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                msg = f"{name} must lie within {low:g} and {high:g}."
                raise InvalidRequest(msg)
        if self.rhythm not in ("sinus", "af"):
            msg = "rhythm must be sinus or af."
            raise InvalidRequest(msg)
        ectopic = self.pvc_probability + self.pac_probability + self.atrial_run_probability
        if ectopic > 1:
            msg = (
                "pvc_probability, pac_probability and atrial_run_probability must not "
                "exceed 1 together."
            )
            raise InvalidRequest(msg)
        fewest, most = self.atrial_run_beats
        if not 2 <= fewest <= most:
            msg = "atrial_run_beats must be at least 2, and not decrease."
            raise InvalidRequest(msg)
        if not self.leads or len(set(self.leads)) != len(self.leads):
            msg = "leads must name at least one lead, and each only once."
            raise InvalidRequest(msg)
        if not set(self.leads) | set(self.inverted_leads) <= set(STANDARD_LEADS):
            msg = f"leads are to be among {', '.join(STANDARD_LEADS)}."
            raise InvalidRequest(msg)
        if self.seed < 0:
            msg = "seed must not be negative."
            raise InvalidRequest(msg)

    @property
    def mean_rr_s(self) -> float:
        """Mean RR interval of the basic rhythm."""
        return 60.0 / self.heart_rate_bpm

    @property
    def mean_qt_s(self) -> float:
        """QT interval at the mean rate."""
        if self.qt_ms is not None:
            return self.qt_ms / 1000
        return QTC_MS / 1000 * math.cbrt(self.mean_rr_s)

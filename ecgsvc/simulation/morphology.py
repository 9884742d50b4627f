"""The waves of a beat as Gaussian movements of the heart's dipole.

McSharry et al. 2003, doi 10.1109/TBME.2003.808805, draw each wave of the ECG as a Gaussian;
Sameni et al. 2007, doi 10.1155/2007/43407, give each a direction in space. Here they stand
at given times before or after the R wave instead of at phases of the heart cycle, so that
intervals can be set. Axes as Frank's: x to the left, y to the feet, z to the back.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BeatClass
from ecgsvc.simulation.rhythm import PlannedBeat
from ecgsvc.simulation.settings import SimulationSettings

Vector: TypeAlias = tuple[float, float, float]

EDGE_SIGMAS = 2.5
"""A wave begins and ends where its Gaussian has 4.4 % of its height."""

P_DURATION_S = 0.106
T_SHARE_OF_QT = 0.48
T_RISE = 0.6
"""Part of the T wave before its peak: T waves rise slower than they fall."""
PVC_QRS_S = 0.156
ABERRANT_QRS = 1.38
"""Duration of an aberrant QRS complex, of a normal one's."""
PVC_EXTRA_QT_S = 0.03

P_SINUS: Vector = (0.11, 0.11, -0.04)
P_ECTOPIC: Vector = (0.05, -0.08, -0.06)
T_NORMAL: Vector = (0.28, 0.22, -0.18)
T_PVC: Vector = (-0.35, -0.42, -0.45)

# Parts of the QRS complex: centre and sigma as fractions of its duration, and the dipole
# in mV. The first begins at 0 and the last ends at 1.
QRS_NORMAL: tuple[tuple[float, float, Vector], ...] = (
    (0.20, 0.080, (-0.12, -0.04, -0.22)),  # septum: to the right and front
    (0.47, 0.110, (1.10, 0.95, 0.34)),  # free walls: to the left, feet and back
    (0.70, 0.120, (-0.24, -0.18, 0.42)),  # base: to the back
)
QRS_ABERRANT: tuple[tuple[float, float, Vector], ...] = (
    (0.15, 0.060, (-0.12, -0.04, -0.22)),
    (0.36, 0.085, (1.10, 0.95, 0.34)),
    (0.55, 0.095, (-0.24, -0.18, 0.30)),
    (0.78, 0.088, (-0.48, -0.06, -0.42)),  # the right ventricle, late: right and front
)
QRS_PVC: tuple[tuple[float, float, Vector], ...] = (
    (0.25, 0.100, (-0.10, 0.25, -0.30)),
    (0.50, 0.140, (0.80, 1.25, 0.95)),
    (0.72, 0.112, (0.55, 0.10, 0.60)),
)
R_POSITION_PVC = 0.50
R_POSITION_NORMAL = 0.47
R_POSITION_ABERRANT = 0.36


@dataclass(frozen=True, slots=True)
class Bump:
    """A Gaussian of the dipole in time, seconds and mV; its two sides may differ."""

    centre_s: float
    rise_sigma_s: float
    fall_sigma_s: float
    dipole_mv: Vector

    @property
    def onset_s(self) -> float:
        """Where it begins."""
        return self.centre_s - EDGE_SIGMAS * self.rise_sigma_s

    @property
    def offset_s(self) -> float:
        """Where it ends."""
        return self.centre_s + EDGE_SIGMAS * self.fall_sigma_s


@dataclass(frozen=True, slots=True)
class BeatShape:
    """The waves of one beat; `p` is None where the atria do not beat with it."""

    beat_class: BeatClass
    p: Bump | None
    qrs: tuple[Bump, ...]
    t: Bump

    @property
    def bumps(self) -> tuple[Bump, ...]:
        """All waves in order."""
        return (*((self.p,) if self.p else ()), *self.qrs, self.t)

    @property
    def qrs_onset_s(self) -> float:
        """Where the ventricles begin."""
        return self.qrs[0].onset_s

    @property
    def qrs_offset_s(self) -> float:
        """Where the QRS complex ends."""
        return self.qrs[-1].offset_s


def shape_of(beat: PlannedBeat, settings: SimulationSettings) -> BeatShape:
    """Shape a planned beat."""
    is_pvc = beat.beat_class is BeatClass.V
    duration, r_position, parts = _ventricles(beat, settings.qrs_ms / 1000)
    onset = beat.r_time_s - r_position * duration
    qrs = tuple(
        Bump(onset + centre * duration, sigma * duration, sigma * duration, dipole)
        for centre, sigma, dipole in parts
    )
    qt = settings.mean_qt_s * math.cbrt(beat.rr_s / settings.mean_rr_s)
    if is_pvc:
        qt = settings.mean_qt_s + PVC_EXTRA_QT_S
    t_wave = _t_wave(onset + qt, T_SHARE_OF_QT * qt, T_PVC if is_pvc else T_NORMAL)
    has_p = not is_pvc and settings.rhythm == "sinus"
    p_wave = _p_wave(beat, settings, onset) if has_p else None
    return BeatShape(beat.beat_class, p_wave, qrs, t_wave)


def _ventricles(
    beat: PlannedBeat, normal_s: float
) -> tuple[float, float, tuple[tuple[float, float, Vector], ...]]:
    """Duration in seconds, where in it the R wave stands, and the parts of the QRS."""
    if beat.beat_class is BeatClass.V:
        return max(PVC_QRS_S, normal_s), R_POSITION_PVC, QRS_PVC
    if beat.aberrant:
        return ABERRANT_QRS * normal_s, R_POSITION_ABERRANT, QRS_ABERRANT
    return normal_s, R_POSITION_NORMAL, QRS_NORMAL


def _p_wave(beat: PlannedBeat, settings: SimulationSettings, qrs_onset_s: float) -> Bump:
    pr = settings.pr_ms / 1000
    half = min(P_DURATION_S, 0.8 * pr) / 2
    dipole = P_ECTOPIC if beat.beat_class is BeatClass.S else P_SINUS
    sigma = half / EDGE_SIGMAS
    return Bump(qrs_onset_s - pr + half, sigma, sigma, dipole)


def _t_wave(end_s: float, duration_s: float, dipole_mv: Vector) -> Bump:
    rise, fall = T_RISE * duration_s, (1 - T_RISE) * duration_s
    return Bump(end_s - fall, rise / EDGE_SIGMAS, fall / EDGE_SIGMAS, dipole_mv)


def draw(bump: Bump, dipole_mv: NDArray[np.float64], sampling_rate_hz: float) -> None:
    """Add a wave to the dipole, shape (3, n), out to 5 sigma (4e-6 of its height)."""
    first = int(max((bump.centre_s - 5 * bump.rise_sigma_s) * sampling_rate_hz, 0))
    stop = int((bump.centre_s + 5 * bump.fall_sigma_s) * sampling_rate_hz) + 1
    if stop <= first or first >= dipole_mv.shape[1]:
        return
    stop = min(stop, dipole_mv.shape[1])
    from_centre = np.arange(first, stop) / sampling_rate_hz - bump.centre_s
    sigma = np.where(from_centre < 0, bump.rise_sigma_s, bump.fall_sigma_s)
    height = np.exp(-0.5 * (from_centre / sigma) ** 2)
    dipole_mv[:, first:stop] += np.array(bump.dipole_mv)[:, None] * height

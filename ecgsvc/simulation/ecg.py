"""From the heart's dipole to the leads on paper."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Lead, Millivolts, Recording, Waveform
from ecgsvc.simulation.morphology import draw, shape_of
from ecgsvc.simulation.noise import breathing, fibrillation_waves, noise
from ecgsvc.simulation.rhythm import plan_beats
from ecgsvc.simulation.settings import SimulationSettings
from ecgsvc.simulation.truth import SimulatedTruth, truth_of

RESPIRATORY_AMPLITUDE = 0.04
"""Breathing changes amplitudes by this part."""

RESOLUTION_PER_MV = 1000
"""Samples are whole microvolts, as from a device."""

# Dower, Machado & Osborne 1980, doi 10.1002/clc.4960030202: leads from Frank's x, y, z.
PROJECTION: dict[Lead, tuple[float, float, float]] = {
    "I": (0.632, -0.235, 0.059),
    "II": (0.235, 1.066, -0.132),
    "V1": (-0.515, 0.157, -0.917),
    "V2": (0.044, 0.164, -1.387),
    "V3": (0.882, 0.098, -1.277),
    "V4": (1.213, 0.127, -0.601),
    "V5": (1.125, 0.127, -0.086),
    "V6": (0.831, 0.076, 0.230),
}
_CHANNELS = tuple(PROJECTION)


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedEcg:
    """A simulated recording and the truth about it."""

    recording: Recording
    truth: SimulatedTruth


def simulate(settings: SimulationSettings) -> SimulatedEcg:
    """Simulate an ECG.

    Every lead is a fixed projection of one dipole plus its own noise; III, aVR, aVL and aVF
    are made of I and II after the noise, so that I + III = II to the microvolt. The same
    settings give the same samples.
    """
    random = np.random.default_rng(settings.seed)
    rate_hz = settings.sampling_rate_hz
    n_samples = round(settings.duration_s * rate_hz)
    shapes = [shape_of(beat, settings) for beat in plan_beats(settings, random)]
    dipole_mv = np.zeros((3, n_samples))
    for shape in shapes:
        for bump in shape.bumps:
            draw(bump, dipole_mv, rate_hz)
    dipole_mv *= 1 + RESPIRATORY_AMPLITUDE * breathing(settings)
    if settings.rhythm == "af":
        dipole_mv += fibrillation_waves(settings, random)
    clean_mv = np.array([PROJECTION[lead] for lead in _CHANNELS]) @ dipole_mv
    noisy_mv = clean_mv + noise(settings, len(_CHANNELS), random)
    waveform = Waveform(_leads(noisy_mv, settings), rate_hz, settings.leads)
    recording = Recording(f"simulated-{settings.rhythm}-{settings.seed}", waveform)
    truth = truth_of(shapes, clean_mv[_CHANNELS.index("II")], settings)
    return SimulatedEcg(recording, truth)


def _leads(channels_mv: NDArray[np.float64], settings: SimulationSettings) -> Millivolts:
    """All leads that were asked for, shape (n_leads, n_samples)."""
    microvolts = np.rint(channels_mv * RESOLUTION_PER_MV)
    rows = dict(zip(_CHANNELS, microvolts, strict=True))
    one, two = rows["I"], rows["II"]
    rows["III"] = two - one
    rows["aVR"] = np.rint(-(one + two) / 2)
    rows["aVL"] = np.rint(one - two / 2)
    rows["aVF"] = np.rint(two - one / 2)
    signs = [-1.0 if lead in settings.inverted_leads else 1.0 for lead in settings.leads]
    chosen = np.stack([rows[lead] for lead in settings.leads])
    return np.asarray(chosen * np.array(signs)[:, None] / RESOLUTION_PER_MV)

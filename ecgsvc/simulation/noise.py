"""What disturbs an ECG: breathing, muscles, the mains; and the atria in fibrillation."""

import math

import numpy as np
from numpy.typing import NDArray

from ecgsvc.simulation.settings import SimulationSettings

Signals = NDArray[np.float64]

WANDER_HZ = (0.07, 0.13, 0.21)
"""Electrode drift, besides breathing."""
F_WAVE_HZ = (5.0, 7.0)
F_WAVE_DIPOLE_MV = (-0.03, 0.05, -0.07)
"""Fibrillation waves are largest in V1."""


def noise(
    settings: SimulationSettings, n_channels: int, random: np.random.Generator
) -> Signals:
    """Noise of independent channels, shape (n_channels, n_samples), mV."""
    time_s = _time(settings)
    total = np.zeros((n_channels, len(time_s)))
    if settings.baseline_wander_mv:
        total += settings.baseline_wander_mv * _wander(settings, time_s, n_channels, random)
    if settings.muscle_mv:
        # Differences of white noise: the surface EMG has little power at low frequencies
        white = random.standard_normal((n_channels, len(time_s) + 1))
        total += settings.muscle_mv / math.sqrt(2) * np.diff(white, axis=1)
    if settings.mains_mv:
        phase = random.uniform(0, 2 * math.pi, (n_channels, 1))
        hum = np.sin(2 * math.pi * settings.mains_hz * time_s + phase)
        total += settings.mains_mv * math.sqrt(2) * hum
    return total


def breathing(settings: SimulationSettings) -> Signals:
    """Breathing between -1 and 1, shape (n_samples,)."""
    return np.asarray(np.sin(2 * math.pi * settings.respiration_hz * _time(settings)))


def fibrillation_waves(
    settings: SimulationSettings, random: np.random.Generator
) -> Signals:
    """Dipole of the fibrillating atria, shape (3, n_samples), mV.

    A sawtooth-like wave whose rate and height drift (Stridh & Sörnmo 2001,
    doi 10.1109/10.900266).
    """
    time_s = _time(settings)
    rate_hz = random.uniform(*F_WAVE_HZ)
    drift = 0.4 * np.sin(2 * math.pi * 0.23 * time_s + random.uniform(0, 2 * math.pi))
    phase = 2 * math.pi * rate_hz * time_s + drift * 3
    height = 1 + 0.35 * np.sin(2 * math.pi * 0.17 * time_s + random.uniform(0, 2 * math.pi))
    sawtooth = np.sin(phase) + np.sin(2 * phase) / 2 + np.sin(3 * phase) / 3
    return np.array(F_WAVE_DIPOLE_MV)[:, None] * (height * sawtooth)


def _wander(
    settings: SimulationSettings,
    time_s: Signals,
    n_channels: int,
    random: np.random.Generator,
) -> Signals:
    """Drift of RMS 1 in each channel."""
    rates_hz = np.array([*WANDER_HZ, settings.respiration_hz])
    phase = random.uniform(0, 2 * math.pi, (n_channels, len(rates_hz), 1))
    height = random.uniform(0.3, 1.0, (n_channels, len(rates_hz)))
    height *= np.sqrt(2 / np.sum(height**2, axis=1, keepdims=True))
    waves = np.sin(2 * math.pi * rates_hz[:, None] * time_s + phase)
    return np.asarray(np.einsum("cr,crn->cn", height, waves))


def _time(settings: SimulationSettings) -> Signals:
    n_samples = round(settings.duration_s * settings.sampling_rate_hz)
    return np.arange(n_samples) / settings.sampling_rate_hz

"""Signals that are no electrocardiogram, to see whether a model knows it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Waveform

RATE_HZ = 300.0
DURATION_S = 30.0

Floats: TypeAlias = NDArray[np.float64]
_Make: TypeAlias = Callable[[Floats, np.random.Generator], Floats]


def _white_noise(time_s: Floats, rng: np.random.Generator) -> Floats:
    return rng.standard_normal(len(time_s))


def _muscle(time_s: Floats, rng: np.random.Generator) -> Floats:
    """White noise in bursts, as of a muscle that tenses and rests."""
    tension = np.interp(time_s, np.arange(0, DURATION_S + 1), rng.random(31) ** 3)
    bursts: Floats = tension * rng.standard_normal(len(time_s))
    return bursts


def _encephalogram(time_s: Floats, rng: np.random.Generator) -> Floats:
    """Noise whose amplitude falls with frequency, and an alpha rhythm of 8-12 Hz."""
    white = np.fft.rfft(rng.standard_normal(len(time_s)))
    frequencies = np.fft.rfftfreq(len(time_s), 1 / RATE_HZ)
    pink = np.fft.irfft(white / np.maximum(frequencies, 0.5), len(time_s))
    alpha = np.sin(2 * np.pi * rng.uniform(8, 12) * time_s)
    waxing = 1 + np.sin(2 * np.pi * rng.uniform(0.1, 0.4) * time_s)
    both: Floats = pink / pink.std() + 0.5 * alpha * waxing
    return both


def _pulse_wave(time_s: Floats, rng: np.random.Generator) -> Floats:
    """A plethysmogram: a rounded wave with a notch for each of 50-110 beats a minute."""
    phase = np.cumsum(1 + 0.05 * rng.standard_normal(len(time_s))) / RATE_HZ
    phase = (phase * rng.uniform(50, 110) / 60) % 1
    notch = rng.uniform(0.2, 0.5)
    pulse: Floats = np.exp(-0.5 * ((phase - 0.25) / 0.1) ** 2) + notch * np.exp(
        -0.5 * ((phase - 0.55) / 0.09) ** 2
    )
    return pulse


def _breathing(time_s: Floats, rng: np.random.Generator) -> Floats:
    rate_hz = rng.uniform(0.15, 0.6)
    wave: Floats = np.sin(2 * np.pi * rate_hz * time_s + rng.uniform(0, 6))
    return wave + 0.3 * wave**2 + 0.02 * rng.standard_normal(len(time_s))


def _sine(time_s: Floats, rng: np.random.Generator) -> Floats:
    wave: Floats = np.sin(2 * np.pi * rng.uniform(0.8, 20) * time_s)
    return wave


def _square(time_s: Floats, rng: np.random.Generator) -> Floats:
    wave: Floats = np.sign(np.sin(2 * np.pi * rng.uniform(0.5, 3) * time_s))
    return wave + 0.01 * rng.standard_normal(len(time_s))


def _motion(time_s: Floats, rng: np.random.Generator) -> Floats:
    """Steps and ramps of a loose electrode."""
    steps = np.cumsum(rng.standard_normal(31) * (rng.random(31) < 0.5))
    at = np.minimum((time_s + rng.random()) // 1, 30).astype(np.int64)
    return steps[at] + 0.05 * rng.standard_normal(len(time_s))


def _flat(time_s: Floats, rng: np.random.Generator) -> Floats:
    """An amplifier without a patient: its own noise in steps of 1 µV."""
    return np.rint(rng.uniform(0.5, 3) * rng.standard_normal(len(time_s))) / 1000


FOREIGN_SIGNALS: Mapping[str, _Make] = MappingProxyType(
    {
        "white noise": _white_noise,
        "muscle": _muscle,
        "encephalogram": _encephalogram,
        "pulse wave": _pulse_wave,
        "breathing": _breathing,
        "sine": _sine,
        "square": _square,
        "electrode motion": _motion,
        "flat line": _flat,
    }
)
"""Kinds, and what makes one of a time axis and a generator."""


def foreign_signals(kind: str, n: int, seed: int = 0) -> list[Waveform]:
    """Make `n` different signals of a kind, 30 s at 300 Hz, of about 1 mV unless flat."""
    rng = np.random.default_rng([seed, *kind.encode()])
    time_s = np.arange(round(DURATION_S * RATE_HZ)) / RATE_HZ
    return [
        Waveform(FOREIGN_SIGNALS[kind](time_s, rng)[np.newaxis], RATE_HZ, ("ECG",))
        for _ in range(n)
    ]


def auroc(inside: Floats, outside: Floats) -> float:
    """Chance that a score from outside is above one from inside; ties count half."""
    both = np.concatenate([inside, outside])
    _, rank, n_equal = np.unique(both, return_inverse=True, return_counts=True)
    mean_rank = (np.cumsum(n_equal) - (n_equal - 1) / 2)[rank]
    n_in, n_out = len(inside), len(outside)
    above = mean_rank[n_in:].sum() - n_out * (n_out + 1) / 2
    return float(above / (n_in * n_out))

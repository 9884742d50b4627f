"""Signals made to upset a detector: seeded, of every kind, rate and length."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import STANDARD_LEADS, Waveform

Samples = NDArray[np.float64]
Kind = Callable[[np.random.Generator, Samples], Samples]
"""Makes one lead in mV from the times of its samples in seconds, shape (n_samples,)."""

LOWEST_HZ, HIGHEST_HZ = 100.0, 2000.0
LONGEST_S = 180.0
MOST_LEADS = 12
MOST_SAMPLES = 400_000
"""Of all leads together, so that ten thousand signals take minutes."""


def hostile_signal(seed: int) -> tuple[str, Waveform]:
    """Draw the kind, the rate, the length, the leads, and what is done to them after."""
    rng = np.random.default_rng([seed, 2017])
    name = sorted(KINDS)[seed % len(KINDS)]
    rate_hz = float(rng.choice([LOWEST_HZ, 128, 250, 257.3, 360, 500, 1000, HIGHEST_HZ]))
    n_leads = int(rng.choice([1, 1, 2, 3, 8, MOST_LEADS]))
    seconds = float(rng.choice([0.02, 0.5, 2, 10, 10, 30, LONGEST_S])) * rng.uniform(0.3, 1)
    n_samples = min(max(1, int(seconds * rate_hz)), MOST_SAMPLES // n_leads)
    times_s = np.arange(n_samples) / rate_hz
    rows = [KINDS[name](rng, times_s) for _ in range(n_leads)]
    if rng.random() < 0.3:  # leads of one heart, one noise …
        rows = [rng.choice([-1.0, 0.0, 0.3, 1.0]) * rows[0] for _ in rows]
    samples_mv = np.ascontiguousarray(np.stack(rows))
    with np.errstate(over="ignore"):
        samples_mv *= rng.choice([1.0, 1.0, 1.0, 1e-6, 1e-3, 30.0, 1e6, 1e12, 1e160])
        samples_mv += rng.choice([0.0, 0.0, -300.0, 1e7])
    _lose_parts(rng, samples_mv)
    return name, Waveform(samples_mv, rate_hz, STANDARD_LEADS[:n_leads])


def _lose_parts(rng: np.random.Generator, samples_mv: Samples) -> None:
    """Now and then missing islands, a cut-off top, a lead that stops."""
    n_samples = samples_mv.shape[1]
    if rng.random() < 0.2:
        for start in rng.integers(0, n_samples, 5):
            row = rng.integers(len(samples_mv) + 1)  # the last one: all of them
            width = int(rng.choice([1, 7, 100, n_samples]))
            rows = slice(None) if row == len(samples_mv) else row
            samples_mv[rows, start : start + width] = rng.choice([np.nan, np.inf, -np.inf])
    if rng.random() < 0.2:
        finite = samples_mv[np.isfinite(samples_mv)]
        if len(finite):
            np.clip(samples_mv, *np.quantile(finite, [0.1, 0.9]), out=samples_mv)
    if rng.random() < 0.2:
        lost = int(rng.integers(n_samples))
        samples_mv[:, lost:] = samples_mv[:, [lost]]


def _beats(
    rng: np.random.Generator, times_s: Samples, rr_s: float, spread: float = 0.05
) -> Samples:
    """P, QRS and T at intervals of `rr_s`, heights and widths drawn."""
    intervals = rr_s * np.maximum(0.2, rng.normal(1, spread, int(200 / rr_s) + 2))
    beats_s = np.cumsum(intervals)
    phase_s = times_s - beats_s[np.searchsorted(beats_s[:-1], times_s)]
    scale = min(1.0, rr_s / 0.8)
    lead = np.zeros_like(times_s)
    for at_s, width_s, height in (
        (-0.5, 0.02, 0.15),
        (-0.3, 0.01, 1.0),
        (-0.05, 0.05, 0.3),
    ):
        size = height * rng.normal(1, 0.5)
        lead += size * np.exp(-0.5 * ((phase_s - scale * at_s) / (scale * width_s)) ** 2)
    return lead


def _coloured(rng: np.random.Generator, times_s: Samples, exponent: float) -> Samples:
    """Noise whose power falls with the frequency to this exponent."""
    spectrum = np.fft.rfft(rng.normal(size=len(times_s)))
    spectrum *= np.maximum(1, np.arange(len(spectrum))) ** (-exponent / 2)
    lead = np.fft.irfft(spectrum, len(times_s)) if len(times_s) > 1 else np.zeros(1)
    return np.asarray(lead / (lead.std() or 1.0))


def _impulses(rng: np.random.Generator, times_s: Samples, rate_hz: float) -> Samples:
    turns = np.floor(times_s * rate_hz + rng.random())
    return np.diff(turns, prepend=turns[0]) * rng.choice([-1.0, 1.0])


def _one_sample(rng: np.random.Generator, times_s: Samples) -> Samples:
    lead = np.full_like(times_s, 0.7)
    lead[rng.integers(len(lead))] += rng.choice([-1.0, 1e-6, 1.0, 1e9])
    return lead


def _bursts(rng: np.random.Generator, times_s: Samples) -> Samples:
    """Beats between bursts a thousand times as high, which raise adaptive thresholds."""
    loud = (times_s % rng.uniform(1.0, 12.0)) < rng.uniform(0.05, 3.0)
    noise = rng.normal(size=len(times_s))
    return _beats(rng, times_s, 0.8) + 1000.0 * loud * noise


def _steps(rng: np.random.Generator, times_s: Samples) -> Samples:
    levels = rng.normal(size=int(LONGEST_S * 10) + 1)
    return np.asarray(levels[(times_s * rng.uniform(0.5, 10.0)).astype(int)])


def _chirp(rng: np.random.Generator, times_s: Samples) -> Samples:
    return np.sin(2 * np.pi * (0.05 + rng.uniform(0.01, 3.0) * times_s) * times_s)


def _pulses(rng: np.random.Generator, times_s: Samples) -> Samples:
    return (times_s * rng.uniform(0.3, 20.0) % 1.0 < rng.uniform(0.01, 0.99)).astype(float)


def _growing(rng: np.random.Generator, times_s: Samples) -> Samples:
    """Beats that grow or fade tenfold every few seconds."""
    return _beats(rng, times_s, 0.7) * 10 ** (times_s / rng.choice([-3.0, 3.0, 10.0]) % 40)


KINDS: dict[str, Kind] = {
    "flat": lambda rng, t: np.full_like(t, rng.normal()),
    "one sample on a flat line": _one_sample,
    "steps": _steps,
    "mains impulses": lambda rng, t: _impulses(rng, t, rng.choice([50.0, 60.0])),
    "slow impulses": lambda rng, t: _impulses(rng, t, rng.uniform(0.2, 12.0)),
    "saw": lambda rng, t: (t * rng.uniform(0.2, 40.0)) % 1.0,
    "square": lambda rng, t: np.sign(np.sin(2 * np.pi * rng.uniform(0.2, 40.0) * t)),
    "pulses": _pulses,
    "sine": lambda rng, t: np.sin(2 * np.pi * rng.uniform(0.05, 60.0) * t),
    "chirp": _chirp,
    "white noise": lambda rng, t: rng.normal(size=len(t)),
    "pink noise": lambda rng, t: _coloured(rng, t, 1.0),
    "brown noise": lambda rng, t: _coloured(rng, t, 2.0),
    "blue noise": lambda rng, t: _coloured(rng, t, -1.0),
    "Cauchy noise": lambda rng, t: rng.standard_cauchy(len(t)),
    "two values": lambda rng, t: rng.integers(0, 2, len(t)).astype(float),
    "beats": lambda rng, t: _beats(rng, t, rng.uniform(0.3, 2.0)),
    "beats every 200 ms": lambda rng, t: _beats(rng, t, 0.2, 0.0),
    "beats as irregular as can be": lambda rng, t: _beats(rng, t, 0.6, 1.0),
    "growing beats": _growing,
    "bursts": _bursts,
    "beats in noise": lambda rng, t: _beats(rng, t, 0.8) + rng.normal(0, 0.5, len(t)),
}

"""The polyphase resampler against SciPy, and its own promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from ecgsvc.dsp import rate_ratio, resample

Samples = NDArray[np.float64]
PAIRS = [(a, b) for a in (100, 128, 257, 500, 1000, 2000) for b in (250, 360, 500)]


def band_limited(n: int, rate_hz: float) -> Samples:
    """Three tones that any of the rates can carry."""
    t = np.arange(n) / rate_hz
    return np.sin(2 * np.pi * 1.3 * t) + 0.5 * np.cos(2 * np.pi * 9 * t) + 2.0


def scipy_with_even_phases(samples: Samples, up: int, down: int) -> Samples:
    """SciPy's resampler, given its own window with every phase summing to one."""
    half = 10 * max(up, down)
    taps = signal.firwin(2 * half + 1, 1 / max(up, down), window=("kaiser", 5.0))
    for phase in range(up):
        rows = np.arange(phase, len(taps), up)
        taps[rows] /= taps[rows].sum() * up
    expected: Samples = signal.resample_poly(
        samples, up, down, window=taps, padtype="edge", axis=-1
    )
    return expected


@pytest.mark.parametrize(("rate_hz", "new_rate_hz"), PAIRS)
def test_the_result_is_scipys_with_even_phases(rate_hz: int, new_rate_hz: int) -> None:
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(2, 1111)) + 3.0
    ours = resample(samples, rate_hz, new_rate_hz)
    up, down = rate_ratio(rate_hz, new_rate_hz)
    if up == down:
        np.testing.assert_array_equal(ours, samples)
        return
    expected = scipy_with_even_phases(samples, up, down)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize(("rate_hz", "new_rate_hz"), PAIRS)
def test_a_slow_signal_is_the_same_signal_at_the_new_rate(
    rate_hz: int, new_rate_hz: int
) -> None:
    ours = resample(band_limited(6 * rate_hz, rate_hz), rate_hz, new_rate_hz)
    expected = band_limited(len(ours), new_rate_hz)
    inner = slice(new_rate_hz, -new_rate_hz)
    np.testing.assert_allclose(ours[inner], expected[inner], atol=5e-3)


@settings(deadline=None)
@given(st.floats(100.0, 2000.0), st.sampled_from([250.0, 360.0, 500.0]))
def test_any_rate_is_met_within_a_part_in_ten_thousand(
    rate_hz: float, new_rate_hz: float
) -> None:
    up, down = rate_ratio(rate_hz, new_rate_hz)
    assert np.gcd(up, down) == 1
    assert max(up, down) <= 10_000
    assert abs(up / down * rate_hz / new_rate_hz - 1.0) < 1e-4


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_whole_rates_are_met_exactly(rate_hz: int, new_rate_hz: int) -> None:
    if not 1 / 100 <= new_rate_hz / rate_hz <= 100:
        return
    common = int(np.gcd(rate_hz, new_rate_hz))
    assert rate_ratio(rate_hz, new_rate_hz) == (new_rate_hz // common, rate_hz // common)


@settings(deadline=None)
@given(st.integers(0, 50), st.floats(-1e3, 1e3), st.sampled_from(PAIRS))
def test_a_constant_stays_that_constant(
    n: int, level: float, pair: tuple[int, int]
) -> None:
    ours = resample(np.full(n, level), *pair)
    assert len(ours) == -(-n * pair[1] // pair[0])
    np.testing.assert_allclose(ours, level, rtol=1e-14, atol=1e-300)


def test_a_missing_sample_does_not_spread() -> None:
    samples = band_limited(1000, 500.0)
    whole = resample(samples, 500.0, 250.0)
    samples[500] = np.nan
    ours = resample(samples, 500.0, 250.0)
    assert np.flatnonzero(np.isnan(ours)).tolist() == [250]
    known = ~np.isnan(ours)
    np.testing.assert_allclose(ours[known], whole[known], atol=5e-3)


def test_nothing_known_gives_nothing_known() -> None:
    assert np.isnan(resample(np.full((2, 9), np.nan), 500.0, 360.0)).all()


@pytest.mark.parametrize(
    "rates",
    [(0.0, 360.0), (360.0, -1.0), (1.0, 101.0), (101.0, 1.0), (float("nan"), 360.0)],
)
def test_impossible_rates_are_refused(rates: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="sampling rate"):
        resample(np.zeros(10), *rates)

"""The zero-phase filters against SciPy, and where SciPy has no answer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from ecgsvc.dsp import band_pass, notch

RATES = st.sampled_from([100.0, 128.0, 250.0, 257.0, 360.0, 500.0, 1000.0, 2000.0])
Samples = NDArray[np.float64]


def wander(n: int, seed: int = 0, *, leads: int | None = None) -> Samples:
    """Noise on a drifting baseline."""
    shape = n if leads is None else (leads, n)
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) + 0.1 * rng.normal(size=shape).cumsum(axis=-1)


def assert_close(ours: Samples, theirs: Samples) -> None:
    assert np.abs(ours - theirs).max() <= 1e-9 * np.abs(theirs).max()


@settings(deadline=None)
@given(
    RATES,
    st.integers(1, 4),
    st.floats(0.3, 20.0),
    st.floats(0.05, 0.95),
    st.integers(30, 3000),
)
def test_band_pass_is_scipys(
    rate_hz: float, order: int, low_hz: float, part: float, n: int
) -> None:
    high_hz = low_hz + part * (rate_hz / 2 - low_hz)
    samples = wander(n)
    sections = signal.butter(order, [low_hz, high_hz], "bandpass", fs=rate_hz, output="sos")
    expected = signal.sosfiltfilt(sections, samples)
    assert_close(band_pass(samples, rate_hz, low_hz, high_hz, order=order), expected)


@given(RATES, st.sampled_from([48.0, 45.5]), st.floats(1.0, 60.0), st.integers(10, 3000))
def test_notch_is_scipys(rate_hz: float, mains_hz: float, q: float, n: int) -> None:
    samples = wander(n)
    expected = signal.filtfilt(*signal.iirnotch(mains_hz, q, fs=rate_hz), samples)
    assert_close(notch(samples, rate_hz, mains_hz, q=q), expected)


def test_each_lead_is_filtered_on_its_own() -> None:
    samples = wander(700, leads=3)
    samples[1] = np.nan
    filtered = band_pass(samples, 500.0, 0.5, 40.0)
    assert np.isnan(filtered[1]).all()
    for row in (0, 2):
        np.testing.assert_array_equal(
            filtered[row], band_pass(samples[row].copy(), 500.0, 0.5, 40.0)
        )


@given(st.lists(st.integers(0, 999), max_size=200))
def test_missing_samples_stay_where_they_are(missing: list[int]) -> None:
    samples = wander(1000)
    samples[missing] = np.nan
    for filtered in (band_pass(samples, 500.0, 0.5, 40.0), notch(samples, 500.0, 50.0)):
        np.testing.assert_array_equal(np.isnan(filtered), np.isnan(samples))


def test_a_bridged_gap_is_what_interpolation_gives() -> None:
    samples = wander(1000)
    gappy = samples.copy()
    gappy[400:410] = np.nan
    gappy[700] = np.inf
    known = np.isfinite(gappy)
    bridged = np.interp(np.arange(1000), np.flatnonzero(known), samples[known])
    expected = band_pass(bridged, 500.0, 0.5, 40.0)
    np.testing.assert_allclose(
        band_pass(gappy, 500.0, 0.5, 40.0)[known], expected[known], rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("shape", [(0,), (1,), (2,), (15,), (0, 0), (0, 5), (3, 0), (3, 1)])
def test_short_and_empty_signals_keep_their_shape(shape: tuple[int, ...]) -> None:
    samples = np.full(shape, 1.25)
    np.testing.assert_allclose(band_pass(samples, 500.0, 0.5, 40.0), 0.0, atol=1e-12)
    np.testing.assert_allclose(notch(samples, 500.0, 50.0), samples, rtol=1e-12)


@given(st.floats(-5.0, 5.0), st.floats(0.01, 1e4))
def test_scale_and_offset_pass_through(offset: float, scale: float) -> None:
    samples = wander(1000)
    filtered = band_pass(samples, 500.0, 0.5, 40.0)
    moved = band_pass(scale * samples + offset, 500.0, 0.5, 40.0)
    np.testing.assert_allclose(moved, scale * filtered, atol=1e-8 * scale + 1e-8)


def test_the_input_is_left_as_it_was() -> None:
    samples = wander(300)
    samples[5] = np.nan
    samples.flags.writeable = False
    before = samples.copy()
    band_pass(samples, 500.0, 0.5, 40.0)
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize(
    ("rate_hz", "low_hz", "high_hz", "order"),
    [
        (0.0, 0.5, 40.0, 2),
        (float("nan"), 0.5, 40.0, 2),
        (500.0, 0.0, 40.0, 2),
        (500.0, 40.0, 0.5, 2),
        (500.0, 0.5, 250.0, 2),
        (500.0, float("nan"), 40.0, 2),
        (500.0, 0.5, 40.0, 0),
        (500.0, 0.5, 40.0, 9),
    ],
)
def test_edges_that_make_no_filter_are_refused(
    rate_hz: float, low_hz: float, high_hz: float, order: int
) -> None:
    with pytest.raises(ValueError, match=r"must|lower edge"):
        band_pass(wander(100), rate_hz, low_hz, high_hz, order=order)


@pytest.mark.parametrize("q", [0.0, -1.0, float("nan"), float("inf")])
def test_a_notch_without_width_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="quality factor"):
        notch(wander(100), 500.0, 50.0, q=q)


def test_three_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        notch(np.zeros((2, 2, 2)), 500.0, 50.0)

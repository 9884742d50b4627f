"""Beat windows against NumPy's own padding and slicing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.dsp import beat_windows


@given(st.data(), st.integers(1, 200), st.integers(0, 300), st.integers(0, 300))
def test_windows_are_slices_of_the_edge_padded_lead(
    data: st.DataObject, n: int, before: int, after: int
) -> None:
    if before + after == 0:
        return
    lead_mv = np.arange(n, dtype=np.float64)
    r_peaks = np.array(data.draw(st.lists(st.integers(0, n - 1))), dtype=np.int64)
    windows = beat_windows(
        lead_mv, 100.0, r_peaks, before_s=before / 100, after_s=after / 100
    )
    padded = np.pad(lead_mv, (before, after), mode="edge")
    assert windows.shape == (len(r_peaks), before + after)
    for window, r_peak in zip(windows, r_peaks, strict=True):
        np.testing.assert_array_equal(window, padded[r_peak : r_peak + before + after])


def test_missing_samples_stay_missing() -> None:
    lead_mv = np.array([0.0, np.nan, 2.0, 3.0])
    r_peaks = np.array([2], dtype=np.int64)
    windows = beat_windows(lead_mv, 100.0, r_peaks, before_s=0.01, after_s=0.02)
    np.testing.assert_array_equal(windows, [[np.nan, 2.0, 3.0]])


def test_no_beats_give_no_windows() -> None:
    none = np.empty(0, dtype=np.int64)
    windows = beat_windows(np.empty(0), 360.0, none, before_s=0.25, after_s=0.25)
    assert windows.shape == (0, 180)


@pytest.mark.parametrize("r_peak", [-1, 10, -(2**63), 2**63 - 1])
def test_an_r_peak_outside_the_lead_is_refused(r_peak: int) -> None:
    r_peaks = np.array([r_peak], dtype=np.int64)
    with pytest.raises(ValueError, match="outside the lead"):
        beat_windows(np.zeros(10), 360.0, r_peaks, before_s=0.1, after_s=0.1)


@pytest.mark.parametrize(
    ("before_s", "after_s"),
    [(-0.1, 0.2), (0.1, -0.2), (0.0, 0.0), (40.0, 30.0), (float("nan"), 0.1), (1e300, 0.1)],
)
def test_durations_out_of_range_are_refused(before_s: float, after_s: float) -> None:
    r_peaks = np.array([5], dtype=np.int64)
    with pytest.raises(ValueError, match="beat window"):
        beat_windows(np.zeros(10), 360.0, r_peaks, before_s=before_s, after_s=after_s)

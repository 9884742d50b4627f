"""Waves of a plain ECG with known onsets, and of public 12-lead recordings."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecgsvc.convert import read_wfdb, read_wfdb_annotations
from ecgsvc.dsp import delineate, detect_r_peaks

Samples = NDArray[np.float64]
RATE_HZ = 500.0
P, QRS, T = 0, 1, 2
ONSET, PEAK, OFFSET = 0, 1, 2


def bump(t: Samples, centre: float, onset: float, offset: float) -> Samples:
    """A raised cosine from onset to offset, of height 1 at the centre."""
    rise = (t - onset) / (centre - onset)
    fall = (offset - t) / (offset - centre)
    share = np.clip(np.minimum(rise, fall), 0.0, 1.0)
    wave: Samples = 0.5 - 0.5 * np.cos(np.pi * share)
    return wave


def ecg(
    *, p_mv: float = 0.15, noise_mv: float = 0.005, seed: int = 0, rate_hz: float = RATE_HZ
) -> tuple[Samples, NDArray[np.int64]]:
    """Three leads of one heart, 10 s, and the sample indices of its R peaks."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(10 * rate_hz)) / rate_hz
    beats = np.arange(0.7, 9.3, 0.85)
    leads = noise_mv * rng.normal(size=(3, len(t)))
    for r in beats:
        qrs = bump(t, r, r - 0.045, r + 0.045)
        wave = p_mv * bump(t, r - 0.15, r - 0.20, r - 0.10) + qrs
        wave += 0.3 * bump(t, r + 0.28, r + 0.16, r + 0.36)
        leads += np.array([[1.0], [-0.6], [0.4]]) * wave
    return leads, np.round(beats * rate_hz).astype(np.int64)


def errors_s(
    waves: NDArray[np.int64],
    beats: NDArray[np.int64],
    wave: int,
    point: int,
    truth_s: float,
) -> Samples:
    """Errors of the inner beats in all leads, seconds."""
    found: Samples = waves[:, 1:-1, wave, point] / RATE_HZ
    assert (found > 0).all()
    return found - (beats[1:-1] / RATE_HZ + truth_s)


@pytest.mark.parametrize(
    ("wave", "point", "truth_s", "tolerance_s"),
    [
        (P, ONSET, -0.20, 0.02),
        (P, PEAK, -0.15, 0.01),
        (P, OFFSET, -0.10, 0.02),
        (QRS, ONSET, -0.045, 0.015),
        (QRS, PEAK, 0.0, 0.005),
        (QRS, OFFSET, 0.045, 0.015),
        (T, PEAK, 0.28, 0.01),
        (T, OFFSET, 0.36, 0.025),
    ],
)
def test_waves_are_bounded_where_they_begin_and_end(
    wave: int, point: int, truth_s: float, tolerance_s: float
) -> None:
    leads, beats = ecg()
    waves = delineate(leads, RATE_HZ, beats)
    assert waves.shape == (3, len(beats), 3, 3)
    assert waves.dtype == np.int64
    assert np.abs(errors_s(waves, beats, wave, point, truth_s)).max() <= tolerance_s


@given(scale=st.floats(0.05, 20.0), offset_mv=st.floats(-100.0, 100.0))
@settings(max_examples=20, deadline=None)
def test_scale_offset_and_polarity_do_not_move_the_waves(
    scale: float, offset_mv: float
) -> None:
    leads, beats = ecg()
    expected = delineate(leads, RATE_HZ, beats)
    for sign in (1.0, -1.0):
        found = delineate(sign * scale * leads + offset_mv, RATE_HZ, beats)
        assert np.abs(found - expected)[:, 1:-1].max() <= 2


def test_a_beat_without_p_has_none() -> None:
    leads, beats = ecg(p_mv=0.0, noise_mv=0.01)
    waves = delineate(leads, RATE_HZ, beats)
    assert (waves[:, :, P] == -1).mean() >= 0.9
    assert (waves[:, 1:-1, QRS] > 0).all()


def test_a_lead_is_silent_where_samples_are_missing() -> None:
    leads, beats = ecg()
    missing = leads.copy()
    gap = slice(beats[4] - 20, beats[4] + 20)
    missing[1, gap] = np.nan
    waves = delineate(missing, RATE_HZ, beats)
    assert (waves[1, 4, QRS] == -1).all()
    assert (waves[0, 4, QRS] > 0).all()


@given(seed=st.integers(0, 1000), n=st.integers(1, 6000))
@settings(max_examples=30, deadline=None)
def test_points_are_in_order_inside_and_absent_together(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    leads = np.where(
        rng.random((2, n)) < 0.02, np.nan, rng.normal(size=(2, n)).cumsum(axis=1)
    )
    beats = np.unique(rng.integers(0, n, size=1 + n // 200)).astype(np.int64)
    waves = delineate(np.ascontiguousarray(leads), RATE_HZ, beats)
    absent = waves == -1
    assert (absent.all(axis=-1) == absent.any(axis=-1)).all()
    assert (absent | ((waves >= 0) & (waves < n))).all()
    assert (np.diff(waves, axis=-1)[~absent.any(axis=-1)] >= 0).all()
    present = ~absent[:, :, :, 0]
    with_p = present[:, :, P] & present[:, :, QRS]
    assert (waves[:, :, P, OFFSET] <= waves[:, :, QRS, ONSET])[with_p].all()
    with_t = present[:, :, T] & present[:, :, QRS]
    assert (waves[:, :, QRS, OFFSET] <= waves[:, :, T, ONSET])[with_t].all()


def test_what_cannot_be_read_is_refused() -> None:
    leads, beats = ecg()
    with pytest.raises(ValueError, match="increasing"):
        delineate(leads, RATE_HZ, beats[::-1].copy())
    with pytest.raises(ValueError, match="inside"):
        delineate(leads, RATE_HZ, np.array([leads.shape[1]]))
    assert delineate(leads, RATE_HZ, beats[:0]).shape == (3, 0, 3, 3)


@pytest.mark.recordings
def test_qrs_bounds_of_public_recordings_are_near_the_experts(recordings: Path) -> None:
    """Lead II of ten recordings; annotators differ by some 10 ms themselves."""
    found_errors_ms: list[tuple[float, float]] = []
    for record in map(str, (1, 2, 5, 7, 9, 12, 14, 16, 17, 19)):
        path = recordings / "ludb" / "data" / record
        if not path.with_suffix(".hea").exists():
            continue
        waveform = read_wfdb(path).waveform
        rate_hz = waveform.sampling_rate_hz
        beats = detect_r_peaks(waveform.samples_mv, rate_hz, fiducial_lead=1)
        waves = delineate(waveform.samples_mv, rate_hz, beats)[1, :, QRS]
        marks = read_wfdb_annotations(path, "ii")
        peaks = [i for i, s in enumerate(marks.symbols) if s == "N"]
        for i in peaks:
            near = np.abs(beats - marks.sample_indices[i]).argmin()
            bounds = marks.sample_indices[[i - 1, i + 1]]
            errors = (waves[near][[ONSET, OFFSET]] - bounds) / rate_hz * 1000
            found_errors_ms.append((float(errors[0]), float(errors[1])))
    errors_ms = np.array(found_errors_ms)
    assert len(errors_ms) >= 30
    assert (np.abs(errors_ms.mean(axis=0)) <= 10).all()
    assert (errors_ms.std(axis=0) <= 16).all()

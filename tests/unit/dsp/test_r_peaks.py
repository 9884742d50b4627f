"""R peaks: what must not move them, what is none, and public records."""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecgsvc.convert import read_wfdb, read_wfdb_annotations
from ecgsvc.dsp import RPeakDetector, detect_r_peaks, resample

Samples = NDArray[np.float64]
RATE_HZ = 360.0
BEAT_SYMBOLS = frozenset("NLRBAaJSVrFejnE/fQ?")


def ecg(
    rate_hz: float = RATE_HZ,
    duration_s: float = 20.0,
    *,
    seed: int = 0,
    noise_mv: float = 0.02,
) -> tuple[Samples, Samples]:
    """One noisy lead with P, QRS and T, and the times of its R peaks."""
    rng = np.random.default_rng(seed)
    times = 0.7 + np.cumsum(rng.normal(0.8, 0.05, int(duration_s / 0.7)))
    times = times[times < duration_s - 0.7]
    t = np.arange(int(duration_s * rate_hz)) / rate_hz
    samples = noise_mv * rng.normal(size=len(t)) + 0.1 * np.sin(2 * np.pi * 0.2 * t)
    waves = (
        (-0.16, 0.02, 0.12),
        (-0.024, 0.008, -0.12),
        (0.0, 0.01, 1.0),
        (0.026, 0.009, -0.22),
        (0.26, 0.04, 0.28),
    )
    for shift, width, height in waves:
        for r in times:
            samples += height * np.exp(-0.5 * ((t - r - shift) / width) ** 2)
    return samples, times


def assert_same(found: NDArray[np.int64], expected: NDArray[np.int64], most: int) -> None:
    assert len(found) == len(expected)
    assert np.abs(found - expected).max(initial=0) <= most


@pytest.mark.parametrize("rate_hz", [100.0, 128.0, 250.0, 500.0, 1000.0, 2000.0])
def test_every_beat_is_marked_at_its_r_peak(rate_hz: float) -> None:
    samples, times = ecg(rate_hz)
    found = detect_r_peaks(samples, rate_hz) / rate_hz
    assert len(found) == len(times)
    assert np.abs(found - times).max() <= 0.006 + 1 / rate_hz


@given(scale=st.floats(0.05, 20.0), offset_mv=st.floats(-1000.0, 1000.0))
@settings(max_examples=30, deadline=None)
def test_scale_and_offset_do_not_move_the_beats(scale: float, offset_mv: float) -> None:
    samples, _ = ecg()
    expected = detect_r_peaks(samples, RATE_HZ)
    assert_same(detect_r_peaks(samples * scale + offset_mv, RATE_HZ), expected, 1)


@given(seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_polarity_moves_no_beat_by_more_than_10_ms(seed: int) -> None:
    samples, _ = ecg(seed=seed, noise_mv=0.05)
    expected = detect_r_peaks(samples, RATE_HZ)
    assert_same(detect_r_peaks(-samples, RATE_HZ), expected, int(0.010 * RATE_HZ))


@given(shift=st.integers(1, 2000), level_mv=st.floats(-5.0, 5.0))
@settings(max_examples=25, deadline=None)
def test_padding_shifts_the_beats_and_no_more(shift: int, level_mv: float) -> None:
    samples, _ = ecg()
    padded = np.concatenate([np.full(shift, np.nan), samples, np.full(700, level_mv)])
    expected = detect_r_peaks(samples, RATE_HZ)
    found = detect_r_peaks(padded, RATE_HZ) - shift
    assert_same(found[found < len(samples) - 360], expected, 1)


@pytest.mark.parametrize("new_rate_hz", [128.0, 250.0, 500.0, 1000.0])
def test_resampling_does_not_move_the_beats(new_rate_hz: float) -> None:
    samples, _ = ecg()
    expected = detect_r_peaks(samples, RATE_HZ) / RATE_HZ
    found = (
        detect_r_peaks(resample(samples, RATE_HZ, new_rate_hz), new_rate_hz) / new_rate_hz
    )
    assert len(found) == len(expected)
    assert np.abs(found - expected).max() <= 0.004 + 1 / min(RATE_HZ, new_rate_hz)


@given(cuts=st.lists(st.integers(0, 7200), max_size=12), seed=st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_chunks_of_any_size_give_the_same_beats(cuts: list[int], seed: int) -> None:
    first, _ = ecg(seed=seed)
    second, _ = ecg(seed=seed, noise_mv=0.2)
    leads = np.stack([first, second])
    detector = RPeakDetector(2, RATE_HZ, fiducial_lead=1)
    parts = [
        detector.push(np.ascontiguousarray(part))
        for part in np.split(leads, sorted(cuts), axis=1)
    ]
    found = np.concatenate([*parts, detector.finish()])
    np.testing.assert_array_equal(found, detect_r_peaks(leads, RATE_HZ, fiducial_lead=1))


def test_beats_are_marked_in_the_lead_asked_for() -> None:
    lead, times = ecg(noise_mv=0.0)
    late = np.roll(lead, 18)
    both = np.stack([lead, late])
    for row, shift_s in ((0, 0.0), (1, 18 / RATE_HZ)):
        found = detect_r_peaks(both, RATE_HZ, fiducial_lead=row) / RATE_HZ
        assert np.abs(found - times - shift_s).max() <= 0.006


def test_a_noisy_second_lead_does_not_hurt() -> None:
    samples, _ = ecg()
    noise = np.random.default_rng(3).normal(size=len(samples))
    expected = detect_r_peaks(samples, RATE_HZ)
    assert_same(detect_r_peaks(np.stack([samples, noise]), RATE_HZ), expected, 1)


@pytest.mark.parametrize("loss", [0.0, 4.0, np.nan])
def test_beats_go_on_when_the_marked_lead_is_lost(loss: float) -> None:
    samples, times = ecg()
    leads = np.stack([samples, samples])
    leads[0, 3600:] = loss
    found = detect_r_peaks(leads, RATE_HZ) / RATE_HZ
    away = np.abs(times - 3600 / RATE_HZ) > 0.8
    errors = np.abs(found[None, :] - times[away, None]).min(axis=1)
    assert errors.max() <= 0.05
    assert abs(len(found) - len(times)) <= 1


def test_pacing_spikes_are_not_the_r_peak() -> None:
    samples, times = ecg(1000.0)
    for r in times:
        samples[int((r - 0.05) * 1000) : int((r - 0.05) * 1000) + 2] += 2.0
    found = detect_r_peaks(samples, 1000.0) / 1000.0
    assert len(found) == len(times)
    assert np.abs(found - times).max() <= 0.06


@pytest.mark.parametrize("level", [0.0, 2.5, -1e6, np.nan, np.inf])
def test_a_flat_or_missing_lead_has_no_beats(level: float) -> None:
    assert detect_r_peaks(np.full((3, 20000), level), 500.0).size == 0


@pytest.mark.parametrize("n", [0, 1, 2, 180])
def test_half_a_second_and_less_has_no_beats(n: int) -> None:
    samples, _ = ecg()
    found = detect_r_peaks(samples[700 : 700 + n].copy(), RATE_HZ)
    assert found.dtype == np.int64
    assert found.size == 0


@given(
    kind=st.sampled_from(["normal", "square", "spikes", "saturated", "gaps", "tiny"]),
    seed=st.integers(0, 10_000),
    n=st.integers(0, 8000),
    rate_hz=st.sampled_from([50.0, 100.0, 257.3, 500.0, 2000.0]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_comes_in_beats_increase_and_lie_inside(
    kind: str, seed: int, n: int, rate_hz: float
) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(1 + seed % 3, n))
    signal = {
        "normal": noise,
        "square": np.sign(np.sin(np.arange(n) / (1 + seed % 200))) + 0.0 * noise,
        "spikes": np.where(rng.random(noise.shape) < 0.01, 1e12 * noise, 0.0),
        "saturated": np.clip(10 * noise.cumsum(axis=-1), -5, 5),
        "gaps": np.where(rng.random(noise.shape) < 0.5, np.nan, noise),
        "tiny": 1e-300 * noise,
    }[kind]
    found = detect_r_peaks(np.ascontiguousarray(signal), rate_hz)
    assert (np.diff(found) > 0).all()
    assert ((found >= 0) & (found < n)).all()


def test_threads_do_not_disturb_each_other() -> None:
    samples, _ = ecg(duration_s=120.0)
    expected = detect_r_peaks(samples, RATE_HZ)
    results: list[NDArray[np.int64]] = []
    threads = [
        threading.Thread(target=lambda: results.append(detect_r_peaks(samples, RATE_HZ)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(np.array_equal(result, expected) for result in results)


def test_what_cannot_be_read_is_refused() -> None:
    samples, _ = ecg()
    with pytest.raises(ValueError, match="fiducial"):
        detect_r_peaks(samples, RATE_HZ, fiducial_lead=1)
    with pytest.raises(ValueError, match="fiducial"):
        detect_r_peaks(samples, RATE_HZ, fiducial_lead=-1)
    with pytest.raises(ValueError, match="50 Hz"):
        detect_r_peaks(samples, 20.0)
    with pytest.raises(ValueError, match="number of leads"):
        RPeakDetector(2, RATE_HZ).push(samples)
    with pytest.raises(TypeError):
        detect_r_peaks(samples.astype(np.float32), RATE_HZ)


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("record", "floor"), [("100", 0.999), ("108", 0.985), ("203", 0.99), ("217", 0.995)]
)
def test_public_records_are_read_to_their_floor(
    recordings: Path, record: str, floor: float
) -> None:
    waveform = read_wfdb(recordings / "mitdb" / record).waveform
    annotations = read_wfdb_annotations(recordings / "mitdb" / record, "atr")
    is_beat = np.isin(annotations.symbols, list(BEAT_SYMBOLS))
    truth = annotations.sample_indices[is_beat]
    rate_hz = waveform.sampling_rate_hz
    found = detect_r_peaks(waveform.samples_mv, rate_hz)
    window = int(0.15 * rate_hz)
    hit = np.abs(found[:, None] - truth[None, :]) <= window
    assert hit.any(axis=0).mean() >= floor
    assert hit.any(axis=1).mean() >= floor

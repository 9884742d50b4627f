"""Groups of similar beats and their mean, which the wave model reads."""

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.domain.waveform import Waveform
from ecgsvc.inference import BeatTools
from ecgsvc.inference.wave_groups import (
    SAMPLES_BEFORE_R,
    STRETCH_BEATS,
    WINDOW_SAMPLES,
    beat_groups,
    stretches,
)

TOOLS = BeatTools(dsp.cut_beats, dsp.group_beats, dsp.average_beats)
LEADS = ("I", "II", "V1")


def ecg(n_beats=12, rate_hz=500.0, wide=(), moved=(), n_leads=3, noise_mv=0.0):
    """Beats at 75 bpm: narrow ones, wide ones of opposite sign, and marks set amiss."""
    r_s = 0.8 + 0.8 * np.arange(n_beats)
    t = np.arange(int((r_s[-1] + 0.9) * rate_hz)) / rate_hz
    lead = noise_mv * np.random.default_rng(0).standard_normal(len(t))
    for i, r in enumerate(r_s):
        width, height = (0.04, -1.5) if i in wide else (0.012, 1.0)
        lead += height * np.exp(-0.5 * ((t - r) / width) ** 2)
        lead += 0.3 * np.exp(-0.5 * ((t - r - 0.3) / 0.05) ** 2)
    r_peaks = np.rint(r_s * rate_hz).astype(np.int64)
    for i in moved:
        r_peaks[i] += round(0.012 * rate_hz)
    return Waveform(np.tile(lead, (n_leads, 1)), rate_hz, LEADS[:n_leads]), r_peaks


def groups_of(waveform, r_peaks):
    return [g for s in stretches(waveform, r_peaks, TOOLS) for g in beat_groups(s, TOOLS)]


def test_beats_of_one_shape_are_one_group():
    (group,) = groups_of(*ecg())
    assert group.beats.tolist() == list(range(12))
    assert group.window.shape == (3, 3, WINDOW_SAMPLES)
    assert group.window[0, 0].argmax() == pytest.approx(SAMPLES_BEFORE_R, abs=1)


def test_wide_beats_are_a_group_of_their_own():
    first, second = groups_of(*ecg(wide=(3, 7)))
    assert second.beats.tolist() == [3, 7]
    assert first.beats.tolist() == [i for i in range(12) if i not in (3, 7)]


def test_an_r_peak_set_amiss_is_aligned_with_the_others():
    waveform, r_peaks = ecg(moved=(5,))
    (group,) = groups_of(waveform, r_peaks)
    truth, _ = ecg()
    _, where = ecg()
    assert truth.sampling_rate_hz == waveform.sampling_rate_hz
    np.testing.assert_allclose(group.anchors, where[group.beats], atol=2.0)


@pytest.mark.parametrize("rate_hz", [128.0, 250.0, 360.0, 1000.0, 2000.0])
def test_the_rate_does_not_change_the_mean_beat(rate_hz):
    (expected,) = groups_of(*ecg())
    (group,) = groups_of(*ecg(rate_hz=rate_hz))
    correlation = np.corrcoef(group.window[:, 0].ravel(), expected.window[:, 0].ravel())
    assert correlation[0, 1] > 0.97


def test_a_hundred_samples_a_second_make_the_mean_beat_no_wider():
    (expected,) = groups_of(*ecg())
    (group,) = groups_of(*ecg(rate_hz=100.0))
    np.testing.assert_allclose(group.window[:, 0], expected.window[:, 0], atol=0.015)


def test_gain_and_offset_do_not_change_the_mean_beat():
    waveform, r_peaks = ecg()
    other = Waveform(7.0 * waveform.samples_mv + 3.0, 500.0, waveform.leads)
    (expected,), (group,) = groups_of(waveform, r_peaks), groups_of(other, r_peaks)
    np.testing.assert_allclose(group.window, expected.window, atol=1e-3)


def test_a_flat_or_lost_lead_takes_no_part():
    waveform, r_peaks = ecg()
    samples = waveform.samples_mv.copy()
    samples[0], samples[2] = 0.7, np.nan
    (group,) = groups_of(Waveform(samples, 500.0, LEADS), r_peaks)
    assert group.leads.tolist() == [1]


def test_a_recording_without_signal_has_no_groups():
    waveform = Waveform(np.zeros((2, 5000)), 500.0, ("I", "II"))
    assert groups_of(waveform, np.array([1000, 2000, 3000])) == []


def test_no_beats_give_no_stretch():
    waveform, _ = ecg()
    assert groups_of(waveform, np.empty(0, dtype=np.int64)) == []


def test_one_beat_is_a_group():
    waveform, r_peaks = ecg()
    (group,) = groups_of(waveform, r_peaks[4:5])
    assert group.beats.tolist() == [0]
    assert np.isfinite(group.context).all()


def test_noise_makes_a_bounded_number_of_groups():
    rng = np.random.default_rng(0)
    waveform = Waveform(rng.standard_normal((2, 30_000)), 500.0, ("I", "II"))
    groups = groups_of(waveform, np.arange(300, 29_700, 300))
    assert len(groups) <= 12
    assert all(np.isfinite(g.window).all() for g in groups)


def test_a_long_recording_is_read_stretch_by_stretch():
    waveform, r_peaks = ecg(n_beats=2 * STRETCH_BEATS + 5)
    groups = groups_of(waveform, r_peaks)
    assert [len(g.beats) for g in groups] == [STRETCH_BEATS, STRETCH_BEATS, 5]
    assert np.concatenate([g.beats for g in groups]).tolist() == list(range(len(r_peaks)))
    np.testing.assert_allclose(groups[0].window[:, 0], groups[1].window[:, 0], atol=0.05)


def test_beats_at_the_very_ends_do_not_bend_the_mean():
    waveform, r_peaks = ecg()
    start = int(r_peaks[0]) - 20
    cut = Waveform(np.ascontiguousarray(waveform.samples_mv[:, start:]), 500.0, LEADS)
    (group,) = groups_of(cut, r_peaks - start)
    (expected,) = groups_of(waveform, r_peaks)
    np.testing.assert_allclose(
        group.window[:, 0, 50:], expected.window[:, 0, 50:], atol=0.1
    )

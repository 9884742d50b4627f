"""The detector of malignant rhythm: its windows, its rules, the model that ships."""

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ecgsvc.inference
from ecgsvc import dsp
from ecgsvc.config import MALIGNANT_MODEL
from ecgsvc.convert import read_wfdb
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.rhythm import MalignantRhythm
from ecgsvc.domain.waveform import Waveform
from ecgsvc.inference import MalignantRhythmDetector, SignalTools
from ecgsvc.inference.malignant import chosen_leads
from ecgsvc.inference.malignant_decision import (
    alarm_scores,
    malignant_call,
    malignant_probabilities,
    over_leads,
)
from ecgsvc.inference.malignant_features import FEATURE_NAMES
from ecgsvc.inference.malignant_inputs import build_malignant_inputs, window_bounds
from ecgsvc.inference.still_heart import asystoles, leads_off
from ecgsvc.signal_path import find_r_peaks
from ecgsvc.simulation import SimulationSettings, simulate

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
MODELS = Path(ecgsvc.inference.__file__).parent / "models"
RATE_HZ = 250.0
VF, VT, OTHER, ASYSTOLE, LEAD_OFF = MalignantRhythm
NO_BEATS = np.array([], np.int64)


@pytest.fixture(scope="module")
def detector():
    return MalignantRhythmDetector.load(MODELS / MALIGNANT_MODEL, TOOLS, provider="cpu")


def sinus(duration_s, rate_hz=RATE_HZ, bpm=72):
    t = np.arange(int(duration_s * rate_hz)) / rate_hz
    since = (t % (60 / bpm)) - 0.3
    lead = np.zeros_like(t)
    for height, at, width in [(0.12, -0.16, 0.025), (1, 0, 0.012), (0.25, 0.26, 0.05)]:
        lead += height * np.exp(-0.5 * ((since - at) / width) ** 2)
    return lead + 0.01 * np.random.default_rng(0).standard_normal(len(t))


def fibrillation(duration_s, rate_hz=RATE_HZ):
    """Waves of 4 to 6 Hz whose rate and size change slowly."""
    rng = np.random.default_rng(1)
    t = np.arange(int(duration_s * rate_hz)) / rate_hz
    knots = np.arange(0, duration_s + 1)
    hz = np.interp(t, knots, rng.uniform(4, 6, len(knots)))
    size = np.interp(t, knots, rng.uniform(0.3, 0.8, len(knots)))
    return size * np.sin(2 * np.pi * np.cumsum(hz) / rate_hz) + 0.01 * rng.standard_normal(
        len(t)
    )


def one_lead(samples, rate_hz=RATE_HZ, lead="II"):
    return Waveform(np.atleast_2d(samples), rate_hz, (lead,))


def detect(detector, waveform):
    quality = dsp.assess_quality(waveform)
    return detector.detect(waveform, find_r_peaks(waveform, quality), quality)


def answers(detector, waveform):
    return [window.answer for window in detect(detector, waveform).windows]


def test_windows_begin_every_five_seconds_at_the_recordings_own_rate():
    assert window_bounds(10_800, 360.0).tolist() == [
        [0, 3600], [1800, 5400], [3600, 7200], [5400, 9000], [7200, 10_800],
    ]  # fmt: skip


def test_leads_are_read_together_as_each_alone(detector, monkeypatch):
    waveform = simulate(SimulationSettings(seed=3, duration_s=20.0)).recording.waveform
    samples = waveform.samples_mv.copy()
    samples[1] = np.nan  # of four that are read one is missing
    waveform = Waveform(samples, waveform.sampling_rate_hz, waveform.leads)
    r_peaks = find_r_peaks(waveform, dsp.assess_quality(waveform))
    off = np.zeros((12, 3), dtype=bool)
    together = detector.probabilities(waveform, r_peaks, off)
    monkeypatch.setattr("ecgsvc.inference.malignant._SHORT", 0)
    alone = detector.probabilities(waveform, r_peaks, off)
    assert np.abs(together - alone).max() < 1e-5


@pytest.mark.parametrize(
    ("n_samples", "n_windows"),
    [(0, 0), (1, 0), (1249, 0), (1250, 1), (2499, 1), (2500, 1), (3750, 2)],
)
def test_a_short_recording_has_one_window_or_none(n_samples, n_windows):
    bounds = window_bounds(n_samples, 250.0)
    assert len(bounds) == n_windows
    inputs = build_malignant_inputs(np.ones((1, n_samples)), 250.0, NO_BEATS, TOOLS)
    assert inputs.windows.shape == (n_windows, 1, 1250)
    assert (bounds <= n_samples).all()


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["noise", "flat", "spike", "square", "missing", "huge"]),
    rate_hz=st.sampled_from([128.0, 250.0, 360.0, 1000.0]),
)
def test_features_are_finite_whatever_the_signal(seed, kind, rate_hz):
    rng = np.random.default_rng(seed)
    lead = rng.standard_normal(int(15 * rate_hz))
    if kind == "flat":
        lead[:] = 3.0
    elif kind == "spike":
        lead = np.zeros_like(lead)
        lead[rng.integers(len(lead))] = 1
    elif kind == "square":
        lead = np.sign(lead)
    elif kind == "missing":
        lead[rng.integers(len(lead)) :] = np.nan
    elif kind == "huge":
        lead *= 1e9
    r_peaks = np.sort(rng.choice(len(lead), rng.integers(0, 90), replace=False))
    inputs = build_malignant_inputs(lead[np.newaxis], rate_hz, r_peaks, TOOLS)
    assert inputs.features.shape == (2, len(FEATURE_NAMES))
    assert np.isfinite(inputs.features).all()
    assert np.isfinite(inputs.windows).all()


def test_gain_offset_and_rate_do_not_change_the_windows():
    lead, r_peaks = fibrillation(20), np.arange(100, 4900, 80)
    plain = build_malignant_inputs(lead[np.newaxis], RATE_HZ, r_peaks, TOOLS)
    scaled = build_malignant_inputs(5 - 3 * lead[np.newaxis], RATE_HZ, r_peaks, TOOLS)
    np.testing.assert_allclose(scaled.windows, -plain.windows, atol=1e-3)
    shape = [i for i, name in enumerate(FEATURE_NAMES) if name != "log_spread"]
    np.testing.assert_allclose(
        scaled.features[:, shape], plain.features[:, shape], atol=0.02
    )
    faster = dsp.resample(lead, RATE_HZ, 500.0)
    again = build_malignant_inputs(faster[np.newaxis], 500.0, 2 * r_peaks, TOOLS)
    np.testing.assert_allclose(again.windows, plain.windows, atol=0.05)


def test_an_alarm_needs_a_neighbour_but_a_lone_window_does_not():
    assert alarm_scores(np.array([0.9])).tolist() == [0.9]
    told = np.array([0.9, 0.1, 0.7, 0.8, np.nan, 0.95])
    assert alarm_scores(told).tolist() == [0.1, 0.1, 0.7, 0.7, 0.0, 0.0]
    assert alarm_scores(np.array([])).tolist() == []


def test_leads_that_cannot_be_read_do_not_count():
    logits = np.array([[[3, 0, 0]], [[0, 0, 9]]], np.float32)
    assert over_leads(logits, np.array([[True], [False]])).tolist() == [[3, 0, 0]]
    assert np.isnan(over_leads(logits, np.array([[False], [False]]))).all()
    both = over_leads(logits, np.array([[True], [True]]))
    assert both.tolist() == [[(1.5 + 3) / 2, 0, 4.5 / 2]]


def test_lead_off_stands_first_then_alarm_then_asystole():
    bounds = np.arange(6)[:, None] * 625 + [0, 1250]
    sure = malignant_probabilities(np.tile([9.0, 0, 0], (6, 1)), 1.0)
    sure[3:] = sure[3:, ::-1]
    sure[5] = np.nan
    still = np.array([True, True, False, True, False, False])
    off = np.array([False, False, True, False, False, False])
    call = malignant_call(bounds, sure, 0.5, still=still, off=off)
    expected = [VF, VF, LEAD_OFF, ASYSTOLE, OTHER, None]
    assert [window.answer for window in call.windows] == expected
    assert not call.windows[2].probabilities
    assert not call.windows[5].probabilities
    assert sum(call.windows[0].probabilities.values()) == pytest.approx(1)


def test_a_constant_lead_is_off_whatever_its_value():
    quiet = 0.005 * np.random.default_rng(0).standard_normal(5000)
    rows = np.stack([np.full(5000, 5.0), np.full(5000, np.nan), quiet])
    waveform = Waveform(rows, RATE_HZ, ("I", "II", "III"))
    off = leads_off(waveform, window_bounds(5000, RATE_HZ))
    assert off.all(axis=1).tolist() == [True, True, False]
    assert chosen_leads(waveform.leads, off) == ("III", "II", "I")


@pytest.mark.parametrize(("pause_s", "expected"), [(3.0, False), (5.0, True), (12.0, True)])
def test_asystole_is_four_seconds_without_a_beat(pause_s, expected):
    lead = np.concatenate([sinus(10), np.zeros(int(pause_s * RATE_HZ)), sinus(10)])
    lead += 0.005 * np.random.default_rng(0).standard_normal(len(lead))
    waveform = one_lead(lead)
    quality = dsp.assess_quality(waveform)
    bounds = window_bounds(waveform.n_samples, RATE_HZ)
    at = np.concatenate(
        [np.arange(0.3, 10, 60 / 72), 10 + pause_s + np.arange(0.3, 10, 60 / 72)]
    )
    r_peaks = np.rint(at * RATE_HZ).astype(np.int64)
    assert asystoles(waveform, bounds, r_peaks, quality).any() == expected


def test_faint_peaks_on_a_still_line_are_no_beats_unless_all_are_faint():
    still = 0.02 * np.random.default_rng(0).standard_normal(5000)
    lead = np.concatenate([sinus(20), still])
    beats = np.rint(np.arange(0.3, 20, 60 / 72) * RATE_HZ).astype(np.int64)
    r_peaks = np.concatenate([beats, np.arange(5100, 10_000, 250)])
    bounds = window_bounds(10_000, RATE_HZ)
    for scale, found in ((1.0, lead), (0.05, np.concatenate([sinus(20)] * 2))):
        waveform = one_lead(scale * found)
        quality = dsp.assess_quality(waveform)
        at = r_peaks if scale == 1 else np.concatenate([beats, 5000 + beats])
        assert asystoles(waveform, bounds, at, quality).any() == (scale == 1)


def test_beats_that_the_detector_missed_are_no_asystole():
    waveform = one_lead(0.3 * sinus(40))
    quality = dsp.assess_quality(waveform)
    bounds = window_bounds(waveform.n_samples, RATE_HZ)
    assert not asystoles(waveform, bounds, np.array([75, 283]), quality).any()
    assert not asystoles(waveform, bounds, NO_BEATS, quality).any()


def test_beats_that_noise_may_hide_are_no_asystole():
    rng = np.random.default_rng(0)
    waveform = one_lead(rng.standard_normal(5000))
    quality = dsp.assess_quality(waveform)
    bounds = window_bounds(5000, RATE_HZ)
    assert quality.windows.unreadable.all()
    assert not asystoles(waveform, bounds, NO_BEATS, quality).any()


@pytest.mark.parametrize("rate_hz", [128.0, 250.0, 360.0, 500.0, 1000.0])
def test_sinus_rhythm_raises_no_alarm(detector, rate_hz):
    assert set(answers(detector, one_lead(sinus(60, rate_hz), rate_hz))) == {OTHER}


@pytest.mark.parametrize("duration_s", [6, 10, 40])
def test_fibrillation_is_an_alarm(detector, duration_s):
    assert set(answers(detector, one_lead(fibrillation(duration_s)))) <= {VF, VT}


def test_fibrillation_after_sinus_rhythm_is_found_where_it_is(detector):
    found = detect(detector, one_lead(np.concatenate([sinus(60), fibrillation(60)])))
    for window in found.windows:
        if window.stop_index <= 60 * RATE_HZ:
            assert window.answer is OTHER
        elif window.start_index >= 60 * RATE_HZ:
            assert window.answer in (VF, VT)


def test_one_readable_lead_is_enough(detector):
    rows = np.stack([np.full(10_000, np.nan), fibrillation(40), np.zeros(10_000)])
    waveform = Waveform(rows, RATE_HZ, ("I", "II", "V1"))
    assert set(answers(detector, waveform)) <= {VF, VT}


@pytest.mark.parametrize("value", [0.0, 5.0, np.nan])
def test_no_signal_is_lead_off_not_asystole(detector, value):
    assert set(answers(detector, one_lead(np.full(5000, value)))) == {LEAD_OFF}


def test_a_still_heart_is_asystole(detector):
    flat = 0.005 * np.random.default_rng(0).standard_normal(10_000)
    found = answers(detector, one_lead(np.concatenate([sinus(20), flat])))
    assert found[0] is OTHER
    assert found[-1] is ASYSTOLE


@pytest.mark.parametrize("n_samples", [1, 125, 1249])
def test_a_recording_below_five_seconds_has_no_window(detector, n_samples):
    assert detect(detector, one_lead(np.zeros(n_samples))).windows == ()


def test_a_missing_or_altered_model_is_refused(tmp_path):
    with pytest.raises(ModelUnavailable):
        MalignantRhythmDetector.load(tmp_path, TOOLS)
    beats = next(MODELS.glob("beats-*"))
    with pytest.raises(ModelUnavailable, match="another input"):
        MalignantRhythmDetector.load(beats, TOOLS)


def test_half_an_hour_of_two_leads_takes_less_than_a_second(detector):
    lead = sinus(1800)
    waveform = Waveform(np.stack([lead, lead]), RATE_HZ, ("II", "V1"))
    quality = dsp.assess_quality(waveform)
    r_peaks = find_r_peaks(waveform, quality)
    detector.detect(waveform, r_peaks, quality)
    started = time.process_time()
    detector.detect(waveform, r_peaks, quality)
    assert time.process_time() - started < 1.0


@pytest.mark.recordings
def test_no_short_twelve_lead_recording_is_alarmed(detector, recordings):
    headers = sorted((recordings / "ludb").rglob("*.hea"))
    if not headers:
        pytest.skip("LUDB is not there (make data)")
    for header in headers:
        waveform = read_wfdb(header.with_suffix("")).waveform
        assert answers(detector, waveform) == [OTHER], header.stem

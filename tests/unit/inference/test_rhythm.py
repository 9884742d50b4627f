"""The input and the answers of the rhythm classifier."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import ecgsvc.inference
from ecgsvc import dsp
from ecgsvc.config import RHYTHM_MODEL
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.rhythm import RHYTHM_CLASSES, RhythmClass
from ecgsvc.domain.waveform import Waveform
from ecgsvc.inference import RhythmClassifier, SignalTools, load_model_card
from ecgsvc.inference.rhythm import rhythm_probabilities
from ecgsvc.inference.rhythm_features import FEATURE_NAMES, rhythm_features
from ecgsvc.inference.rhythm_inputs import (
    PIECE_SAMPLES,
    build_rhythm_inputs,
    filter_lead,
    pieces_of,
)
from ecgsvc.simulation import SimulationSettings, simulate

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
MODELS = Path(ecgsvc.inference.__file__).parent / "models"
SHIPPED = MODELS / RHYTHM_MODEL


@pytest.fixture(scope="module")
def classifier():
    return RhythmClassifier.load(SHIPPED, TOOLS, provider="cpu")


def ecg(rhythm="sinus", duration_s=30.0, leads=("II",), seed=1, **settings):
    """Simulated samples and their true R peaks."""
    chosen = SimulationSettings(
        rhythm=rhythm, duration_s=duration_s, leads=leads, seed=seed, **settings
    )
    waveform = simulate(chosen).recording.waveform
    return waveform, dsp.detect_r_peaks(waveform.samples_mv, 500.0)


def inputs_of(waveform, r_peaks, pieces_s=None):
    rate_hz = waveform.sampling_rate_hz
    signal = filter_lead(waveform.samples_mv[0], rate_hz, TOOLS)
    pieces_s = pieces_s or pieces_of(waveform.duration_s)
    return build_rhythm_inputs(signal, r_peaks, rate_hz, pieces_s)


@pytest.mark.parametrize("duration_s", [9.0, 30.0, 30.4, 45.0, 60.0, 61.0])
def test_pieces_cover_a_recording_and_none_is_longer_than_30_s(duration_s):
    pieces = pieces_of(duration_s)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == pytest.approx(duration_s)
    assert all(0 < stop - start <= 30 + 1e-9 for start, stop in pieces)
    assert all(b[0] <= a[1] + 1 for a, b in pairwise(pieces))
    assert len(pieces) <= 2


def test_gain_offset_and_sampling_rate_hardly_change_the_input():
    waveform, r_peaks = ecg()
    inputs = inputs_of(waveform, r_peaks)
    louder = Waveform(2.5 * waveform.samples_mv + 0.7, 500.0, ("II",))
    slower = Waveform(dsp.resample(waveform.samples_mv, 500.0, 250.0), 250.0, ("II",))
    for other, peaks in ((louder, r_peaks), (slower, r_peaks // 2)):
        again = inputs_of(other, peaks)
        inner = slice(200, -200)
        difference = again.windows[0, 0, inner] - inputs.windows[0, 0, inner]
        assert np.abs(difference).max() < 0.02
    np.testing.assert_allclose(
        inputs_of(louder, r_peaks).features, inputs.features, atol=2e-2, rtol=2e-2
    )


def test_a_turned_lead_has_the_same_features():
    waveform, r_peaks = ecg()
    turned = Waveform(-waveform.samples_mv, 500.0, ("II",))
    np.testing.assert_allclose(
        inputs_of(turned, r_peaks).features,
        inputs_of(waveform, r_peaks).features,
        atol=1e-3,
    )


def test_fibrillation_is_irregular_and_without_p_waves():
    def features(rhythm):
        waveform, r_peaks = ecg(rhythm, muscle_mv=0.02)
        row = inputs_of(waveform, r_peaks).features[0]
        return dict(zip(FEATURE_NAMES, row.tolist(), strict=True))

    sinus, af = features("sinus"), features("af")
    assert af["sample_entropy"] > sinus["sample_entropy"] + 0.5
    assert af["irregularity"] > 3 * sinus["irregularity"]
    assert af["p_alike"] < sinus["p_alike"]


def test_a_short_recording_is_padded_with_zeros():
    inputs = inputs_of(*ecg(duration_s=12.0))
    assert inputs.windows.shape == (1, 1, PIECE_SAMPLES)
    assert inputs.windows[0, 0, :1200].any()
    assert not inputs.windows[0, 0, 1200:].any()


@pytest.mark.parametrize("n_beats", [0, 1, 4, 5, 6, 40])
def test_features_are_finite_however_few_beats_there_are(n_beats):
    signal = np.random.default_rng(0).standard_normal(3000)
    features = rhythm_features(signal, 100.0, np.linspace(1, 29, n_beats))
    assert features.shape == (len(FEATURE_NAMES),)
    assert np.isfinite(features).all()
    assert np.isfinite(rhythm_features(np.zeros(3000), 100.0, np.arange(1.0, 9.0))).all()


def test_a_gap_in_the_samples_is_bridged():
    waveform, r_peaks = ecg()
    samples = waveform.samples_mv.copy()
    samples[:, 5000:5400] = np.nan
    holed = Waveform(samples, 500.0, ("II",))
    assert np.isfinite(inputs_of(holed, r_peaks).windows).all()
    assert filter_lead(np.full(1000, np.nan), 500.0, TOOLS) is None


def test_probabilities_are_a_softmax_with_temperature_and_offsets():
    logits = np.array([[2.0, 0.0, 0.0, 0.0]])
    plain = rhythm_probabilities(logits, 1.0, [0.0] * 4)
    warm = rhythm_probabilities(logits, 4.0, [0.0] * 4)
    moved = rhythm_probabilities(logits, 1.0, [0.0, 5.0, 0.0, 0.0])
    np.testing.assert_allclose(plain.sum(axis=1), 1)
    assert plain[0, 0] > warm[0, 0] > 0.25
    assert moved.argmax() == 1


def test_the_card_holds_what_the_classifier_needs_and_honest_figures():
    card = load_model_card(SHIPPED)
    assert card.labels == RHYTHM_CLASSES
    out_of_fold = card.document["metrics"]["out_of_fold"]
    value, low, high = out_of_fold["figures"]["f1_mean_NAO"]
    assert low < value < high
    assert sum(map(sum, out_of_fold["confusion"])) == out_of_fold["recordings"]
    assert card.document["limits"]["failure_modes"]


def test_sinus_rhythm_and_fibrillation_are_told_apart(classifier):
    def probability(rhythm, name, seed):
        call = classifier.classify(*ecg(rhythm, seed=seed, heart_rate_bpm=75.0))
        return call.windows[0].probabilities[name]

    seeds = range(3)
    for seed in seeds:
        af = probability("af", RhythmClass.AF, seed)
        assert af > 0.5 > probability("sinus", RhythmClass.AF, seed)


@pytest.mark.parametrize(
    ("duration_s", "n_windows"), [(10, 1), (30, 1), (60, 1), (61, 1), (62, 3), (300, 10)]
)
def test_windows_follow_each_other_over_the_whole_recording(
    classifier, duration_s, n_windows
):
    waveform, r_peaks = ecg(duration_s=float(duration_s))
    windows = classifier.classify(waveform, r_peaks).windows
    assert len(windows) == n_windows
    edges = [w.start_index for w in windows] + [windows[-1].stop_index]
    assert edges[0] == 0
    assert edges[-1] == waveform.n_samples
    assert [w.stop_index for w in windows] == edges[1:]
    for window in windows:
        assert sum(window.probabilities.values()) == pytest.approx(1, abs=1e-6)


def test_an_episode_of_fibrillation_stands_where_it_is(classifier):
    sinus, _ = ecg("sinus", 150.0, heart_rate_bpm=70.0)
    fibrillation, _ = ecg("af", 150.0)
    samples = np.concatenate([sinus.samples_mv, fibrillation.samples_mv], axis=1)
    waveform = Waveform(samples, 500.0, ("II",))
    r_peaks = dsp.detect_r_peaks(waveform.samples_mv, 500.0)
    windows = classifier.classify(waveform, r_peaks).windows
    af = [w.probabilities[RhythmClass.AF] for w in windows]
    assert np.mean(af[:5]) < 0.3 < 0.5 < np.mean(af[5:])


def test_flat_lost_and_short_recordings_get_a_reason(classifier):
    no_peaks = np.empty(0, np.int64)

    def reason(samples, leads=("II",)):
        call = classifier.classify(Waveform(samples, 250.0, leads), no_peaks)
        assert not call.windows
        return call.reason

    assert "flat" in reason(np.zeros((1, 5000)))
    assert "disturbed" in reason(np.full((1, 5000), np.nan))
    assert "shorter" in reason(np.zeros((1, 500)))
    assert "lead" in reason(np.zeros((0, 5000)), ())


def test_windows_of_which_most_seconds_are_unreadable_have_no_answer(classifier):
    waveform, _ = ecg(duration_s=120.0)
    samples = waveform.samples_mv.copy()
    samples[:, 30 * 500 : 60 * 500] = np.nan
    holed = Waveform(samples, 500.0, ("II",))
    quality = dsp.assess_quality(holed)
    r_peaks = dsp.detect_r_peaks(holed.samples_mv, 500.0)
    windows = classifier.classify(holed, r_peaks, quality).windows
    assert [w.start_index for w in windows] == [0, 30_000, 45_000]


def test_white_noise_is_no_rhythm(classifier):
    noise = np.random.default_rng(0).standard_normal((1, 9000))
    waveform = Waveform(noise, 300.0, ("II",))
    r_peaks = dsp.detect_r_peaks(waveform.samples_mv, 300.0)
    window = classifier.classify(waveform, r_peaks).windows[0]
    assert window.answer is None
    assert window.reason


def test_a_model_of_another_task_is_refused():
    beats = MODELS / "beats-cnn-lstm-attention-3.0.0"
    with pytest.raises(ModelUnavailable, match="another input"):
        RhythmClassifier.load(beats, TOOLS, provider="cpu")

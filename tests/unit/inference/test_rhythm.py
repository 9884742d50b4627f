"""The input and the answers of the rhythm classifier."""

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import ecgsvc.inference
from ecgsvc import dsp
from ecgsvc.config import BEAT_MODEL, FAST_RHYTHM_MODEL, RHYTHM_MODEL, Settings
from ecgsvc.domain.beats import BeatClass, ClassifiedBeats
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.rhythm import RHYTHM_CLASSES, RhythmClass
from ecgsvc.domain.waveform import Waveform
from ecgsvc.inference import (
    BeatClassifier,
    RhythmClassifier,
    SignalTools,
    load_model_card,
)
from ecgsvc.inference.rhythm import rhythm_probabilities
from ecgsvc.inference.rhythm_ectopy import ECTOPY_NAMES, ectopy_features
from ecgsvc.inference.rhythm_features import FEATURE_NAMES, rhythm_features
from ecgsvc.inference.rhythm_inputs import (
    MODEL_FEATURES,
    PIECE_SAMPLES,
    build_rhythm_inputs,
    filter_lead,
    pieces_of,
)
from ecgsvc.simulation import SimulationSettings, simulate

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
MODELS = Path(ecgsvc.inference.__file__).parent / "models"
SHIPPED = (MODELS / RHYTHM_MODEL, MODELS / FAST_RHYTHM_MODEL)
BEATS = BeatClassifier.load(MODELS / BEAT_MODEL, TOOLS, provider="cpu")


@pytest.fixture(scope="module", params=SHIPPED, ids=lambda folder: folder.name)
def classifier(request):
    return RhythmClassifier.load(request.param, TOOLS, provider="cpu")


def classified(waveform, r_peaks=None):
    """A recording and its beats."""
    if r_peaks is None:
        r_peaks = dsp.detect_r_peaks(waveform.samples_mv, waveform.sampling_rate_hz)
    return waveform, BEATS.classify(waveform, r_peaks)


def named(r_peaks, names):
    """Beats of which the classes are certain."""
    probabilities = np.zeros((len(r_peaks), len(BeatClass)), np.float32)
    probabilities[np.arange(len(r_peaks)), [list(BeatClass).index(n) for n in names]] = 1
    return ClassifiedBeats(np.asarray(r_peaks, np.int64), probabilities)


def ecg(rhythm="sinus", duration_s=30.0, leads=("II",), seed=1, **settings):
    """Simulated samples and their beats."""
    chosen = SimulationSettings(
        rhythm=rhythm, duration_s=duration_s, leads=leads, seed=seed, **settings
    )
    return classified(simulate(chosen).recording.waveform)


def inputs_of(waveform, beats, pieces_s=None):
    rate_hz = waveform.sampling_rate_hz
    signal = filter_lead(waveform.samples_mv[0], rate_hz, TOOLS)
    pieces_s = pieces_s or pieces_of(waveform.duration_s)
    return build_rhythm_inputs(signal, beats, rate_hz, pieces_s)


@pytest.mark.parametrize("duration_s", [9.0, 30.0, 30.4, 45.0, 60.0, 61.0])
def test_pieces_cover_a_recording_and_none_is_longer_than_30_s(duration_s):
    pieces = pieces_of(duration_s)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == pytest.approx(duration_s)
    assert all(0 < stop - start <= 30 + 1e-9 for start, stop in pieces)
    assert all(b[0] <= a[1] + 1 for a, b in pairwise(pieces))
    assert len(pieces) <= 2


def test_gain_offset_and_sampling_rate_hardly_change_the_input():
    waveform, beats = ecg()
    inputs = inputs_of(waveform, beats)
    louder = Waveform(2.5 * waveform.samples_mv + 0.7, 500.0, ("II",))
    slower = Waveform(dsp.resample(waveform.samples_mv, 500.0, 250.0), 250.0, ("II",))
    halved = ClassifiedBeats(beats.r_peak_indices // 2, beats.probabilities)
    for other, its_beats in ((louder, beats), (slower, halved)):
        again = inputs_of(other, its_beats)
        inner = slice(200, -200)
        difference = again.windows[0, 0, inner] - inputs.windows[0, 0, inner]
        assert np.abs(difference).max() < 0.02
    np.testing.assert_allclose(
        inputs_of(louder, beats).features, inputs.features, atol=2e-2, rtol=2e-2
    )


def test_a_turned_lead_has_the_same_features():
    waveform, beats = ecg()
    turned = Waveform(-waveform.samples_mv, 500.0, ("II",))
    np.testing.assert_allclose(
        inputs_of(turned, beats).features,
        inputs_of(waveform, beats).features,
        atol=1e-3,
    )


def test_fibrillation_is_irregular_and_without_p_waves():
    def features(rhythm):
        row = inputs_of(*ecg(rhythm, muscle_mv=0.02)).features[0]
        return dict(zip(MODEL_FEATURES, row.tolist(), strict=True))

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
    waveform, beats = ecg()
    samples = waveform.samples_mv.copy()
    samples[:, 5000:5400] = np.nan
    holed = Waveform(samples, 500.0, ("II",))
    assert np.isfinite(inputs_of(holed, beats).windows).all()
    assert filter_lead(np.full(1000, np.nan), 500.0, TOOLS) is None


def test_probabilities_are_a_softmax_with_temperature_and_offsets():
    logits = np.array([[2.0, 0.0, 0.0, 0.0]])
    plain = rhythm_probabilities(logits, 1.0, [0.0] * 4)
    warm = rhythm_probabilities(logits, 4.0, [0.0] * 4)
    moved = rhythm_probabilities(logits, 1.0, [0.0, 5.0, 0.0, 0.0])
    np.testing.assert_allclose(plain.sum(axis=1), 1)
    assert plain[0, 0] > warm[0, 0] > 0.25
    assert moved.argmax() == 1


def test_ectopic_beats_are_counted_and_left_out_of_the_normal_intervals():
    """A steady rhythm at 1 s; every fifth beat early and ventricular, with a pause."""
    r_s = np.arange(1.0, 29.0)
    r_s[4::5] -= 0.4
    names = ["N"] * len(r_s)
    names[4::5] = ["V"] * len(names[4::5])
    beats = named(np.rint(500 * r_s), names)
    row = ectopy_features(r_s, beats.probabilities)
    seen = dict(zip(ECTOPY_NAMES, row.tolist(), strict=True))
    assert seen["n_v"] == names.count("V")
    assert seen["v_mean"] == pytest.approx(names.count("V") / len(names))
    assert seen["v_prematurity"] == pytest.approx(0.4)
    assert seen["ectopic_run"] == 1
    assert seen["nn_variation"] == pytest.approx(0, abs=1e-9)
    assert seen["n_s"] == 0


def test_runs_and_bigeminy_are_told_apart():
    def seen(names):
        r_s = 0.8 * np.arange(len(names)) + 1
        row = ectopy_features(r_s, named(r_s, names).probabilities)
        return dict(zip(ECTOPY_NAMES, row.tolist(), strict=True))

    run, bigeminy = seen("NNNNVVVVNNNN"), seen("NVNVNVNVNNNN")
    assert (run["ectopic_run"], bigeminy["ectopic_run"]) == (4, 1)
    assert bigeminy["bigeminy"] > 0 == run["bigeminy"]
    assert run["ectopic_pair"] == 1 > bigeminy["ectopic_pair"]


@pytest.mark.parametrize("names", ["", "N", "NNNN", "VVVVV", "QQQQQQ", "NVNVNVNV"])
def test_ectopy_features_are_finite_whatever_the_beats_are(names):
    r_s = 0.7 * np.arange(len(names))
    assert np.isfinite(ectopy_features(r_s, named(r_s, names).probabilities)).all()


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_the_card_holds_what_the_classifier_needs_and_honest_figures(folder):
    card = load_model_card(folder)
    sha256 = hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    assert card.identity.sha256 == sha256
    assert card.document["input"]["beat_classes_of"] == BEAT_MODEL
    limits = [card.thresholds[f"conformal_{c.name.lower()}"] for c in RhythmClass]
    assert all(0 < limit < 1 for limit in limits)
    assert card.thresholds["outlier"] > 0
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


def test_the_profile_chooses_the_model_unless_one_is_named():
    assert Settings().rhythm_model_folder == SHIPPED[0]
    assert Settings(profile="fast").rhythm_model_folder == SHIPPED[1]
    named_one = Settings(profile="fast", rhythm_model=Path("mine"))
    assert named_one.rhythm_model_folder == Path("mine")


def test_the_fast_model_is_the_smaller_one():
    accurate, fast = ((folder / "model.onnx").stat().st_size for folder in SHIPPED)
    assert 1.5 * fast < accurate < 12_000_000


@pytest.mark.parametrize(
    ("duration_s", "n_windows"), [(10, 1), (30, 1), (60, 1), (61, 1), (62, 3), (300, 10)]
)
def test_windows_follow_each_other_over_the_whole_recording(
    classifier, duration_s, n_windows
):
    waveform, beats = ecg(duration_s=float(duration_s))
    windows = classifier.classify(waveform, beats).windows
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
    windows = classifier.classify(*classified(waveform)).windows
    af = [w.probabilities[RhythmClass.AF] for w in windows]
    assert np.mean(af[:5]) < 0.3 < 0.5 < np.mean(af[5:])


def test_flat_lost_and_short_recordings_get_a_reason(classifier):
    no_beats = named([], "")

    def reason(samples, leads=("II",)):
        call = classifier.classify(Waveform(samples, 250.0, leads), no_beats)
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
    windows = classifier.classify(*classified(holed), quality).windows
    assert [w.start_index for w in windows] == [0, 30_000, 45_000]


def test_white_noise_is_no_rhythm(classifier):
    noise = np.random.default_rng(0).standard_normal((1, 9000))
    waveform = Waveform(noise, 300.0, ("II",))
    window = classifier.classify(*classified(waveform)).windows[0]
    assert window.answer is None
    assert window.reason


def test_a_model_of_another_task_is_refused():
    with pytest.raises(ModelUnavailable, match="another input"):
        RhythmClassifier.load(MODELS / BEAT_MODEL, TOOLS, provider="cpu")

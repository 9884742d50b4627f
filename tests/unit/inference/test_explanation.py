"""What the shipped models looked at, from the samples on."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.config import Settings
from ecgsvc.domain.beats import BeatClass
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.rhythm import RhythmClass, RhythmWindow
from ecgsvc.domain.waveform import Waveform
from ecgsvc.inference import BeatClassifier, Explainer, RhythmClassifier, SignalTools
from ecgsvc.inference.beat_explanation import (
    MAX_BEATS,
    BeatExplainer,
    choose_beats,
)
from ecgsvc.inference.grad_cam import FeatureMap, relative, thinned
from ecgsvc.inference.rhythm_explanation import MAX_WINDOWS, choose_windows, lost_without
from ecgsvc.simulation import SimulationSettings, simulate

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
BEATS, RHYTHM = Settings().beat_model, Settings().rhythm_model_folder


@pytest.fixture(scope="module")
def explain():
    classifier = BeatClassifier.load(BEATS, TOOLS, provider="cpu")
    rhythm = RhythmClassifier.load(RHYTHM, TOOLS, provider="cpu")
    explainer = Explainer.load(BEATS, RHYTHM, TOOLS, provider="cpu")

    def explained(waveform):
        r_peaks = dsp.detect_r_peaks(waveform.samples_mv, waveform.sampling_rate_hz)
        beats = classifier.classify(waveform, r_peaks)
        windows = rhythm.classify(waveform, beats).windows
        return beats, windows, explainer.explain(waveform, beats, windows)

    return explained


def ecg(**settings):
    chosen = {"seed": 3, "pvc_probability": 0.15, "leads": ("II", "V1")} | settings
    return simulate(SimulationSettings(**chosen)).recording.waveform


def test_every_beat_and_window_of_a_standard_ecg_is_explained(explain):
    waveform = ecg()
    beats, windows, explanation = explain(waveform)
    assert explanation.missing == ()
    assert [b.r_peak_index for b in explanation.beats] == beats.r_peak_indices.tolist()
    assert [b.beat_class for b in explanation.beats] == list(beats.classes)
    for beat in explanation.beats:
        assert [shown.lead for shown in beat.highlights] == ["II", "V1"]
        assert max(shown.weights.max() for shown in beat.highlights) == pytest.approx(1)
        for shown in beat.highlights:
            assert shown.weights.min() >= 0
            assert 0 <= shown.start_index <= beat.r_peak_index < shown.stop_index <= 5000
        assert beat.attended_r_peaks.tolist() == beats.r_peak_indices.tolist()
        assert beat.attention.sum() == pytest.approx(1, rel=1e-5)
    (window,) = explanation.rhythm
    assert window.rhythm == max(windows[0].probabilities, key=windows[0].probabilities.get)
    for shown in (window.highlight, window.attention):
        assert (shown.lead, shown.start_index, shown.stop_index) == ("II", 0, 5000)
        assert shown.weights.min() >= 0
        assert shown.weights.max() == pytest.approx(1)


def test_normal_beats_are_known_by_their_qrs_complex(explain):
    """Weight stands where the beat is, not in the line between beats."""
    _, _, explanation = explain(ecg(pvc_probability=0.0))
    for beat in explanation.beats[1:-1]:
        (shown, *_) = beat.highlights
        at_s = (shown.start_index + np.arange(len(shown.weights)) - beat.r_peak_index) / 500
        near = shown.weights[np.abs(at_s) < 0.08].mean()
        assert near > 2 * shown.weights[at_s < -0.25].mean()


@pytest.mark.parametrize("rate_hz", [128.0, 250.0, 1000.0])
def test_weights_stand_at_the_same_time_whatever_the_sampling_rate(explain, rate_hz):
    waveform = ecg()
    samples_mv = [dsp.resample(row, 500.0, rate_hz) for row in waveform.samples_mv]
    other = Waveform(np.stack(samples_mv), rate_hz, waveform.leads)
    _, _, first = explain(waveform)
    _, _, again = explain(other)
    place = slice(2, -2)
    for a, b in zip(first.beats[place], again.beats[place], strict=True):
        if a.beat_class is not b.beat_class:
            continue
        whole = a.highlights[0].weights
        at = (
            b.highlights[0].start_index + np.arange(len(b.highlights[0].weights))
        ) / rate_hz
        at_first = (a.highlights[0].start_index + np.arange(len(whole))) / 500
        expected = np.interp(at, at_first, whole)
        assert np.corrcoef(expected, b.highlights[0].weights)[0, 1] > 0.8


def test_a_lead_that_is_missing_around_a_beat_is_not_shown_for_it(explain):
    waveform = ecg(pvc_probability=0.0, duration_s=20)
    samples_mv = waveform.samples_mv.copy()
    samples_mv[1, 4000:6000] = np.nan
    _, _, explanation = explain(Waveform(samples_mv, 500.0, waveform.leads))
    inside = [b for b in explanation.beats if 4300 < b.r_peak_index < 5700]
    outside = [b for b in explanation.beats if b.r_peak_index > 6500]
    assert inside
    assert outside
    assert {tuple(h.lead for h in b.highlights) for b in inside} == {("II",)}
    assert {tuple(h.lead for h in b.highlights) for b in outside} == {("II", "V1")}


def test_of_many_beats_a_bounded_number_is_explained_ectopic_ones_first():
    classes = [BeatClass.V if i % 40 == 7 else BeatClass.N for i in range(400)]
    readable = np.arange(400) != 47
    chosen = choose_beats(classes, readable)
    assert len(chosen) == MAX_BEATS
    assert set(range(7, 400, 40)) - {47} <= set(chosen.tolist())
    assert (np.diff(chosen) > 0).all()
    assert 47 not in chosen
    many = choose_beats([BeatClass.S] * 4000, np.ones(4000, bool))
    assert len(many) == MAX_BEATS
    assert np.ptp(np.diff(many)) <= 1


def test_a_beat_far_into_a_recording_is_explained_from_its_own_chunk(explain):
    """Beats are read in chunks of 64; the R peaks attended to are those of the chunk."""
    waveform = ecg(duration_s=100.0, pvc_probability=0.0, heart_rate_bpm=75.0)
    beats, _, explanation = explain(waveform)
    last = explanation.beats[-1]
    assert last.r_peak_index > 90 * 500
    assert len(last.attended_r_peaks) == 64
    assert last.attended_r_peaks[-1] == beats.r_peak_indices[-1]
    assert last.attention.sum() == pytest.approx(1, rel=1e-5)


def test_a_recording_of_a_minute_is_explained_in_one_window(explain):
    waveform = ecg(duration_s=45.0, rhythm="af", pvc_probability=0.0)
    _, windows, explanation = explain(waveform)
    assert len(windows) == len(explanation.rhythm) == 1
    highlight = explanation.rhythm[0].highlight
    assert (highlight.start_index, highlight.stop_index) == (0, waveform.n_samples)
    thirds = np.array_split(highlight.weights, 3)
    assert all(third.max() > 0 for third in thirds)


class OneSampleGraph:
    """Networks whose only logit is one sample of the window."""

    def __init__(self, sample):
        self.sample = sample

    def logits(self, feed):
        assert len(feed["features"]) == len(feed["windows"])
        return feed["windows"][:, 0, [self.sample]]


@pytest.mark.parametrize("n_samples", [1, 2, 29, 30, 44, 1000, 3000])
@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
def test_what_an_answer_hangs_on_is_marked_wherever_it_lies(n_samples, where):
    """A spike that is the whole answer; nothing farther than 0.3 s from it is marked."""
    spike = round(where * (n_samples - 1))
    windows = np.zeros((1, 1, 3000), np.float32)
    windows[0, 0, spike] = 2.0
    feed = {"windows": windows, "features": np.zeros((1, 3), np.float32)}
    lost = lost_without(OneSampleGraph(spike), feed, n_samples, 0)
    assert lost.shape == (n_samples,)
    assert lost[spike] == lost.max() == pytest.approx(2.0)
    assert not lost[: max(spike - 30, 0)].any()
    assert not lost[spike + 31 :].any()
    assert windows.sum() == 2.0


def test_what_speaks_against_an_answer_is_not_marked():
    windows = np.zeros((1, 1, 3000), np.float32)
    windows[0, 0, 500] = -1.0
    feed = {"windows": windows, "features": np.zeros((1, 3), np.float32)}
    assert not lost_without(OneSampleGraph(500), feed, 1000, 0).any()


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_short_recordings_have_what_can_be_explained(explain, seconds):
    waveform = ecg(duration_s=10.0)
    short = Waveform(waveform.samples_mv[:, : int(500 * seconds)], 500.0, waveform.leads)
    beats, windows, explanation = explain(short)
    assert windows == explanation.rhythm == ()
    assert len(explanation.beats) == beats.n_beats


def test_a_flat_line_has_nothing_to_explain(explain):
    beats, windows, explanation = explain(Waveform(np.zeros((1, 5000)), 500.0, ("II",)))
    assert beats.n_beats == 0
    assert explanation.beats == ()
    assert explanation.rhythm == ()
    assert windows == ()


def test_an_altered_graph_is_refused(tmp_path):
    altered = shutil.copytree(BEATS, tmp_path / "model")
    with (altered / "explain.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelUnavailable, match=r"explain\.onnx"):
        BeatClassifier.load(altered, TOOLS)
    (altered / "explain.onnx").unlink()
    with pytest.raises(ModelUnavailable):
        BeatExplainer.load(altered, TOOLS)


def test_a_model_without_a_graph_says_so(tmp_path):
    plain = shutil.copytree(BEATS, tmp_path / "model")
    card = (plain / "card.toml").read_text()
    (plain / "card.toml").write_text(card[: card.index("[explanation]")])
    (plain / "explain.onnx").unlink()
    waveform = ecg()
    r_peaks = dsp.detect_r_peaks(waveform.samples_mv, 500.0)
    beats = BeatClassifier.load(plain, TOOLS, provider="cpu").classify(waveform, r_peaks)
    explainer = Explainer.load(plain, RHYTHM, TOOLS, provider="cpu")
    explanation = explainer.explain(waveform, beats, ())
    assert explanation.beats == ()
    (missing,) = explanation.missing
    assert missing.path == "explanation.beats"
    assert "no explanation graph" in missing.reason


def test_windows_that_are_not_normal_come_first():
    def window(number, rhythm):
        probabilities = dict.fromkeys(RhythmClass, 0.1) | {rhythm: 0.7}
        return RhythmWindow(number * 100, number * 100 + 100, probabilities, frozenset())

    windows = [
        window(i, RhythmClass.AF if i in (7, 30) else RhythmClass.NORMAL) for i in range(40)
    ]
    chosen = [each.start_index // 100 for each in choose_windows(windows)]
    assert len(chosen) == MAX_WINDOWS
    assert {7, 30} <= set(chosen)
    assert chosen == sorted(chosen)


def test_values_at_steps_are_interpolated_and_held_at_the_ends():
    each = FeatureMap(channels=1, every=4.0, first=2.0)
    steps = np.array([[0.0, 1.0, 3.0]])
    at = np.array([0.0, 2.0, 4.0, 6.0, 9.0, 10.0, 50.0])
    np.testing.assert_allclose(each.at(steps, at), [[0, 0, 0.5, 1, 2.5, 3, 3]])
    np.testing.assert_allclose(each.at(np.array([[7.0]]), at), np.full((1, 7), 7.0))


def test_relative_weights_have_one_as_the_largest_and_zeros_stay():
    assert relative(np.array([1.0, 4.0], np.float32)).tolist() == [0.25, 1]
    assert relative(np.zeros(3, np.float32)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("n_first", "n_then", "n"), [(3, 10, 8), (20, 5, 8), (0, 2, 8)])
def test_the_first_kind_is_served_first_and_spread_evenly(n_first, n_then, n):
    first = np.arange(n_first + n_then) < n_first
    chosen = thinned(first, ~first, n)
    assert len(chosen) == min(n, n_first + n_then)
    assert (chosen < n_first).sum() == min(n, n_first)
    assert (np.diff(chosen) > 0).all()


def test_the_models_that_ship_have_graphs_beside_them():
    total = sum(path.stat().st_size for path in Path(BEATS).parent.rglob("*"))
    assert total < 40e6
    assert all((folder / "explain.onnx").is_file() for folder in (BEATS, RHYTHM))

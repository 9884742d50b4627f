"""Blanking what explanations mark changes answers more than blanking elsewhere."""

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.app import beat_classifier, rhythm_classifier
from ecgsvc.config import Settings
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.explanation import BeatExplanation, Explanation, Highlight
from ecgsvc.domain.rhythm import RhythmCall
from ecgsvc.domain.waveform import Waveform
from ecgsvc.evaluation import evaluate_explanations, explanation_table
from ecgsvc.evaluation.explanations import Blanked, Models, blank, blank_and_ask, figures
from ecgsvc.evaluation.references import DS1
from ecgsvc.inference import Explainer, SignalTools
from ecgsvc.inference.beat_explanation import BeatExplainer
from ecgsvc.inference.rhythm_explanation import RhythmExplainer
from ecgsvc.simulation import SimulationSettings, simulate

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)


def models(*explained):
    """The models that ship, some of them explained."""
    settings = Settings(provider="cpu")
    rhythm = rhythm_classifier(settings)
    explainer = Explainer(
        BeatExplainer.load(settings.beat_model, TOOLS) if "beats" in explained else None,
        RhythmExplainer.load(settings.rhythm_model_folder, TOOLS)
        if "rhythm" in explained
        else None,
    )
    return Models(
        beat_classifier(settings).classify,
        lambda waveform, beats, like: rhythm.classify(waveform, beats, features_of=like),
        explainer.explain,
    )


def detect(waveform):
    return dsp.detect_r_peaks(waveform.samples_mv, waveform.sampling_rate_hz)


def test_a_blanked_piece_is_a_straight_line_and_all_else_stays():
    samples_mv = np.random.default_rng(0).normal(size=(2, 100))
    waveform = Waveform(samples_mv, 100.0, ("I", "II"))
    highlight = Highlight("II", 20, np.zeros(50, np.float32))
    mask = np.zeros((1, 50), bool)
    mask[0, 10:20] = True
    blanked = blank(waveform, (highlight,), mask).samples_mv
    np.testing.assert_array_equal(blanked[0], samples_mv[0])
    kept = np.r_[0:30, 40:100]
    np.testing.assert_array_equal(blanked[1, kept], samples_mv[1, kept])
    ends = samples_mv[1, [29, 40]]
    np.testing.assert_allclose(blanked[1, 29:41], np.linspace(*ends, 12))


def test_the_marked_piece_is_the_one_that_is_blanked():
    """A model whose answer is one sample, explained by that sample."""
    r_peaks = np.array([500])
    samples_mv = np.zeros((1, 1000))
    samples_mv[0, 500] = 1.0

    def classify(waveform, _):
        sure = waveform.samples_mv[0, 500]
        return ClassifiedBeats(
            r_peaks, np.array([[1 - sure, 0, sure, 0, 0]], dtype=np.float32)
        )

    def explain(_waveform, beats, _windows):
        weights = np.zeros(200, np.float32)
        weights[90:110] = 1.0
        shown = (Highlight("II", 400, weights),)
        none = np.zeros(0, np.int64)
        return Explanation(
            (BeatExplanation(500, beats.classes[0], shown, none, weights[:0]),), ()
        )

    of_one = Models(classify, lambda *_: RhythmCall(()), explain)
    waveform = Waveform(samples_mv, 500.0, ("II",))
    (asked,) = blank_and_ask(
        "one", waveform, of_one, lambda _: r_peaks, np.random.default_rng(0)
    )
    assert (asked.question, asked.answer, asked.probability) == ("beats", "V", 1.0)
    assert asked.lost == 1.0
    assert asked.mean_lost_at_random < 0.5


def test_figures_count_trials_won_and_bound_the_difference_over_records():
    blanked = [
        Blanked(f"r{i}", "beats", "V", 0.9, 0.5, (0.1, 0.6, 0.1, 0.1)) for i in range(20)
    ]
    found = figures(blanked)
    assert found.n_answers == 20
    assert found.lost == pytest.approx(0.5)
    assert found.lost_at_random == pytest.approx(0.225)
    assert found.more_often == 0.75
    assert found.interval == pytest.approx((0.275, 0.275))
    assert explanation_table(blanked).row_count == 2


def test_blanking_what_is_marked_changes_answers_of_simulated_recordings():
    rng = np.random.default_rng(1)
    of_beats, blanked = models("beats"), []
    for seed in range(4):
        settings = SimulationSettings(
            seed=seed, duration_s=10, pvc_probability=0.1, leads=("II", "V1")
        )
        waveform = simulate(settings).recording.waveform
        blanked += blank_and_ask(str(seed), waveform, of_beats, detect, rng)
    found = figures(blanked)
    assert found.n_answers >= 16
    assert found.lost > found.lost_at_random


@pytest.mark.recordings
def test_blanking_what_is_marked_changes_classes_of_beats(recordings):
    records = [recordings / "mitdb" / name for name in DS1[::6]]
    found = figures(evaluate_explanations(records, models("beats"), detect))
    assert found.lost > 2 * found.lost_at_random
    assert found.more_often > 0.6


@pytest.mark.recordings
def test_blanking_what_is_marked_changes_the_rhythm(recordings):
    folder = recordings / "cinc2017"
    chosen = sorted(path.with_suffix("") for path in folder.glob("*.hea"))[::500]
    found = figures(evaluate_explanations(chosen, models("rhythm"), detect))
    assert found.n_answers >= 10
    assert found.lost > 4 * found.lost_at_random
    assert found.more_often > 0.85

"""The beat classifier as the pipeline uses it, with the model that ships."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import ecgsvc.inference
from ecgsvc import dsp
from ecgsvc.config import BEAT_MODEL
from ecgsvc.domain.beats import BeatClass
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.waveform import Waveform
from ecgsvc.inference import (
    BeatClassifier,
    SignalTools,
    choose_lead,
    choose_leads,
    load_model_card,
    open_session,
)

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
SHIPPED = Path(ecgsvc.inference.__file__).parent / "models" / BEAT_MODEL
RATE_HZ = 250.0
NORMAL = [(0.12, -0.16, 0.025), (1.0, 0, 0.012), (-0.2, 0.03, 0.01), (0.25, 0.28, 0.05)]
VENTRICULAR = [(-1.3, 0.0, 0.045), (0.6, 0.3, 0.07)]


@pytest.fixture(scope="module")
def classifier():
    return BeatClassifier.load(SHIPPED, TOOLS, provider="cpu")


def ecg(n_beats, ventricular=(), leads=("II",)):
    """Sinus rhythm at 75 bpm with early wide beats, each followed by a pause."""
    rng = np.random.default_rng(1)
    rr = 0.8 + 0.01 * rng.standard_normal(n_beats)
    for beat in ventricular:
        rr[beat] = 0.5
        if beat + 1 < n_beats:
            rr[beat + 1] = 1.1
    r_s = 0.5 + np.cumsum(rr)
    t = np.arange(int((r_s[-1] + 1) * RATE_HZ)) / RATE_HZ if n_beats else np.zeros(1000)
    lead = 0.01 * rng.standard_normal(len(t))
    for i, r in enumerate(r_s):
        for height, at, width in VENTRICULAR if i in ventricular else NORMAL:
            near = slice(max(0, int((r - 0.6) * RATE_HZ)), int((r + 0.9) * RATE_HZ))
            lead[near] += height * np.exp(-0.5 * ((t[near] - r - at) / width) ** 2)
    r_peaks = np.rint(r_s * RATE_HZ).astype(np.int64)
    return Waveform(np.tile(lead, (len(leads), 1)), RATE_HZ, tuple(leads)), r_peaks


@pytest.mark.parametrize("n_beats", [1, 2, 3, 12, 63, 64, 65, 200])
def test_a_clean_sinus_rhythm_is_all_normal(classifier, n_beats):
    beats = classifier.classify(*ecg(n_beats))
    assert beats.count(BeatClass.N) == n_beats
    np.testing.assert_allclose(beats.probabilities.sum(axis=1), 1, atol=1e-5)


def test_no_beats_give_no_classes(classifier):
    waveform, r_peaks = ecg(5)
    beats = classifier.classify(waveform, r_peaks[:0])
    assert beats.n_beats == 0
    assert beats.probabilities.shape == (0, 5)


def test_early_wide_beats_are_ventricular(classifier):
    waveform, r_peaks = ecg(40, ventricular=(10, 20, 30))
    classes = classifier.classify(waveform, r_peaks).classes
    assert [i for i, c in enumerate(classes) if c is BeatClass.V] == [10, 20, 30]


def test_chunk_borders_do_not_matter(classifier):
    waveform, r_peaks = ecg(300, ventricular=tuple(range(5, 300, 11)))
    whole = classifier.classify(waveform, r_peaks)
    found = [i for i, c in enumerate(whole.classes) if c is BeatClass.V]
    assert found == list(range(5, 300, 11))


def test_a_lead_that_reports_nothing_is_passed_over(classifier):
    waveform, r_peaks = ecg(20, leads=("II", "V5"))
    silent = waveform.samples_mv.copy()
    silent[0] = np.nan
    beats = classifier.classify(Waveform(silent, RATE_HZ, waveform.leads), r_peaks)
    assert beats.count(BeatClass.N) == 20


def test_without_any_signal_every_beat_is_unclassifiable(classifier):
    waveform, r_peaks = ecg(20)
    nothing = np.full_like(waveform.samples_mv, np.nan)
    beats = classifier.classify(Waveform(nothing, RATE_HZ, waveform.leads), r_peaks)
    assert beats.count(BeatClass.Q) == 20


def test_beats_inside_a_gap_are_unclassifiable(classifier):
    waveform, r_peaks = ecg(20)
    gap = waveform.samples_mv.copy()
    gap[:, r_peaks[8] - 100 : r_peaks[9] + 100] = np.nan
    classes = classifier.classify(Waveform(gap, RATE_HZ, waveform.leads), r_peaks).classes
    assert [i for i, c in enumerate(classes) if c is BeatClass.Q] == [8, 9]


def test_threads_share_one_classifier(classifier):
    inputs = [ecg(n, ventricular=(4,)) for n in (10, 40, 70, 100)] * 3
    alone = [classifier.classify(*each).probabilities for each in inputs]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda each: classifier.classify(*each).probabilities, inputs)
        for expected, got in zip(alone, together, strict=True):
            np.testing.assert_array_equal(expected, got)


@pytest.mark.parametrize(
    ("leads", "usable", "chosen"),
    [
        (("I", "II", "V1"), ("I", "II", "V1"), "II"),
        (("V5", "MLII"), ("V5", "MLII"), "MLII"),
        (("I", "II", "V1"), ("I", "V1"), "I"),
        (("ECG", "ECG#2"), ("ECG", "ECG#2"), "ECG"),
        (("ECG", "ECG#2"), ("ECG#2",), "ECG#2"),
        (("resp", "mlii"), ("resp", "mlii"), "mlii"),
        (("I",), (), None),
    ],
)
def test_one_rule_chooses_the_lead(leads, usable, chosen):
    assert choose_lead(leads, usable) == chosen


@pytest.mark.parametrize(
    ("leads", "usable", "chosen"),
    [
        (("I", "II", "V1", "V5"), ("I", "II", "V1", "V5"), ("II", "V1")),
        (("I", "II", "V1", "V5"), ("I", "II", "V5"), ("II", "V5")),
        (("V5", "mlii"), ("V5", "mlii"), ("mlii", "V5")),
        (("ECG1", "ECG2"), ("ECG1", "ECG2"), ("ECG1", "ECG2")),
        (("ECG1", "ECG2"), ("ECG2",), ("ECG2",)),
        (("I",), (), ()),
    ],
)
def test_a_second_lead_from_another_side_is_chosen_where_there_is_one(
    leads, usable, chosen
):
    assert choose_leads(leads, usable) == chosen


def test_the_identity_is_that_of_the_card(classifier):
    card = load_model_card(SHIPPED)
    assert classifier.identity == card.identity
    assert card.identity.name == "beats-cnn-lstm-attention"
    assert len(card.identity.sha256) == 64


def test_an_altered_model_is_refused(tmp_path):
    altered = shutil.copytree(SHIPPED, tmp_path / "model")
    with (altered / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelUnavailable, match="SHA-256"):
        BeatClassifier.load(altered, TOOLS)


@pytest.mark.parametrize("missing", ["model.onnx", "card.toml"])
def test_an_incomplete_model_is_refused(tmp_path, missing):
    folder = shutil.copytree(SHIPPED, tmp_path / "model")
    (folder / missing).unlink()
    with pytest.raises(ModelUnavailable, match="no readable card or no ONNX file"):
        BeatClassifier.load(folder, TOOLS)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sampling_rate_hz = 125.0", "sampling_rate_hz = 500.0"),
        ("window_samples = 100", "window_samples = 200"),
        ('"N", "S", "V", "F", "Q"', '"N", "V", "S", "F", "Q"'),
        ('"rr_before", ', ""),
        ('leads = ["any", "any"]', 'leads = ["any"]'),
    ],
)
def test_a_model_that_takes_another_input_is_refused(tmp_path, old, new):
    folder = shutil.copytree(SHIPPED, tmp_path / "model")
    card = (folder / "card.toml").read_text()
    assert old in card
    (folder / "card.toml").write_text(card.replace(old, new))
    with pytest.raises(ModelUnavailable, match="another input"):
        BeatClassifier.load(folder, TOOLS)


def test_a_broken_onnx_file_is_unavailable(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        open_session(tmp_path / "model.onnx", "cpu")


def test_cuda_is_refused_where_it_does_not_work(capfd):
    if "CUDAExecutionProvider" in open_session(SHIPPED / "model.onnx").get_providers():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ModelUnavailable, match="CUDA"):
        open_session(SHIPPED / "model.onnx", "cuda")
    assert capfd.readouterr().err == ""


def test_auto_takes_the_cpu_without_cuda_and_says_so(caplog, capfd):
    caplog.set_level("INFO")
    session = open_session(SHIPPED / "model.onnx", "auto")
    provider = "CUDA" if "CUDAExecutionProvider" in session.get_providers() else "the CPU"
    assert caplog.messages == [f"model {SHIPPED.name} runs on {provider}"]
    assert capfd.readouterr().err == ""

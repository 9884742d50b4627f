"""Training of the rhythm networks; needs the extra ``train``."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")
pytest.importorskip("onnx", reason="needs ecgsvc[train]")
pytest.importorskip("sklearn", reason="needs ecgsvc[train]")

from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: E402

from ecgsvc import dsp  # noqa: E402
from ecgsvc.domain.beats import ClassifiedBeats  # noqa: E402
from ecgsvc.domain.rhythm import RHYTHM_CLASSES  # noqa: E402
from ecgsvc.evaluation.held_out import read_held_out  # noqa: E402
from ecgsvc.evaluation.rhythm_references import read_reference_rhythms  # noqa: E402
from ecgsvc.inference import RhythmClassifier, SignalTools, open_session  # noqa: E402
from ecgsvc.simulation import SimulationSettings, simulate  # noqa: E402
from ecgsvc.training.boosted_trees import BoostedTrees, convert  # noqa: E402
from ecgsvc.training.rhythm import EpochOfRecordings, train_rhythm  # noqa: E402
from ecgsvc.training.rhythm_decision import (  # noqa: E402
    RhythmLogits,
    choose_decision,
    cross_decided,
)
from ecgsvc.training.rhythm_ensemble import (  # noqa: E402
    OutlierScore,
    RhythmEnsemble,
    RhythmMember,
)
from ecgsvc.training.rhythm_recordings import (  # noqa: E402
    load_recordings,
    prepare_recordings,
    save_recordings,
    stratified_folds,
)
from ecgsvc.training.window_networks import CanetTrunk, WindowNetwork  # noqa: E402

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def classify_beats(waveform, r_peaks):
    """All beats are normal."""
    normal = np.tile(np.float32([1, 0, 0, 0, 0]), (len(r_peaks), 1))
    return ClassifiedBeats(r_peaks, normal)


def held_out(n=2000, sharpness=2.0, seed=0):
    """Logits that favour the right class, four times as sharp as they should be."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, n, p=(0.6, 0.1, 0.27, 0.03))
    logits = rng.standard_normal((n, 4))
    logits[np.arange(n), labels] += sharpness
    return RhythmLogits(labels, 4 * logits[np.newaxis], rng.gamma(5, 1, n))


def write_recordings(folder, n_each=6, duration_s=12.0):
    """Simulated N, A, O and noise as the challenge lays them out; the first one twice.

    They differ in rate and noise: of recordings all alike, distances have no scale.
    """
    rng = np.random.default_rng(0)
    lines = []
    for number in range(4 * n_each + 1):
        label = RHYTHM_CLASSES[number % 4]
        kind = number % (4 * n_each) // 4
        settings = SimulationSettings(
            heart_rate_bpm=55.0 + 10 * kind,
            muscle_mv=0.02 * kind,
            baseline_wander_mv=0.3 / (1 + kind),
            rhythm="af" if label == "A" else "sinus",
            pvc_probability=0.3 if label == "O" else 0.0,
            duration_s=duration_s,
            sampling_rate_hz=300.0,
            leads=("I",),
            seed=0 if number == 4 * n_each else number,
        )
        samples_mv = simulate(settings).recording.waveform.samples_mv[0]
        if label == "~":
            samples_mv = rng.standard_normal(len(samples_mv))
        name = f"R{number:02d}"
        samples = np.rint(1000 * samples_mv).astype("<i2")
        (folder / f"{name}.dat").write_bytes(samples.tobytes())
        header = f"{name} 1 300 {len(samples)}\n{name}.dat 16 1000/mV 16 0 0 0 0 ECG\n"
        (folder / f"{name}.hea").write_text(header)
        lines.append(f"{name},{label}")
    (folder / "REFERENCE-v3.csv").write_text("\n".join(lines) + "\n")


def test_folds_have_their_share_of_each_class_and_keep_equals_together():
    labels = np.random.default_rng(0).choice(4, 500, p=(0.6, 0.1, 0.27, 0.03))
    contents = [str(i) for i in range(500)]
    contents[77] = contents[400]
    folds = stratified_folds(labels, contents, seed=0)
    assert folds[77] == folds[400]
    for label in range(4):
        sizes = np.bincount(folds[labels == label], minlength=5)
        assert np.ptp(sizes) <= 2
    assert np.array_equal(folds, stratified_folds(labels, contents, seed=0))
    assert not np.array_equal(folds, stratified_folds(labels, contents, seed=1))


def test_recordings_come_in_the_pieces_serving_reads_and_in_short_ones(tmp_path):
    write_recordings(tmp_path, n_each=1)
    recordings = prepare_recordings(tmp_path, classify_beats)
    assert recordings.labels.tolist() == [0, 1, 2, 3, 0]
    assert recordings.contents[0] == recordings.contents[4]
    assert np.bincount(recordings.recording).tolist() == [2] * 5
    assert recordings.short.sum() == 5
    save_recordings(recordings, tmp_path / "kept.npz")
    again = load_recordings(tmp_path / "kept.npz")
    assert again.names == recordings.names
    np.testing.assert_array_equal(again.pieces.windows, recordings.pieces.windows)
    np.testing.assert_array_equal(again.pieces.weights, recordings.pieces.weights)


def test_an_epoch_shows_one_piece_of_every_recording():
    recording = np.repeat(np.arange(40), 4)
    short = np.tile([False, True, True, True], 40)
    draw = EpochOfRecordings(recording, short)
    drawn = draw(np.random.default_rng(0))
    assert sorted(recording[drawn].tolist()) == list(range(40))
    assert 0 < short[drawn].sum() < 30


def test_the_temperature_undoes_too_sharp_logits():
    decision = choose_decision(held_out())
    assert 1.5 < decision.temperature <= 3
    assert decision.logit_offsets[0] == decision.logit_offsets[3] == 0


def test_sets_hold_nine_of_ten_of_every_class_on_other_recordings():
    decision = choose_decision(held_out(n=4000))
    for name, (n_held, n) in decision.apply(held_out(n=8000, seed=1)).coverage().items():
        assert n_held / n == pytest.approx(0.9, abs=0.05), name


def test_cross_decided_results_keep_the_order_of_the_recordings():
    answers = held_out()
    results = cross_decided(answers, seed=0)
    np.testing.assert_array_equal(results.labels, answers.labels)
    agree = results.called == answers.parts[0].argmax(axis=1)
    assert agree.mean() > 0.9


def test_the_outlier_score_is_small_at_the_classes_and_grows_away_from_them():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=600)
    embeddings = (rng.standard_normal((600, 8)) + 5 * labels[:, None]).astype(np.float32)
    score = OutlierScore(3, 8).fit(embeddings, labels)
    near = score(torch.from_numpy(embeddings)).mean()
    far = score(torch.from_numpy(embeddings + 40)).mean()
    assert near < 5 < far


def test_trees_answer_as_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((600, 8)).astype(np.float32)
    labels = (features[:, 0] > 0) + 2 * (features[:, 1] * features[:, 2] > 0)
    fitted = HistGradientBoostingClassifier(max_iter=12, max_leaf_nodes=12)
    fitted.fit(features, labels)
    unseen = rng.standard_normal((200, 8)).astype(np.float32)
    scores = convert(fitted)(torch.from_numpy(unseen))
    np.testing.assert_allclose(
        scores.softmax(dim=-1), fitted.predict_proba(unseen), atol=1e-5
    )


def test_an_ensemble_is_the_mean_of_its_members():
    def member(seed):
        torch.manual_seed(seed)
        trunk = CanetTrunk(channels=(8, 8), lstm_width=8)
        network = WindowNetwork(trunk, trunk.width, 4, 3)
        return RhythmMember(network, OutlierScore(3, 64), BoostedTrees(4, 2, 4)).eval()

    members = [member(seed) for seed in range(2)]
    windows, features = torch.randn(2, 1, 400), torch.randn(2, 3)
    logits, outlier = RhythmEnsemble(members, 2.0)(windows, features)
    each = [m(windows, features) for m in members]
    parts = [network + 2 * trees for network, trees, _ in each]
    torch.testing.assert_close(logits, (parts[0] + parts[1]) / 2)
    torch.testing.assert_close(outlier, (each[0][2] + each[1][2]) / 2)


def test_the_better_part_gets_the_greater_weight():
    good, bad = held_out(sharpness=3.0), held_out(sharpness=0.5)
    both = RhythmLogits(good.labels, np.concatenate([bad.parts, good.parts]), good.outlier)
    turned = RhythmLogits(
        good.labels, np.concatenate([good.parts, bad.parts]), good.outlier
    )
    assert choose_decision(both).weights[1] == 1 > choose_decision(turned).weights[1]


def test_training_makes_a_folder_that_serves(tmp_path):
    write_recordings(tmp_path)
    trained = train_rhythm(tmp_path, tmp_path / "out", epochs=1, folds=(0, 1))
    classifier = RhythmClassifier.load(trained.folder, TOOLS, provider="cpu")
    ecg = simulate(SimulationSettings(leads=("II",), duration_s=20.0)).recording.waveform
    r_peaks = dsp.detect_r_peaks(ecg.samples_mv, ecg.sampling_rate_hz)
    (window,) = classifier.classify(ecg, classify_beats(ecg, r_peaks)).windows
    assert sum(window.probabilities.values()) == pytest.approx(1)
    figures = trained.card["metrics"]
    assert 8 <= figures["out_of_fold"]["recordings"] <= 14  # two fifths of 25
    assert set(figures["out_of_distribution"]) > {"white_noise", "pulse_wave"}
    session = open_session(trained.folder / "model.onnx", "cpu")
    assert [output.name for output in session.get_outputs()] == ["logits", "outlier"]
    kept = read_held_out(tmp_path / "out" / "rhythm-canet-held-out.npz")
    labels = {r.path.name: r.label for r in read_reference_rhythms(tmp_path)}
    assert [labels[name] for name in kept.records] == kept.labels.tolist()
    assert kept.confusion.tolist() == figures["out_of_fold"]["confusion"]


def test_an_unknown_network_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no rhythm network"):
        train_rhythm(tmp_path, tmp_path, model="transformer")

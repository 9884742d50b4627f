"""Training and export of the beat network; needs the extra ``train``."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")
pytest.importorskip("onnx", reason="needs ecgsvc[train]")

from ecgsvc.inference import load_model_card  # noqa: E402
from ecgsvc.inference.beat_features import FEATURE_NAMES, BeatInputs  # noqa: E402
from ecgsvc.training import batches, cards, export  # noqa: E402
from ecgsvc.training.datasets import BeatSequence  # noqa: E402
from ecgsvc.training.decision import HeldOut, choose_offsets, held_out_results  # noqa: E402
from ecgsvc.training.fit import (  # noqa: E402
    FitPlan,
    beat_weights,
    fit,
    focal_loss,
    network_logits,
)
from ecgsvc.training.networks import CnnLstmAttention  # noqa: E402
from ecgsvc.training.train import FOLDS  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def sequence(n_beats=96, seed=0, lead_index=0, piece_s=None):
    """Beats whose class is plain to see: V upside down, S early."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n_beats, p=(0.6, 0.2, 0.2))
    windows = 0.05 * rng.standard_normal((n_beats, 2, 200)).astype(np.float32)
    windows[labels == 2, :, 70:90] -= 2
    windows[labels != 2, 0, 70:90] += 1
    features = 0.1 * rng.standard_normal((n_beats, len(FEATURE_NAMES))).astype(np.float32)
    features[labels == 1, 2:5] -= 2
    inputs = BeatInputs(windows, features, np.ones(n_beats, bool))
    return BeatSequence(f"r{seed}", lead_index, piece_s, inputs, labels)


def test_the_network_learns_what_is_plain_to_see(tmp_path):
    sequences = [sequence(seed=seed) for seed in range(4)]
    plan = FitPlan(epochs=30, seed=0, checkpoint=tmp_path / "tiny.pt")
    network = fit(CnnLstmAttention(dropout=0.1), sequences, plan)
    answers = network_logits(network, sequences[0].inputs).argmax(axis=1)
    assert (answers == sequences[0].labels).mean() > 0.95
    curve = json.loads((tmp_path / "tiny.json").read_text())
    assert len(curve) == 30
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]


def test_a_resumed_run_makes_the_weights_of_an_unbroken_one(tmp_path):
    sequences = [sequence(n_beats=64)]
    start = CnnLstmAttention().state_dict()

    def run(name, **options):
        network = CnnLstmAttention()
        network.load_state_dict(start)
        plan = FitPlan(epochs=3, seed=1, checkpoint=tmp_path / name, **options)
        return network, plan

    unbroken = fit(*_in_order(run("a.pt"), sequences))

    def stop(n_done):
        if n_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(*_in_order(run("b.pt"), sequences), stop)
    resumed = fit(*_in_order(run("b.pt", resume=True), sequences))
    for name, value in unbroken.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)


def _in_order(network_and_plan, sequences):
    network, plan = network_and_plan
    return network, sequences, plan


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    plan = FitPlan(epochs=1, seed=0, checkpoint=tmp_path / "a.pt")
    fit(CnnLstmAttention(), [sequence(n_beats=20)], plan)
    other = FitPlan(epochs=1, seed=1, checkpoint=tmp_path / "a.pt", resume=True)
    with pytest.raises(ValueError, match="another run"):
        fit(CnnLstmAttention(), [sequence(n_beats=20)], other)


def test_padding_changes_nothing():
    network = CnnLstmAttention().eval()
    windows, features = torch.randn(2, 9, 2, 200), torch.randn(2, 9, len(FEATURE_NAMES))
    with torch.no_grad():
        padded = network(windows, features, torch.tensor([5, 9]))
        alone = network(windows[:1, :5], features[:1, :5])
    torch.testing.assert_close(padded[:1, :5], alone, rtol=0, atol=1e-5)


def test_the_export_computes_what_the_network_computes(tmp_path):
    sha256 = export.export_onnx(CnnLstmAttention(), tmp_path)
    assert len(sha256) == 64
    assert (
        export.parity(CnnLstmAttention(), tmp_path / "model.onnx") > export.MAX_DIFFERENCE
    )


def test_an_export_that_differs_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "MAX_DIFFERENCE", 0.0)
    with pytest.raises(export.ExportMismatch):
        export.export_onnx(CnnLstmAttention(), tmp_path)


def test_the_card_written_is_the_card_read(tmp_path):
    sha256 = export.export_onnx(CnnLstmAttention(), tmp_path)
    results = held_out_results([_held_out("a"), _held_out("b")], [0.0] * 5)
    document = cards.beat_card(
        name="beats-tiny",
        version="0.0.1",
        sha256=sha256,
        logit_offsets=[0.0, 0.5, -0.25, 0.0, 0.0],
        training={"seed": 0, "folds": FOLDS},
        metrics={"protocol": cards.evaluated(results, "a test")},
    )
    cards.write_card(tmp_path, document)
    card = load_model_card(tmp_path)
    assert card.identity.sha256 == sha256
    assert card.logit_offsets == (0.0, 0.5, -0.25, 0.0, 0.0)
    assert card.document["metrics"]["protocol"]["all"]["V_f1"][0] == 1.0
    assert card.document["limits"]["failure_modes"] == list(cards.FAILURE_MODES)


def test_figures_that_are_undefined_are_left_out_of_the_card():
    results = held_out_results([_held_out("a")], [0.0, 0.0, 0.0, -10.0, 0.0])
    figures = cards.evaluated(results, "a test")["all"]
    assert figures["F_sensitivity"][0] == 0.0
    assert "F_positive_predictivity" not in figures


def _held_out(record):
    labels = np.array([0, 0, 0, 1, 2, 3] * 5)
    logits = np.eye(5, dtype=np.float32)[labels] * 3
    return HeldOut(record, labels, logits, np.zeros((30, len(FEATURE_NAMES)), np.float32))


def test_offsets_make_up_for_a_class_called_too_seldom():
    part = _held_out("a")
    part.logits[part.labels == 1, 0] += 4
    offsets = choose_offsets([part])
    assert offsets[1] > 1
    assert held_out_results([part], offsets).figures().f1[1] == 1.0


def test_an_epoch_shows_every_beat_of_every_record_once():
    sequences = [sequence(n_beats=150, seed=1), sequence(n_beats=150, seed=1, lead_index=1)]
    drawn = batches.epoch_batches(sequences, np.random.default_rng(0))
    seen = [i for batch in drawn for chunk in batch for i in range(chunk.start, chunk.stop)]
    assert sorted(seen) == list(range(150))


def test_augmentation_leaves_the_batch_it_was_given_alone():
    chunk = batches.Chunk(sequence(n_beats=10), 0, 10)
    batch = batches.collate([chunk], {"r0": np.ones(5, np.float32)})
    before = batch.windows.clone(), batch.features.clone()
    varied = batches.augment(batch, torch.Generator().manual_seed(0))
    torch.testing.assert_close(batch.windows, before[0], rtol=0, atol=0)
    torch.testing.assert_close(batch.features, before[1], rtol=0, atol=0)
    assert not torch.equal(varied.features, batch.features)


def test_beats_without_a_label_do_not_count():
    logits = torch.randn(1, 4, 5)
    labels = torch.tensor([[0, 1, 2, batches.IGNORED]])
    weights = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    expected = focal_loss(logits[:, :3], labels[:, :3], weights[:, :3])
    torch.testing.assert_close(focal_loss(logits, labels, weights), expected)


def test_rare_classes_and_patients_with_few_beats_weigh_more():
    weights = beat_weights([sequence(n_beats=400, seed=1), sequence(n_beats=40, seed=2)])
    assert weights["r1"][1] > weights["r1"][0]
    assert weights["r2"][0] > weights["r1"][0]
    assert weights["r1"][4] == 0.0


def test_no_patient_is_in_two_folds():
    records = [record for fold in FOLDS for record in fold]
    assert len(records) == len(set(records)) == 22

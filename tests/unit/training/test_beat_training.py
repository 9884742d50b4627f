"""Training and export of the beat network; needs the extra ``train``."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")
pytest.importorskip("onnx", reason="needs ecgsvc[train]")

from ecgsvc.domain.beats import BEAT_CLASSES  # noqa: E402
from ecgsvc.evaluation.references import DS2  # noqa: E402
from ecgsvc.inference import load_model_card  # noqa: E402
from ecgsvc.inference.beat_features import (  # noqa: E402
    LEAD_FEATURES,
    WINDOW_SAMPLES,
    BeatInputs,
)
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES  # noqa: E402
from ecgsvc.training import batches, cards, export  # noqa: E402
from ecgsvc.training.beat_trees import (  # noqa: E402
    TREES_WEIGHTS,
    BeatMember,
    fit_beat_trees,
    tree_features,
)
from ecgsvc.training.datasets import (  # noqa: E402
    BeatSequence,
    prepare_simulated,
    prepare_tachycardias,
)
from ecgsvc.training.decision import (  # noqa: E402
    MOST_BEATS,
    Decision,
    HeldOut,
    choose_decision,
    held_out_results,
)
from ecgsvc.training.fit import FitPlan, fit, network_logits  # noqa: E402
from ecgsvc.training.losses import (  # noqa: E402
    beat_weights,
    cross_entropy,
    focal_loss,
)
from ecgsvc.training.networks import BEAT_NETWORKS, CnnLstmAttention, Mean  # noqa: E402
from ecgsvc.training.splits import folds, kept_apart  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def sequence(n_beats=400, seed=0, n_leads=1, kind="record"):
    """Beats whose class is plain to see: V upside down, S early."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n_beats, p=(0.6, 0.2, 0.2))
    windows = 0.05 * rng.standard_normal((n_beats, n_leads, 2, WINDOW_SAMPLES))
    windows[labels == 2, :, :, 45:55] -= 2
    windows[labels != 2, :, 0, 45:55] += 1
    shapes = 0.1 * rng.standard_normal((n_beats, n_leads, len(LEAD_FEATURES)))
    rhythm = 0.1 * rng.standard_normal((n_beats, len(RHYTHM_FEATURES)))
    rhythm[labels == 1, 2:5] -= 2
    inputs = BeatInputs(
        windows.astype(np.float32),
        shapes.astype(np.float32),
        rhythm.astype(np.float32),
        np.arange(n_beats),
        np.ones(n_beats, bool),
    )
    return BeatSequence(f"r{seed}", kind, inputs, labels)


def test_the_network_learns_what_is_plain_to_see(tmp_path):
    sequences = [sequence(seed=seed) for seed in range(4)]
    plan = FitPlan(epochs=60, seed=0, checkpoints=tmp_path)
    network = fit(CnnLstmAttention(dropout=0.1), sequences, plan, "tiny")
    answers = network_logits(network, sequences[0].inputs).argmax(axis=1)
    assert (answers == sequences[0].labels).mean() > 0.95
    curve = json.loads((tmp_path / "tiny.json").read_text())
    assert len(curve) == 60
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]


def test_a_resumed_run_makes_the_weights_of_an_unbroken_one(tmp_path):
    sequences = [sequence(n_beats=300)]
    start = CnnLstmAttention().state_dict()

    def run(name, on_epoch=lambda _: None, **options):
        network = CnnLstmAttention()
        network.load_state_dict(start)
        plan = FitPlan(epochs=3, seed=1, checkpoints=tmp_path, **options)
        return fit(network, sequences, plan, name, on_epoch)

    unbroken = run("a")

    def stop(n_done):
        if n_done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("b", stop)
    resumed = run("b", resume=True)
    for name, value in unbroken.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)


@pytest.mark.parametrize("changed", [{"seed": 1}, {"epochs": 2}, {"loss": "cross-entropy"}])
def test_a_checkpoint_of_another_run_is_refused(tmp_path, changed):
    plan = {"epochs": 1, "seed": 0, "checkpoints": tmp_path}
    fit(CnnLstmAttention(), [sequence(n_beats=300)], FitPlan(**plan), "a")
    other = FitPlan(**(plan | changed), resume=True)
    with pytest.raises(ValueError, match="another run"):
        fit(CnnLstmAttention(), [sequence(n_beats=300)], other, "a")


@pytest.mark.parametrize("model", sorted(BEAT_NETWORKS))
def test_every_network_takes_any_number_of_leads_in_any_order(model):
    network = BEAT_NETWORKS[model]().eval()
    windows = torch.randn(2, 9, 2, 2, WINDOW_SAMPLES)
    shapes, rhythm = (
        torch.randn(2, 9, 2, len(LEAD_FEATURES)),
        torch.randn(2, 9, len(RHYTHM_FEATURES)),
    )
    with torch.no_grad():
        both = network(windows, shapes, rhythm)
        swapped = network(windows.flip(2), shapes.flip(2), rhythm)
        one = network(windows[:, :, :1], shapes[:, :, :1], rhythm)
    assert both.shape == one.shape == (2, 9, 5)
    torch.testing.assert_close(both, swapped, rtol=0, atol=1e-5)


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
    results = held_out_results([_held_out("a"), _held_out("b")], PLAIN)
    document = cards.beat_card(
        name="beats-tiny",
        version="0.0.1",
        sha256=sha256,
        decision=Decision(0.8, (0.0, 0.5, -0.25, 0.0, 0.0), 0.12, 0.9),
        conformal={"N": 0.5},
        least_probability=0.7,
        track="a",
        training={"seed": 0, "folds": folds("a")},
        metrics={"protocol": cards.evaluated(results, "a test")},
    )
    cards.write_card(tmp_path, document)
    card = load_model_card(tmp_path)
    assert card.identity.sha256 == sha256
    assert card.logit_offsets == (0.0, 0.5, -0.25, 0.0, 0.0)
    assert card.document["metrics"]["protocol"]["all"]["V_f1"][0] == 1.0
    assert card.document["limits"]["failure_modes"] == list(cards.FAILURE_MODES)


def test_figures_that_are_undefined_are_left_out_of_the_card():
    results = held_out_results(
        [_held_out("a")], Decision(1.0, (0.0, 0.0, 0.0, -10.0, 0.0), 0.12, 0.9)
    )
    figures = cards.evaluated(results, "a test")["all"]
    assert figures["F_sensitivity"][0] == 0.0
    assert "F_positive_predictivity" not in figures


PLAIN = Decision(1.0, (0.0,) * 5, 0.12, 0.0)


def _held_out(record):
    labels = np.array([0, 0, 0, 1, 2, 3] * 5)
    logits = np.eye(5, dtype=np.float32)[labels] * 3.1
    rhythm = np.zeros((30, len(RHYTHM_FEATURES)), np.float32)
    return HeldOut(record, labels, logits, rhythm, np.arange(30))


def test_offsets_make_up_for_a_class_called_too_seldom():
    part = _held_out("a")
    part.logits[part.labels == 1, 0] += 4.1
    decision = choose_decision([part])
    assert decision.logit_offsets[1] * decision.temperature > 1
    assert held_out_results([part], decision).figures().f1[1] == 1.0


def test_a_record_counts_for_so_many_beats_of_a_class_and_no_more():
    """Of ten records one, with most S beats of all, would have S called too often."""

    def record(name, n_n, n_s):
        labels = np.repeat([0, 0, 1, 2], [500, n_n, n_s, 20])
        logits = 6 * np.eye(5, dtype=np.float32)[labels]
        logits[500 : 500 + n_n + n_s] = [1.0, 0.0, 0.0, 0.0, 0.0]  # cannot be told
        rhythm = np.zeros((len(labels), len(RHYTHM_FEATURES)), np.float32)
        return HeldOut(name, labels, logits, rhythm, np.arange(len(labels)))

    many = [record("many", 0, 3000), *(record(str(n), 100, 10) for n in range(9))]
    for part in many[1:]:
        part.logits[part.labels == 1] = 6 * np.eye(5, dtype=np.float32)[1]
    decision = choose_decision(many)
    calls = np.concatenate([decision.probabilities(p).argmax(axis=1) for p in many[1:]])
    assert (calls == 1).sum() == 90  # the many records keep their precision
    assert MOST_BEATS < 900


def test_the_temperature_makes_sure_answers_less_sure_where_they_are_often_wrong():
    rng = np.random.default_rng(0)
    labels = rng.choice(3, 3000)
    called = np.where(rng.random(3000) < 0.7, labels, rng.choice(3, 3000))
    logits = 10 * np.eye(5, dtype=np.float32)[called]
    rhythm = np.zeros((3000, len(RHYTHM_FEATURES)), np.float32)
    part = HeldOut("a", labels, logits, rhythm, np.arange(len(labels)))
    decision = choose_decision([part])
    sure = decision.probabilities(part).max(axis=1).mean()
    assert sure == pytest.approx((called == labels).mean(), abs=0.05)


def test_the_temperature_changes_no_call():
    part = _held_out("a")
    part.logits[...] += np.random.default_rng(0).normal(0, 2, part.logits.shape)
    decision = choose_decision([part])
    hot = replace(
        decision,
        temperature=3.0,
        logit_offsets=tuple(o * decision.temperature / 3 for o in decision.logit_offsets),
    )
    np.testing.assert_array_equal(
        decision.probabilities(part).argmax(axis=1), hot.probabilities(part).argmax(axis=1)
    )


def test_a_batch_holds_chunks_of_equal_length_and_leads():
    sequences = [sequence(n_beats=n, seed=n, n_leads=2) for n in (150, 40, 12)]
    sequences += [sequence(n_beats=12, seed=1, kind="piece")] * 20
    rng = np.random.default_rng(0)
    for chunks in batches.epoch_batches(sequences, rng):
        assert len({(c.stop - c.start, len(c.leads)) for c in chunks}) == 1
        assert all(0 <= c.start < c.stop <= len(c.sequence.labels) for c in chunks)


def test_augmentation_leaves_the_batch_it_was_given_alone():
    chunk = batches.Chunk(sequence(n_beats=10, n_leads=2), 0, 10, (0, 1))
    batch = batches.collate([chunk], {"r0": np.ones(5, np.float32)})
    before = batch.windows.clone(), batch.rhythm.clone()
    varied = batches.augment(batch, torch.Generator().manual_seed(0))
    torch.testing.assert_close(batch.windows, before[0], rtol=0, atol=0)
    torch.testing.assert_close(batch.rhythm, before[1], rtol=0, atol=0)
    assert not torch.equal(varied.rhythm, batch.rhythm)
    assert not torch.equal(varied.windows, batch.windows)


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


def test_a_label_of_one_class_costs_its_cross_entropy():
    logits, labels = torch.randn(1, 6, 5), torch.tensor([[0, 1, 2, 3, 4, 0]])
    expected = torch.nn.functional.cross_entropy(logits[0], labels[0])
    torch.testing.assert_close(cross_entropy(logits, labels, torch.ones(1, 6)), expected)


def _random_input(n_chunks, n_beats, n_leads):
    return (
        torch.randn(n_chunks, n_beats, n_leads, 2, WINDOW_SAMPLES),
        torch.randn(n_chunks, n_beats, n_leads, len(LEAD_FEATURES)),
        torch.randn(n_chunks, n_beats, len(RHYTHM_FEATURES)),
    )


def test_several_networks_answer_by_their_mean():
    members = [CnnLstmAttention().eval() for _ in range(2)]
    inputs = _random_input(1, 5, 1)
    with torch.no_grad():
        answers = [member(*inputs) for member in members]
        torch.testing.assert_close(Mean(members)(*inputs), (answers[0] + answers[1]) / 2)


def test_trees_beside_a_network_learn_from_features_alone():
    sequences = [sequence(n_beats=400, seed=seed, n_leads=2) for seed in range(4)]
    for part in sequences:
        part.labels[:5] = 3  # trees learn no class they never see
    trees = fit_beat_trees(sequences, seed=0, n_rounds=20)
    inputs = sequences[0].inputs
    logits = trees(
        torch.from_numpy(inputs.shapes[np.newaxis]),
        torch.from_numpy(inputs.rhythm[np.newaxis]),
    )
    assert logits.shape == (1, 400, 5)
    early = sequences[0].labels == 1
    called = logits[0].argmax(dim=-1).numpy()
    assert (called[early] == 1).mean() > 0.9
    assert not (called == 4).any()
    network = CnnLstmAttention().eval()
    one_lead = _random_input(1, 6, 1)
    with torch.no_grad():
        member = BeatMember(network, trees)(*one_lead)
        network_alone = network(*one_lead).log_softmax(dim=-1)
        against_n = trees(*one_lead[1:])
        against_n = against_n - against_n[..., :1]
    for place, beat_class in enumerate(BEAT_CLASSES):
        weight = TREES_WEIGHTS.get(beat_class, 0.0)
        torch.testing.assert_close(
            member[..., place], network_alone[..., place] + weight * against_n[..., place]
        )


def test_most_beats_of_some_simulated_recordings_are_s_and_of_others_none():
    sequences = prepare_tachycardias(6, seed=0)
    assert {each.kind for each in sequences} == {"record"}
    n_beats = np.array([np.bincount(s.labels, minlength=5) for s in sequences])
    shares = n_beats[:, 1] / n_beats.sum(axis=1)
    assert (shares[:2] > 0.5).all()
    assert (shares[2:] < 0.06).all()
    assert n_beats.sum() > 2000
    steps = sequences[0].inputs.rhythm[:, RHYTHM_FEATURES.index("pace_step")]
    in_a_run = sequences[0].labels == 1
    assert np.median(steps[in_a_run]) < -0.25
    blocked = sequences[5].inputs.rhythm[:, RHYTHM_FEATURES.index("pace_step")]
    assert (np.abs(np.abs(blocked) - np.log(2)) < 0.1).mean() > 0.2


def test_features_of_neighbours_are_those_of_the_beats_around():
    _, shapes, rhythm = _random_input(1, 6, 2)
    features = tree_features(shapes, rhythm)[0]
    n_own = len(RHYTHM_FEATURES) + 3 * len(LEAD_FEATURES)
    two_before, before, after, two_after = features[:, n_own:].chunk(4, dim=1)
    of_beat = rhythm[0, :, RHYTHM_FEATURES.index("rr_before_to_local")]
    assert two_before[:, 0].tolist() == of_beat[[0, 0, 0, 1, 2, 3]].tolist()
    assert before[:, 0].tolist() == of_beat[[0, 0, 1, 2, 3, 4]].tolist()
    assert after[:, 0].tolist() == of_beat[[1, 2, 3, 4, 5, 5]].tolist()
    assert two_after[:, 0].tolist() == of_beat[[2, 3, 4, 5, 5, 5]].tolist()


SVDB = [str(n) for n in range(800, 850)]


@pytest.mark.parametrize(("track", "n_records"), [("a", 22), ("b", 67)])
def test_no_record_is_in_two_folds_and_none_of_those_kept_apart(track, n_records):
    records = [record for fold in folds(track, SVDB) for record in fold]
    assert len(records) == len(set(records)) == n_records
    assert not set(records) & set(kept_apart(SVDB))
    assert len(kept_apart(SVDB)) == 5


def test_no_record_of_ds2_trains():
    assert {record for fold in folds("b", SVDB) for record in fold} & set(DS2) == set()


def test_simulated_recordings_hold_fibrillation_without_s():
    sequences = prepare_simulated(6, seed=0)
    assert len(sequences) == 6
    for sequence in sequences[1::2]:
        assert not (sequence.labels == 1).any()
    for sequence in sequences:
        assert sequence.inputs.windows.shape[:2] == (len(sequence.labels), 2)
        assert sequence.inputs.readable.all()

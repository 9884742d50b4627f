"""Data, network, decision and export of the diagnosis model; needs the extra ``train``."""

import csv

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")
pytest.importorskip("sklearn", reason="needs ecgsvc[train]")
pytest.importorskip("onnx", reason="needs ecgsvc[train]")

from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: E402

from ecgsvc import dsp  # noqa: E402
from ecgsvc.config import DIAGNOSIS_MODEL  # noqa: E402
from ecgsvc.domain.diagnosis import SUPERCLASSES  # noqa: E402
from ecgsvc.evaluation.diagnosis import auc, macro_auc, risk_at, wilson  # noqa: E402
from ecgsvc.evaluation.diagnosis_references import (  # noqa: E402
    DiagnosisSet,
    frequent_statements,
    read_diagnosis_set,
)
from ecgsvc.inference import DiagnosisReader, SignalTools, load_model_card  # noqa: E402
from ecgsvc.inference.diagnosis_features import UNKNOWN  # noqa: E402
from ecgsvc.training import diagnosis as training  # noqa: E402
from ecgsvc.training.boosted_trees import convert_labels  # noqa: E402
from ecgsvc.training.diagnosis_decision import (  # noqa: E402
    best_f1_threshold,
    calibrate,
    choose_decision,
    least_of_most,
    tolerated,
)
from ecgsvc.training.diagnosis_ensemble import whole_inputs  # noqa: E402
from ecgsvc.training.diagnosis_fit import (  # noqa: E402
    DiagnosisPlan,
    diagnosis_outputs,
    fit_diagnosis,
    label_loss,
    varied_inputs,
)
from ecgsvc.training.diagnosis_network import DiagnosisNetwork  # noqa: E402

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
N_LABELS = len(SUPERCLASSES) + 1


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def a_set(n: int = 24) -> DiagnosisSet:
    rng = np.random.default_rng(0)
    labels = (rng.random((n, N_LABELS)) < 0.4).astype(np.float32)
    labels[::3, -1] = np.nan
    person = np.tile(np.float32([1, 0.6, 1, 1]), (n, 1))
    person[::2] = 0
    hertz, sizes = rng.uniform(0.5, 20, (n, 1, 1)), rng.uniform(0.05, 3, (n, 12, 1))
    waves = sizes * np.sin(2 * np.pi * hertz * np.arange(1000) / 100)
    return DiagnosisSet(
        np.arange(n),
        (waves + 0.1 * rng.standard_normal(waves.shape)).astype(np.float16),
        np.arange(n) % 2 == 0,
        person,
        labels,
        (*map(str, SUPERCLASSES), "AFIB"),
        tuple(("train", "train", "val", "test")[i % 4] for i in range(n)),
        tuple(f"p{i // 2}" for i in range(n)),
    )


def test_statements_are_learned_from_twenty_examples_on():
    rows = [{"scp_codes": "AFIB:0|NORM:100"}] * 20 + [{"scp_codes": "PACE:0"}] * 19
    assert frequent_statements(rows) == ["AFIB"]


def test_ptb_xl_is_read_with_what_is_not_known_left_open(tmp_path):
    head = ["ecg_id", "split", *map(str, SUPERCLASSES), "scp_codes", "scp_source"]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(head)
        for ecg_id in range(1, 22):
            rows.writerow([ecg_id, "train", 1, 0, 0, 0, 0, "NORM:100|SR:0", "x"])
        rows.writerow([22, "test", 0, 1, 0, 0, 0, "", ""])
        rows.writerow([23, "", "", "", "", "", "", "SR:0", "x"])
    (tmp_path / "metadata.csv").write_text(
        "ecg_id,patient_id,age,sex,strat_fold\n22,1.0,300,0,10\n23,2.0,50,1,9\n"
    )
    (tmp_path / "records100").mkdir()
    ids = np.arange(1, 24)
    steps = np.random.default_rng(0).integers(-9, 9, (23, 12, 1000)).astype(np.int16)
    np.savez(tmp_path / "normalised100.npz", ecg_id=ids, first_difference=steps)
    read = read_diagnosis_set(tmp_path)
    assert read.label_names == (*map(str, SUPERCLASSES), "SR")
    assert not read.size_known.any()
    assert np.isnan(read.labels[21, -1])
    assert np.isnan(read.labels[22, 0])
    assert read.splits[20:] == ("train", "test", "val")
    assert read.age_years[21] == pytest.approx(90)
    assert read.sexes[20:] == ("", "male", "female")
    assert read.patients[20:] == ("r21", "1.0", "2.0")
    np.testing.assert_allclose(
        read.samples[0].astype(float), steps[0].cumsum(axis=-1) / 128, atol=0.01
    )


def test_labels_that_are_not_known_have_no_part_in_the_loss():
    labels = np.array([[1, np.nan]], dtype=np.float32)
    first, second = (label_loss(torch.tensor([[0.3, x]]), labels) for x in (-9.0, 9.0))
    assert first == second


def test_what_is_varied_stays_a_valid_input():
    rng = np.random.default_rng(0)
    for _ in range(8):
        signal, leads, person = varied_inputs(a_set(), rng)
        assert torch.isfinite(signal).all()
        assert 250 <= signal.shape[-1] <= 1000
        assert (leads[..., 0].sum(dim=1) >= 1).all()
        assert not leads[1::2, :, 1].any()  # sizes that are not known stay unknown
        assert not person[::2].any()


@pytest.mark.parametrize("fusion", ["attention", "concatenation", "none"])
def test_every_fusion_answers_any_length(fusion):
    network = DiagnosisNetwork(N_LABELS, fusion=fusion).eval()
    for n_samples in (250, 777, 1000):
        logits = network(
            torch.randn(2, 12, n_samples), torch.ones(2, 12, 3), torch.ones(2, 4)
        )
        assert logits.shape == (2, N_LABELS)


def test_trees_of_several_labels_answer_as_scikit_learn_s():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((200, 6)).astype(np.float32)
    features[rng.random(features.shape) < 0.3] = UNKNOWN
    truths = [features[:, column] + features[:, 0] > 0 for column in (1, 2)]
    fitted = [
        HistGradientBoostingClassifier(max_iter=9, max_leaf_nodes=5).fit(features, truth)
        for truth in truths
    ]
    answers = convert_labels(fitted)(torch.from_numpy(features)).numpy()
    expected = np.stack([each.decision_function(features) for each in fitted], axis=1)
    np.testing.assert_allclose(answers, expected, atol=1e-5)


def test_what_is_hidden_is_not_shown():
    recordings = a_set(4)
    inputs = whole_inputs(recordings, leads=("II",), person=False, sizes=False)
    assert (inputs.leads[..., 0].sum(axis=1) == 1).all()
    assert not inputs.leads[..., 1].any()
    assert not inputs.person.any()


def test_without_sizes_a_gain_changes_nothing():
    recordings = a_set(4)
    blind = DiagnosisNetwork(N_LABELS, sizes=False)
    first, _ = diagnosis_outputs(blind, recordings)
    second, _ = diagnosis_outputs(blind, recordings, sizes=False)
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_a_seed_makes_the_same_weights_and_resuming_takes_them(tmp_path):
    training_set = a_set(16)

    def fitted(name: str, resume: bool = False):
        torch.manual_seed(1)
        plan = DiagnosisPlan(1, 1, tmp_path / f"{name}.pt", resume)
        return fit_diagnosis(DiagnosisNetwork(N_LABELS), training_set, plan)

    first, second = fitted("a"), fitted("b")
    kept = fitted("a", resume=True)
    for name, value in first.state_dict().items():
        torch.testing.assert_close(value, second.state_dict()[name])
        torch.testing.assert_close(value, kept.state_dict()[name])
    with pytest.raises(ValueError, match="another run"):
        fit_diagnosis(
            DiagnosisNetwork(N_LABELS),
            training_set,
            DiagnosisPlan(2, 1, tmp_path / "a.pt", True),
        )


def test_the_ranking_is_that_of_pairs():
    rng = np.random.default_rng(0)
    truth = rng.random(40) < 0.5
    scores = np.round(rng.random(40), 1)
    pairs = scores[truth][:, None] - scores[~truth]
    expected = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    assert auc(truth, scores) == pytest.approx(expected)
    assert np.isnan(auc(np.ones(3, dtype=bool), np.ones(3)))


def test_a_patient_is_in_one_fold_and_every_fold_has_patients():
    patients = [f"p{i // 2}" for i in range(40)]
    folds = np.array([np.isin(patients, part) for part in training.folds_of(patients, 4)])
    assert (folds[:, ::2] == folds[:, 1::2]).all()
    assert folds.sum(axis=0).tolist() == [1] * 40
    assert folds.sum(axis=1).tolist() == [10, 10, 10, 10]


def test_perfect_scores_have_an_area_of_one():
    labels = np.eye(5).repeat(4, axis=0)
    assert macro_auc(labels, labels).value == 1


def test_calibration_finds_the_temperature_and_shift():
    rng = np.random.default_rng(0)
    true_score = rng.normal(-1, 2, (4000, 2))
    labels = (rng.random(true_score.shape) < 1 / (1 + np.exp(-true_score))).astype(
        np.float32
    )
    temperature, offsets = calibrate(1.6 * true_score + 0.8, labels)
    assert temperature == pytest.approx(1.6, rel=0.15)
    np.testing.assert_allclose(offsets, -0.8 / 1.6, atol=0.2)


def test_nine_tenths_reach_the_conformal_limit_in_nine_of_ten_draws():
    rng = np.random.default_rng(0)
    # Of uniform numbers, as many are below the limit as the limit says.
    limits = np.array([least_of_most(rng.random(60)) for _ in range(2000)])
    assert 0.9 <= (limits <= 0.1).mean() <= 0.97
    assert least_of_most(rng.random(15)) == 0.0
    assert [tolerated(n) for n in (21, 22, 60, 5000)] == [0, 1, 3, 473]


def test_the_threshold_parts_what_can_be_parted():
    truth = np.array([False, False, True, True])
    threshold = best_f1_threshold(truth, np.array([0.1, 0.2, 0.3, 0.4]))
    assert threshold == pytest.approx(0.25)
    assert best_f1_threshold(truth & False, np.ones(4)) == 0.5


def test_the_surest_are_those_whose_answer_is_most_probably_right():
    truth = np.array([True, False, True, False, False])
    # Called at 0.2 with a chance of four in ten, which is farther off than the sure "no".
    wrong, surest = risk_at(truth, np.array([0.9, 0.1, 0.95, 0.4, 0.15]), 0.2)
    assert wrong.tolist() == [0, 0, 0, 1, 0]
    assert sorted(surest) == [0, 1, 2, 4]
    assert wilson(np.ones(10, dtype=bool)).ends[0] < 1


@pytest.mark.parametrize("n_seeds", [1, 2])
def test_the_command_ends_in_a_folder_that_serves(tmp_path, monkeypatch, n_seeds):
    monkeypatch.setattr(training, "read_diagnosis_set", lambda *_: a_set(64))
    trained = training.train_diagnosis(
        tmp_path, tmp_path / "out", seeds=n_seeds, epochs=1, folds=2
    )
    assert trained.folder.name == DIAGNOSIS_MODEL
    card = load_model_card(trained.folder)
    assert card.labels[:5] == tuple(SUPERCLASSES)
    reader = DiagnosisReader.load(trained.folder, TOOLS, provider="cpu")
    recordings = a_set(3)
    inputs = whole_inputs(recordings)
    logits, outlier = reader.outputs(inputs)
    assert logits.shape == (3, N_LABELS)
    assert outlier.shape == (3,)
    assert "superclasses" in card.document["metrics"]["ptbxl_fold_10"]


def test_the_decision_covers_what_it_was_chosen_on():
    rng = np.random.default_rng(1)
    labels = (rng.random((400, 3)) < 0.3).astype(np.float32)
    logits = (2 * labels - 1 + rng.normal(0, 1, labels.shape)).astype(np.float32)
    decision = choose_decision(logits, labels)
    given = decision.probabilities(logits)
    for column in range(3):
        present = given[labels[:, column] == 1, column]
        absent = given[labels[:, column] == 0, column]
        assert (present >= decision.limits["present"][column]).mean() >= 0.9
        assert (absent <= decision.limits["absent"][column]).mean() >= 0.9

"""The table of beat networks, and what the probabilities of held-out beats are worth."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")

from ecgsvc.inference.beat_features import (  # noqa: E402
    LEAD_FEATURES,
    WINDOW_SAMPLES,
    BeatInputs,
)
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES  # noqa: E402
from ecgsvc.training import beat_gan, comparison  # noqa: E402
from ecgsvc.training.comparison import Cell, CellResult, all_cells, top2_weighted  # noqa: E402
from ecgsvc.training.comparison_splits import split_parts, without_neighbours  # noqa: E402
from ecgsvc.training.comparison_table import comparison_table  # noqa: E402
from ecgsvc.training.datasets import BeatSequence  # noqa: E402
from ecgsvc.training.decision import Decision, HeldOut  # noqa: E402
from ecgsvc.training.networks import BEAT_NETWORKS, Cnn  # noqa: E402
from ecgsvc.training.splits import folds  # noqa: E402
from ecgsvc.training.uncertainty import (  # noqa: E402
    conformal_limits,
    least_probability,
    uncertainty_figures,
)

CELL = Cell("cnn", "focal", "none", "random", 0)


def record(name, n_beats=130, n_leads=1):
    rng = np.random.default_rng(len(name))
    inputs = BeatInputs(
        rng.standard_normal((n_beats, n_leads, 2, WINDOW_SAMPLES)).astype(np.float32),
        rng.standard_normal((n_beats, n_leads, len(LEAD_FEATURES))).astype(np.float32),
        rng.standard_normal((n_beats, len(RHYTHM_FEATURES))).astype(np.float32),
        np.zeros(n_beats, np.int64),
        np.ones(n_beats, bool),
    )
    return BeatSequence(name, "record", inputs, rng.choice(4, n_beats))


def result(model, validation, probabilities):
    labels = np.array([0, 1, 2, 3])
    cell = Cell(model, "focal", "none", "random", 0)
    return CellResult(cell, 3, validation, labels, np.asarray(probabilities, np.float32))


def test_a_random_split_shares_records_but_no_beat():
    sequences = [record("100", 400), record("101", 400)]
    parts = split_parts("random", sequences)
    for train, validation, test in zip(
        parts.train, parts.validation, parts.test, strict=True
    ):
        uses = train.inputs.readable.astype(int) + validation.counts + test.counts
        assert (uses == 1).all()
        assert 0.1 < test.counts.mean() < 0.3


def test_a_split_by_patients_shares_no_record():
    sequences = [record(name) for name in ("101", "201", "100", "208", "220")]
    parts = split_parts("inter-patient", sequences)
    names = [
        {s.record for s in parts.train},
        {p.sequence.record for p in parts.validation},
        {p.sequence.record for p in parts.test},
    ]
    assert names == [{"101", "208"}, {"201", "220"}, {"100"}]
    assert names[1] <= set(folds("a")[-1])


def test_a_network_without_context_answers_alike_without_neighbours():
    parts = split_parts("random", [record("100"), record("101")])
    network = Cnn().eval()
    assert not Cnn.sees_neighbours
    answers = comparison._answers(network, parts.validation, parts.test)
    alone = without_neighbours(parts)
    for (labels, p), (labels_alone, p_alone) in zip(
        answers, comparison._answers(network, alone.validation, alone.test), strict=True
    ):
        np.testing.assert_array_equal(labels, labels_alone)
        np.testing.assert_allclose(p, p_alone, atol=1e-5)
    n_beats = sum(len(s.labels) for s in alone.train)
    assert n_beats == sum(s.inputs.readable.sum() for s in parts.train)


@pytest.mark.parametrize("model", sorted(BEAT_NETWORKS))
def test_only_a_network_that_says_so_sees_neighbours(model):
    network = BEAT_NETWORKS[model]().eval()
    windows, shapes = (
        torch.randn(1, 9, 1, 2, WINDOW_SAMPLES),
        torch.randn(1, 9, 1, len(LEAD_FEATURES)),
    )
    rhythm = torch.randn(1, 9, len(RHYTHM_FEATURES))
    with torch.no_grad():
        before = network(windows, shapes, rhythm)[:, 0]
        windows[:, 5] += 1
        after = network(windows, shapes, rhythm)[:, 0]
    assert torch.allclose(before, after, atol=1e-6) != network.sees_neighbours


def test_a_finished_cell_is_not_made_again(tmp_path, monkeypatch):
    sequences = [record("100", 400), record("101", 400)]
    monkeypatch.setattr(comparison, "prepare_records", lambda *_: sequences)
    (made,) = comparison.compare_beats(tmp_path, tmp_path / "t", [CELL], epochs=1)
    assert made.probabilities.shape == (len(made.labels), 5)
    monkeypatch.setattr(comparison, "prepare_records", lambda *_: pytest.fail("made again"))
    (read,) = comparison.compare_beats(tmp_path, tmp_path / "t", [CELL], epochs=1)
    np.testing.assert_array_equal(read.probabilities, made.probabilities)
    assert read.validation_macro_f1 == made.validation_macro_f1


def test_generated_beats_come_from_training_beats_alone(tmp_path, monkeypatch):
    sequences = [record("100", 400, n_leads=2), record("101", 400, n_leads=2)]
    seen = []

    def no_fit(real, seed, on_step):
        seen.append(real)
        return beat_gan.Generator().eval()

    monkeypatch.setattr(comparison, "prepare_records", lambda *_: sequences)
    monkeypatch.setattr(beat_gan, "fit_generator", no_fit)
    cell = Cell("cnn", "focal", "gan", "random", 0)
    comparison.compare_beats(tmp_path, tmp_path / "t", [cell], epochs=1)
    assert (tmp_path / "t" / "gan_random_0.pt").exists()
    trained = beat_gan.rare_beats(split_parts("random", sequences).train)
    (real,) = seen
    np.testing.assert_array_equal(real.beats, trained.beats)
    assert len(real.kinds) < len(beat_gan.rare_beats(sequences).kinds)


def test_the_ensemble_weighs_the_two_best():
    right = 0.6 * np.eye(4, 5) + 0.08
    wrong = 0.6 * np.roll(np.eye(4, 5), 1, axis=1) + 0.08
    results = [result("a", 0.5, wrong), result("b", 0.9, right), result("c", 0.7, wrong)]
    assert np.trace(top2_weighted(results)) == 4
    results.append(result("d", 0.95, wrong))
    assert np.trace(top2_weighted(results)) == 0


def test_the_table_names_the_inflated_split_and_counts_seeds():
    table = comparison_table(
        [result("a", 0.5, np.eye(4, 5)), result("b", 0.6, np.eye(4, 5))]
    )
    columns = {str(column.header): list(column.cells) for column in table.columns}
    assert all("inflated" in cell for cell in columns["Split"])
    assert columns["Network"] == ["a", "b", "Top2-Weighted"]
    assert columns["Seeds"] == ["1", "1", "1"]
    assert columns["Accuracy %"] == ["100.00"] * 3
    assert columns["Validation macro F1 %"] == ["50.00", "60.00", ""]


def test_cells_come_in_whole_rounds_of_a_seed():
    cells = list(all_cells(["cnn", "resnet"], ["focal"], ["none"], ["random"], range(2)))
    assert [cell.seed for cell in cells] == [0, 0, 1, 1]
    assert len({cell.name for cell in cells}) == 4


PLAIN = Decision(1.0, (0.0,) * 5, 0.12, 0.0)


def _held_out(seed, n_beats=1000):
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, n_beats)
    logits = 2 * np.eye(5)[labels] + rng.standard_normal((n_beats, 5))
    rhythm = np.zeros((n_beats, len(RHYTHM_FEATURES)), np.float32)
    kinds = np.arange(n_beats)
    return HeldOut(str(seed), labels, logits.astype(np.float32), rhythm, kinds)


def test_sets_cover_nine_of_ten_beats_of_every_class():
    figures = uncertainty_figures([_held_out(seed) for seed in range(20)], PLAIN)
    for beat_class, (share, low, high) in figures["coverage"].items():
        assert share == pytest.approx(0.9, abs=0.02)
        assert low < 0.9 < high
        binomial = figures["coverage_binomial"][beat_class]
        assert binomial[0] == share
        assert binomial[1] < share < binomial[2]
    assert 1 < figures["mean_set_size"] < 4
    assert figures["error_of_the_surest_80_percent"] < 0.8 * figures["error_of_all"]


def test_records_that_differ_widen_the_interval_of_the_coverage():
    """In every other record the right class gets less than it should."""
    records = [_held_out(seed) for seed in range(20)]
    for record in records[::2]:
        record.logits[np.arange(len(record.labels)), record.labels] -= 1.5
    figures = uncertainty_figures(records, PLAIN)
    _, low, high = figures["coverage"]["V"]
    _, binomial_low, binomial_high = figures["coverage_binomial"]["V"]
    assert high - low > 1.5 * (binomial_high - binomial_low)


def test_beats_above_the_limit_are_wrong_half_as_often():
    records = [_held_out(seed) for seed in range(5)]
    limit = least_probability(records, PLAIN)
    given = np.concatenate([PLAIN.probabilities(r) for r in records])
    wrong = given.argmax(axis=1) != np.concatenate([r.labels for r in records])
    sure = given.max(axis=1) >= limit
    assert wrong[sure].mean() == pytest.approx(wrong.mean() / 2, abs=0.002)
    assert 0.3 < sure.mean() < 0.95


def test_a_class_with_few_beats_is_in_every_set():
    part = _held_out(0)
    keep = (part.labels != 3) | (np.cumsum(part.labels == 3) <= 5)
    few = HeldOut(
        "few", part.labels[keep], part.logits[keep], part.rhythm[keep], part.kinds[keep]
    )
    limits = conformal_limits([few], PLAIN)
    assert limits["F"] == 0.0
    assert limits["V"] > 0.0

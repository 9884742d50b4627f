import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rich.console import Console

from ecgsvc.domain.beats import BEAT_CLASSES, ClassifiedBeats
from ecgsvc.evaluation import DS1, DS2, PACED_RECORDS, beat_tables, evaluate_beats
from ecgsvc.evaluation.beats import BeatResults, RecordConfusion
from ecgsvc.evaluation.confusion import beat_figures, bootstrap_intervals
from ecgsvc.evaluation.references import BEAT_CLASS_OF_SYMBOL

CODES = {"N": 1, "V": 5, "F": 6, "A": 8, "/": 12, "[": 32, "]": 33}
N, S, V, F, Q, NONE = range(6)


def write_record(directory, name, beats):
    (directory / f"{name}.hea").write_text(
        f"{name} 1 360 36000\n{name}.dat 16 200/mV 16 0 0 0 0 II"
    )
    (directory / f"{name}.dat").write_bytes(bytes(2 * 36000))
    distances = np.diff([index for index, _ in beats], prepend=0)
    codes = (CODES[symbol] for _, symbol in beats)
    words = [code << 10 | d for code, d in zip(codes, distances, strict=True)]
    (directory / f"{name}.atr").write_bytes(np.array([*words, 0], dtype="<u2").tobytes())


def answering(classes):
    def classify(waveform, r_peak_indices):
        chosen = [classes[i % len(classes)] for i in range(len(r_peak_indices))]
        return ClassifiedBeats(r_peak_indices, np.eye(5, dtype=np.float32)[chosen])

    return classify


BEATS = [(500, "N"), (1000, "A"), (1500, "V"), (2000, "F"), (2500, "/"), (3000, "N")]


def test_annotated_beats_are_compared_one_by_one(tmp_path):
    write_record(tmp_path, "a", BEATS)
    results = evaluate_beats(tmp_path, answering([N, N, V, V, Q, S]), records=["a"])
    assert results.positions == "annotated"
    expected = np.zeros((6, 6), dtype=int)
    for pair in ((N, N), (S, N), (V, V), (F, V), (Q, Q), (N, S)):
        expected[pair] += 1
    np.testing.assert_array_equal(results.records[0].confusion, expected)


def test_own_beats_are_matched_missed_or_false(tmp_path):
    write_record(tmp_path, "a", BEATS)
    own = np.array([510, 700, 1500, 2000, 2500, 3000])
    results = evaluate_beats(
        tmp_path, answering([N, V, V, F, Q, N]), detect=lambda _: own, records=["a"]
    )
    assert results.positions == "own"
    expected = np.zeros((6, 6), dtype=int)
    for pair in ((N, N), (S, NONE), (V, V), (F, F), (Q, Q), (N, N), (NONE, V)):
        expected[pair] += 1
    np.testing.assert_array_equal(results.records[0].confusion, expected)
    figures = results.figures()
    assert figures.sensitivity[S] == 0
    assert figures.positive_predictivity[V] == 0.5


def test_own_detections_within_flutter_do_not_count(tmp_path):
    write_record(tmp_path, "a", [(500, "N"), (600, "["), (1500, "]"), (2000, "N")])
    own = np.array([500, 800, 1100, 2000])
    results = evaluate_beats(tmp_path, answering([N]), detect=lambda _: own, records=["a"])
    assert results.records[0].confusion.sum() == 2


def test_paced_records_are_left_out_unless_named(tmp_path):
    for name in ("100", "102"):
        write_record(tmp_path, name, BEATS)
    results = evaluate_beats(tmp_path, answering([N]), records=None)
    assert [r.record for r in results.records] == ["100"]


def test_a_classifier_must_answer_for_the_beats_it_was_asked_about(tmp_path):
    write_record(tmp_path, "a", BEATS)
    with pytest.raises(ValueError, match="exactly the beats"):
        evaluate_beats(tmp_path, lambda w, r: answering([N])(w, r[:-1]), records=["a"])


def test_a_perfect_classifier_gets_full_marks():
    figures = beat_figures(np.diag([50, 20, 30, 10, 5, 0]))
    for value in (figures.macro_f1, figures.accuracy, figures.kappa, figures.j_kappa):
        assert value == pytest.approx(1.0)
    assert figures.j == pytest.approx(4.0)


def test_figures_by_hand():
    confusion = np.zeros((6, 6), dtype=np.int64)
    confusion[N, [N, S, V]] = 80, 5, 5
    confusion[S, [N, S]] = 2, 8
    confusion[V, [V, NONE]] = 9, 1
    confusion[NONE, V] = 4
    figures = beat_figures(confusion)
    assert figures.sensitivity[[N, S, V]] == pytest.approx([80 / 90, 0.8, 0.9])
    assert figures.positive_predictivity[[N, S, V]] == pytest.approx([80 / 82, 8 / 13, 0.5])
    assert figures.f1[V] == pytest.approx(18 / 28)
    assert np.isnan(figures.f1[F])
    assert figures.accuracy == pytest.approx(97 / 110)
    chance = (90 * 82 + 10 * 13 + 10 * 18 + 4 * 1) / 114**2
    kappa = (97 / 114 - chance) / (1 - chance)
    assert figures.kappa == pytest.approx(kappa)
    j = 0.8 + 0.9 + 8 / 13 + 0.5
    assert figures.j == pytest.approx(j)
    assert figures.j_kappa == pytest.approx(kappa / 2 + j / 8)


@given(hnp.arrays(np.int64, (3, 6, 6), elements=st.integers(0, 50)))
@settings(max_examples=50, deadline=None)
def test_figures_of_many_matrices_are_those_of_each(confusions):
    confusions[:, -1, -1] = 0  # nothing called nothing is not counted
    together = beat_figures(confusions).flat()
    for i, confusion in enumerate(confusions):
        for name, value in beat_figures(confusion).flat().items():
            np.testing.assert_allclose(together[name][i], value)
            assert np.isnan(value) or -1 - 1e-9 <= value <= 4


def records_of(rng, n_records):
    return rng.multinomial(500, np.full(36, 1 / 36), size=n_records).reshape(-1, 6, 6)


def test_the_bootstrap_is_the_same_for_a_seed_and_holds_the_figure():
    confusions = records_of(np.random.default_rng(1), 10)
    first, again = (bootstrap_intervals(confusions, seed=3) for _ in range(2))
    assert first == again
    assert first != bootstrap_intervals(confusions, seed=4)
    low, high = first["accuracy"]
    assert low < beat_figures(confusions.sum(axis=0)).accuracy < high


def test_one_record_leaves_nothing_to_vary():
    confusion = records_of(np.random.default_rng(1), 1)
    low, high = bootstrap_intervals(confusion)["macro_f1"]
    assert low == pytest.approx(high)


def test_remarkable_records_are_also_left_out():
    confusions = records_of(np.random.default_rng(2), 22)
    results = BeatResults("annotated", tuple(map(RecordConfusion, DS2, confusions)), seed=1)
    assert {name: len(s) for name, s in results.subsets.items()} == {
        "all": 22, "without 232": 21, "without 202": 21,
    }  # fmt: skip
    document = json.loads(json.dumps(results.to_json(), allow_nan=False))
    assert set(document["gross"]) == set(results.subsets)
    console = Console(width=160, record=True, file=io.StringIO())
    for table in beat_tables(results):
        console.print(table)
    shown = console.export_text()
    assert "without 232" in shown
    assert all(name in shown for name in DS2)


def test_a_figure_that_is_undefined_everywhere_is_null():
    confusion = np.zeros((6, 6), dtype=np.int64)
    confusion[N, N] = 10
    results = BeatResults("annotated", (RecordConfusion("a", confusion),))
    gross = results.to_json()["gross"]["all"]
    assert gross["figures"]["V.f1"] is None
    assert gross["intervals"]["V.f1"] == (None, None)
    assert gross["figures"]["N.f1"] == 1.0


def test_symbols_have_the_classes_of_ec57():
    by_class = {
        c: {s for s, k in BEAT_CLASS_OF_SYMBOL.items() if k == c} for c in BEAT_CLASSES
    }
    assert by_class["N"] >= set("NLRej")
    assert by_class["S"] == set("AaJS")
    assert by_class["V"] >= set("VE")
    assert by_class["F"] == {"F"}
    assert by_class["Q"] >= set("/fQ")


def test_train_and_test_records_are_those_of_the_literature():
    assert len(DS1) == len(DS2) == 22
    assert not {*DS1} & {*DS2}
    assert not {*DS1, *DS2} & {*PACED_RECORDS}

"""Figures of rhythm classification on folders in the layout of CinC 2017."""

import numpy as np
import pytest

from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.rhythm import RHYTHM_CLASSES, RhythmCall, RhythmClass, RhythmWindow
from ecgsvc.evaluation import evaluate_rhythm, rhythm_tables
from ecgsvc.evaluation.foreign_signals import FOREIGN_SIGNALS, auroc, foreign_signals
from ecgsvc.evaluation.rhythm import RhythmResults, rhythm_figures
from ecgsvc.evaluation.rhythm_references import read_reference_rhythms
from ecgsvc.evaluation.rhythm_tables import wilson_interval


def results(labels, called, sets=None, sure=0.9):
    labels, called = np.array(labels), np.array(called)
    probabilities = np.full((len(labels), 4), (1 - sure) / 3)
    probabilities[np.arange(len(labels)), called] = sure
    sets = np.eye(4, dtype=bool)[called] if sets is None else np.array(sets, bool)
    return RhythmResults(labels, probabilities, sets, np.zeros(len(labels), bool))


def window(answer, start=0, stop=3000):
    probabilities = {c: 0.7 if c is answer else 0.1 for c in RHYTHM_CLASSES}
    return RhythmWindow(start, stop, probabilities, frozenset({answer}))


def write_folder(folder, classes):
    """One-lead records named after their class, the class's index as the first sample."""
    lines = []
    for number, name in enumerate(classes):
        record = f"R{number:02d}"
        samples = np.full(600, 100 * RHYTHM_CLASSES.index(name), dtype="<i2")
        (folder / f"{record}.dat").write_bytes(samples.tobytes())
        header = f"{record} 1 300 600\n{record}.dat 16 1000/mV 16 0 0 0 0 ECG\n"
        (folder / f"{record}.hea").write_text(header)
        lines.append(f"{record},{name}")
    (folder / "REFERENCE-v3.csv").write_text("\n".join(lines) + "\nMISSING,N\n")


def knows(waveform):
    """Classify by the first sample."""
    answer = RHYTHM_CLASSES[round(10 * waveform.samples_mv[0, 0])]
    return RhythmCall((window(answer),))


def test_f1_of_each_class_and_means():
    figures = results([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 0]).figures()
    assert figures["f1_N"] == pytest.approx(4 / 6)
    assert figures["f1_A"] == pytest.approx(4 / 5)
    assert figures["f1_O"] == 0
    assert np.isnan(figures["f1_~"])
    assert figures["f1_mean_NAO"] == pytest.approx((4 / 6 + 4 / 5) / 3)
    assert figures["accuracy"] == pytest.approx(4 / 6)


def test_intervals_hold_the_figures():
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=300)
    called = np.where(rng.random(300) < 0.8, labels, rng.integers(4, size=300))
    scored = results(labels, called)
    for name, (low, high) in scored.intervals().items():
        assert low < scored.figures()[name] < high


def test_coverage_and_abstention_count_sets():
    sets = [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    scored = results([0, 0, 0, 3], [0, 0, 1, 3], sets)
    assert scored.coverage()[RhythmClass.NORMAL] == (2, 3)
    assert scored.coverage()[RhythmClass.AF] == (0, 0)
    abstention = scored.abstention()
    assert abstention["determined"] == pytest.approx(2 / 4)
    assert abstention["error_determined"] == pytest.approx(1 / 2)
    assert abstention["set_size"] == pytest.approx(5 / 4)


def test_the_surest_are_those_of_the_highest_probability():
    labels, called = np.zeros(10, int), np.array([0] * 8 + [1] * 2)
    scored = results(labels, called)
    probabilities = scored.probabilities.copy()
    probabilities[8:] = [0.3, 0.4, 0.2, 0.1]
    unsure = RhythmResults(labels, probabilities, scored.conformal_sets, scored.outliers)
    assert unsure.abstention()["error"] == pytest.approx(0.2)
    assert unsure.abstention()["error_at_80"] == 0


def test_figures_of_many_matrices_at_once():
    matrices = np.random.default_rng(0).integers(1, 9, (5, 4, 4))
    together = rhythm_figures(matrices)
    for i, matrix in enumerate(matrices):
        for name, value in rhythm_figures(matrix).items():
            assert together[name][i] == pytest.approx(float(value))


def test_a_folder_is_scored_end_to_end(tmp_path):
    write_folder(tmp_path, ["N", "A", "O", "~", "N"])
    scored = evaluate_rhythm(tmp_path, knows)
    assert scored.confusion.tolist() == np.diag([2, 1, 1, 1]).tolist()
    assert scored.to_json()["recordings"] == 5
    for table in rhythm_tables(scored):
        assert table.row_count


def test_a_recording_without_any_window_counts_as_called_noise(tmp_path):
    write_folder(tmp_path, ["~", "A"])
    scored = evaluate_rhythm(tmp_path, lambda _: RhythmCall((), "flat"))
    assert scored.called.tolist() == [3, 3]


def test_a_long_recording_is_the_mean_of_its_windows(tmp_path):
    write_folder(tmp_path, ["A"])
    call = RhythmCall(
        tuple(window(c) for c in (RhythmClass.AF,) * 2 + (RhythmClass.NORMAL,))
    )
    scored = evaluate_rhythm(tmp_path, lambda _: call)
    assert scored.called.tolist() == [1]
    assert scored.conformal_sets.tolist() == [[True, True, False, False]]


def test_recordings_that_are_not_there_are_passed_over(tmp_path):
    write_folder(tmp_path, ["N", "O"])
    assert [r.label for r in read_reference_rhythms(tmp_path)] == [0, 2]


@pytest.mark.parametrize(
    ("text", "problem"),
    [(None, "REFERENCE"), ("R00,X\n", "not NAME,CLASS"), ("R99,N\n", "none of")],
)
def test_an_unusable_reference_is_an_error(tmp_path, text, problem):
    if text is not None:
        (tmp_path / "REFERENCE-v3.csv").write_text(text)
    with pytest.raises(UnreadableRecording, match=problem):
        read_reference_rhythms(tmp_path)


def test_wilson_intervals_lie_around_the_share():
    low, high = wilson_interval(90, 100)
    assert (round(low, 4), round(high, 4)) == (0.8256, 0.9448)
    assert wilson_interval(0, 0) == (None, None)


@pytest.mark.parametrize("kind", FOREIGN_SIGNALS)
def test_foreign_signals_are_finite_different_and_follow_their_seed(kind):
    one, other = foreign_signals(kind, 2, seed=1)
    (again,) = foreign_signals(kind, 1, seed=1)
    assert np.isfinite(one.samples_mv).all()
    assert not np.array_equal(one.samples_mv, other.samples_mv)
    assert np.array_equal(one.samples_mv, again.samples_mv)


def test_auroc_is_the_chance_of_a_higher_score():
    assert auroc(np.array([1.0, 2, 3]), np.array([4.0, 5])) == 1
    assert auroc(np.array([1.0, 2, 3]), np.array([0.0])) == 0
    assert auroc(np.array([1.0, 2, 3]), np.array([2.0])) == pytest.approx(0.5)

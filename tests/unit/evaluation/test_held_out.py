"""Held-out answers: kept, read, as curves, as pictures, and the worst of them drawn."""

from xml.etree import ElementTree

import numpy as np
import pytest

from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.waveform import Waveform
from ecgsvc.evaluation.gallery import draw_gallery, worst_records
from ecgsvc.evaluation.held_out import (
    HeldOutAnswers,
    area_under,
    read_held_out,
    risk_coverage,
    roc_curve,
    save_held_out,
)
from tests.unit.evaluation.test_quality_figures import write_annotations, write_record


def answers(n=2000, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=n)
    logits = rng.normal(size=(n, n_classes))
    logits[np.arange(n), labels] += 2
    odds = np.exp(logits)
    records = np.array([f"r{i % 20}" for i in range(n)])
    return HeldOutAnswers(records, labels, odds / odds.sum(axis=1, keepdims=True))


def test_what_training_keeps_is_read_again(tmp_path):
    kept = answers(n_classes=5)
    path = tmp_path / "held-out.npz"
    save_held_out(path, kept.records.tolist(), kept.labels, kept.probabilities)
    read = read_held_out(path)
    assert read.of_beats
    assert read.classes == ("N", "S", "V", "F", "Q")
    assert (read.records == kept.records).all()
    assert (read.labels == kept.labels).all()
    np.testing.assert_allclose(read.probabilities, kept.probabilities, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"PK", None])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "other.npz"
    if content is None:
        np.savez(path, labels=np.zeros(3))
    else:
        path.write_bytes(content)
    with pytest.raises(UnreadableRecording):
        read_held_out(path)


def test_answers_of_another_number_of_classes_are_refused(tmp_path):
    kept = answers(n_classes=3)
    save_held_out(tmp_path / "x.npz", kept.records, kept.labels, kept.probabilities)
    with pytest.raises(UnreadableRecording, match="number of classes"):
        read_held_out(tmp_path / "x.npz")


def test_the_confusion_counts_right_by_called():
    probabilities = np.eye(4)[[0, 1, 1, 3]]
    held = HeldOutAnswers(np.array(["a"] * 4), np.array([0, 0, 1, 2]), probabilities)
    expected = np.zeros((4, 4), int)
    expected[0, 0] = expected[0, 1] = expected[1, 1] = expected[2, 3] = 1
    assert (held.confusion == expected).all()


def test_the_area_is_the_probability_that_a_positive_scores_higher():
    rng = np.random.default_rng(0)
    scores = rng.integers(20, size=500) / 20  # with ties, which count half
    positive = rng.random(500) < 0.3
    over = scores[positive][:, None] - scores[~positive]
    expected = (over > 0).mean() + (over == 0).mean() / 2
    false, true = roc_curve(scores, positive)
    assert area_under(false, true) == pytest.approx(expected)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert (np.diff(false) >= 0).all()


def test_the_last_point_of_risk_and_coverage_is_the_error_of_all():
    held = answers()
    share, error = risk_coverage(held)
    assert share[-1] == 1
    assert error[-1] == pytest.approx((held.called != held.labels).mean())
    assert error[len(error) // 2] < error[-1]


def test_pictures_are_drawn_the_same_twice(tmp_path):
    pictures = pytest.importorskip("ecgsvc.evaluation.pictures", exc_type=ImportError)
    first = pictures.draw_pictures(answers(), "rhythm", tmp_path / "a")
    again = pictures.draw_pictures(answers(), "rhythm", tmp_path / "b")
    assert [path.name for path in first] == [
        "rhythm-confusion.svg", "rhythm-roc.svg", "rhythm-risk-coverage.svg",
    ]  # fmt: skip
    for a, b in zip(first, again, strict=True):
        assert a.read_bytes() == b.read_bytes()
        ElementTree.fromstring(a.read_text())
        assert a.stat().st_size < 60_000
    assert "sensitivity" in first[1].read_text()


def test_the_worst_records_have_most_errors_and_the_surest():
    probabilities = np.array([[0.9, 0.1, 0, 0], [0.2, 0.8, 0, 0], [0.6, 0.4, 0, 0]])
    held = HeldOutAnswers(np.array(["a", "b", "c"]), np.array([0, 0, 1]), probabilities)
    assert [each.name for each in worst_records(held, 5)] == ["b", "c", "a"]
    assert worst_records(held, 1)[0].error == 1


def record(folder, name, beats=()):
    """A WFDB record of one lead, 30 s, with annotated beats."""
    waveform = Waveform(np.sin(np.arange(9000) / 20)[np.newaxis], 300.0, ("ECG",))
    write_record(folder, name, waveform)
    write_annotations(folder, name, [(beat, 1, "") for beat in beats])


def test_a_gallery_shows_right_and_called(tmp_path):
    record(tmp_path, "r1", beats=[300, 600, 4000, 4300])
    held = HeldOutAnswers(
        np.array(["r1"] * 4), np.zeros(4, int), np.eye(5)[[0, 0, 2, 2]].astype(float)
    )
    (path,) = draw_gallery(held, [tmp_path / "none", tmp_path], 3, tmp_path / "out")
    text = path.read_text()
    assert path.name == "01-r1.svg"
    assert text.count("N&gt;V") == 2
    assert "2 of 4 beats wrong" in text


def test_a_gallery_of_rhythm_shows_the_recording(tmp_path):
    record(tmp_path, "A1")
    held = HeldOutAnswers(np.array(["A1"]), np.array([1]), np.array([[0.9, 0.1, 0, 0]]))
    (path,) = draw_gallery(held, [tmp_path], 1, tmp_path / "out")
    assert "A&gt;N" in path.read_text()
    assert path.read_text().count('class="trace"') == 3


def test_a_record_that_is_not_there_is_said(tmp_path):
    held = HeldOutAnswers(np.array(["A1"]), np.array([1]), np.array([[0.9, 0.1, 0, 0]]))
    with pytest.raises(UnreadableRecording, match="A1"):
        draw_gallery(held, [tmp_path], 1, tmp_path / "out")

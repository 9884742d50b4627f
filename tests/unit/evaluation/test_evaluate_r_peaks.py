import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ecgsvc.convert import WfdbAnnotations
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.evaluation import (
    evaluate_r_peaks,
    r_peak_summary,
    r_peak_table,
    to_markdown,
)
from ecgsvc.evaluation.r_peaks import count_detections
from ecgsvc.evaluation.references import find_records, reference_beats
from ecgsvc.evaluation.scores import DetectionCounts, total

RATE = 360


def annotations(*pairs: tuple[int, str]) -> WfdbAnnotations:
    indices = np.array([index for index, _ in pairs], dtype=np.int64)
    return WfdbAnnotations(indices, tuple(s for _, s in pairs), ("",) * len(pairs))


def counts(reference: WfdbAnnotations, detected: list[int], start_s: float = 0.0):
    made = count_detections(reference_beats(reference), np.array(detected), RATE, start_s)
    return made.true_positives, made.false_negatives, made.false_positives


def test_only_beats_are_beats():
    reference = annotations(
        (10, "+"), (100, "N"), (200, "~"), (300, "V"), (350, "|"), (400, '"'), (500, "/")
    )
    assert counts(reference, [100, 300, 500]) == (3, 0, 0)


def test_missed_and_false_beats_are_counted():
    reference = annotations((1000, "N"), (2000, "N"), (3000, "N"))
    assert counts(reference, [1010, 1500, 3060]) == (1, 2, 2)


def test_beats_and_detections_within_ventricular_flutter_do_not_count():
    reference = annotations(
        (1000, "N"), (2000, "["), (2100, "!"), (2200, "N"), (4000, "]"), (5000, "N")
    )
    assert counts(reference, [1000, 2100, 2300, 2500, 3999, 5000]) == (2, 0, 0)


def test_flutter_without_an_end_lasts_to_the_end_of_the_record():
    assert counts(annotations((1000, "N"), (2000, "[")), [1000, 9000, 90000]) == (1, 0, 0)


def test_a_detection_within_flutter_may_be_the_beat_just_outside():
    reference = annotations((2000, "["), (4000, "]"), (4030, "N"))
    assert counts(reference, [3990]) == (1, 0, 0)


def test_beats_before_the_start_do_not_count():
    reference = annotations((3500, "N"), (3600, "N"), (5000, "N"))
    assert counts(reference, [3400, 3598, 4500], start_s=10.0) == (1, 1, 1)


def test_figures_are_those_of_the_definition():
    figures = DetectionCounts(90, 10, 30)
    assert figures.n_reference == 100
    assert figures.sensitivity == 0.9
    assert figures.positive_predictivity == 0.75
    assert figures.f1 == pytest.approx(2 * 0.9 * 0.75 / 1.65)
    assert figures.failed_detections == 0.4
    assert total([figures, figures]) == DetectionCounts(180, 20, 60)


def test_a_record_without_beats_has_no_figures():
    figures = DetectionCounts(0, 0, 0)
    assert math.isnan(figures.sensitivity)
    assert figures.to_json()["f1"] is None


def write_record(directory: Path, name: str, beats: list[int]) -> None:
    (directory / f"{name}.hea").write_text(
        f"{name} 1 360 36000\n{name}.dat 16 200/mV 16 0 0 0 0 II"
    )
    (directory / f"{name}.dat").write_bytes(bytes(2 * 36000))
    distances = np.diff(beats, prepend=0)
    words = np.array([*(1 << 10 | d for d in distances), 0], dtype="<u2")
    (directory / f"{name}.atr").write_bytes(words.tobytes())


def test_a_folder_of_records_is_scored_gross_and_on_average(tmp_path):
    write_record(tmp_path, "a", [500, 1000, 1500, 2000])
    write_record(tmp_path, "b", [500, 1000])
    (tmp_path / "unannotated.hea").write_text("unannotated 1 360 36000")
    heard = []

    results = evaluate_r_peaks(
        tmp_path,
        lambda waveform: np.array([500, 1000]) if waveform.leads == ("II",) else None,
        start_s=0.0,
        on_record=lambda *said: heard.append(said),
    )
    assert heard == [("a", 1, 2), ("b", 2, 2)]
    assert results.gross == DetectionCounts(4, 2, 0)
    assert results.average["sensitivity"] == 0.75
    document = json.loads(json.dumps(results.to_json(), allow_nan=False))
    assert [r["sensitivity"] for r in document["records"]] == [0.5, 1.0]
    assert document["protocol"]["start_s"] == 0.0
    assert document["intervals"]["sensitivity"] == [0.5, 1.0]
    assert document["intervals"]["positive_predictivity"] == [1.0, 1.0]

    console = Console(width=120, record=True, file=io.StringIO())
    console.print(r_peak_table(results))
    shown = console.export_text()
    assert "66.67" in shown
    assert "Average" in shown
    assert "50.00-100.00" in shown
    summary = to_markdown(r_peak_summary(results, "all"))
    assert "| all | all beats | 2 | 6 | 2 | 0 | 66.67 (50.00-100.00) |" in summary


def test_five_minutes_are_left_out_unless_asked_for(tmp_path):
    write_record(tmp_path, "a", [500, 1000])
    results = evaluate_r_peaks(tmp_path, lambda _: np.array([], dtype=np.int64))
    assert results.gross == DetectionCounts(0, 0, 0)
    assert json.dumps(results.to_json(), allow_nan=False)


def test_a_folder_without_annotated_records_is_refused(tmp_path):
    with pytest.raises(UnreadableRecording, match="no record"):
        evaluate_r_peaks(tmp_path, lambda _: np.array([]))
    with pytest.raises(UnreadableRecording):
        find_records(tmp_path / "absent", "atr")


def test_a_record_that_was_asked_for_must_be_there(tmp_path):
    write_record(tmp_path, "a", [500])
    with pytest.raises(UnreadableRecording, match="100, 103"):
        find_records(tmp_path, "atr", ["a", "100", "103"])

"""The search of the detector's constants: what it finds, and that folds stay apart."""

from dataclasses import asdict

import pytest

from ecgsvc.dsp import DetectorConstants
from ecgsvc.evaluation.scores import DetectionCounts
from ecgsvc.training.detector_constants import N_FOLDS, START, STEPS, Counts, search, split


def test_every_constant_is_searched() -> None:
    assert set(STEPS) == set(asdict(DetectorConstants()))


def test_the_search_finds_the_bottom_of_a_bowl() -> None:
    bottom = DetectorConstants(**{n: getattr(START, n) + 2 * s for n, s in STEPS.items()})

    def count(constants: DetectorConstants) -> Counts:
        distance = sum(
            abs(getattr(constants, n) - getattr(bottom, n)) / s for n, s in STEPS.items()
        )
        return {"a": (DetectionCounts(0, round(distance), 0), DetectionCounts(0, 0, 0))}

    assert asdict(search(count, ["a"])) == pytest.approx(asdict(bottom))


def test_the_search_sees_only_the_records_it_was_given() -> None:
    def count(constants: DetectorConstants) -> Counts:
        other = 0 if constants == START else -1000
        return {
            "kept": (DetectionCounts(1, 1, 1), DetectionCounts(1, 1, 1)),
            "held out": (DetectionCounts(1, other, 0), DetectionCounts(1, 0, 0)),
        }

    assert search(count, ["kept"]) == START


def test_folds_share_no_record_and_no_person() -> None:
    names = [str(n) for n in (*range(100, 125), *range(200, 223))]
    folds = split(names)
    assert len(folds) == N_FOLDS
    assert sorted(name for fold in folds for name in fold) == names
    assert any({"201", "202"} <= set(fold) for fold in folds)

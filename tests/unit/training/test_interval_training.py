"""Data, networks, warping and export of the interval model; needs the extra ``train``."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")
pytest.importorskip("onnx", reason="needs ecgsvc[train]")

from ecgsvc.domain.interval_check import IntervalCheck  # noqa: E402
from ecgsvc.evaluation.interval_check import (  # noqa: E402
    CheckedInterval,
    check_figures,
    regression_row,
)
from ecgsvc.inference.interval_inputs import TARGETS  # noqa: E402
from ecgsvc.inference.intervals import OUTPUTS  # noqa: E402
from ecgsvc.inference.wave_groups import SAMPLES_BEFORE_R, WINDOW_SAMPLES  # noqa: E402
from ecgsvc.training.interval_data import MeasuredBeat, simulated_beats  # noqa: E402
from ecgsvc.training.interval_fit import (  # noqa: E402
    IntervalPlan,
    fit_intervals,
    interval_answers,
    laplace_loss,
    varied,
    warp,
)
from ecgsvc.training.interval_networks import TRUNKS, interval_network  # noqa: E402
from ecgsvc.training.intervals import random_interval_inputs  # noqa: E402
from ecgsvc.training.window_export import export_module  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def beats() -> list[MeasuredBeat]:
    return list(simulated_beats(12, 5))


def test_marks_of_a_simulated_beat_say_what_its_truth_says(beats):
    for beat in beats:
        pr, qrs, qt = np.diff(beat.marks[[0, 1]])[0], *(beat.marks[2:] - beat.marks[1])
        for own_ms, true_ms in zip(
            (4 * pr, 4 * qrs, 4 * qt), beat.reference[:3], strict=True
        ):
            assert np.isnan(own_ms) or own_ms == pytest.approx(true_ms, abs=9)


def test_a_warped_beat_has_its_waves_at_the_moved_marks():
    marks = np.array([60.0, 110.0, 132.0, 220.0])
    moved = np.array([40.0, 105.0, 140.0, 260.0])
    window = np.zeros((1, WINDOW_SAMPLES), np.float32)
    for mark in marks.astype(int):
        window[0, mark - 1 : mark + 2] = (0.5, 1.0, 0.5)
    warped = warp(window, marks, moved)[0]
    peaks = np.flatnonzero(
        (warped[1:-1] > 0.4) & (warped[1:-1] >= warped[:-2]) & (warped[1:-1] > warped[2:])
    )
    np.testing.assert_allclose(peaks + 1, moved, atol=1.5)


def test_a_warp_onto_itself_changes_nothing(beats):
    for beat in beats:
        kept = warp(beat.beat, beat.marks, beat.marks)
        np.testing.assert_allclose(kept[:, 2:-2], beat.beat[:, 2:-2], atol=1e-3)


def test_r_stays_where_it_is():
    window = np.zeros((1, WINDOW_SAMPLES), np.float32)
    window[0, SAMPLES_BEFORE_R] = 1
    marks = np.array([np.nan, 110.0, 135.0, 220.0])
    warped = warp(window, marks, np.array([np.nan, 104.0, 150.0, 250.0]))
    assert warped[0].argmax() == SAMPLES_BEFORE_R


def test_variations_reach_beyond_what_was_measured(beats):
    rng = np.random.default_rng(0)
    known = np.stack([varied(beats[0], rng).known for _ in range(60)])
    spread = np.nanstd(known[:, :4], axis=0) / beats[0].reference[:4]
    assert (spread[~np.isnan(beats[0].reference[:4])] > 0.05).all()


def test_likelihood_is_best_at_the_error_s_own_scale():
    known, weight, spread = torch.zeros(1, 1), torch.ones(1, 1), torch.ones(1)
    losses = [
        laplace_loss(
            torch.full((1, 1), 2.0), torch.full((1, 1), scale), known, weight, spread
        )
        for scale in (1.0, 2.0, 4.0)
    ]
    assert losses[1] < losses[0]
    assert losses[1] < losses[2]


@pytest.mark.parametrize("name", sorted(TRUNKS))
def test_every_network_answers_with_positive_scales(name):
    values, scales = interval_network(name).eval()(*random_interval_inputs(2).values())
    assert values.shape == scales.shape == (2, len(TARGETS))
    assert (scales > 0).all()


def test_a_fit_is_repeatable_and_exports(beats, tmp_path):
    def fitted(name: str, resume: bool = False):
        torch.manual_seed(0)
        plan = IntervalPlan(1, 0, tmp_path / f"{name}.pt", resume)
        return fit_intervals(interval_network("aicrn"), beats, plan)

    first, second, kept = fitted("a"), fitted("b"), fitted("a", resume=True)
    answers = [interval_answers(network, beats)[0] for network in (first, second, kept)]
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])
    sha256 = export_module(first, tmp_path, random_interval_inputs, OUTPUTS, most=0.05)
    assert len(sha256) == 64
    with pytest.raises(ValueError, match="another run"):
        fit_intervals(
            interval_network("aicrn"), beats, IntervalPlan(2, 0, tmp_path / "a.pt", True)
        )


def test_flagged_measurements_are_counted_apart():
    def one(measured: float, estimate: float) -> CheckedInterval:
        check = IntervalCheck("qt_ms", measured, estimate, 5.0, 30.0)
        return CheckedInterval("r", "qt_ms", 400.0, measured, check)

    figures = check_figures([one(402, 398), one(398, 401), one(470, 402)], "title")
    rows = {r["Measurements"]: r for r in figures.rows if r["Value"] == "qt_ms"}
    assert (rows["all"]["n"], rows["agree"]["n"], rows["disagree"]["n"]) == (3, 2, 1)
    assert rows["disagree"]["MAE"] == "70.0"
    assert rows["agree"]["MAE"] == "2.0"


def test_regression_figures_are_those_of_the_definition():
    row = regression_row(np.array([1.0, 2.0, 3.0, np.nan]), np.array([1.0, 2.0, 6.0, 5.0]))
    assert (row["n"], row["bias"], row["MAE"], row["R2"]) == (3, "1.0", "1.0", "-3.500")

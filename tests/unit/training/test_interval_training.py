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
    mark_loss,
    varied,
    warp,
)
from ecgsvc.training.interval_marks import (  # noqa: E402
    N_HEAT,
    expected_places,
    heat_columns,
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


def test_intervals_of_a_varied_beat_are_those_of_its_marks(beats):
    rng = np.random.default_rng(0)
    for beat in beats:
        shown = varied(beat, rng)
        p_onset, qrs_onset, qrs_offset, t_offset = shown.marks
        between = np.array(
            [qrs_onset - p_onset, qrs_offset - qrs_onset, t_offset - qrs_onset]
        )
        np.testing.assert_allclose(4 * between, shown.known[:3], atol=1e-6)


def test_one_count_in_ten_is_wrong(beats):
    rng = np.random.default_rng(0)
    beat = next(b for b in beats if abs(b.counted_bpm - b.reference[3]) < 1)
    shown = [varied(beat, rng) for _ in range(300)]
    off = np.array([s.features[0] / s.known[3] - 1 for s in shown])
    assert 0.04 < np.mean(np.abs(off) > 0.05) < 0.16


def test_amplitudes_of_a_varied_beat_follow_lead_two(beats):
    rng = np.random.default_rng(0)
    beat = next(b for b in beats if np.isfinite(b.reference[4]))
    quiet = float(beat.beat[1].max())
    for _ in range(20):
        shown = varied(beat, rng)
        if np.isfinite(shown.known[4]):
            gain = shown.known[4] / beat.reference[4]
            assert shown.beat[1].max() == pytest.approx(gain * quiet, abs=0.1 * quiet + 0.1)


def test_an_expected_place_is_finer_than_a_column():
    wanted = torch.tensor([40.7, 120.0, 203.3])
    away = (heat_columns() - wanted.unsqueeze(-1)) / 3.0
    log_heat = (-0.5 * away * away).log_softmax(dim=-1)
    torch.testing.assert_close(expected_places(log_heat), wanted, atol=0.01, rtol=0)


def test_heat_at_the_marks_is_better_than_heat_elsewhere():
    def heat_at(column: float) -> torch.Tensor:
        away = (heat_columns() - column) / 3.0
        return (-0.5 * away * away).log_softmax(dim=-1).expand(1, 4, N_HEAT)

    marks = torch.tensor([[100.0, 100.0, torch.nan, 100.0]])
    weight = torch.ones(1, 1)
    right, near, far = (mark_loss(heat_at(c), marks, weight) for c in (100, 104, 130))
    assert right < near < far
    assert torch.isfinite(far)


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


@pytest.mark.parametrize("name", sorted(TRUNKS))
def test_every_network_reads_intervals_off_its_heat(name):
    network = interval_network(name).eval()
    values, _, log_heat = network.with_heat(*random_interval_inputs(3).values())
    torch.testing.assert_close(log_heat.exp().sum(dim=-1), torch.ones(3, 4))
    p_onset, qrs_onset, _, t_offset = expected_places(log_heat).unbind(-1)
    torch.testing.assert_close(values[:, 0], 4 * (qrs_onset - p_onset))
    torch.testing.assert_close(values[:, 2], 4 * (t_offset - qrs_onset))


def test_an_unfitted_network_states_the_counted_rate_or_the_usual_one():
    network = interval_network("aicrn").eval()
    network.centre[3] = 70
    inputs = random_interval_inputs(2)
    inputs["features"] = torch.tensor([[83.0], [0.0]])
    values, scales = network(*inputs.values())
    torch.testing.assert_close(values[:, 3], torch.tensor([83.0, 70.0]))
    assert scales.isfinite().all()


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

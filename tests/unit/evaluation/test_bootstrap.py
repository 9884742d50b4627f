import numpy as np
import pytest

from ecgsvc.evaluation.bootstrap import interval, resample_totals


def test_totals_of_equal_records_do_not_vary():
    totals = resample_totals(np.full((7, 2), 3), n_resamples=50)
    assert totals.shape == (50, 2)
    assert (totals == 21).all()


def test_the_seed_decides_the_draws():
    counts = np.arange(10)
    first = resample_totals(counts, n_resamples=20, seed=1)
    np.testing.assert_array_equal(first, resample_totals(counts, n_resamples=20, seed=1))
    assert (first != resample_totals(counts, n_resamples=20, seed=2)).any()


def test_the_interval_of_a_mean_is_that_of_the_theory():
    counts = np.random.default_rng(0).normal(size=400)
    low, high = interval(resample_totals(counts) / 400)
    half_width = 1.96 * counts.std() / 20
    assert low == pytest.approx(counts.mean() - half_width, abs=0.01)
    assert high == pytest.approx(counts.mean() + half_width, abs=0.01)


def test_undefined_figures_are_left_out():
    assert interval(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert interval(np.array([np.nan])) == (None, None)

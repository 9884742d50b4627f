"""Gaps become straight lines."""

import numpy as np
import pytest

from ecgsvc.inference.gaps import bridge_gaps

NAN = np.nan


@pytest.mark.parametrize(
    ("lead_mv", "bridged"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([1.0, NAN, NAN, 4.0], [1.0, 2.0, 3.0, 4.0]),
        ([NAN, NAN, 2.0, NAN, 0.0, NAN], [2.0, 2.0, 2.0, 1.0, 0.0, 0.0]),
        ([NAN, NAN], [0.0, 0.0]),
    ],
)
def test_the_ends_of_a_gap_are_joined(lead_mv, bridged):
    given = np.array(lead_mv)
    assert bridge_gaps(given).tolist() == bridged
    np.testing.assert_array_equal(given, lead_mv)


def test_samples_that_are_there_stay_to_the_last_digit():
    lead_mv = np.random.default_rng(0).normal(size=500)
    missing = np.arange(500) % 7 < 3
    lead_mv[missing] = NAN
    bridged = bridge_gaps(lead_mv)
    np.testing.assert_array_equal(bridged[~missing], lead_mv[~missing])
    there = np.flatnonzero(~missing)
    np.testing.assert_array_equal(bridged, np.interp(np.arange(500), there, lead_mv[there]))

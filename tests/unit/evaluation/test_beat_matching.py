import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ecgsvc.evaluation.beat_matching import match_beats, match_window_samples

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pandas deprecations inside the library
    from wfdb.processing import Comparitor

WINDOW = 54


def match(reference, detected, window=WINDOW):
    found = match_beats(
        np.array(reference, dtype=np.int64), np.array(detected, dtype=np.int64), window
    )
    return list(zip(found.reference.tolist(), found.detected.tolist(), strict=True)), found


def beats(min_gap=1, max_gap=400, max_size=30):
    gaps = st.lists(st.integers(min_gap, max_gap), max_size=max_size)
    return gaps.map(lambda g: np.cumsum(np.array(g, dtype=np.int64)))


@pytest.mark.parametrize(
    ("reference", "detected", "pairs"),
    [
        ([], [], []),
        ([100], [], []),
        ([], [100], []),
        ([100], [100], [(0, 0)]),
        ([100], [154], [(0, 0)]),
        ([100], [155], []),
        ([154], [100], [(0, 0)]),
        ([155], [100], []),
        ([100], [90, 120], [(0, 0)]),
        ([100], [60, 99], [(0, 1)]),
        ([100], [90, 110], [(0, 1)]),  # a tie: the later one
        ([100, 130], [128], [(1, 0)]),
        ([100, 400, 700], [102, 398, 702], [(0, 0), (1, 1), (2, 2)]),
        ([100, 400, 700], [398], [(1, 0)]),
    ],
)
def test_beats_by_hand(reference, detected, pairs):
    assert match(reference, detected)[0] == pairs


def test_a_beat_the_next_one_has_no_use_for_is_paired():
    """The example in bxb's note of 24 November 2002, with its window of 37 samples."""
    assert match([96, 160], [128, 185], window=37)[0] == [(0, 0), (1, 1)]


@given(reference=beats(), detected=beats())
def test_pairs_are_one_to_one_in_order_and_within_the_window(reference, detected):
    pairs, found = match(reference, detected)
    assert all(abs(reference[i] - detected[j]) <= WINDOW for i, j in pairs)
    assert sorted([*found.reference, *found.missed]) == list(range(len(reference)))
    assert sorted([*found.detected, *found.false]) == list(range(len(detected)))
    assert np.all(np.diff(found.reference) > 0)
    assert np.all(np.diff(found.detected) > 0)


def most_pairs(reference, detected, window):
    """Greatest number of pairs any one-to-one pairing in order has (brute force)."""
    best = np.zeros((len(reference) + 1, len(detected) + 1), dtype=int)
    for i, r in enumerate(reference):
        for j, d in enumerate(detected):
            best[i + 1, j + 1] = max(
                best[i, j + 1], best[i + 1, j], best[i, j] + (abs(r - d) <= window)
            )
    return best[-1, -1]


@given(reference=beats(min_gap=2 * WINDOW + 1), detected=beats(min_gap=1))
def test_beats_further_apart_than_twice_the_window_are_all_found(reference, detected):
    pairs, _ = match(reference, detected)
    assert len(pairs) == most_pairs(reference, detected, WINDOW)


@given(reference=beats(), detected=beats())
def test_no_more_pairs_than_brute_force_finds(reference, detected):
    assert len(match(reference, detected)[0]) <= most_pairs(reference, detected, WINDOW)


@given(
    reference=beats(min_gap=2 * WINDOW + 1),
    detected=beats(min_gap=2 * WINDOW + 1),
)
@settings(max_examples=200, deadline=None)
def test_the_wfdb_library_counts_the_same(reference, detected):
    assume(len(reference) and len(detected))
    theirs = Comparitor(reference, detected, WINDOW + 1)  # it excludes the window's edge
    theirs.compare()
    _, ours = match(reference, detected)
    assert len(ours.reference) == theirs.tp
    assert len(ours.missed) == theirs.fn
    assert len(ours.false) == theirs.fp


def test_beats_out_of_order_are_refused():
    with pytest.raises(ValueError, match="detected beats must be in order"):
        match([1, 2], [2, 1])


@pytest.mark.parametrize(("rate", "samples"), [(360, 54), (250, 38), (128, 19), (500, 75)])
def test_the_window_is_150_ms_in_whole_samples(rate, samples):
    assert match_window_samples(rate) == samples

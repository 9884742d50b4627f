"""Beats cut out, grouped and averaged by the core, against NumPy and the filters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecgsvc.dsp import average_beats, band_pass, cut_beats, group_beats

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
BEFORE, AFTER = 124, 187


def cut(
    samples_mv: NDArray[np.float64], r_peaks: list[int], rate_hz: float = 250.0
) -> tuple[Floats, Indices, NDArray[np.float64]]:
    return cut_beats(
        samples_mv, rate_hz, np.array(r_peaks, dtype=np.int64),
        before=BEFORE, after=AFTER, low_hz=0.5, high_hz=60.0,
    )  # fmt: skip


def qrs_like(
    n_beats: int, height: float = 1.0, late: int = 0, width: float = 3.0
) -> Floats:
    """Beats (n, 2 leads, 312), a bump at the R column or later; the second inverted."""
    at = np.arange(BEFORE + AFTER + 1) - BEFORE - late
    bump = height * np.exp(-0.5 * (at / width) ** 2)
    return np.tile(np.stack([bump, -0.5 * bump]), (n_beats, 1, 1)).astype(np.float32)


def group(cuts_mv: Floats) -> tuple[list[int], list[int], list[int]]:
    found = group_beats(cuts_mv, r_column=BEFORE, least_similarity=0.8, most_groups=3)
    leads, groups, shifts = (x.tolist() for x in found)
    return leads, groups, shifts


def test_cuts_are_columns_of_the_filtered_leads() -> None:
    rng = np.random.default_rng(0)
    samples_mv = np.cumsum(rng.standard_normal((3, 2500)), axis=1) / 20
    r_peaks = [300, 700, 1500]
    cuts_mv, inside, anchors = cut(samples_mv, r_peaks)
    filtered = band_pass(samples_mv, 250.0, 0.5, 60.0)
    for beat, r_peak in enumerate(r_peaks):
        expected = filtered[:, r_peak - BEFORE : r_peak + AFTER + 1]
        np.testing.assert_allclose(cuts_mv[beat], expected, atol=1e-6)
    assert inside.tolist() == [[0, BEFORE + AFTER + 1]] * 3
    assert anchors.tolist() == r_peaks


@pytest.mark.parametrize("rate_hz", [128.0, 360.0, 500.0, 1000.0])
def test_a_cut_stands_where_its_anchor_says(rate_hz: float) -> None:
    t = np.arange(int(10 * rate_hz)) / rate_hz
    peak_s = 5.003
    samples_mv = np.exp(-0.5 * ((t - peak_s) / 0.02) ** 2)[np.newaxis]
    (cuts_mv, _, anchors) = cut(samples_mv, [round(peak_s * rate_hz)], rate_hz)
    column = int(cuts_mv[0, 0].argmax())
    found_s = anchors[0] / rate_hz + (column - BEFORE) / 250.0
    assert found_s == pytest.approx(peak_s, abs=0.004)


def test_columns_beyond_the_ends_repeat_them_and_are_told() -> None:
    samples_mv = np.random.default_rng(1).standard_normal((1, 100))
    cuts_mv, inside, _ = cut(samples_mv, [10, 95])
    assert inside.tolist() == [[114, 214], [29, 129]]
    assert (cuts_mv[0, 0, :114] == cuts_mv[0, 0, 114]).all()
    assert (cuts_mv[1, 0, 129:] == cuts_mv[1, 0, 128]).all()


def test_missing_samples_and_pacing_spikes_are_bridged() -> None:
    t = np.arange(2500) / 250.0
    smooth = np.sin(2 * np.pi * t)
    broken = smooth.copy()
    broken[1200:1203] = np.nan
    spiked = smooth.copy()
    spiked[1300] += 30.0
    (expected, _, _), (gap, _, _), (spike, _, _) = (
        cut(lead[np.newaxis], [1250]) for lead in (smooth, broken, spiked)
    )
    np.testing.assert_allclose(gap, expected, atol=0.01)
    np.testing.assert_allclose(spike, expected, atol=0.05)
    lost, _, _ = cut(np.full((1, 2500), np.nan), [1250])
    assert (lost == 0).all()


def test_no_beats_and_no_leads_give_nothing() -> None:
    cuts_mv, inside, anchors = cut(np.zeros((2, 500)), [])
    assert cuts_mv.shape == (0, 2, BEFORE + AFTER + 1)
    assert inside.shape == (0, 2)
    assert anchors.shape == (0,)
    assert group(cuts_mv) == ([], [], [])


@pytest.mark.parametrize("r_peaks", [[-1], [500], [7, 7], [9, 8]])
def test_r_peaks_that_are_none_are_refused(r_peaks: list[int]) -> None:
    with pytest.raises(ValueError, match="R peaks"):
        cut(np.zeros((1, 500)), r_peaks)


@pytest.mark.parametrize(("before", "after"), [(-1, 10), (10, -1), (193, 10), (10, 193)])
def test_more_columns_than_the_core_reads_are_refused(before: int, after: int) -> None:
    with pytest.raises(ValueError, match="192 columns"):
        cut_beats(
            np.zeros((1, 500)), 250.0, np.array([250]),
            before=before, after=after, low_hz=0.5, high_hz=60.0,
        )  # fmt: skip


def test_beats_of_one_shape_are_one_group_whatever_their_height() -> None:
    cuts_mv = np.concatenate([qrs_like(3), qrs_like(2, height=1.7)])
    assert group(cuts_mv) == ([0, 1], [0] * 5, [0] * 5)


def test_a_beat_that_lies_later_is_read_later() -> None:
    cuts_mv = np.concatenate([qrs_like(3), qrs_like(1, late=3), qrs_like(1, late=-2)])
    assert group(cuts_mv) == ([0, 1], [0] * 5, [0, 0, 0, 3, -2])


def test_the_largest_group_comes_first_and_the_last_kinds_are_in_none() -> None:
    rng = np.random.default_rng(0)
    kinds = [
        np.tile(
            rng.standard_normal((1, 2, BEFORE + AFTER + 1)).astype(np.float32), (n, 1, 1)
        )
        for n in (1, 4, 2, 3)
    ]
    _, groups, _ = group(np.concatenate(kinds))
    assert groups == [-1, 0, 0, 0, 0, 2, 2, 1, 1, 1]


def test_flat_leads_show_no_beat() -> None:
    cuts_mv = qrs_like(4)
    cuts_mv[:, 0] = 0.3
    assert group(cuts_mv)[0] == [1]
    cuts_mv[:, 1] = 0.0
    assert group(cuts_mv) == ([], [-1] * 4, [0] * 4)


def test_a_flat_beat_among_others_is_not_like_them() -> None:
    cuts_mv = qrs_like(5)
    cuts_mv[2] = 0.0
    _, groups, _ = group(cuts_mv)
    assert groups == [0, 0, 1, 0, 0]


@pytest.mark.parametrize("r_column", [0, 18, BEFORE + AFTER - 26, 1000, -5])
def test_a_column_without_room_is_refused(r_column: int) -> None:
    with pytest.raises(ValueError, match="inside the columns"):
        group_beats(qrs_like(2), r_column=r_column, least_similarity=0.8, most_groups=3)


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_averages_are_those_of_numpy(seed: int, n_beats: int) -> None:
    rng = np.random.default_rng(seed)
    cuts_mv = rng.standard_normal((n_beats, 3, 60)).astype(np.float32)
    first = rng.integers(0, 20, n_beats)
    inside = np.stack([first, rng.integers(40, 61, n_beats)], axis=1)
    beats = rng.permutation(n_beats)[: max(1, n_beats - 1)]
    starts = rng.integers(0, 9, len(beats))
    leads = np.array([2, 0])
    mean, spread = average_beats(
        cuts_mv, inside, leads, beats, starts, width=50, qrs_from=20, qrs_to=30
    )
    there = np.array(
        [
            [inside[b, 0] <= s + k < inside[b, 1] for k in range(50)]
            for b, s in zip(beats, starts, strict=True)
        ]
    )
    read = np.stack(
        [cuts_mv[b, leads, s : s + 50] for b, s in zip(beats, starts, strict=True)]
    )
    count = np.maximum(there.sum(axis=0), 1)
    expected = (read * there[:, np.newaxis]).sum(axis=0) / count
    off = (read - expected) * there[:, np.newaxis]
    size = np.ptp(expected[:, 20:30], axis=1, keepdims=True)
    expected_spread = np.sqrt((off**2).sum(axis=0) / count) / size
    median = np.partition(expected, 25, axis=1)[:, 25:26]
    np.testing.assert_allclose(mean, (expected - median) / size, atol=1e-4)
    np.testing.assert_allclose(spread, expected_spread, atol=1e-4)


@pytest.mark.parametrize(
    ("leads", "beats", "starts"),
    [([2], [0], [0]), ([0], [4], [0]), ([0], [-1], [0]), ([0], [0], [12]), ([0], [0], [])],
)
def test_beats_leads_and_columns_that_are_not_there_are_refused(
    leads: list[int], beats: list[int], starts: list[int]
) -> None:
    cuts_mv = qrs_like(4)
    inside = np.tile([0, cuts_mv.shape[2]], (4, 1))
    arrays = (np.array(x, dtype=np.int64) for x in (leads, beats, starts))
    with pytest.raises(ValueError, match="must be there"):
        average_beats(cuts_mv, inside, *arrays, width=301, qrs_from=95, qrs_to=151)


def test_wrong_types_are_errors_not_copies() -> None:
    cuts_mv = qrs_like(2)
    with pytest.raises(TypeError):
        group_beats(
            cuts_mv.astype(np.float64),  # type: ignore[arg-type]  # wrong on purpose
            r_column=BEFORE,
            least_similarity=0.8,
            most_groups=3,
        )
    with pytest.raises(ValueError, match="shape"):
        group_beats(cuts_mv[0], r_column=BEFORE, least_similarity=0.8, most_groups=3)

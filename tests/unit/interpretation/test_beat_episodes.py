"""Runs, couplets, bigeminy, pauses and extreme rates in beats whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.rhythm import EpisodeKind
from ecgsvc.domain.rhythm_statistics import RhythmStatistics
from ecgsvc.interpretation.beat_episodes import beat_episodes
from ecgsvc.interpretation.beat_patterns import recurrences, runs, stretches

RATE_HZ = 250.0
Found = list[tuple[EpisodeKind, int, int]]


def sequence(classes: str, rr_ms: list[float] | float = 500.0) -> ClassifiedBeats:
    """Beats of these classes, the first at sample 0."""
    probabilities = np.full((len(classes), 5), 0.02, dtype=np.float32)
    for i, name in enumerate(classes):
        probabilities[i, "NSVFQ".index(name)] = 0.92
    intervals = np.broadcast_to(np.asarray(rr_ms), max(len(classes) - 1, 0))
    at = np.concatenate([[0], np.cumsum(np.rint(intervals * RATE_HZ / 1000))])
    return ClassifiedBeats(at[: len(classes)].astype(np.int64), probabilities)


def statistics(beats: ClassifiedBeats, lost: tuple[int, ...] = ()) -> RhythmStatistics:
    """All intervals count but those numbered in `lost`."""
    counted = np.ones(max(beats.n_beats - 1, 0), dtype=bool)
    counted[list(lost)] = False
    rr_ms = np.diff(beats.r_peak_indices) * 1000 / RATE_HZ
    return RhythmStatistics(beats.r_peak_indices[:-1][counted], rr_ms[counted], len(lost))


def found(
    classes: str, rr_ms: list[float] | float = 500.0, lost: tuple[int, ...] = ()
) -> Found:
    """Kind, first and last beat of each episode."""
    beats = sequence(classes, rr_ms)
    at = beats.r_peak_indices.tolist()
    episodes = beat_episodes(beats, statistics(beats, lost), RATE_HZ)
    assert all(episode.evidence for episode in episodes)
    return [
        (e.kind, at.index(e.onset_index), at.index(e.evidence[0].samples[1]))
        for e in episodes
    ]


VT = EpisodeKind.VENTRICULAR_TACHYCARDIA
COUPLET = EpisodeKind.VENTRICULAR_COUPLET


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ("", []),
        ("N", []),
        ("NVN", []),
        ("NVVN", [(COUPLET, 1, 2)]),
        ("NVVVN", [(VT, 1, 3)]),
        ("VVVV", [(VT, 0, 3)]),
        ("NSSSN", [(EpisodeKind.SUPRAVENTRICULAR_TACHYCARDIA, 1, 3)]),
        ("NSSN", []),
        ("NVNVN", []),
        ("NVNVNVN", [(EpisodeKind.VENTRICULAR_BIGEMINY, 1, 5)]),
        ("VNNVNNVN", [(EpisodeKind.VENTRICULAR_TRIGEMINY, 0, 6)]),
        ("NVNVNVVN", [(EpisodeKind.VENTRICULAR_BIGEMINY, 1, 5), (COUPLET, 5, 6)]),
    ],
)
def test_patterns_are_found_where_they_are(classes: str, expected: Found) -> None:
    assert found(classes) == expected


def test_a_run_needs_a_rate_above_100() -> None:
    assert found("NVVVN", 600.0) == [(EpisodeKind.IDIOVENTRICULAR_RHYTHM, 1, 3)]
    assert found("NVVVN", 596.0) == [(VT, 1, 3)]
    assert found("NSSSN", 600.0) == []


def test_a_pause_is_longer_than_three_seconds() -> None:
    assert found("NNN", [3000.0, 800.0]) == []
    assert found("NNN", [3004.0, 800.0]) == [(EpisodeKind.PAUSE, 0, 1)]


def test_extreme_rates_need_enough_beats_in_a_row() -> None:
    slow = EpisodeKind.EXTREME_BRADYCARDIA
    assert found("NNNN", 1600.0) == []
    assert found("NNNNN", 1600.0) == [(slow, 0, 4)]
    assert found("NNNNNNN", [800.0, 1600.0, 1600.0, 1600.0, 1600.0, 800.0]) == [
        (slow, 1, 5)
    ]
    fast = EpisodeKind.EXTREME_TACHYCARDIA
    assert found("N" * 16, 400.0) == []
    assert found("N" * 17, 400.0) == [(fast, 0, 16)]


def test_intervals_that_cannot_be_relied_upon_end_every_pattern() -> None:
    assert found("NVVVN", lost=(2,)) == [(COUPLET, 1, 2)]
    assert found("VNVNV", lost=(1,)) == []
    assert found("NN", [5000.0], lost=(0,)) == []


def test_episodes_say_beats_rate_and_certainty() -> None:
    beats = sequence("NVVVVN", 400.0)
    (run,) = beat_episodes(beats, statistics(beats), RATE_HZ)
    assert run.n_beats == 4
    assert run.rate_bpm == pytest.approx(150.0)
    assert run.certainty == pytest.approx(0.92)
    assert "10.1161/CIR.0000000000000549" in run.evidence[0].source


flags = st.lists(st.booleans(), max_size=60).map(lambda f: np.array(f, dtype=bool))


@given(flags)
def test_stretches_cover_exactly_the_true_flags(values: np.ndarray) -> None:
    covered = np.zeros(len(values), dtype=bool)
    for first, last in stretches(values):
        assert not covered[max(first - 1, 0) : last + 1].any()
        covered[first : last + 1] = True
    assert np.array_equal(covered, values)


@given(flags, st.integers(2, 4), st.data())
def test_recurrences_are_what_a_plain_search_finds(
    member: np.ndarray, period: int, data: st.DataObject
) -> None:
    n_intervals = max(len(member) - 1, 0)
    joined = np.array(
        data.draw(st.lists(st.booleans(), min_size=n_intervals, max_size=n_intervals)),
        dtype=bool,
    )
    spans = recurrences(member, joined, period, 3)
    for first, last in spans.tolist():
        assert joined[first:last].all()
        expected = (np.arange(last - first + 1) % period) == 0
        assert np.array_equal(member[first : last + 1], expected)
        assert (last - first) // period + 1 >= 3
    for first in range(len(member) - 2 * period):
        window = slice(first, first + 2 * period + 1)
        pattern = np.array_equal(member[window], (np.arange(2 * period + 1) % period) == 0)
        if pattern and joined[first : first + 2 * period].all():
            assert any(a <= first and first + 2 * period <= b for a, b in spans.tolist())


@given(flags)
def test_runs_of_two_are_the_stretches_of_two(member: np.ndarray) -> None:
    joined = np.ones(max(len(member) - 1, 0), dtype=bool)
    spans = stretches(member)
    expected = spans[spans[:, 1] > spans[:, 0]]
    assert np.array_equal(runs(member, joined, 2), expected)

"""Counts and rates against hand-computed ones."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass, ClassifiedBeats
from ecgsvc.domain.quality import SignalQuality, WindowQuality
from ecgsvc.domain.rhythm_statistics import EctopyCount, Pause, RhythmStatistics
from ecgsvc.domain.waveform import Waveform
from ecgsvc.dsp.rhythm_statistics import rhythm_statistics

RATE_HZ = 1000.0


def beats_of(
    rr_ms: list[float] | NDArray[np.float64], classes: str = ""
) -> ClassifiedBeats:
    r_peaks = np.concatenate([[500], 500 + np.cumsum(rr_ms)]).astype(np.int64)
    labels = [BEAT_CLASSES.index(BeatClass(c)) for c in classes or "N" * len(r_peaks)]
    probabilities = np.eye(5, dtype=np.float32)[labels].reshape(-1, 5)
    return ClassifiedBeats(r_peaks, probabilities)


def a_waveform(n_samples: int) -> Waveform:
    return Waveform(np.zeros((2, n_samples)), RATE_HZ, ("I", "II"))


def statistics_of(
    rr_ms: list[float] | NDArray[np.float64], classes: str = ""
) -> RhythmStatistics:
    waveform = a_waveform(int(np.sum(rr_ms)) + 1000)
    return rhythm_statistics(waveform, beats_of(rr_ms, classes))[0]


def test_rates_are_those_of_the_intervals() -> None:
    statistics = statistics_of([1000, 1000, 1000, 1000, 500, 500, 500, 500])
    assert statistics.mean_heart_rate_bpm == pytest.approx(80.0)
    assert statistics.min_heart_rate_bpm == pytest.approx(60.0)
    assert statistics.max_heart_rate_bpm == pytest.approx(120.0)
    assert statistics.rr_ms.tolist() == [1000.0] * 4 + [500.0] * 4
    assert statistics.rr_from_indices.tolist()[:2] == [500, 1500]
    assert statistics.n_excluded == 0


def test_couplets_and_runs_are_counted_by_class() -> None:
    #         beats: N V V N V V V N S N V
    statistics = statistics_of([800] * 10, "NVVNVVVNSNV")
    assert statistics.ectopy[BeatClass.V] == EctopyCount(
        n_beats=6,
        burden_percent=pytest.approx(600 / 11),
        n_couplets=1,
        n_runs=1,
        longest_run=3,
    )
    assert statistics.ectopy[BeatClass.S].n_beats == 1
    assert statistics.ectopy[BeatClass.S].n_couplets == 0


def test_a_run_to_either_end_is_a_run() -> None:
    assert statistics_of([400] * 4, "VVVVV").ectopy[BeatClass.V].longest_run == 5
    assert statistics_of([400] * 4, "VVNVV").ectopy[BeatClass.V].n_couplets == 2
    assert statistics_of([], "V").ectopy[BeatClass.V].n_beats == 1


def test_a_pause_is_longer_than_three_seconds() -> None:
    statistics = statistics_of([900, 3000, 900, 3001, 900])
    assert statistics.pauses == (Pause(500 + 900 + 3000 + 900, 3001.0),)


def test_an_interval_over_a_gap_counts_nowhere() -> None:
    rr_ms = [1000, 1000, 4000, 1000]
    waveform = a_waveform(8000)
    samples = waveform.samples_mv.copy()
    samples[:, 4000] = np.nan
    samples[0, 600] = np.nan  # the other lead has it
    holey = Waveform(samples, RATE_HZ, waveform.leads)
    statistics, _ = rhythm_statistics(holey, beats_of(rr_ms, "NNVVV"))
    assert statistics.pauses == ()
    assert statistics.n_excluded == 1
    assert statistics.mean_heart_rate_bpm == pytest.approx(60.0)
    assert statistics.ectopy[BeatClass.V].n_couplets == 1


def test_an_interval_with_an_unreadable_second_counts_nowhere() -> None:
    unreadable = np.zeros((2, 8), dtype=bool)
    unreadable[:, 4] = True
    unreadable[0, 1] = True
    index = np.ones((2, 8), dtype=np.float32)
    quality = SignalQuality((), windows=WindowQuality(1000, index, index, unreadable))
    beats = beats_of([1000, 1000, 4000, 1000])
    statistics, _ = rhythm_statistics(a_waveform(8000), beats, quality)
    assert statistics.n_excluded == 1
    assert statistics.pauses == ()


def test_intervals_at_a_beat_that_cannot_be_relied_upon_count_nowhere() -> None:
    sure = np.array([1, 1, 0.05, 1, 1, 1], dtype=np.float32)
    beats = beats_of([1000, 300, 700, 1000, 1000])
    statistics, undetermined = rhythm_statistics(a_waveform(5000), beats, None, sure)
    assert statistics.rr_ms.tolist() == [1000.0, 1000.0, 1000.0]
    assert statistics.min_heart_rate_bpm is None
    assert {u.path for u in undetermined} == {
        "rhythm_statistics.min_heart_rate_bpm",
        "rhythm_statistics.max_heart_rate_bpm",
        "hrv",
    }


@pytest.mark.parametrize("n_beats", [0, 1])
def test_without_intervals_everything_is_undetermined(n_beats: int) -> None:
    beats = ClassifiedBeats(
        np.arange(n_beats, dtype=np.int64), np.full((n_beats, 5), 0.2, np.float32)
    )
    statistics, undetermined = rhythm_statistics(a_waveform(5000), beats)
    assert statistics.mean_heart_rate_bpm is None
    assert statistics.pauses == ()
    assert statistics.hrv is None
    assert len(undetermined) == 4


def test_variability_is_that_of_the_definition() -> None:
    rr_ms = np.tile([800.0, 900.0, 900.0, 1000.0], 100)
    hrv = statistics_of(rr_ms).hrv
    assert hrv is not None
    assert hrv.n_nn == 400
    assert hrv.covered_s == pytest.approx(360.0)
    assert hrv.sdnn_ms == pytest.approx(np.sqrt(5000 * 400 / 399))
    # differences 100, 0, 100, -200, 100, 0, 100, -200, … 399 of them, ending with 100
    assert hrv.rmssd_ms == pytest.approx(np.sqrt((200 * 1e4 + 99 * 4e4) / 399))
    assert hrv.pnn50_percent == pytest.approx(100 * 299 / 400)


def test_ectopic_beats_take_their_intervals_out_of_the_variability() -> None:
    rr_ms = np.full(400, 900.0)
    rr_ms[99:101] = 500.0, 1300.0
    classes = "N" * 100 + "V" + "N" * 300
    hrv = statistics_of(rr_ms, classes).hrv
    assert hrv is not None
    assert hrv.n_nn == 398
    assert hrv.sdnn_ms == 0
    assert hrv.rmssd_ms == 0


def test_short_or_ectopic_recordings_have_no_variability_and_a_reason() -> None:
    for rr_ms, classes, reason in (
        (np.full(300, 900.0), "", "300 s"),
        (np.full(400, 900.0), "NNV" * 133 + "NN", "80%"),
    ):
        waveform = a_waveform(int(rr_ms.sum()) + 1000)
        statistics, undetermined = rhythm_statistics(waveform, beats_of(rr_ms, classes))
        assert statistics.hrv is None
        (why,) = [u for u in undetermined if u.path == "hrv"]
        assert reason in why.reason


def test_variability_equals_neurokit2() -> None:
    neurokit2 = pytest.importorskip("neurokit2")
    random = np.random.default_rng(7)
    rr_ms = np.round(850 + 60 * np.sin(np.arange(600) / 9) + random.normal(0, 25, 600))
    beats = beats_of(rr_ms)
    theirs = neurokit2.hrv_time(beats.r_peak_indices, sampling_rate=1000)
    ours = statistics_of(rr_ms).hrv
    assert ours is not None
    assert ours.sdnn_ms == pytest.approx(theirs["HRV_SDNN"][0], rel=1e-9)
    assert ours.rmssd_ms == pytest.approx(theirs["HRV_RMSSD"][0], rel=1e-9)
    # neurokit2 divides by one more than there are intervals, or by the intervals
    assert ours.pnn50_percent == pytest.approx(theirs["HRV_pNN50"][0], rel=2 / 600)


def test_the_statistics_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        statistics_of([800.0]).n_excluded = 3  # type: ignore[misc]  # wrong on purpose

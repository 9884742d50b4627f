"""Intervals measured a second time."""

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.config import INTERVAL_MODEL, MODELS_DIR
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.waveform import Waveform
from ecgsvc.inference import BeatTools, IntervalEstimator, SignalTools
from ecgsvc.inference.interval_inputs import (
    INTERVAL_LEADS,
    LAGS_S,
    build_interval_inputs,
    counted_rate_bpm,
    repetition,
    slope_size,
)
from ecgsvc.inference.wave_groups import SAMPLES_BEFORE_R
from ecgsvc.simulation import SimulatedEcg, SimulationSettings, simulate

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
BEAT_TOOLS = BeatTools(dsp.cut_beats, dsp.group_beats, dsp.average_beats)


@pytest.fixture(scope="module")
def estimator() -> IntervalEstimator:
    return IntervalEstimator.load(
        MODELS_DIR / INTERVAL_MODEL, TOOLS, BEAT_TOOLS, provider="cpu"
    )


def an_ecg(**settings: object) -> SimulatedEcg:
    return simulate(SimulationSettings(**settings))  # type: ignore[arg-type]


def checked(estimator: IntervalEstimator, ecg: SimulatedEcg, measured: Measurements):
    return estimator.check(ecg.recording.waveform, ecg.truth.r_peak_indices, measured)


def test_the_truth_is_not_contradicted(estimator):
    n_checked = 0
    for seed, rate_bpm in enumerate((55.0, 70.0, 90.0)):
        ecg = an_ecg(seed=seed, heart_rate_bpm=rate_bpm)
        said = checked(estimator, ecg, ecg.truth.measurements)
        n_checked += len(said.checks)
        assert said.disagreements == ()
    assert n_checked >= 8


def test_a_wrong_measurement_is_contradicted(estimator):
    ecg = an_ecg()
    true_pr = ecg.truth.measurements.pr_ms
    assert true_pr is not None
    said = checked(estimator, ecg, Measurements(pr_ms=true_pr + 60))
    assert [check.name for check in said.disagreements] == ["pr_ms"]


def test_a_longer_interval_is_estimated_longer(estimator):
    def estimate(name: str, **settings: float) -> float:
        said = checked(estimator, an_ecg(**settings), Measurements())
        return {check.name: check.estimate for check in said.checks}[name]

    assert estimate("pr_ms", pr_ms=220) > estimate("pr_ms", pr_ms=140) + 50
    assert estimate("qt_ms", qt_ms=440) > estimate("qt_ms", qt_ms=360) + 50
    slow, fast = (estimate("heart_rate_bpm", heart_rate_bpm=rate) for rate in (60, 80))
    assert fast > slow + 15


def test_few_leads_are_not_compared(estimator):
    ecg = an_ecg()
    few = ecg.recording.waveform.select(("I", "II", "V2"))
    said = estimator.check(few, ecg.truth.r_peak_indices, ecg.truth.measurements)
    assert said.checks == ()
    assert "fewer than 6" in said.reason


def test_no_beats_are_no_estimate(estimator):
    flat = Waveform(np.zeros((12, 5000)), 500.0, INTERVAL_LEADS)
    said = estimator.check(flat, np.zeros(0, dtype=np.int64), Measurements())
    assert said.checks == ()
    assert said.reason


def test_the_mean_beat_is_in_millivolts_with_r_in_its_place():
    ecg = an_ecg(baseline_wander_mv=0.0, muscle_mv=0.0, mains_mv=0.0)
    waveform = ecg.recording.waveform
    inputs = build_interval_inputs(waveform, ecg.truth.r_peak_indices, TOOLS, BEAT_TOOLS)
    assert inputs is not None
    two = inputs.beat[INTERVAL_LEADS.index("II")]
    assert abs(int(two.argmax()) - SAMPLES_BEFORE_R) <= 2
    height_mv = np.median(waveform.lead_mv("II")[ecg.truth.r_peak_indices])
    assert two.max() == pytest.approx(height_mv, abs=0.15)


def test_the_count_is_of_all_r_peaks():
    ecg = an_ecg(heart_rate_bpm=60)
    r_peaks = ecg.truth.r_peak_indices
    inputs = build_interval_inputs(ecg.recording.waveform, r_peaks, TOOLS, BEAT_TOOLS)
    assert inputs is not None
    mean_rr_s = np.diff(r_peaks).mean() / ecg.recording.waveform.sampling_rate_hz
    assert inputs.features == pytest.approx([60 / mean_rr_s], rel=1e-5)


@pytest.mark.parametrize("r_peaks", [[], [500], [500, 500]])
def test_fewer_than_two_beats_are_not_counted(r_peaks):
    assert counted_rate_bpm(np.array(r_peaks, dtype=np.int64), 500.0) == 0


def test_a_count_that_the_leads_contradict_is_not_believed(estimator):
    ecg = an_ecg(heart_rate_bpm=80)
    every, second = ecg.truth.r_peak_indices, ecg.truth.r_peak_indices[::2]

    def rate(r_peaks: np.ndarray) -> float | None:
        said = estimator.check(ecg.recording.waveform, r_peaks, Measurements())
        return {c.name: c.estimate for c in said.checks}.get("heart_rate_bpm")

    assert rate(every) == pytest.approx(80, abs=4)
    halved = rate(second)
    assert halved is None or halved > 60


def test_what_repeats_faster_peaks_at_shorter_lags():
    size = slope_size(an_ecg(heart_rate_bpm=60, rr_variability=0).recording.waveform, TOOLS)
    for pace in (0.8, 1.0, 1.25):
        correlation, there = repetition(size, pace)
        beyond = LAGS_S > 0.5
        best = LAGS_S[beyond][correlation[beyond].argmax()]
        multiple = best / pace
        assert multiple == pytest.approx(round(multiple), abs=0.03)
        assert there.any()


def test_nothing_repeats_in_nothing():
    assert not repetition(np.zeros(0)).any()


def test_another_task_s_model_is_refused():
    with pytest.raises(ModelUnavailable, match="another input"):
        IntervalEstimator.load(
            MODELS_DIR / "waves-unet-1.1.0", TOOLS, BEAT_TOOLS, provider="cpu"
        )

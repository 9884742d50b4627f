import json
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgsvc.domain.beats import BeatClass
from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.waveform import STANDARD_LEADS
from ecgsvc.domain.waves import ABSENT
from ecgsvc.simulation import SimulationSettings, simulate

QUIET = SimulationSettings(baseline_wander_mv=0, muscle_mv=0, mains_mv=0)

any_settings = st.builds(
    SimulationSettings,
    heart_rate_bpm=st.floats(20, 250),
    rhythm=st.sampled_from(["sinus", "af"]),
    duration_s=st.floats(1, 20),
    sampling_rate_hz=st.sampled_from([50.0, 128.0, 257.1, 500.0, 1000.0]),
    pvc_probability=st.floats(0, 0.5),
    pac_probability=st.floats(0, 0.5),
    pr_ms=st.floats(80, 400),
    qrs_ms=st.floats(60, 200),
    qt_ms=st.none() | st.floats(200, 700),
    seed=st.integers(0, 2**32),
)
few = settings(max_examples=40, deadline=None)


def microvolts(ecg, lead):
    return np.rint(ecg.recording.waveform.lead_mv(lead) * 1000).astype(int)


@given(any_settings)
@few
def test_limb_leads_agree_with_einthoven_and_goldberger(chosen):
    ecg = simulate(chosen)
    one, two, three = (microvolts(ecg, lead) for lead in ("I", "II", "III"))
    assert np.array_equal(one + three, two)
    for lead, twice in (("aVR", -(one + two)), ("aVL", one - three), ("aVF", two + three)):
        assert np.all(np.abs(2 * microvolts(ecg, lead) - twice) <= 1)


@given(any_settings)
@few
def test_samples_have_the_shape_asked_for_and_are_numbers(chosen):
    waveform = simulate(chosen).recording.waveform
    expected = round(chosen.duration_s * chosen.sampling_rate_hz)
    assert waveform.samples_mv.shape == (12, expected)
    assert waveform.leads == STANDARD_LEADS
    assert np.isfinite(waveform.samples_mv).all()
    assert np.abs(waveform.samples_mv).max() < 10


@given(any_settings)
@few
def test_the_points_of_every_beat_are_in_order_and_within_the_recording(chosen):
    ecg = simulate(chosen)
    truth, n_samples = ecg.truth, ecg.recording.waveform.n_samples
    assert np.all(np.diff(truth.r_peak_indices) > 0)
    assert len(truth.classes) == len(truth.r_peak_indices) == len(truth.p.peak)
    for i in range(len(truth.classes)):
        order = []
        for wave in (truth.p, truth.qrs, truth.t):
            points = [int(wave.onset[i]), int(wave.peak[i]), int(wave.offset[i])]
            if points != [ABSENT] * 3:
                order.append(points)
                assert points == sorted(points)
        assert order[0][0] >= 0
        assert order[-1][2] < n_samples
        peaks = [points[1] for points in order]
        assert peaks == sorted(peaks)
        assert truth.qrs.peak[i] == truth.r_peak_indices[i]


@given(any_settings)
@few
def test_the_r_peak_is_the_greatest_deflection_of_lead_ii(chosen):
    quiet = replace(chosen, baseline_wander_mv=0, muscle_mv=0, mains_mv=0)
    ecg = simulate(quiet)
    two = np.abs(ecg.recording.waveform.lead_mv("II"))
    truth = ecg.truth
    for first, peak, last in zip(
        truth.qrs.onset, truth.r_peak_indices, truth.qrs.offset, strict=True
    ):
        assert two[peak] == pytest.approx(two[first : last + 1].max(), abs=0.001)


def test_the_same_seed_gives_the_same_samples_and_another_does_not():
    first, again = (
        simulate(SimulationSettings(seed=5)),
        simulate(SimulationSettings(seed=5)),
    )
    other = simulate(SimulationSettings(seed=6))
    samples = [e.recording.waveform.samples_mv for e in (first, again, other)]
    assert np.array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[0], samples[2])
    assert np.array_equal(first.truth.r_peak_indices, again.truth.r_peak_indices)


def test_noise_does_not_move_the_truth():
    truths = [simulate(chosen).truth for chosen in (QUIET, SimulationSettings(muscle_mv=1))]
    assert np.array_equal(truths[0].r_peak_indices, truths[1].r_peak_indices)


@pytest.mark.parametrize("rate", [40, 70, 120])
def test_intervals_are_those_that_were_set(rate):
    chosen = replace(
        QUIET, heart_rate_bpm=rate, pr_ms=180, qrs_ms=100, qt_ms=360, duration_s=60
    )
    truth = simulate(chosen).truth
    per_ms = 500 / 1000
    assert np.allclose(truth.qrs.offset - truth.qrs.onset, 100 * per_ms, atol=1)
    seen = truth.p.onset != ABSENT
    assert np.allclose((truth.qrs.onset - truth.p.onset)[seen], 180 * per_ms, atol=1)
    assert truth.measurements.pr_ms == pytest.approx(180)
    assert truth.measurements.qrs_ms == pytest.approx(100)
    assert truth.measurements.qt_ms == pytest.approx(360, rel=0.01)
    assert truth.measurements.heart_rate_bpm == pytest.approx(rate, rel=0.02)


def test_qt_follows_the_heart_rate_unless_it_is_set():
    qt = {
        rate: simulate(SimulationSettings(heart_rate_bpm=rate)).truth.measurements.qt_ms
        for rate in (45, 60, 120)
    }
    assert qt[60] == pytest.approx(410, rel=0.02)
    assert qt[45] > qt[60] > qt[120]
    assert qt[120] == pytest.approx(410 * 0.5 ** (1 / 3), rel=0.02)


def test_waves_stand_where_the_truth_says():
    ecg = simulate(replace(QUIET, rr_variability=0))
    two = ecg.recording.waveform.lead_mv("II")
    truth = ecg.truth
    for wave in (truth.p, truth.t):
        for first, peak, last in zip(wave.onset, wave.peak, wave.offset, strict=True):
            if peak != ABSENT:
                assert abs(first + np.argmax(two[first : last + 1]) - peak) <= 3
                assert abs(two[first]) < 0.1 * two[peak]
                assert abs(two[last]) < 0.1 * two[peak]


def test_a_ventricular_beat_is_early_wide_without_p_and_followed_by_a_pause():
    truth = simulate(replace(QUIET, pvc_probability=0.2, duration_s=120, seed=1)).truth
    rr_s = np.diff(truth.r_peak_indices) / 500
    normal_rr = np.median(rr_s)
    ectopic = [i for i, c in enumerate(truth.classes) if c is BeatClass.V]
    assert 10 < len(ectopic) < 60
    for i in ectopic[1:-1]:
        assert truth.p.onset[i] == ABSENT
        assert truth.qrs.offset[i] - truth.qrs.onset[i] > 0.12 * 500
        assert rr_s[i - 1] < 0.85 * normal_rr
        assert rr_s[i - 1] + rr_s[i] == pytest.approx(2 * normal_rr, rel=0.15)
        assert truth.classes[i + 1] is BeatClass.N


def test_the_t_wave_of_a_ventricular_beat_is_discordant():
    ecg = simulate(replace(QUIET, pvc_probability=0.2, duration_s=60, seed=1))
    two, truth = ecg.recording.waveform.lead_mv("II"), ecg.truth
    for r_peak, t_peak, kind in zip(
        truth.r_peak_indices, truth.t.peak, truth.classes, strict=True
    ):
        if t_peak != ABSENT:
            assert (two[r_peak] * two[t_peak] < 0) == (kind is BeatClass.V)


def test_an_atrial_beat_is_early_and_narrow_with_a_p_wave_of_its_own():
    truth = simulate(replace(QUIET, pac_probability=0.2, duration_s=120, seed=1)).truth
    rr_s = np.diff(truth.r_peak_indices) / 500
    ectopic = [i for i, c in enumerate(truth.classes) if c is BeatClass.S]
    assert len(ectopic) > 10
    for i in ectopic[1:]:
        assert truth.p.onset[i] != ABSENT
        assert truth.qrs.offset[i] - truth.qrs.onset[i] == pytest.approx(46, abs=1)
        assert rr_s[i - 1] < 0.9 * np.median(rr_s)


def test_an_atrial_run_is_fast_and_regular_and_ends_in_a_pause():
    truth = simulate(
        replace(
            QUIET,
            atrial_run_probability=0.05,
            atrial_run_beats=(8, 12),
            duration_s=120,
            seed=2,
        )
    ).truth
    rr_s = np.diff(truth.r_peak_indices) / 500
    sinus_s = 60 / QUIET.heart_rate_bpm
    is_s = np.array([c is BeatClass.S for c in truth.classes])
    edges = np.diff(np.concatenate([[0], is_s.astype(int), [0]]))
    runs = list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True))[
        1:-1
    ]
    assert runs
    for first, stop in runs:
        inside = rr_s[first : stop - 1]
        assert 8 <= stop - first <= 12
        assert inside.max() < 0.75 * sinus_s
        assert inside.std() / inside.mean() < 0.03
        assert rr_s[stop - 1] > 0.95 * sinus_s
        assert truth.classes[stop] is BeatClass.N


def test_an_aberrant_beat_is_wide_with_a_late_deflection_to_the_right():
    chosen = replace(QUIET, pac_probability=0.2, aberrancy=1.0, duration_s=60, seed=1)
    ecg = simulate(chosen)
    v1, truth = ecg.recording.waveform.lead_mv("V1"), ecg.truth
    for onset, offset, kind in zip(
        truth.qrs.onset, truth.qrs.offset, truth.classes, strict=True
    ):
        late = v1[(onset + 2 * offset) // 3 : offset].max()
        assert (late > 0.3) == (kind is BeatClass.S)
        assert (offset - onset > 0.12 * 500) == (kind is BeatClass.S)


def test_atrial_fibrillation_is_irregular_and_has_no_p_waves():
    chosen = replace(
        QUIET, heart_rate_bpm=95, rhythm="af", duration_s=120, pac_probability=0.3
    )
    ecg = simulate(chosen)
    truth = ecg.truth
    rr_s = np.diff(truth.r_peak_indices) / 500
    assert truth.rhythm == "af"
    assert set(truth.classes) == {BeatClass.N}
    assert np.all(truth.p.peak == ABSENT)
    assert truth.measurements.pr_ms is None
    assert 0.15 < rr_s.std() / rr_s.mean() < 0.3
    assert truth.measurements.heart_rate_bpm == pytest.approx(95, rel=0.1)
    sinus = simulate(replace(chosen, rhythm="sinus", pac_probability=0)).truth
    regular = np.diff(sinus.r_peak_indices)
    assert regular.std() / regular.mean() < 0.06


def test_fibrillation_waves_lie_between_4_and_9_hz_and_are_largest_in_v1():
    waveform = simulate(
        replace(QUIET, rhythm="af", heart_rate_bpm=30, duration_s=60)
    ).recording.waveform
    spectrum = np.abs(np.fft.rfft(waveform.lead_mv("V1")))
    hz = np.fft.rfftfreq(waveform.n_samples, 1 / 500)
    assert 4 < hz[hz > 3][np.argmax(spectrum[hz > 3])] < 9


@pytest.mark.parametrize("kind", ["baseline_wander_mv", "muscle_mv", "mains_mv"])
def test_noise_has_the_level_that_was_set(kind):
    chosen = replace(QUIET, duration_s=120)
    clean = simulate(chosen).recording.waveform.samples_mv
    noisy = simulate(replace(chosen, **{kind: 0.2})).recording.waveform.samples_mv
    rms = np.sqrt(np.mean((noisy - clean)[[0, 1, 6, 7, 8, 9, 10, 11]] ** 2, axis=1))
    assert rms == pytest.approx(0.2, rel=0.1)


def test_mains_hum_has_its_frequency():
    chosen = replace(QUIET, mains_mv=0.5, mains_hz=60)
    spectrum = np.abs(np.fft.rfft(simulate(chosen).recording.waveform.lead_mv("V6")))
    hz = np.fft.rfftfreq(5000, 1 / 500)
    assert hz[np.argmax(spectrum * (hz > 40))] == pytest.approx(60)


def test_leads_are_chosen_ordered_and_inverted():
    all_leads = simulate(SimulationSettings()).recording.waveform
    some = simulate(
        SimulationSettings(leads=("V5", "II", "III"), inverted_leads=("II",))
    ).recording.waveform
    assert some.leads == ("V5", "II", "III")
    assert np.array_equal(some.lead_mv("V5"), all_leads.lead_mv("V5"))
    assert np.array_equal(some.lead_mv("II"), -all_leads.lead_mv("II"))
    assert np.array_equal(some.lead_mv("III"), all_leads.lead_mv("III"))


def test_the_truth_goes_into_json_without_waves_that_are_not_there():
    truth = simulate(SimulationSettings(pvc_probability=0.3, duration_s=20, seed=2)).truth
    document = json.loads(json.dumps(truth.to_json(), allow_nan=False))
    assert [b["sample"] for b in document["beats"]] == truth.r_peak_indices.tolist()
    assert {b["class"] for b in document["beats"]} == {"N", "V"}
    for wave in document["waves"]:
        assert 0 <= wave["onset"] < wave["peak"] < wave["offset"]
    with_p = {w["beat"] for w in document["waves"] if w["wave"] == "P"}
    assert with_p == set(np.flatnonzero(truth.p.peak != ABSENT).tolist())
    assert document["measurements"]["qrs_ms"] == pytest.approx(92)


@pytest.mark.parametrize(
    "wrong",
    [
        {"heart_rate_bpm": 0}, {"heart_rate_bpm": float("nan")}, {"duration_s": 0.1},
        {"duration_s": 1e9}, {"sampling_rate_hz": -500}, {"pvc_probability": 1.1},
        {"pvc_probability": 0.6, "pac_probability": 0.6}, {"qt_ms": 20}, {"leads": ()},
        {"leads": ("II", "II")}, {"leads": ("MLII",)}, {"inverted_leads": ("X",)},
        {"muscle_mv": -1}, {"rhythm": "vf"}, {"seed": -1}, {"aberrancy": 1.5},
        {"pac_probability": 0.6, "atrial_run_probability": 0.6},
        {"atrial_run_beats": (1, 3)}, {"atrial_run_beats": (9, 3)},
    ],
)  # fmt: skip
def test_settings_that_make_no_ecg_are_refused(wrong):
    with pytest.raises(InvalidRequest):
        SimulationSettings(**wrong)


def test_twelve_leads_of_ten_seconds_take_some_milliseconds():
    simulate(SimulationSettings())
    spent = []
    for _ in range(5):
        started = time.perf_counter()
        simulate(SimulationSettings())
        spent.append(time.perf_counter() - started)
    assert min(spent) < 0.1  # a quarter of that on an idle machine

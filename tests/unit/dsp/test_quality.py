"""What disturbs a lead, which leads may be relied upon, and which beats."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgsvc.domain.quality import QualityProblem, SignalQuality
from ecgsvc.domain.waveform import STANDARD_LEADS, Waveform
from ecgsvc.dsp.limb_leads import contradicting_limb_leads
from ecgsvc.dsp.quality import assess_quality, beat_quality
from ecgsvc.simulation import SimulationSettings, simulate

RATE_HZ = 250.0
N = 2500

Samples = NDArray[np.float64]


def noise(seed: int, scale_mv: float = 0.3) -> Samples:
    return np.random.default_rng(seed).normal(0, scale_mv, N)


def an_ecg(**settings: object) -> Waveform:
    return simulate(SimulationSettings(**settings)).recording.waveform


def a_lead(**settings: object) -> Samples:
    return an_ecg(sampling_rate_hz=RATE_HZ, leads=("II",), **settings).samples_mv[0]


def problems_of(lead_mv: Samples, rate_hz: float = RATE_HZ) -> set[QualityProblem]:
    quality = assess_quality(Waveform(lead_mv[np.newaxis], rate_hz, ("II",)))
    return set(quality.leads[0].problems)


@pytest.mark.parametrize("scale", [0.2, 1.0, 10.0])
@pytest.mark.parametrize("rate_hz", [100.0, 257.0, 500.0, 1000.0, 2000.0])
def test_a_clean_ecg_has_no_problem(scale: float, rate_hz: float) -> None:
    leads = tuple(lead for lead in STANDARD_LEADS if lead != "aVL")  # next to nothing there
    ecg = an_ecg(sampling_rate_hz=rate_hz, baseline_wander_mv=0.01, leads=leads)
    quality = assess_quality(Waveform(scale * ecg.samples_mv, rate_hz, leads))
    assert quality.usable_leads == leads
    assert quality.problems == ()
    quiet = {QualityProblem.BASELINE_WANDER} if scale > 1 else set()
    assert {p for q in quality.leads for p in q.problems} <= quiet
    assert quality.index is not None
    assert quality.index > 0.9


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"mains_mv": 0.1, "mains_hz": 50.0}, QualityProblem.MAINS_HUM),
        ({"mains_mv": 0.1, "mains_hz": 60.0}, QualityProblem.MAINS_HUM),
        ({"muscle_mv": 0.2}, QualityProblem.MUSCLE_NOISE),
        ({"baseline_wander_mv": 0.8}, QualityProblem.BASELINE_WANDER),
    ],
)
def test_each_simulated_noise_is_named_and_leaves_leads_with_beats_usable(
    settings: dict[str, float], problem: QualityProblem
) -> None:
    for seed in range(5):
        quality = assess_quality(an_ecg(seed=seed, **settings))
        assert set(STANDARD_LEADS) - set(quality.usable_leads) <= {"aVL"}
        named = [q for q in quality.leads if problem in q.problems]
        assert len(named) > 6
        if problem is QualityProblem.MAINS_HUM:
            assert {q.mains_hz for q in named} == {settings["mains_hz"]}


def test_clipped_beats_are_named() -> None:
    clipped = np.minimum(a_lead(baseline_wander_mv=0.0), 0.4)
    assert QualityProblem.SATURATED in problems_of(clipped)


def test_an_electrode_pop_is_named_and_is_no_wander_of_all_seconds() -> None:
    popped = a_lead()
    popped = popped + np.where(np.arange(N) > 1300, 2.0, 0.0)
    quality = assess_quality(Waveform(popped[np.newaxis], RATE_HZ, ("II",)))
    assert QualityProblem.ELECTRODE_POPS in quality.leads[0].problems
    assert quality.leads[0].fractions[QualityProblem.ELECTRODE_POPS] == pytest.approx(0.1)


@pytest.mark.parametrize(
    "samples",
    [
        noise(1),
        noise(1, 100.0),
        np.sin(np.arange(N) * 2 * math.pi * 5 / RATE_HZ + 0.3),
        np.sign(np.sin(np.arange(N) * 2 * math.pi * 1.7 / RATE_HZ + 0.3)),
    ],
    ids=["noise", "strong noise", "sine", "square wave"],
)
def test_what_is_no_ecg_is_named_for_the_lead_and_the_recording(samples: Samples) -> None:
    quality = assess_quality(Waveform(samples[np.newaxis], RATE_HZ, ("II",)))
    assert QualityProblem.NOT_AN_ECG in quality.leads[0].problems
    assert quality.problems == (QualityProblem.NOT_AN_ECG,)
    assert quality.usable_leads == ()


def test_one_noisy_lead_does_not_make_the_recording_no_ecg() -> None:
    rows = np.stack([noise(1), a_lead()])
    quality = assess_quality(Waveform(rows, RATE_HZ, ("V1", "II")))
    assert quality.usable_leads == ("II",)
    assert quality.problems == ()


def test_flat_and_missing_leads_are_not_relied_upon() -> None:
    rows = np.stack([a_lead(), np.full(N, 0.7), np.full(N, np.nan)])
    quality = assess_quality(Waveform(rows, RATE_HZ, ("I", "II", "V1")))
    assert quality.usable_leads == ("I",)
    assert quality.leads[1].problems == (QualityProblem.FLAT,)
    assert quality.leads[2].missing_fraction == 1
    assert QualityProblem.MISSING_SAMPLES in quality.leads[2].problems


def test_a_lead_lost_half_way_tells_how_much_is_left() -> None:
    row = a_lead().copy()
    row[1000:] = 0.25
    lead = assess_quality(Waveform(row[np.newaxis], RATE_HZ, ("II",))).leads[0]
    assert lead.flat_fraction == pytest.approx(0.6)
    assert lead.fractions[QualityProblem.FLAT] == pytest.approx(0.6)
    assert not lead.usable


@pytest.mark.parametrize("n", [0, 1, 2, 50, 125])
def test_recordings_of_no_length_worth_naming_are_judged_all_the_same(n: int) -> None:
    quality = assess_quality(Waveform(np.zeros((1, n)), RATE_HZ, ("II",)))
    assert quality.usable_leads == ()


def test_the_index_falls_as_noise_rises() -> None:
    indices = [
        assess_quality(an_ecg(muscle_mv=mv)).index for mv in (0.0, 0.1, 0.3, 1.0, 3.0)
    ]
    assert indices == sorted(indices, reverse=True)
    assert indices[0] > 0.9
    assert indices[-1] < 0.1


def test_beats_of_an_ecg_are_sure_and_those_in_a_burst_of_noise_are_not() -> None:
    ecg = simulate(SimulationSettings(duration_s=40.0, leads=("II", "V2")))
    waveform, r_peaks = ecg.recording.waveform, ecg.truth.r_peak_indices
    burst = slice(10_000, 15_000)
    rows = waveform.samples_mv.copy()
    rows[:, burst] += np.random.default_rng(3).normal(0, 3.0, rows[:, burst].shape)
    noisy = Waveform(rows, waveform.sampling_rate_hz, waveform.leads)
    sure = beat_quality(noisy, r_peaks, assess_quality(noisy))
    inside = (r_peaks >= 10_000) & (r_peaks < 15_000)
    assert sure[inside].max() < 0.3
    assert np.median(sure[~inside]) > 0.9


def test_a_lone_ventricular_beat_in_a_clean_recording_is_doubtful_at_most() -> None:
    ecg = simulate(SimulationSettings(pvc_probability=0.05, duration_s=60.0, seed=4))
    waveform = ecg.recording.waveform
    sure = beat_quality(waveform, ecg.truth.r_peak_indices, assess_quality(waveform))
    assert "V" in ecg.truth.classes
    assert sure.min() > 0.4


def test_beat_quality_wants_the_quality_of_the_same_recording() -> None:
    ecg = an_ecg()
    r_peaks = np.array([500], dtype=np.int64)
    with pytest.raises(ValueError, match="windows"):
        beat_quality(ecg, r_peaks, SignalQuality(()))
    other = assess_quality(an_ecg(duration_s=5.0))
    with pytest.raises(ValueError, match="windows"):
        beat_quality(ecg, r_peaks, other)


def limb_leads(one: Samples, two: Samples) -> Waveform:
    rows = np.stack([one, two, two - one, -(one + two) / 2])
    return Waveform(
        rows + np.array([[0.3], [-0.2], [0.1], [0]]), RATE_HZ, ("I", "II", "III", "aVR")
    )


def test_true_limb_leads_agree_whatever_their_offsets() -> None:
    assert contradicting_limb_leads(limb_leads(noise(1), noise(2))) == ()


def test_a_foreign_lead_contradicts() -> None:
    waveform = limb_leads(noise(1), noise(2))
    rows = waveform.samples_mv.copy()
    rows[2] = noise(3)
    swapped = Waveform(rows, RATE_HZ, waveform.leads)
    assert contradicting_limb_leads(swapped) == ("I", "III", "II")
    assert QualityProblem.LIMB_LEADS_CONTRADICT in assess_quality(swapped).problems


def test_an_inverted_avr_contradicts() -> None:
    waveform = limb_leads(noise(1), noise(2))
    rows = waveform.samples_mv.copy()
    rows[3] *= -1
    assert contradicting_limb_leads(Waveform(rows, RATE_HZ, waveform.leads)) == (
        "aVR",
        "I",
        "II",
    )

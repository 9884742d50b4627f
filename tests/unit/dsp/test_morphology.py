"""The median beat is read as a person with calipers would."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ecgsvc import dsp
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.waveform import Waveform
from ecgsvc.domain.waves import GlobalPoints, GlobalWaves, LeadWaves, WavePoints
from ecgsvc.dsp import measure_morphology, paced_share
from ecgsvc.simulation import SimulationSettings, simulate

RATE_HZ = 1000.0
R_PEAKS = np.arange(500, 9500, 800)
ONSET, OFFSET = -40, 60
"""Of the QRS complex around the R peak, samples of 1 ms."""


def hump(n: int, mv: float) -> NDArray[np.float64]:
    return mv * np.sin(np.pi * (np.arange(n) + 0.5) / n)


def recording(complex_mv: NDArray[np.float64], st_mv: float = 0.0) -> Waveform:
    """A lead with the complex in each beat, from `ONSET` on, and a level after it."""
    samples = np.full((1, 10_000), 0.7)
    for r_peak in R_PEAKS:
        at = r_peak + ONSET
        samples[0, at : at + len(complex_mv)] += complex_mv
        samples[0, at + len(complex_mv) : at + len(complex_mv) + 100] += st_mv
    return Waveform(samples, RATE_HZ, ("V1",))


def read(waveform: Waveform, rate_hz: float = RATE_HZ, classes: str = "N"):  # type: ignore[no-untyped-def]
    r_peaks = (R_PEAKS * rate_hz / RATE_HZ).astype(np.int64)
    to = rate_hz / RATE_HZ
    none = np.full(len(r_peaks), -1, dtype=np.int64)
    points = WavePoints(none, none, none)
    empty = GlobalPoints(np.full(len(r_peaks), np.nan), np.full(len(r_peaks), np.nan))
    qrs = GlobalPoints(r_peaks + ONSET * to, r_peaks + OFFSET * to)
    probabilities = np.zeros((len(r_peaks), 5), np.float32)
    probabilities[:, "NSVFQ".index(classes)] = 1
    found = measure_morphology(
        waveform,
        ClassifiedBeats(r_peaks, probabilities),
        [LeadWaves("V1", points, points, points)],
        GlobalWaves(empty, qrs, empty),
    )
    return found[0] if found else None


QRS = np.concatenate([hump(20, -0.2), hump(40, 1.0), hump(40, -0.5)])


@pytest.mark.parametrize("rate_hz", [100.0, 250.0, 500.0, 1000.0])
def test_q_r_and_s_have_their_heights_and_lengths_at_any_rate(rate_hz: float) -> None:
    waveform = recording(QRS)
    samples = dsp.resample(waveform.samples_mv, RATE_HZ, rate_hz)
    shape = read(Waveform(samples, rate_hz, ("V1",)), rate_hz)
    near = {100.0: 0.12, 250.0: 0.03}.get(rate_hz, 0.01)
    for wave, mv, ms in ((shape.q, -0.2, 20), (shape.r, 1.0, 40), (shape.s, -0.5, 40)):
        assert wave.mv == pytest.approx(mv, abs=near)
        assert wave.ms == pytest.approx(ms, abs=10 if rate_hz == 100 else 4)
    assert shape.r2 is None
    assert shape.qs is None
    assert shape.r_peak_ms == pytest.approx(40, abs=6)
    assert shape.r_mv == pytest.approx(1.0, abs=near)
    assert shape.peak_to_peak_mv == pytest.approx(1.5, abs=2 * near)


def test_a_second_r_wave_and_a_qs_complex_are_told_apart() -> None:
    right = np.concatenate([hump(20, 0.2), hump(40, -0.8), hump(40, 0.9)])
    shape = read(recording(right))
    assert (shape.q, shape.r.mv > 0, shape.s.mv < 0, shape.r2.mv > 0.8) == (
        None, True, True, True,
    )  # fmt: skip
    assert shape.r_peak_ms == pytest.approx(80, abs=4)
    down = read(recording(hump(100, -1.2)))
    assert down.qs.mv == pytest.approx(-1.2, abs=0.01)
    assert down.r is None
    assert down.r_peak_ms is None
    assert down.s_mv == pytest.approx(1.2, abs=0.01)


def test_a_raised_st_segment_is_no_second_r_wave() -> None:
    into_st = np.concatenate([hump(20, 0.2), hump(60, -0.8), np.linspace(0, 0.3, 20)])
    shape = read(recording(into_st, st_mv=0.3))
    assert shape.r2 is None
    assert shape.st_j_mv == pytest.approx(0.3, abs=0.06)


def test_what_is_too_small_or_too_short_is_no_wave() -> None:
    notched = np.concatenate(
        [hump(20, -0.015), hump(40, 1.0), hump(4, -0.4), hump(36, 0.6)]
    )
    shape = read(recording(notched))
    assert shape.q is None
    assert shape.s is None
    assert shape.r2 is None
    assert shape.r.ms == pytest.approx(80, abs=6)


def test_a_slow_beginning_is_measured() -> None:
    delta = np.concatenate([np.linspace(0, 0.15, 40), 0.15 + hump(60, 1.0)])
    assert read(recording(delta)).slur_ms >= 34
    assert read(recording(hump(100, 1.0))).slur_ms < 20


def test_offset_and_odd_beats_change_nothing_and_a_missing_sample_leaves_its_beat() -> None:
    waveform = recording(QRS)
    odd = waveform.samples_mv.copy()
    odd[0, R_PEAKS[3] - 60 : R_PEAKS[3] + 90] = 5.0
    odd[0, R_PEAKS[5]] = np.nan
    shape = read(Waveform(odd - 3.0, RATE_HZ, ("V1",)))
    assert shape.r.mv == pytest.approx(1.0, abs=0.01)
    gone = np.full_like(odd, np.nan)
    assert read(Waveform(gone, RATE_HZ, ("V1",))) is None


def test_shapes_of_a_simulated_ecg_agree_with_its_r_amplitudes() -> None:
    recording = simulate(SimulationSettings(seed=3, muscle_mv=0.005)).recording
    waveform = recording.waveform
    quality = dsp.assess_quality(waveform)
    r_peaks = dsp.detect_r_peaks(
        waveform.samples_mv, waveform.sampling_rate_hz, fiducial_lead=1
    )
    marks = dsp.delineate_leads(waveform, r_peaks)
    beats = ClassifiedBeats(
        r_peaks, np.tile(np.float32([1, 0, 0, 0, 0]), (len(r_peaks), 1))
    )
    limits = dsp.global_waves(marks)
    shapes = measure_morphology(waveform, beats, marks, limits)
    measured, _ = dsp.measure(waveform, beats, marks, limits)
    assert [each.lead for each in shapes] == list(quality.usable_leads)
    for each in shapes:
        assert each.r_mv == pytest.approx(measured.r_amplitude_mv[each.lead], abs=0.05)
    assert paced_share(waveform, r_peaks) == 0


def test_pacing_spikes_are_heard_from_240_hz_on() -> None:
    waveform = recording(QRS)
    paced = waveform.samples_mv.copy()
    for r_peak in R_PEAKS[1:]:
        paced[0, r_peak - 60 : r_peak - 58] += 2.0
    share = paced_share(Waveform(paced, RATE_HZ, ("V1",)), R_PEAKS)
    assert share == pytest.approx(1 - 1 / len(R_PEAKS))
    assert paced_share(waveform, R_PEAKS) == 0
    assert paced_share(Waveform(paced[:, ::5], 200.0, ("V1",)), R_PEAKS // 5) is None
    assert paced_share(waveform, np.empty(0, np.int64)) is None

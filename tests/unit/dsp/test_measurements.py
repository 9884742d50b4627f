"""Measurements on waves whose boundaries are known."""

from dataclasses import replace

import numpy as np
import pytest

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.waveform import STANDARD_LEADS, Waveform
from ecgsvc.domain.waves import ABSENT, LeadWaves, WavePoints
from ecgsvc.dsp.global_waves import global_waves
from ecgsvc.dsp.measurements import measure

RATE_HZ = 500.0
R_PEAKS = np.arange(400, 4800, 400, dtype=np.int64)  # RR 800 ms
P_ON, P_OFF, QRS_ON, QRS_OFF, T_PEAK, T_OFF = -90, -50, -20, 25, 120, 170  # samples from R


def points(onset: int, peak: int, offset: int) -> WavePoints:
    return WavePoints(R_PEAKS + onset, R_PEAKS + peak, R_PEAKS + offset)


def lead_waves(lead: str, shift: int = 0) -> LeadWaves:
    return LeadWaves(
        lead,
        p=points(P_ON + shift, -70, P_OFF),
        qrs=points(QRS_ON + shift, 0, QRS_OFF - shift),
        t=points(T_PEAK - 40, T_PEAK, T_OFF - shift),
    )


def beats(classes: str = "") -> ClassifiedBeats:
    probabilities = np.zeros((len(R_PEAKS), 5), dtype=np.float32)
    for i, name in enumerate(classes or "N" * len(R_PEAKS)):
        probabilities[i, "NSVFQ".index(name)] = 1
    return ClassifiedBeats(R_PEAKS, probabilities)


def waveform(leads: tuple[str, ...], heights_mv: dict[str, float]) -> Waveform:
    samples = np.zeros((len(leads), 5000))
    for row, lead in enumerate(leads):
        for r in R_PEAKS:
            samples[row, r - 10 : r + 11] = heights_mv.get(lead, 1.0)
            samples[row, r + T_PEAK - 5 : r + T_PEAK + 6] = 0.3 * heights_mv.get(lead, 1.0)
    return Waveform(samples, RATE_HZ, leads)


def measured_of(
    recording: Waveform, found: ClassifiedBeats, waves: list[LeadWaves]
) -> tuple[Measurements, tuple[Undetermined, ...]]:
    return measure(recording, found, waves, global_waves(waves))


def test_intervals_are_those_of_the_boundaries() -> None:
    measured, missing = measured_of(waveform(("II",), {}), beats(), [lead_waves("II")])
    assert measured.heart_rate_bpm == pytest.approx(75)
    assert measured.pr_ms == pytest.approx((QRS_ON - P_ON) * 2)
    assert measured.p_ms == pytest.approx((P_OFF - P_ON) * 2)
    assert measured.qrs_ms == pytest.approx((QRS_OFF - QRS_ON) * 2)
    assert measured.qt_ms == pytest.approx((T_OFF - QRS_ON) * 2)
    assert measured.qtc_fridericia_ms == pytest.approx(380 / 0.8 ** (1 / 3))
    assert measured.qtc_bazett_ms == pytest.approx(380 / 0.8**0.5)
    assert measured.qtc_framingham_ms == pytest.approx(380 + 154 * 0.2)
    assert measured.qtc_hodges_ms == pytest.approx(380 + 1.75 * 15)
    assert measured.r_amplitude_mv == {"II": pytest.approx(1.0)}
    assert measured.t_amplitude_mv == {"II": pytest.approx(0.3)}
    assert {u.path for u in missing} == {
        f"measurements.{wave}_axis_deg" for wave in ("p", "qrs", "t")
    }


def test_one_outlying_lead_does_not_move_a_boundary() -> None:
    leads = STANDARD_LEADS
    waves = [lead_waves(lead, shift=-15 if lead == "V3" else 0) for lead in leads]
    measured, _ = measured_of(waveform(leads, {}), beats(), waves)
    assert measured.qrs_ms == pytest.approx((QRS_OFF - QRS_ON) * 2)


@pytest.mark.parametrize(
    ("one_mv", "foot_mv", "angle_deg"),
    [(1.0, 0.0, 0.0), (0.0, 1.0, 90.0), (-1.0, 0.0, 180.0), (1.0, 3**0.5 / 2, 45.0)],
)
def test_axis_points_where_the_leads_say(
    one_mv: float, foot_mv: float, angle_deg: float
) -> None:
    leads = ("I", "aVF")
    measured, _ = measured_of(
        waveform(leads, {"I": one_mv, "aVF": foot_mv}),
        beats(),
        [lead_waves(lead) for lead in leads],
    )
    assert measured.qrs_axis_deg == pytest.approx(angle_deg, abs=1e-6)


def test_axis_from_lead_two_is_that_of_avf() -> None:
    one_mv, two_mv = 0.6, 1.1
    with_foot, _ = measured_of(
        waveform(("I", "aVF"), {"I": one_mv, "aVF": two_mv - one_mv / 2}),
        beats(),
        [lead_waves("I"), lead_waves("aVF")],
    )
    with_two, _ = measured_of(
        waveform(("I", "II"), {"I": one_mv, "II": two_mv}),
        beats(),
        [lead_waves("I"), lead_waves("II")],
    )
    assert with_two.qrs_axis_deg == pytest.approx(with_foot.qrs_axis_deg)


def test_absent_p_waves_give_no_pr_interval_but_a_reason() -> None:
    waves = lead_waves("II")
    absent = np.full(len(R_PEAKS), ABSENT, dtype=np.int64)
    without_p = LeadWaves("II", WavePoints(absent, absent, absent), waves.qrs, waves.t)
    measured, missing = measured_of(waveform(("II",), {}), beats(), [without_p])
    assert measured.pr_ms is None
    assert measured.qrs_ms is not None
    assert "measurements.pr_ms" in {u.path for u in missing}


def with_t_until(offset: int, of_beats: slice) -> LeadWaves:
    waves = lead_waves("II")
    offsets = waves.t.offset.copy()
    offsets[of_beats] = R_PEAKS[of_beats] + offset
    return LeadWaves(
        "II", waves.p, waves.qrs, WavePoints(waves.t.onset, waves.t.peak, offsets)
    )


def test_a_t_wave_that_runs_into_the_next_p_wave_is_not_measured_nor_is_that_p() -> None:
    into_p = 400 + P_ON + 25
    waves = with_t_until(into_p, slice(None))
    measured, missing = measured_of(waveform(("II",), {}), beats(), [waves])
    assert measured.pr_ms is None
    assert measured.p_ms is None
    assert measured.qt_ms is None
    assert measured.qtc_fridericia_ms is None
    assert measured.qrs_ms == pytest.approx((QRS_OFF - QRS_ON) * 2)
    reasons = {u.path: u.reason for u in missing}
    assert "next P wave" in reasons["measurements.qt_ms"]
    assert "T wave" in reasons["measurements.pr_ms"]


def test_a_few_t_waves_that_run_into_p_waves_are_left_out() -> None:
    waves = with_t_until(400 + P_ON + 25, slice(2, 5))
    measured, _ = measured_of(waveform(("II",), {}), beats(), [waves])
    assert measured.qt_ms == pytest.approx((T_OFF - QRS_ON) * 2)
    assert measured.pr_ms == pytest.approx((QRS_ON - P_ON) * 2)


def test_a_t_wave_that_touches_the_next_p_wave_is_measured() -> None:
    waves = with_t_until(400 + P_ON + 20, slice(None))
    measured, _ = measured_of(waveform(("II",), {}), beats(), [waves])
    assert measured.qt_ms == pytest.approx((400 + P_ON + 20 - QRS_ON) * 2)
    assert measured.pr_ms == pytest.approx((QRS_ON - P_ON) * 2)


def test_ectopic_beats_take_no_part_in_intervals() -> None:
    waves = lead_waves("II")
    wide = WavePoints(waves.qrs.onset.copy(), waves.qrs.peak, waves.qrs.offset.copy())
    wide.offset[::2] += 40
    waves = LeadWaves("II", waves.p, wide, waves.t)
    classes = "".join("V" if i % 2 == 0 else "N" for i in range(len(R_PEAKS)))
    measured, _ = measured_of(waveform(("II",), {}), beats(classes), [waves])
    assert measured.qrs_ms == pytest.approx((QRS_OFF - QRS_ON) * 2)


def test_st_level_is_that_after_the_j_point() -> None:
    samples = np.zeros((1, 5000))
    for r in R_PEAKS:
        samples[0, r + QRS_OFF + 20 : r + QRS_OFF + 40] = 0.2  # J + 40 to J + 80 ms
    raised = Waveform(samples - 0.5, RATE_HZ, ("II",))
    measured, _ = measured_of(raised, beats(), [lead_waves("II")])
    assert measured.st_j60_mv == {"II": pytest.approx(0.2)}


def test_no_beats_and_one_beat_have_no_rate() -> None:
    for n in (0, 1):
        few = ClassifiedBeats(R_PEAKS[:n], beats().probabilities[:n])
        measured, missing = measured_of(waveform(("II",), {}), few, [])
        assert measured.heart_rate_bpm is None
        assert {"measurements.heart_rate_bpm", "measurements.qt_ms"} <= {
            u.path for u in missing
        }


def test_rate_leaves_out_intervals_with_lost_signal() -> None:
    samples = waveform(("II",), {}).samples_mv.copy()
    samples[0, 1250:1900] = np.nan
    r_peaks = R_PEAKS[(R_PEAKS < 1250) | (R_PEAKS > 1900)]
    found = ClassifiedBeats(r_peaks, beats().probabilities[: len(r_peaks)])
    measured, _ = measured_of(Waveform(samples, RATE_HZ, ("II",)), found, [])
    assert measured.heart_rate_bpm == pytest.approx(75)


@pytest.mark.parametrize(
    ("classes", "shapes", "wide_ms"),
    [
        ("N" * 11, [0] * 5 + [1] * 6, 90 + 40),
        ("N" * 11, [0] * 6 + [1] * 4 + [-1], 90),
        ("N" * 6 + "V" * 5, [0] * 5 + [1] * 6, 90),
        ("N" * 11, [-1] * 11, 90 + 40),
        ("N" * 11, None, 90 + 40),
    ],
)
def test_intervals_are_those_of_the_commonest_shape_of_normal_beats(
    classes: str, shapes: list[int] | None, wide_ms: float
) -> None:
    """The last six beats are 40 ms wider, as where a block or a pacemaker sets in."""
    waves = lead_waves("II")
    later = waves.qrs.offset + np.where(np.arange(11) >= 5, 20, 0)
    waves = replace(waves, qrs=replace(waves.qrs, offset=later))
    limits = global_waves([waves])
    limits = replace(limits, shapes=None if shapes is None else np.array(shapes))
    measured, _ = measure(waveform(("II",), {}), beats(classes), [waves], limits)
    assert measured.qrs_ms == pytest.approx(wide_ms)

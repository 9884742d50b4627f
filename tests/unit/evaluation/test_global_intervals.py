import math

import numpy as np
import pytest

from ecgsvc.evaluation.global_intervals import (
    LIMITS_MS,
    RecordIntervals,
    interval_errors,
    reference_intervals,
)
from ecgsvc.evaluation.wave_references import WAVES, ReferenceWaves

RATE = 500.0


def lead(p=(), qrs=(), t=()) -> ReferenceWaves:
    rows = (np.array(w, dtype=np.int64).reshape(-1, 3) for w in (p, qrs, t))
    return ReferenceWaves(dict(zip(WAVES, rows, strict=True)), 0, 5000)


def beat(at: int, *, p_on=-80, p_off=-30, q_on=-20, q_off=30, t_off=180):
    """One beat of a lead: boundaries in samples relative to the QRS peak."""
    return lead(
        p=[[at + p_on, at - 50, at + p_off]],
        qrs=[[at + q_on, at, at + q_off]],
        t=[[at + 80, at + 120, at + t_off]],
    )


def test_the_second_earliest_onset_and_second_latest_offset_bound_a_beat():
    leads = [
        beat(1000, p_on=-90, q_on=-30, q_off=25, t_off=200),
        beat(1001, p_on=-81, q_on=-21, q_off=29, t_off=179),
        beat(1002, p_on=-72, q_on=-12, q_off=48, t_off=188),
    ]
    # P from 920 to 971, QRS from 980 to 1030, T to 1190
    assert reference_intervals(leads, RATE) == {
        "p_ms": (971 - 920) * 2.0,
        "pr_ms": (980 - 920) * 2.0,
        "qrs_ms": (1030 - 980) * 2.0,
        "qt_ms": (1190 - 980) * 2.0,
    }


def test_of_one_or_two_leads_the_earliest_and_latest_are_taken():
    leads = [beat(1000, q_on=-30), beat(1000, q_off=40)]
    assert reference_intervals(leads, RATE)["qrs_ms"] == 140.0


def test_a_record_has_the_median_of_its_beats():
    rows = [[[at - on, at, at + 30]] for at, on in ((500, 20), (1000, 30), (1500, 40))]
    one = lead(qrs=np.concatenate(rows))
    assert reference_intervals([one], RATE)["qrs_ms"] == 120.0


def test_waves_belong_to_the_beat_they_come_with():
    one = lead(
        p=[[300, 310, 320], [400, 410, 420], [900, 910, 920]],
        qrs=[[480, 500, 530], [980, 1000, 1030]],
        t=[[600, 650, 700], [1100, 1150, 1200], [1300, 1350, 1400]],
    )
    found = reference_intervals([one], RATE)
    assert found["pr_ms"] == 160.0  # the last P before each QRS complex
    assert found["qt_ms"] == 440.0  # the first T after it


def test_what_is_not_annotated_has_no_interval():
    found = reference_intervals([lead(qrs=[[-1, 500, 530]])], RATE)
    assert found == dict.fromkeys(LIMITS_MS)
    assert reference_intervals([lead()], RATE) == dict.fromkeys(LIMITS_MS)


def intervals(reference: float | None, own: float | None) -> RecordIntervals:
    return RecordIntervals(
        dict.fromkeys(LIMITS_MS, reference), dict.fromkeys(LIMITS_MS, own)
    )


def test_errors_are_ours_less_the_reference_over_the_records_that_have_both():
    records = [intervals(100, 110), intervals(100, 96), intervals(80, 80)]
    records += [intervals(100, None), intervals(None, 90), intervals(None, None)]
    pr = interval_errors(records)[1]
    assert (pr.name, pr.n_records, pr.n_missing, pr.n_invented) == ("pr_ms", 3, 1, 1)
    assert pr.mean_ms == pytest.approx(2.0)
    assert pr.sd_ms == pytest.approx(np.std([10, -4, 0], ddof=1))
    assert pr.largest_ms == 10.0
    assert pr.within_limits


@pytest.mark.parametrize(("shift", "within"), [(10, True), (-11, False), (11, False)])
def test_the_standard_limits_the_mean_error(shift, within):
    records = [intervals(100, 100 + shift), intervals(90, 90 + shift)]
    assert interval_errors(records)[2].within_limits is within


def test_without_records_nothing_is_within_limits():
    nothing = interval_errors([intervals(None, None)])[0]
    assert math.isnan(nothing.mean_ms)
    assert not nothing.within_limits
    assert nothing.to_json()["mean_error_ms"] is None

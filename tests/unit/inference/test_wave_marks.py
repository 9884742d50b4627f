"""What becomes of the core's marks when the model has spoken."""

from dataclasses import replace

import numpy as np
import pytest

from ecgsvc.inference.wave_groups import CONTEXT_NAMES, SAMPLES_BEFORE_R, BeatGroup
from ecgsvc.inference.wave_marks import Marks, WaveAnswers, carry, drop_impossible

STEP = 2.0  # samples a column
R_PEAKS = np.array([500, 900, 1300, 1700])
FROM_R = np.array([[-90, -70, -50], [-20, 0, 25], [80, 120, 170]], dtype=np.float64)
THRESHOLDS = {"keep_p": 0.4, "add_p": 0.6, "keep_t": 0.4, "add_t": 0.6}


def own_marks():
    points = R_PEAKS[:, None, None] + FROM_R
    limits = R_PEAKS[:, None, None] + FROM_R[:, [0, 2]]
    return Marks(np.stack([points, points]), limits, np.full(len(R_PEAKS), -1))


def group(leads=(0, 1)):
    window = np.zeros((len(leads), 3, 304), np.float32)
    context = np.zeros(4, np.float32)
    anchors = R_PEAKS.astype(np.float64)
    return BeatGroup(np.arange(4), anchors, np.array(leads), window, context)


def answers(samples_later=0.0, presence=(1.0, 1.0, 1.0), n_leads=2):
    columns = SAMPLES_BEFORE_R + (FROM_R + samples_later) / STEP
    return WaveAnswers(
        np.stack([columns] * n_leads),
        np.tile(presence, (n_leads, 1)),
        columns[:, [0, 2]],
    )


def test_all_beats_of_a_group_take_the_models_marks():
    marks, expected = own_marks(), own_marks()
    carry(marks, [group()], [answers(samples_later=6.0)], STEP, THRESHOLDS)
    np.testing.assert_allclose(marks.points, expected.points + 6.0)
    np.testing.assert_allclose(marks.limits, expected.limits + 6.0)


def test_each_beat_takes_what_was_said_of_its_own_group():
    marks, expected = own_marks(), own_marks()
    whole = group()
    parts = [
        replace(whole, beats=whole.beats[beats], anchors=whole.anchors[beats])
        for beats in ([1, 3], [0])
    ]
    carry(marks, parts, [answers(6.0), answers(-4.0)], STEP, THRESHOLDS)
    moved = np.array([-4.0, 6.0, 0.0, 6.0])
    np.testing.assert_allclose(marks.points, expected.points + moved[:, None, None])
    np.testing.assert_allclose(marks.limits, expected.limits + moved[:, None, None])
    assert marks.shapes.tolist() == [1, 0, -1, 0]


@pytest.mark.parametrize(("presence", "marked", "stays"), [
    (0.3, True, False), (0.5, True, True), (0.5, False, False), (0.7, False, True),
])  # fmt: skip
def test_a_wave_is_kept_or_added_by_its_presence(presence, marked, stays):
    marks = own_marks()
    if not marked:
        marks.points[:, :, 0] = np.nan
        marks.limits[:, 0] = np.nan
    carry(marks, [group()], [answers(presence=(presence, 1.0, 1.0))], STEP, THRESHOLDS)
    assert np.isfinite(marks.points[:, :, 0]).all() == stays
    assert np.isfinite(marks.limits[:, 0]).all() == stays


@pytest.mark.parametrize(("n_leads", "sure", "irregularity", "beats", "added"), [
    (8, 5, 0.1, 4, [True] * 7 + [False]), (8, 3, 0.1, 4, [True] * 3 + [False] * 5),
    (7, 5, 0.1, 4, [True] * 5 + [False] * 2), (8, 5, 0.3, 4, [True] * 5 + [False] * 3),
    (8, 5, 0.1, 2, [True] * 5 + [False] * 3),
])  # fmt: skip
def test_leads_that_agree_add_a_p_wave_in_a_regular_rhythm(
    n_leads, sure, irregularity, beats, added
):
    strict = THRESHOLDS | {"add_p": 0.9}
    own = own_marks()
    marks = replace(own, points=np.concatenate([own.points[:1]] * n_leads))
    marks.points[:, :, 0] = np.nan
    presence = np.ones((n_leads, 3))
    presence[:, 0] = [0.95] * sure + [0.6] * (n_leads - sure - 1) + [0.3]
    said = replace(answers(n_leads=n_leads), presence=presence)
    whole = group(tuple(range(n_leads)))
    whole.context[CONTEXT_NAMES.index("rr_irregularity")] = irregularity
    seen = replace(whole, beats=whole.beats[:beats], anchors=whole.anchors[:beats])
    carry(marks, [seen], [said], STEP, strict)
    there = np.isfinite(marks.points[:, :beats, 0]).all(axis=(1, 2))
    assert there.tolist() == added


def test_the_qrs_complex_is_never_taken_away():
    marks = own_marks()
    carry(marks, [group()], [answers(presence=(0.0, 0.0, 0.0))], STEP, THRESHOLDS)
    assert np.isfinite(marks.points[:, :, 1]).all()
    assert np.isnan(marks.points[:, :, [0, 2]]).all()


def test_leads_outside_the_group_are_left_alone():
    marks, expected = own_marks(), own_marks()
    carry(marks, [group(leads=(1,))], [answers(6.0, n_leads=1)], STEP, THRESHOLDS)
    np.testing.assert_allclose(marks.points[0], expected.points[0])


def test_points_stay_in_order():
    marks = own_marks()
    said = answers()
    said.points[:, 2] = said.points[:, 2, ::-1]
    carry(marks, [group()], [said], STEP, THRESHOLDS)
    assert (np.diff(marks.points, axis=-1) >= 0).all()


def test_a_p_wave_inside_the_beat_before_is_dropped():
    marks = own_marks()
    marks.points[:, 2, 0, 0] = R_PEAKS[1] + 60.0  # 120 ms after R at 500 Hz
    marks.limits[2, 0, 0] = R_PEAKS[1] + 60.0
    drop_impossible(marks, R_PEAKS, 500.0)
    assert np.isnan(marks.points[:, 2, 0]).all()
    assert np.isnan(marks.limits[2, 0]).all()
    assert np.isfinite(marks.points[:, [0, 1, 3]]).all()


def test_a_t_wave_that_ends_after_the_next_r_peak_is_dropped():
    marks = own_marks()
    marks.points[:, 1, 2, 2] = R_PEAKS[2] + 1.0
    marks.limits[1, 2, 1] = R_PEAKS[2] + 1.0
    drop_impossible(marks, R_PEAKS, 500.0)
    assert np.isnan(marks.points[:, 1, 2]).all()
    assert np.isnan(marks.limits[1, 2]).all()
    assert np.isfinite(marks.points[:, [0, 2, 3]]).all()


@pytest.mark.parametrize(("samples_later", "stands"), [(39.0, False), (41.0, True)])
def test_the_cores_marks_stand_where_the_qrs_would_move_by_80_ms(samples_later, stands):
    marks, own = own_marks(), own_marks()
    carry(marks, [group()], [answers(samples_later)], STEP, THRESHOLDS)
    moved = 0.0 if stands else samples_later
    np.testing.assert_allclose(marks.points, own.points + moved)
    np.testing.assert_allclose(marks.limits, own.limits + moved)


def test_the_cores_marks_stand_where_the_qrs_would_be_too_short():
    marks, own = own_marks(), own_marks()
    said = answers(samples_later=4.0)
    said.points[0, 1] = SAMPLES_BEFORE_R + np.array([-2.0, 0.0, 7.0])  # 36 ms
    carry(marks, [group()], [said], STEP, THRESHOLDS)
    np.testing.assert_allclose(marks.points[0], own.points[0])
    np.testing.assert_allclose(marks.points[1], own.points[1] + 4.0)
    np.testing.assert_allclose(marks.limits, own.limits + 4.0)


def test_a_beat_the_core_did_not_mark_gets_no_qrs_complex():
    marks = own_marks()
    marks.points[:, 1] = np.nan
    carry(marks, [group()], [answers(samples_later=80.0)], STEP, THRESHOLDS)
    assert np.isnan(marks.points[:, 1, 1]).all()

"""Annotated rhythms as windows, and how alarms are counted against them."""

import json

import numpy as np
import pytest

from ecgsvc.convert import WfdbAnnotations
from ecgsvc.domain.rhythm import MalignantCall, MalignantRhythm, MalignantWindow
from ecgsvc.evaluation import MalignantResults, malignant_tables, to_markdown
from ecgsvc.evaluation.malignant import ANSWERS, score_alarms
from ecgsvc.evaluation.malignant_references import (
    MALIGNANT,
    RHYTHMS,
    AnnotatedRhythm,
    read_rhythm_reference,
    rhythm_reference,
    window_labels,
)
from ecgsvc.evaluation.references import find_records

RATE = 100
VF, VT, OTHER = (MalignantRhythm.VF, MalignantRhythm.VT, MalignantRhythm.OTHER)


def marks(*pairs):
    """Annotations of (second, rhythm mark) or (second, beat symbol)."""
    is_mark = [text.startswith("(") for _, text in pairs]
    return WfdbAnnotations(
        np.array([round(s * RATE) for s, _ in pairs], np.int64),
        tuple(
            "+" if mark else text for mark, (_, text) in zip(is_mark, pairs, strict=True)
        ),
        tuple(text if mark else "" for mark, (_, text) in zip(is_mark, pairs, strict=True)),
    )


def call(answers, hop_s=5):
    return MalignantCall(
        tuple(
            MalignantWindow(i * hop_s * RATE, (i * hop_s + 10) * RATE, {}, answer)
            for i, answer in enumerate(answers)
        )
    )


def names(reference):
    return [
        (onset / RATE, RHYTHMS[r].value)
        for onset, r in zip(
            reference.onsets.tolist(), reference.rhythms.tolist(), strict=True
        )
    ]


def test_a_rhythm_lasts_until_the_next_mark_and_the_first_begins_the_record():
    reference = rhythm_reference(
        marks((0.5, "(N"), (20, "(VFL"), (40, "(VT"), (50, "(NOISE"), (60, "(AFIB")), 8000
    )
    assert names(reference) == [
        (0, "other"), (20, "VF"), (40, "VT"), (50, "noise"), (60, "other"),
    ]  # fmt: skip


def test_three_ventricular_beats_in_a_row_are_tachycardia_two_are_not():
    beats = [
        (1, "N"),
        (2, "V"),
        (2.5, "V"),
        (3, "N"),
        (4, "V"),
        (4.4, "V"),
        (4.8, "V"),
        (6, "N"),
    ]
    assert names(rhythm_reference(marks((0, "(N"), *beats), 1000)) == [
        (0, "other"), (4, "VT"), (6, "other"),
    ]  # fmt: skip


def test_a_run_at_the_end_of_the_record_ends_with_its_last_beat():
    beats = [(4, "V"), (4.4, "V"), (4.8, "V")]
    assert names(rhythm_reference(marks(*beats), 1000))[1:] == [(4, "VT"), (4.8, "other")]


def test_flutter_between_brackets_counts_without_a_mark():
    reference = rhythm_reference(marks((0, "(N"), (10, "["), (30, "]"), (31, "N")), 5000)
    assert names(reference) == [(0, "other"), (10, "VF"), (30, "other")]


def test_no_annotation_at_all_is_no_malignant_rhythm():
    assert names(rhythm_reference(marks(), 500)) == [(0, "other")]


def test_a_window_is_malignant_when_half_of_it_is():
    reference = rhythm_reference(
        marks((0, "(N"), (15, "(VT"), (18, "(VF"), (30, "(N")), 4000
    )
    bounds = np.array([[0, 1000], [900, 1900], [1000, 2000], [2000, 3000]])
    labels, pure = window_labels(reference, bounds)
    assert [RHYTHMS[i].value for i in labels] == ["other", "other", "VT", "VF"]
    assert pure.tolist() == [True, False, False, True]


def test_alarms_are_counted_by_window_episode_and_hour():
    reference = rhythm_reference(marks((0, "(N"), (60, "(VT"), (90, "(N")), 3600 * RATE)
    answers = [OTHER] * 719
    answers[12], answers[13], answers[300], answers[301] = VT, VF, VT, VT
    scored = score_alarms("a", reference, call(answers), RATE)
    vt, other = RHYTHMS.index(AnnotatedRhythm.VT), RHYTHMS.index(AnnotatedRhythm.OTHER)
    # Every other window is scored: of 60-70 s, 70-80 s and 80-90 s the first is alarmed.
    assert scored.windows[vt].tolist() == [0, 1, 2, 0, 0, 0]
    assert scored.windows[other, ANSWERS.index(VT)] == 1
    assert scored.windows.sum() == 360
    assert scored.episodes.tolist() == [[0, 0], [1, 1]]
    assert scored.false_alarms == 1
    figures = MalignantResults((scored,)).figures()
    assert figures["vt_sensitivity"] == pytest.approx(1 / 3)
    assert figures["specificity"] == pytest.approx(356 / 357)
    assert figures["false_alarms_per_hour"] == pytest.approx(3600 / 3570)
    assert np.isnan(figures["vf_sensitivity"])


def test_an_alarm_that_touches_a_short_run_is_not_false():
    beats = [(101, "V"), (101.4, "V"), (101.8, "V"), (103, "N")]
    reference = rhythm_reference(marks((0, "(N"), *beats), 600 * RATE)
    answers = [OTHER] * 119
    answers[19] = answers[20] = VT
    assert score_alarms("a", reference, call(answers), RATE).false_alarms == 0


def test_a_short_episode_is_not_scored_and_one_without_alarm_is_missed():
    reference = rhythm_reference(
        marks((0, "(N"), (50, "(VF"), (58, "(N"), (100, "(VF"), (130, "(N")), 600 * RATE
    )
    scored = score_alarms("a", reference, call([OTHER] * 119), RATE)
    assert scored.episodes.tolist() == [[1, 0], [0, 0]]


def test_a_record_too_short_for_a_window_counts_nothing():
    reference = rhythm_reference(marks((0, "(N")), 300)
    scored = score_alarms("a", reference, MalignantCall(()), RATE)
    assert scored.windows.sum() == 0
    assert scored.false_alarms == 0


def test_results_are_tables_and_json():
    reference = rhythm_reference(marks((0, "(N"), (60, "(VT"), (90, "(N")), 600 * RATE)
    results = MalignantResults((score_alarms("a", reference, call([VT] * 119), RATE),) * 2)
    text = "\n".join(map(to_markdown, malignant_tables(results)))
    assert "| all windows | - | 100.00 (100.00-100.00) | 0.00 (0.00-0.00) |" in text
    figures = json.loads(json.dumps(results.to_json()))["figures"]
    assert figures["vf_sensitivity"]["value"] is None
    assert figures["vt_sensitivity"]["interval"] == [1.0, 1.0]


@pytest.mark.recordings
def test_vfdb_holds_the_malignant_rhythm_its_marks_say(recordings):
    seconds = dict.fromkeys(RHYTHMS, 0.0)
    for path in find_records(recordings / "vfdb", "atr"):
        reference = read_rhythm_reference(path, "atr", 525_000)
        whole = reference.shares(np.array([[0, 525_000]]))[0] * 2100
        for rhythm, share in zip(RHYTHMS, whole.tolist(), strict=True):
            seconds[rhythm] += share
    assert {r.value: round(seconds[r]) for r in MALIGNANT} == {"VF": 3014, "VT": 5240}

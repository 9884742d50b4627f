"""Models' windows and rules' episodes become one reading, contradictions included."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.domain.findings import Evidence, Urgency
from ecgsvc.domain.rhythm import (
    EpisodeKind,
    MalignantCall,
    MalignantRhythm,
    MalignantWindow,
    RhythmCall,
    RhythmClass,
    RhythmEpisode,
    RhythmReading,
    RhythmWindow,
)
from ecgsvc.domain.waveform import Waveform
from ecgsvc.interpretation import read_rhythm
from ecgsvc.interpretation.overlaps import overlapping
from ecgsvc.interpretation.regularity import NormalIntervals
from ecgsvc.interpretation.rhythm_findings import rhythm_findings
from tests.unit.interpretation.test_beat_episodes import RATE_HZ, sequence, statistics

WINDOW = int(10 * RATE_HZ)
N, A, O, NOISE = RhythmClass  # noqa: E741 (the challenge's letters)


def window(
    i: int, answer: RhythmClass, *others: RhythmClass, odd: bool = False
) -> RhythmWindow:
    probabilities = dict.fromkeys(RhythmClass, 0.05) | {answer: 0.85}
    return RhythmWindow(
        i * WINDOW, (i + 1) * WINDOW, probabilities, frozenset({answer, *others}), odd
    )


def malignant(*answers: MalignantRhythm | None) -> MalignantCall:
    """Windows of 10 s every 5 s."""
    step = WINDOW // 2
    told: Mapping[MalignantRhythm, float] = dict.fromkeys(
        (MalignantRhythm.VF, MalignantRhythm.VT, MalignantRhythm.OTHER), 0.33
    )
    return MalignantCall(
        tuple(
            MalignantWindow(i * step, i * step + WINDOW, told, answer)
            for i, answer in enumerate(answers)
        )
    )


def read(
    classes: str = "N" * 20,
    rr_ms: list[float] | float = 800.0,
    windows: tuple[RhythmWindow, ...] | None = None,
    alarms: MalignantCall | None = None,
    duration_s: float = 60.0,
    p_waves: tuple[Evidence, ...] = (),
) -> RhythmReading:
    beats = sequence(classes, rr_ms)
    return read_rhythm(
        Waveform(np.zeros((1, int(duration_s * RATE_HZ))), RATE_HZ, ("II",)),
        beats,
        statistics(beats),
        call=None if windows is None else RhythmCall(windows, "no lead can be read"),
        malignant=alarms,
        p_waves=p_waves,
    )


MANY = (
    "more than one rhythm is possible (normal sinus rhythm; neither normal sinus rhythm "
    "nor atrial fibrillation)"
)


@pytest.mark.parametrize(
    ("only", "answer", "reason"),
    [
        (window(0, N), N, ""),
        (window(0, N, O), None, MANY),
        (window(0, NOISE), None, "the signal is too noisy"),
        (window(0, A, odd=True), None, "the signal is unlike those the model learned from"),
        (
            RhythmWindow(0, 1, dict.fromkeys(RhythmClass, 0.25), frozenset()),
            None,
            "the signal fits no rhythm the model knows",
        ),
    ],
)
def test_one_window_is_the_answer_for_all(
    only: RhythmWindow, answer: RhythmClass | None, reason: str
) -> None:
    reading = read(windows=(only,))
    assert (reading.label, reading.reason) == (answer, reason)


def test_without_a_model_or_a_window_the_reason_is_given() -> None:
    assert read().reason == "no rhythm model is installed"
    assert read(windows=()).reason == "no lead can be read"


def test_windows_of_one_answer_make_one_episode_with_its_burden() -> None:
    reading = read(windows=tuple(window(i, a) for i, a in enumerate([N, A, A, O, A])))
    fibrillation = [
        (e.onset_index // WINDOW, e.end_index // WINDOW)
        for e in reading.episodes
        if e.kind is EpisodeKind.ATRIAL_FIBRILLATION
    ]
    assert fibrillation == [(1, 3), (4, 5)]
    assert reading.shares == {N: 0.2, A: 0.6, O: 0.2}
    assert reading.label is None
    assert reading.reason == ""
    (finding,) = rhythm_findings(reading, RATE_HZ)
    assert finding.coding.code == "164889003"
    assert finding.text == (
        "Atrial fibrillation, 2 episodes, longest 20.0 s, 60% of the time with an answer"
    )
    assert finding.urgency is Urgency.PROMPT


def test_a_gap_between_windows_ends_an_episode() -> None:
    reading = read(windows=(window(0, A), window(2, A)))
    assert len(reading.episodes) == 2


def test_mostly_unanswered_is_undetermined() -> None:
    reading = read(windows=(window(0, N), window(1, N, O), window(2, NOISE)))
    assert reading.label is None
    assert reading.reason == "only 33% of it could be read with certainty"


def test_sinus_rhythm_is_a_finding_with_its_probability() -> None:
    (finding,) = rhythm_findings(read(windows=(window(0, N),)), RATE_HZ)
    assert finding.coding.code == "426783006"
    assert finding.evidence[0].text == "rhythm model: mean probability 0.85"


def test_overlapping_alarms_are_one_emergency_and_silence_the_rules_within() -> None:
    reading = read(
        "N" * 10 + "V" * 10 + "N" * 10, 400.0,
        alarms=malignant(MalignantRhythm.VF, MalignantRhythm.VF, MalignantRhythm.OTHER),
    )  # fmt: skip
    assert [(e.kind, e.onset_index, e.end_index) for e in reading.episodes] == [
        (EpisodeKind.VENTRICULAR_FIBRILLATION, 0, WINDOW + WINDOW // 2)
    ]
    (finding,) = rhythm_findings(reading, RATE_HZ)
    assert finding.urgency is Urgency.EMERGENCY
    assert all(fact.source for fact in finding.evidence)


def test_a_pause_keeps_its_length_within_an_alarm_of_asystole() -> None:
    alarms = malignant(MalignantRhythm.OTHER, MalignantRhythm.ASYSTOLE)
    reading = read("NNNNNNNNNN", [800.0] * 8 + [5000.0], alarms=alarms)
    (pause,) = (e for e in reading.episodes if e.kind is EpisodeKind.PAUSE)
    assert pause.end_index - pause.onset_index == 5 * RATE_HZ
    urgencies = [f.urgency for f in rhythm_findings(reading, RATE_HZ)]
    assert urgencies[:2] == [Urgency.EMERGENCY, Urgency.PROMPT]


def test_lead_off_is_no_finding() -> None:
    reading = read("", alarms=malignant(MalignantRhythm.LEAD_OFF))
    assert [e.kind for e in reading.episodes] == [EpisodeKind.LEAD_OFF]
    assert rhythm_findings(reading, RATE_HZ) == ()


def test_tachycardia_of_model_and_rule_is_one_episode_of_both() -> None:
    reading = read(
        "N" * 4 + "V" * 30 + "N" * 4, 400.0, alarms=malignant(MalignantRhythm.VT)
    )
    (run, *_) = [
        e for e in reading.episodes if e.kind is EpisodeKind.VENTRICULAR_TACHYCARDIA
    ]
    assert run.n_beats is None
    assert run.rate_bpm == pytest.approx(150.0)
    assert len(run.evidence) == 2
    assert run.certainty == pytest.approx(0.33)
    assert reading.contradictions == ()


def test_sustained_tachycardia_is_an_emergency() -> None:
    for n_beats, urgency in ((70, Urgency.PROMPT), (80, Urgency.EMERGENCY)):
        found = rhythm_findings(read("N" + "V" * n_beats + "N", 400.0), RATE_HZ)
        (run,) = (f for f in found if f.coding.code == "164895002")
        assert run.urgency is urgency


def test_supraventricular_runs_within_fibrillation_are_fibrillation() -> None:
    classes = "N" * 5 + "S" * 4 + "N" * 5
    inside = read(classes, 500.0, windows=(window(0, A),))
    assert [e.kind for e in inside.episodes] == [EpisodeKind.ATRIAL_FIBRILLATION]
    outside = read(classes, 500.0, windows=(window(3, A),))
    assert EpisodeKind.SUPRAVENTRICULAR_TACHYCARDIA in {e.kind for e in outside.episodes}


def test_models_and_rules_that_disagree_are_shown() -> None:
    regular = read("N" * 12, 800.0, windows=(window(0, A),))
    assert "intervals are regular" in regular.contradictions[0].text
    run = read("NNVVVNN", 500.0, windows=(window(0, N),))
    assert "normal sinus rhythm, the beats show" in run.contradictions[0].text
    unseen = read("N" + "V" * 40, 400.0, alarms=malignant(MalignantRhythm.OTHER))
    assert "malignant rhythm does not" in unseen.contradictions[0].text
    alone = read("N" * 12, 800.0, alarms=malignant(MalignantRhythm.VT))
    assert "the beats show no run" in alone.contradictions[0].text
    both = read(windows=(window(0, N),), alarms=malignant(MalignantRhythm.VF))
    assert (
        "that of malignant rhythm ventricular fibrillation" in both.contradictions[0].text
    )
    assert all(
        each.evidence
        for reading in (regular, run, unseen, alone, both)
        for each in reading.contradictions
    )


def test_models_and_rules_that_agree_contradict_nothing() -> None:
    random = np.random.default_rng(0)
    irregular = random.uniform(500, 1100, 29).tolist()
    assert read("N" * 30, irregular, windows=(window(0, A),)).contradictions == ()
    assert read("NNVVVNN", 500.0, windows=(window(0, O),)).contradictions == ()
    normal = read(
        "N" * 12, windows=(window(0, N),), alarms=malignant(MalignantRhythm.OTHER)
    )
    assert normal.contradictions == ()


P_WAVES = (Evidence("waves", "a P wave before 100% of the normal beats"),)


@pytest.mark.parametrize(
    "windows", [(window(0, O),), (window(0, N, O),), (window(0, O, odd=True),)]
)
def test_sinus_p_waves_name_the_rhythm_where_the_model_does_not(
    windows: tuple[RhythmWindow, ...],
) -> None:
    before = read(windows=windows)
    assert before.words != "sinus rhythm"
    reading = read(windows=windows, p_waves=P_WAVES)
    assert (reading.label, reading.reason, reading.words) == (N, "", "sinus rhythm")
    assert reading.contradictions == ()
    (finding,) = rhythm_findings(reading, RATE_HZ)
    assert (finding.text, finding.evidence) == ("Sinus rhythm", P_WAVES)


def test_sinus_p_waves_stand_beside_a_model_that_agrees() -> None:
    reading = read(windows=(window(0, N),), p_waves=P_WAVES)
    assert reading.words == "normal sinus rhythm"
    (finding,) = rhythm_findings(reading, RATE_HZ)
    assert [fact.path for fact in finding.evidence] == ["waves", "rhythm.windows"]


def test_sinus_p_waves_do_not_overrule_fibrillation_but_contradict_it() -> None:
    reading = read(windows=(window(0, A),), p_waves=P_WAVES)
    assert reading.label is A
    stated = [each for each in reading.contradictions if P_WAVES[0] in each.evidence]
    assert [each.text for each in stated] == [
        "the rhythm model sees atrial fibrillation where P waves of the sinus node are"
    ]


@pytest.mark.parametrize(
    ("classes", "windows", "alarms"),
    [
        ("N" * 20, (window(0, O), window(1, O)), None),  # a long recording changes
        ("N" * 20, (window(0, NOISE),), None),
        ("N" * 5 + "V" * 4 + "N" * 5, (window(0, O),), None),
        ("N" * 5 + "S" * 4 + "N" * 5, (window(0, O),), None),
        ("N" * 20, (window(0, O),), malignant(MalignantRhythm.VF)),
        ("N" * 20, None, None),
    ],
)
def test_sinus_p_waves_are_not_asked_where_they_cannot_name_all_of_it(
    classes: str, windows: tuple[RhythmWindow, ...] | None, alarms: MalignantCall | None
) -> None:
    rr_ms = 500.0  # four ectopic beats in a row are a tachycardia
    plain = read(classes, rr_ms, windows, alarms)
    asked = read(classes, rr_ms, windows, alarms, p_waves=P_WAVES)
    assert (asked.label, asked.reason, asked.p_waves) == (plain.label, plain.reason, ())


def test_irregular_is_told_of_each_half_minute() -> None:
    random = np.random.default_rng(0)
    rr_ms = [800.0] * 37 + random.uniform(500, 1100, 37).tolist()
    assert read("N" * 75, rr_ms).irregular_share == 0.5
    assert read("N" * 75).irregular_share == 0.0
    assert read("N" * 3).irregular_share is None


def test_irregularity_is_judged_between_normal_beats_in_a_row() -> None:
    beats = sequence("NNVNNNNNNN", [800, 400, 1200, 800, 800, 800, 800, 800, 800])
    normal = NormalIntervals.of(beats, statistics(beats))
    assert normal.rr_ms.tolist() == [800.0] * 7
    assert normal.irregularity(0, 10**6) == 0.0
    assert (
        NormalIntervals.of(sequence(""), statistics(sequence(""))).irregularity(0, 9)
        is None
    )


spans = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=8)


@given(spans, spans)
def test_overlaps_are_those_a_plain_search_finds(
    ours: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    mine, others = (
        [RhythmEpisode(EpisodeKind.PAUSE, at, at + n, ()) for at, n in spans]
        for spans in (ours, theirs)
    )
    expected = [
        any(e.onset_index < o.end_index and o.onset_index < e.end_index for o in others)
        for e in mine
    ]
    assert overlapping(mine, others) == expected

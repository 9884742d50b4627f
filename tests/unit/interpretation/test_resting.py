"""Criteria of a resting ECG begin at their published cut-offs and cite them."""

from dataclasses import replace

import pytest

from ecgsvc.domain.diagnosis import DiagnosisCall, LabelCall, Superclass
from ecgsvc.domain.findings import BORDERLINE, Certainty, Finding, Urgency
from ecgsvc.domain.interval_check import IntervalCheck, IntervalCrossCheck
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.model_identity import ModelIdentity
from ecgsvc.domain.morphology import Deflection, LeadMorphology
from ecgsvc.domain.quality import LeadQuality, QualityProblem, SignalQuality
from ecgsvc.domain.rhythm import RhythmClass, RhythmReading
from ecgsvc.domain.waveform import STANDARD_LEADS
from ecgsvc.interpretation import Reading, TwelveLeads, find
from ecgsvc.interpretation.conduction import letters
from ecgsvc.interpretation.resting import resting_findings
from ecgsvc.interpretation.twelve_leads import ONSET_EARLIER_BY_MS, QRS_WIDER_BY_MS
from tests.unit.interpretation.test_interpretation import SINUS, beats

MODEL = ModelIdentity("diagnosis", "1.0.0", "ab" * 32)
TWELVE = SignalQuality(tuple(LeadQuality(x, True, 0, 0, ()) for x in STANDARD_LEADS))
NORMAL = Measurements(
    heart_rate_bpm=70, pr_ms=160, qrs_ms=105, qt_ms=390, qtc_fridericia_ms=410,
    qrs_axis_deg=40, t_axis_deg=40,
    t_amplitude_mv=dict.fromkeys(STANDARD_LEADS, 0.3),
    st_j60_mv=dict.fromkeys(STANDARD_LEADS, 0.0),
)  # fmt: skip


def wave(mv: float, ms: float = 40) -> Deflection:
    return Deflection(mv, ms)


def shape(lead: str, **waves: object) -> LeadMorphology:
    given: dict[str, object] = {
        "q": None, "r": None, "s": None, "r2": None, "s2": None, "qs": None,
        "r_peak_ms": 45.0, "slur_ms": 6.0, "st_j_mv": 0.0,
    }  # fmt: skip
    return LeadMorphology(lead=lead, **(given | waves))  # type: ignore[arg-type]


def normal_shapes() -> dict[str, LeadMorphology]:
    """R grows and S shrinks from V1 to V6; limb leads go up, aVR down."""
    r = {"V1": 0.2, "V2": 0.5, "V3": 0.8, "V4": 1.2, "V5": 1.2, "V6": 1.0, "aVR": 0.1}
    s = {"V1": 0.8, "V2": 1.0, "V3": 0.6, "V4": 0.3, "V5": 0.1, "V6": 0.05, "aVR": 0.9}
    return {
        x: shape(x, r=wave(r.get(x, 0.7)), s=wave(-s.get(x, 0.1), 20))
        for x in STANDARD_LEADS
    }


def an_ecg(**changes: object) -> TwelveLeads:
    ecg = TwelveLeads(NORMAL, normal_shapes(), RhythmClass.NORMAL, 60, "male", 0.0)
    return replace(ecg, **changes)  # type: ignore[arg-type]


def with_leads(**leads: LeadMorphology) -> TwelveLeads:
    return an_ecg(shapes=normal_shapes() | leads)


def found(ecg: TwelveLeads) -> dict[str, Finding]:
    findings = resting_findings(ecg)
    for each in findings:
        assert each.evidence
        assert all(fact.source for fact in each.evidence), each.rule
    return {each.rule: each for each in findings}


def measured(**values: object) -> TwelveLeads:
    return an_ecg(measurements=replace(NORMAL, **values))  # type: ignore[arg-type]


def test_a_normal_ecg_has_no_finding() -> None:
    assert found(an_ecg()) == {}


@pytest.mark.parametrize(
    ("axis", "rule"),
    [(-30.0, None), (-31.0, "left-axis"), (-91.0, "extreme-axis"), (90.0, None),
     (91.0, "right-axis"), (None, None)],
)  # fmt: skip
def test_axis_deviation(axis: float | None, rule: str | None) -> None:
    assert set(found(measured(qrs_axis_deg=axis))) - {"rvh-voltage"} == {rule} - {None}


def test_a_long_pr_is_a_block_in_sinus_rhythm_only() -> None:
    long = replace(NORMAL, pr_ms=201)
    assert "first-degree-av-block" in found(an_ecg(measurements=long))
    unsure = found(an_ecg(measurements=long, rhythm=None))
    assert set(unsure) == {"prolonged-pr"}
    assert found(an_ecg(measurements=long, rhythm=RhythmClass.AF)) == {}


def test_qtc_limits_by_sex_and_above_500_promptly() -> None:
    assert set(found(with_qtc(455))) == {"long-qt"}
    assert found(replace(with_qtc(455), sex="female")) == {}
    assert found(with_qtc(501))["long-qt"].urgency is Urgency.PROMPT
    assert found(with_qtc(500))["long-qt"].urgency is None
    assert set(found(measured(qtc_fridericia_ms=340))) == {"short-qt"}


def with_qtc(scaled_ms: float, **values: object) -> TwelveLeads:
    """At 60/min, where QTc is QT, on the scale of cut-offs."""
    own_ms = scaled_ms + ONSET_EARLIER_BY_MS
    return measured(qt_ms=own_ms, qtc_fridericia_ms=own_ms, **values)


def test_a_wide_complex_lengthens_qt_by_itself() -> None:
    assert "long-qt" not in found(with_qtc(490, qrs_ms=WIDE))
    assert "long-qt" in found(with_qtc(490, qrs_ms=WIDE - 1))
    assert found(with_qtc(600, qrs_ms=WIDE))["long-qt"].urgency is Urgency.PROMPT


def test_qtc_in_fibrillation_has_a_reservation() -> None:
    said = found(replace(with_qtc(480), rhythm=RhythmClass.AF))["long-qt"]
    assert "fibrillation" in said.reservations[0]


@pytest.mark.parametrize(
    ("name", "rule", "values"),
    [("pr_ms", "first-degree-av-block", (207.0, 208.0)),
     ("qrs_ms", "ivcd", (119.0 + QRS_WIDER_BY_MS, 119.5 + QRS_WIDER_BY_MS))],
)  # fmt: skip
def test_what_is_within_the_error_of_the_measurement_is_borderline(
    name: str, rule: str, values: tuple[float, float]
) -> None:
    near, beyond = (found(measured(**{name: value}))[rule] for value in values)
    assert near.text.startswith("Borderline")
    assert near.reservations == (BORDERLINE,)
    assert not beyond.text.startswith("Borderline")
    assert beyond.reservations == ()


def test_a_borderline_finding_contradicts_no_network() -> None:
    said = read(measured(pr_ms=203), diagnosis=DiagnosisCall(MODEL, {}, {"1AVB": NO}))
    (block,) = (f for f in said.findings if f.rule == "first-degree-av-block")
    assert block.certainty is Certainty.LOW
    assert said.contradictions == ()


WIDE = 120 + QRS_WIDER_BY_MS


def right_bundle(qrs_ms: float) -> TwelveLeads:
    leads = {
        "V1": shape("V1", r=wave(0.2, 20), s=wave(-0.3), r2=wave(0.8, 60)),
        "I": shape("I", r=wave(0.5, 30), s=wave(-0.3, 60)),
        "V6": shape("V6", r=wave(0.9, 40), s=wave(-0.3, 60)),
    }
    return replace(with_leads(**leads), measurements=replace(NORMAL, qrs_ms=qrs_ms))


def left_bundle(qrs_ms: float = WIDE) -> TwelveLeads:
    leads = {
        "V1": shape("V1", qs=wave(-1.5, 120), r_peak_ms=None, st_j_mv=0.4),
        "V2": shape("V2", qs=wave(-2.0, 120), r_peak_ms=None, st_j_mv=0.5),
        "I": shape("I", r=wave(1.0, 110), r_peak_ms=75.0),
        "V5": shape("V5", r=wave(1.2, 110), r_peak_ms=80.0),
        "V6": shape("V6", r=wave(1.2, 110), r_peak_ms=80.0),
    }
    return replace(with_leads(**leads), measurements=replace(NORMAL, qrs_ms=qrs_ms))


def test_right_bundle_branch_block_complete_and_incomplete() -> None:
    assert "rbbb" in found(right_bundle(WIDE))
    assert "incomplete-rbbb" in found(right_bundle(WIDE - 1))
    assert not {"rbbb", "incomplete-rbbb"} & set(found(right_bundle(110)))


def test_left_bundle_branch_block_silences_what_it_explains() -> None:
    rules = found(left_bundle())
    assert set(rules) == {"lbbb"}
    reading = read(left_bundle())
    assert "not judged: left bundle branch block" in reading.undetermined[0].reason
    q = replace(left_bundle().shapes["I"], q=wave(-0.1))
    septal = replace(left_bundle(), shapes={**left_bundle().shapes, "I": q})
    assert "lbbb" not in found(septal)


def test_a_wide_complex_of_neither_bundle_is_nonspecific() -> None:
    assert "ivcd" in found(measured(qrs_ms=WIDE))
    assert "ivcd" not in found(measured(qrs_ms=110 + QRS_WIDER_BY_MS))


def test_fascicular_blocks() -> None:
    avl = shape("aVL", q=wave(-0.05), r=wave(0.9), r_peak_ms=60.0)
    left = replace(with_leads(aVL=avl), measurements=replace(NORMAL, qrs_axis_deg=-50))
    assert {"lafb", "left-axis"} <= set(found(left))
    rs = {x: shape(x, r=wave(0.2), s=wave(-0.6)) for x in ("I", "aVL")}
    qr = {x: shape(x, q=wave(-0.05), r=wave(0.9)) for x in ("III", "aVF")}
    right = replace(with_leads(**rs, **qr), measurements=replace(NORMAL, qrs_axis_deg=110))
    assert {"lpfb", "right-axis"} <= set(found(right))


def test_preexcitation_needs_short_pr_wide_qrs_and_a_slow_beginning_everywhere() -> None:
    slow = {x: replace(s, slur_ms=30.0) for x, s in normal_shapes().items()}
    short = replace(NORMAL, pr_ms=100, qrs_ms=WIDE + 5)
    assert set(found(an_ecg(shapes=slow, measurements=short))) == {"preexcitation"}
    assert "preexcitation" not in found(an_ecg(measurements=short))


def test_paced_beats_are_said_and_nothing_is_read_into_them() -> None:
    paced = replace(left_bundle(), paced_share=0.9)
    assert set(found(paced)) == {"pacing"}
    assert "pacing" not in found(an_ecg(paced_share=0.4))


def test_left_voltage_by_three_criteria_and_sex() -> None:
    sokolow = with_leads(V1=shape("V1", r=wave(0.1), s=wave(-2.3)))
    (fact,) = found(sokolow)["lvh-voltage"].evidence
    assert "2.30 mV + R V5 1.20 mV = 3.50 mV" in fact.text
    cornell = with_leads(V3=shape("V3", r=wave(0.8), s=wave(-1.4)))
    assert "lvh-voltage" not in found(cornell)
    women = found(replace(cornell, sex="female"))["lvh-voltage"]
    assert [e.text[:13] for e in women.evidence] == ["Cornell R aVL", "Cornell produ"]
    young = found(replace(sokolow, age_years=25))["lvh-voltage"]
    assert young.reservations == ("voltage criteria were made on adults over 35 years",)


def test_right_voltage_and_low_voltage() -> None:
    high = with_leads(V1=shape("V1", r=wave(0.9), s=wave(-0.2)))
    right = replace(high, measurements=replace(NORMAL, qrs_axis_deg=110))
    assert "rvh-voltage" in found(right)
    assert "rvh-voltage" not in found(high)
    small = {x: shape(x, r=wave(0.3), s=wave(-0.1)) for x in STANDARD_LEADS[:6]}
    assert found(with_leads(**small))["low-voltage"].text.endswith("limb leads")


@pytest.mark.parametrize(
    ("age", "sex", "least"),
    [(30, "male", 0.25), (40, "male", 0.20), (30, "female", 0.15), (70, "female", 0.15),
     (None, None, 0.25)],
)  # fmt: skip
def test_st_elevation_in_v2_v3_by_age_and_sex(
    age: float | None, sex: str | None, least: float
) -> None:
    def raised(mv: float) -> TwelveLeads:
        leads = {x: replace(normal_shapes()[x], st_j_mv=mv) for x in ("V2", "V3")}
        return replace(with_leads(**leads), age_years=age, sex=sex)  # type: ignore[arg-type]

    assert "st-elevation" not in found(raised(least - 0.001))
    finding = found(raised(least))["st-elevation"]
    assert finding.urgency is Urgency.EMERGENCY
    assert any("ESC" in fact.source for fact in finding.evidence)


def test_st_elevation_needs_two_neighbours() -> None:
    raised = {x: replace(normal_shapes()[x], st_j_mv=0.2) for x in STANDARD_LEADS}
    assert "st-elevation" not in found(with_leads(V4=raised["V4"]))
    assert "st-elevation" not in found(with_leads(V4=raised["V4"], V6=raised["V6"]))
    assert "st-elevation" in found(with_leads(V4=raised["V4"], V5=raised["V5"]))
    assert "st-elevation" in found(with_leads(II=raised["II"], aVF=raised["aVF"]))
    assert "st-elevation" not in found(with_leads(I=raised["I"], II=raised["II"]))


def test_st_elevation_under_high_voltage_is_no_emergency() -> None:
    leads = {x: replace(normal_shapes()[x], st_j_mv=0.2) for x in ("V4", "V5")}
    high = {"V1": shape("V1", r=wave(0.1), s=wave(-2.5))}
    finding = found(with_leads(**leads, **high))["st-elevation"]
    assert finding.urgency is Urgency.PROMPT
    assert "raises the ST segment by itself" in finding.reservations[0]


def test_st_depression_must_not_rise() -> None:
    leads = {x: replace(normal_shapes()[x], st_j_mv=-0.06) for x in ("V4", "V5")}
    levels = dict.fromkeys(STANDARD_LEADS, 0.0)
    rising = replace(with_leads(**leads), measurements=replace(NORMAL, st_j60_mv=levels))
    assert "st-depression" not in found(rising)
    flat = replace(
        NORMAL, st_j60_mv=levels | {"V4": -0.06, "V5": -0.07}
    )  # fmt: skip
    assert "st-depression" in found(replace(rising, measurements=flat))


def test_t_inversion_counts_where_r_is_prominent() -> None:
    def inverted(*leads: str) -> TwelveLeads:
        t_mv = dict(NORMAL.t_amplitude_mv) | dict.fromkeys(leads, -0.2)
        return measured(t_amplitude_mv=t_mv)

    assert "t-inversion" in found(inverted("V4", "V5"))
    assert "t-inversion" not in found(inverted("V1", "V2"))


def test_q_waves() -> None:
    def q(lead: str, ms: float, mv: float) -> LeadMorphology:
        return replace(normal_shapes()[lead], q=wave(mv, ms))

    assert "q-wave" in found(with_leads(II=q("II", 40, -0.1), aVF=q("aVF", 40, -0.2)))
    assert "q-wave" not in found(with_leads(II=q("II", 40, -0.1)))
    assert "q-wave" not in found(with_leads(II=q("II", 30, -0.3), aVF=q("aVF", 30, -0.3)))
    qs = {x: shape(x, qs=wave(-1.0, 90), r_peak_ms=None) for x in ("V2", "V3")}
    assert "q-wave" in found(with_leads(**qs))
    vertical = replace(
        with_leads(I=q("I", 40, -0.2), aVL=q("aVL", 40, -0.2)),
        measurements=replace(NORMAL, qrs_axis_deg=75),
    )
    assert "q-wave" not in found(vertical)


def test_r_progression_is_poor_or_reversed() -> None:
    low = shape("V3", r=wave(0.3), s=wave(-0.6))
    assert found(with_leads(V3=low))["poor-r-progression"].text.startswith("Reversed")
    v2 = shape("V2", r=wave(0.2), s=wave(-0.6))
    assert found(with_leads(V2=v2, V3=low))["poor-r-progression"].text.startswith("Poor")


def test_complexes_are_spelt_with_capitals_for_large_waves() -> None:
    q, r, s = wave(-0.1), wave(1.0), wave(-0.3)
    assert letters(shape("V1", q=q, r=r, s=s)) == "qRs"
    assert letters(shape("V1", r=wave(0.2), s=wave(-0.9), r2=wave(0.8))) == "rSR'"
    assert letters(shape("V1", qs=wave(-1))) == "QS"


def call(probability: float, *, present: bool, absent: bool) -> LabelCall:
    return LabelCall(probability, 0.5, present, absent)


YES = call(0.9, present=True, absent=False)
NO = call(0.02, present=False, absent=True)
OPEN = call(0.5, present=True, absent=True)


def read(ecg: TwelveLeads, quality: SignalQuality = TWELVE, **more: object) -> Reading:
    return find(
        RhythmReading(ecg.rhythm, windows=(SINUS,)), beats("NNN"), ecg,
        sampling_rate_hz=300.0, quality=quality, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def judged(answer: LabelCall | None, **more: object) -> Reading:
    statements = {} if answer is None else {"CLBBB": answer}
    return read(left_bundle(), diagnosis=DiagnosisCall(MODEL, {}, statements), **more)


def the_block(reading: Reading) -> Finding:
    (block,) = [each for each in reading.findings if each.rule == "lbbb"]
    return block


@pytest.mark.parametrize(
    ("answer", "certainty"),
    [(YES, Certainty.HIGH), (OPEN, Certainty.MODERATE), (None, Certainty.MODERATE),
     (NO, Certainty.LOW)],
)  # fmt: skip
def test_certainty_is_agreement(answer: LabelCall | None, certainty: Certainty) -> None:
    reading = judged(answer)
    block = the_block(reading)
    assert block.certainty is certainty
    assert (block.opinion is None) is (answer is None)
    assert bool(reading.contradictions) is (answer is NO)
    if answer is not None:
        assert f"probability {answer.probability:.2f}" in block.evidence[-1].text


def test_what_only_the_network_sees_is_shown_with_the_contradiction() -> None:
    reading = read(an_ecg(), diagnosis=DiagnosisCall(MODEL, {}, {"CLBBB": YES}))
    (finding,) = [each for each in reading.findings if each.rule == "network"]
    assert finding.text == "Network: complete left bundle branch block"
    assert "the rule does not find it" in reading.contradictions[0].text
    unmeasured = read(an_ecg(shapes={}), diagnosis=DiagnosisCall(MODEL, {}, {"CLBBB": YES}))
    assert unmeasured.contradictions == ()


def test_an_unreliable_or_undecided_network_finds_nothing() -> None:
    for diagnosis in (
        DiagnosisCall(MODEL, {}, {"CLBBB": YES}, reason="out of distribution"),
        DiagnosisCall(MODEL, {}, {"CLBBB": OPEN}),
        None,
    ):
        reading = read(an_ecg(), diagnosis=diagnosis)
        assert not [each for each in reading.findings if each.rule == "network"]


def test_a_superclass_is_a_finding_where_nothing_says_it_better() -> None:
    infarction = {Superclass.MI: YES}
    reading = read(an_ecg(), diagnosis=DiagnosisCall(MODEL, infarction, {}))
    assert reading.findings[-1].text == "Network: myocardial infarction"
    both = DiagnosisCall(MODEL, infarction, {"IMI": YES})
    assert [f.text for f in read(an_ecg(), diagnosis=both).findings][-1] == (
        "Network: inferior infarction"
    )


@pytest.mark.parametrize(
    ("ecg", "quality", "check", "why"),
    [
        (replace(left_bundle(), age_years=12), TWELVE, None, "made for adults"),
        (left_bundle(), replace(TWELVE, leads=TWELVE.leads[:11]), None, "no V6"),
        (
            left_bundle(),
            replace(TWELVE, problems=(QualityProblem.ARM_ELECTRODES_SWAPPED,)),
            None,
            "arm electrodes may be swapped",
        ),
        (
            left_bundle(),
            TWELVE,
            IntervalCrossCheck(MODEL, (IntervalCheck("qrs_ms", 140, 100, 5, 20),)),
            "second measurement of QRS disagrees",
        ),
    ],
)
def test_certainty_falls_outside_what_criteria_know_and_the_reason_is_given(
    ecg: TwelveLeads, quality: SignalQuality, check: IntervalCrossCheck | None, why: str
) -> None:
    diagnosis = DiagnosisCall(MODEL, {}, {"CLBBB": YES})
    reading = read(ecg, quality, diagnosis=diagnosis, interval_check=check)
    assert the_block(reading).certainty is Certainty.LOW
    assert any(why in each for each in reading.reservations)


def test_a_paced_rhythm_that_only_the_network_sees_lowers_the_certainty() -> None:
    paced = DiagnosisCall(MODEL, {}, {"PACE": YES})
    reading = read(left_bundle(), diagnosis=paced)
    assert the_block(reading).certainty is Certainty.LOW
    assert "the network sees a paced rhythm" in reading.reservations
    assert "Network: paced rhythm" in [each.text for each in reading.findings]


def test_a_network_in_doubt_confirms_nothing_and_says_why() -> None:
    doubt = ("the age is not known",)
    of_block = DiagnosisCall(MODEL, {}, {"CLBBB": YES}, reservations=doubt)
    assert the_block(read(left_bundle(), diagnosis=of_block)).certainty is (
        Certainty.MODERATE
    )
    (alone,) = [
        f for f in read(an_ecg(), diagnosis=of_block).findings if f.rule == "network"
    ]
    assert alone.certainty is Certainty.LOW
    assert alone.reservations == doubt

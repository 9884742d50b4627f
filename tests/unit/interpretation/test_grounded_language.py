"""No sentence without its evidence, and no number that is not measured.

Analyses are drawn at random, put through rules and language, and rendered; then the text is
taken apart again: every path must lead to something in the document, and every number must
be found there.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgsvc.domain.analysis import NOT_REVIEWED, Analysis
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.diagnosis import DiagnosisCall, LabelCall, Superclass
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.morphology import Deflection, LeadMorphology
from ecgsvc.domain.plug_in import PlugInAnswer, PlugInResult, ReportedAs
from ecgsvc.domain.quality import LeadQuality, QualityProblem, SignalQuality
from ecgsvc.domain.rhythm import RhythmCall, RhythmClass
from ecgsvc.domain.waveform import STANDARD_LEADS, Waveform
from ecgsvc.interpretation import TwelveLeads, conclude, conclusion_of, find, read_rhythm
from ecgsvc.interpretation.opinions import STATEMENTS
from ecgsvc.render import analysis_document
from tests.unit.interpretation.test_beat_episodes import RATE_HZ, sequence, statistics
from tests.unit.interpretation.test_resting import MODEL
from tests.unit.interpretation.test_rhythm import window
from tests.unit.render.test_analysis_document import SCHEMA, an_analysis

NUMBER = re.compile(r"(?<![\w.+-])[+-]?\d+(?:\.\d+)?(?!\w)")


def optional(low: float, high: float) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(low, high)


@st.composite
def measurements(draw: st.DrawFn) -> Measurements:
    return Measurements(
        heart_rate_bpm=draw(optional(25, 220)),
        pr_ms=draw(optional(80, 350)),
        qrs_ms=draw(optional(70, 200)),
        qt_ms=draw(optional(250, 600)),
        qtc_fridericia_ms=draw(optional(300, 600)),
        qrs_axis_deg=draw(optional(-180, 180)),
        t_amplitude_mv={x: draw(optional(-0.5, 1)) for x in STANDARD_LEADS},
        st_j60_mv={x: draw(optional(-0.4, 0.6)) for x in STANDARD_LEADS},
    )


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, LeadMorphology]:
    def wave(low: float, high: float) -> Deflection | None:
        there = draw(st.booleans())
        mv, ms = draw(st.floats(low, high)), draw(st.floats(6, 120))
        return Deflection(mv, ms) if there else None

    found = {}
    for lead in draw(st.sets(st.sampled_from(STANDARD_LEADS))):
        r = wave(0.02, 3)
        qs = wave(-3, -0.02) if r is None else None
        s = wave(-3, -0.02) if r else None
        found[lead] = LeadMorphology(
            lead, wave(-1, -0.02) if r else None, r, s, wave(0.02, 2) if s else None,
            None, qs, draw(st.floats(10, 150)) if r else None, draw(st.floats(0, 50)),
            draw(st.floats(-0.5, 0.7)),
        )  # fmt: skip
    return found


@st.composite
def diagnoses(draw: st.DrawFn) -> DiagnosisCall | None:
    def call() -> LabelCall:
        return LabelCall(
            draw(st.floats(0, 1)), draw(st.floats(0.1, 0.9)),
            draw(st.booleans()), draw(st.booleans()),
        )  # fmt: skip

    if draw(st.booleans()):
        return None
    labels = draw(st.sets(st.sampled_from(sorted(STATEMENTS))))
    reason = draw(st.sampled_from(["", "the signal is no electrocardiogram"]))
    return DiagnosisCall(
        MODEL, {each: call() for each in Superclass}, {x: call() for x in labels}, reason
    )


@st.composite
def plug_in_results(draw: st.DrawFn) -> PlugInResult:
    unit = draw(st.sampled_from(["1", "mV"]))
    answers = tuple(
        PlugInAnswer(label, draw(st.floats(0, 1)), draw(optional(0, 1)))
        for label in draw(st.sets(st.sampled_from(["one", "other"]), min_size=1))
    )
    reason = draw(st.sampled_from(["", "pr_ms not known"]))
    return PlugInResult(
        MODEL, "Own", ReportedAs.OBSERVATION, unit, () if reason else answers, reason
    )


@st.composite
def analyses(draw: st.DrawFn) -> Analysis:
    classes = draw(st.text("NSVFQ", max_size=12))
    beats: ClassifiedBeats = sequence(classes, 450.0)
    counted = statistics(beats)
    answers = draw(st.lists(st.sampled_from(list(RhythmClass)), max_size=3))
    waveform = Waveform(np.zeros((1, 5000)), RATE_HZ, ("II",))
    rhythm = read_rhythm(
        waveform, beats, counted,
        call=RhythmCall(tuple(map(window, range(len(answers)), answers)), "no window"),
    )  # fmt: skip
    usable = draw(st.sets(st.sampled_from(STANDARD_LEADS)))
    quality = SignalQuality(
        tuple(LeadQuality(x, x in usable, 0, 0, ()) for x in STANDARD_LEADS),
        tuple(draw(st.sets(st.sampled_from(list(QualityProblem)), max_size=2))),
    )
    measured, morphology, diagnosis = (
        draw(measurements()),
        draw(shapes()),
        draw(diagnoses()),
    )
    ecg = TwelveLeads(
        measured, morphology, rhythm.label, draw(optional(1, 95)),
        draw(st.sampled_from([None, "female", "male"])), draw(optional(0, 1)),
    )  # fmt: skip
    reading = find(
        rhythm, beats, ecg, sampling_rate_hz=RATE_HZ, quality=quality, diagnosis=diagnosis
    )
    own = tuple(draw(st.lists(plug_in_results(), max_size=2)))
    sentences = conclude(quality, beats, measured, reading, rhythm, counted, diagnosis, own)
    open_questions = [Undetermined("diagnosis", "no diagnosis model is installed")]
    if rhythm.reason:
        open_questions.append(Undetermined("rhythm", rhythm.reason))
    return replace(
        an_analysis(), waveform=waveform, quality=quality, beats=beats, waves=(),
        measurements=measured, morphology=tuple(morphology.values()), rhythm=rhythm,
        rhythm_statistics=counted, findings=reading.findings, diagnosis=diagnosis,
        contradictions=reading.contradictions, reservations=reading.reservations,
        plug_ins=own, paced_share=ecg.paced_share, sentences=sentences,
        conclusion=conclusion_of(sentences),
        undetermined=(*reading.undetermined, *open_questions),
    )  # fmt: skip


def resolve(document: Any, path: str) -> Any:
    """Follow a path; `KeyError`, `IndexError` or `LookupError` when it leads nowhere."""
    if path.startswith("undetermined."):
        wanted = path.removeprefix("undetermined.")
        return next(u for u in document["undetermined"] if u["path"] == wanted)
    place = document
    for step in path.split("."):
        place = place[int(step)] if isinstance(place, list) else place[step]
    return place


def numbers_in(value: Any) -> Iterator[float]:
    """All numbers below a place: values, lengths and counts of lists, those in texts."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield float(value)
    elif isinstance(value, str):
        yield from (float(found) for found in NUMBER.findall(value))
    elif isinstance(value, dict):
        for each in value.values():
            yield from numbers_in(each)
    else:
        yield float(len(value))
        for key in ("class", "sure"):
            told = [each.get(key) for each in value if isinstance(each, dict)]
            yield from (float(told.count(each)) for each in set(told))
        for each in value:
            yield from numbers_in(each)


def is_told(said: str, told: list[float]) -> bool:
    """Whether a number as it is said is one of those told, rounded; shares in percent."""
    decimals = len(said.partition(".")[2])
    step = 0.5 * 10**-decimals + 0.006  # the document rounds, too
    number = float(said)
    return any(abs(number - v) <= step or abs(number - 100 * v) <= step for v in told)


@given(analyses())
@settings(max_examples=150, deadline=None)
def test_every_sentence_has_its_evidence_and_every_number_is_measured(
    analysis: Analysis,
) -> None:
    document = orjson.loads(orjson.dumps(analysis_document(analysis)))
    SCHEMA.validate(document)
    assert document["conclusion"] == " ".join(s["text"] for s in document["sentences"])
    assert document["sentences"][-1]["text"] == NOT_REVIEWED
    for sentence in document["sentences"]:
        assert sentence["evidence"]
        told = [
            number
            for path in sentence["evidence"]
            for number in numbers_in(resolve(document, path))
        ]
        for said in NUMBER.findall(sentence["text"]):
            assert is_told(said, told), (sentence, told)


@given(analyses())
@settings(max_examples=100, deadline=None)
def test_every_fact_of_a_finding_leads_to_a_measurement(analysis: Analysis) -> None:
    document = orjson.loads(orjson.dumps(analysis_document(analysis)))
    for finding in document["findings"]:
        assert finding["evidence"]
        for fact in finding["evidence"]:
            place = resolve(document, fact["path"])
            assert place is not None, fact
            if fact["path"].startswith("diagnosis."):
                probability = finding["network"]["probability"]
                assert probability == place["probability"]
                assert is_told(f"{probability:.2f}", list(numbers_in(fact["text"])))
        if finding["rule"]:
            assert finding["certainty"] is not None


def test_a_changed_number_would_be_noticed() -> None:
    """The test above must be able to fail."""
    assert is_told("160", [159.6, 70.0])
    assert not is_told("161", [159.6, 70.0])
    assert not is_told("0.93", [0.91])

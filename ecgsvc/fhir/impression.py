"""The impression Observation: beats, rhythm, findings, and what is not known."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass, ClassifiedBeats
from ecgsvc.domain.findings import Coding, Contradiction, Finding, Urgency
from ecgsvc.domain.rhythm import RHYTHM_CODINGS, RHYTHM_WORDS, RhythmReading
from ecgsvc.fhir.codes import (
    ABNORMAL,
    CRITICAL_ABNORMAL,
    EKG_IMPRESSION,
    PROCEDURE,
)
from ecgsvc.fhir.concepts import absent, concept
from ecgsvc.fhir.frame import Frame
from ecgsvc.fhir.json_body import JsonObject

_CLASS_TEXT: Mapping[BeatClass, str] = {
    BeatClass.N: "normal or bundle branch block",
    BeatClass.S: "supraventricular ectopic",
    BeatClass.V: "ventricular ectopic",
    BeatClass.F: "fusion of ventricular and normal",
    BeatClass.Q: "paced or unclassifiable",
}
_URGENCY: Mapping[Urgency, Coding] = {
    Urgency.EMERGENCY: CRITICAL_ABNORMAL,
    Urgency.PROMPT: ABNORMAL,
    Urgency.ROUTINE: ABNORMAL,
}
_OPEN_QUESTIONS: Mapping[str, str] = {
    "rhythm": "Rhythm",
    "diagnosis": "Diagnosis",
    "findings.ischaemia": "Hypertrophy, Q waves, ST segment and T waves",
}


def impression_observation(frame: Frame) -> JsonObject:
    """Return the Observation 8601-7 of a report.

    Its value says in words how many beats of which kind there are; the components count
    them, name the rhythm, carry the findings with their evidence and the contradictions
    between models and rules, and say what was not determined.
    """
    analysis = frame.analysis
    reasons = {u.path: u.reason for u in analysis.undetermined}
    return (
        frame.head("Observation", frame.part_id("impression"))
        | {
            "status": "preliminary",
            "category": [concept(PROCEDURE)],
            "code": concept(EKG_IMPRESSION),
        }
        | frame.carried("subject", "encounter", "device")
        | frame.effective()
        | frame.issued()
        | {"performer": [frame.algorithm()], "derivedFrom": [frame.ecg()]}
        | _value(analysis.beats)
        | {
            "component": [
                *_beat_counts(analysis.beats),
                *_rhythm(analysis.rhythm),
                *(_finding(finding) for finding in analysis.findings),
                *_contradictions(analysis),
                *_reservations(analysis.reservations),
                *_not_determined(reasons),
            ]
        }
    )


def stated_urgencies(observations: Sequence[bytes]) -> list[tuple[Urgency, str]]:
    """Read from a report's Observations which of its findings are graded, in their order.

    Returns
    -------
    list of (Urgency, str)
        The grade and the words of each finding that has one.
    """
    impressions = (
        resource
        for resource in map(orjson.loads, observations)
        if EKG_IMPRESSION.code in {each.get("code") for each in _codings(resource)}
    )
    return [
        (urgency, component["code"]["text"])
        for impression in impressions
        for component in impression["component"]
        for meaning in component.get("interpretation", ())
        for urgency in Urgency
        if meaning.get("text") == urgency.capitalize()
    ]


def _codings(resource: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = resource["code"].get("coding", ())
    return found


def _value(beats: ClassifiedBeats) -> JsonObject:
    if not beats.n_beats:
        return {"dataAbsentReason": absent("unknown", "Unknown", "no beat was found")}
    counts = [(kind, beats.count(kind)) for kind in BEAT_CLASSES]
    kinds = ", ".join(f"{n} {_CLASS_TEXT[kind]}" for kind, n in counts if n)
    plural = "s" if beats.n_beats > 1 else ""
    return {"valueCodeableConcept": {"text": f"{beats.n_beats} beat{plural}: {kinds}"}}


def _beat_counts(beats: ClassifiedBeats) -> Iterator[JsonObject]:
    for kind in BEAT_CLASSES:
        text = f"Beats of AAMI class {kind.value}: {_CLASS_TEXT[kind]}"
        yield {"code": concept(text=text), "valueInteger": beats.count(kind)}


def _rhythm(reading: RhythmReading | None) -> Iterator[JsonObject]:
    """Name the rhythm, or the parts it has; nothing where it is undetermined."""
    if reading is None or reading.reason:
        return
    if reading.label is None:
        parts = (f"{RHYTHM_WORDS[each]} {n:.0%}" for each, n in reading.shares.items())
        value = concept(text=f"Changing: {', '.join(parts)}")
    else:
        codings = [
            coding for each, coding in RHYTHM_CODINGS.items() if each is reading.label
        ]
        value = concept(*codings, text=reading.words.capitalize())
    yield {"code": concept(text="Rhythm"), "valueCodeableConcept": value}


def _finding(finding: Finding) -> JsonObject:
    component: JsonObject = {
        "code": concept(finding.coding, text=finding.text),
        "valueString": "; ".join(_said(finding)) or finding.text,
    }
    if finding.urgency is None and finding.rule:
        component["interpretation"] = [concept(ABNORMAL)]
    if finding.urgency is not None:
        meaning = concept(_URGENCY[finding.urgency], text=finding.urgency.capitalize())
        component["interpretation"] = [meaning]
    return component


def _said(finding: Finding) -> Iterator[str]:
    """Facts with their sources, then how certain it is and why not more."""
    if facts := _facts(finding):
        yield facts
    if finding.certainty is not None:
        reasons = f" ({'; '.join(finding.reservations)})" if finding.reservations else ""
        yield f"certainty {finding.certainty}{reasons}"


def _contradictions(analysis: Analysis) -> Iterator[JsonObject]:
    reading = analysis.rhythm
    of_rhythm = reading.contradictions if reading is not None else ()
    for each in (*of_rhythm, *analysis.contradictions):
        text = f"{each.text}: {_facts(each)}"
        yield {"code": concept(text="Contradiction"), "valueString": text}


def _reservations(reservations: Sequence[str]) -> Iterator[JsonObject]:
    if reservations:
        text = "; ".join(reservations)
        yield {"code": concept(text="Less certain because"), "valueString": text}


def _facts(stated: Finding | Contradiction) -> str:
    """Every fact, then the sources of the cut-offs, each once."""
    facts = "; ".join(fact.text for fact in stated.evidence)
    sources = dict.fromkeys(fact.source for fact in stated.evidence if fact.source)
    return f"{facts} ({'; '.join(sources)})" if sources else facts


def _not_determined(reasons: Mapping[str, str]) -> Iterator[JsonObject]:
    for question, name in _OPEN_QUESTIONS.items():
        if question in reasons:
            yield {
                "code": concept(text=name),
                "dataAbsentReason": absent(
                    "not-performed", "Not Performed", reasons[question]
                ),
            }

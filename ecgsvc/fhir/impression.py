"""The impression Observation: what the beats show, the findings, and what is not known."""

from collections.abc import Iterator, Mapping

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass, ClassifiedBeats
from ecgsvc.domain.findings import Finding
from ecgsvc.fhir.codes import EKG_IMPRESSION, PROCEDURE
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
_OPEN_QUESTIONS = ("rhythm", "diagnosis")


def impression_observation(frame: Frame) -> JsonObject:
    """Return the Observation 8601-7 of a report.

    Its value says in words how many beats of which kind there are; the components count
    them, carry the findings with their evidence, and say what was not determined.
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
                *(_finding(finding) for finding in analysis.findings),
                *_not_determined(reasons),
            ]
        }
    )


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


def _finding(finding: Finding) -> JsonObject:
    evidence = "; ".join(fact.text for fact in finding.evidence)
    return {
        "code": concept(finding.coding, text=finding.text),
        "valueString": evidence or finding.text,
    }


def _not_determined(reasons: Mapping[str, str]) -> Iterator[JsonObject]:
    for question in _OPEN_QUESTIONS:
        if question in reasons:
            yield {
                "code": concept(text=question.capitalize()),
                "dataAbsentReason": absent(
                    "not-performed", "Not Performed", reasons[question]
                ),
            }

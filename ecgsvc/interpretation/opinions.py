"""Rules and the diagnosis network side by side: agreement, silence, contradiction.

Neither overrules the other. A finding of a rule carries what the network says of the same
thing; what the network surely sees and no rule finds is a finding of its own; and where one
is sure of what the other denies, the report says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ecgsvc.domain.diagnosis import (
    SUPERCLASS_WORDS,
    DiagnosisCall,
    LabelCall,
    Superclass,
)
from ecgsvc.domain.findings import (
    BORDERLINE,
    Certainty,
    Coding,
    Contradiction,
    Evidence,
    Finding,
    NetworkOpinion,
)
from ecgsvc.domain.rhythm import ATRIAL_FIBRILLATION, SINUS_RHYTHM
from ecgsvc.interpretation import codes

NETWORK = "network"
"""The rule of findings that only the network makes."""


class Meaning(NamedTuple):
    """What a statement of PTB-XL means: in words, coded, and which rules find the same."""

    text: str
    coding: Coding
    rules: tuple[str, ...] = ()


STATEMENTS: Mapping[str, Meaning] = {
    "AFIB": Meaning("atrial fibrillation", ATRIAL_FIBRILLATION, ("atrial fibrillation",)),
    "AFLT": Meaning("atrial flutter", codes.ATRIAL_FLUTTER),
    "1AVB": Meaning(
        "first-degree AV block",
        codes.FIRST_DEGREE_AV_BLOCK,
        ("first-degree-av-block", "prolonged-pr"),
    ),
    "CLBBB": Meaning("complete left bundle branch block", codes.LBBB, ("lbbb",)),
    "CRBBB": Meaning("complete right bundle branch block", codes.RBBB, ("rbbb",)),
    "IRBBB": Meaning(
        "incomplete right bundle branch block", codes.INCOMPLETE_RBBB, ("incomplete-rbbb",)
    ),
    "LAFB": Meaning("left anterior fascicular block", codes.LEFT_ANTERIOR, ("lafb",)),
    "LPFB": Meaning("left posterior fascicular block", codes.LEFT_POSTERIOR, ("lpfb",)),
    "IVCD": Meaning("nonspecific intraventricular delay", codes.IVCD, ("ivcd",)),
    "WPW": Meaning("pre-excitation", codes.PREEXCITATION, ("preexcitation",)),
    "PACE": Meaning("paced rhythm", codes.PACING, ("pacing",)),
    "LVH": Meaning("left ventricular hypertrophy", codes.LVH, ("lvh-voltage",)),
    "RVH": Meaning("right ventricular hypertrophy", codes.RVH, ("rvh-voltage",)),
    "LVOLT": Meaning("low QRS voltage", codes.LOW_VOLTAGE, ("low-voltage",)),
    "QWAVE": Meaning("pathological Q waves", codes.Q_WAVE, ("q-wave",)),
    "STD_": Meaning("ST depression", codes.ST_DEPRESSION, ("st-depression",)),
    "INVT": Meaning("T wave inversion", codes.T_INVERSION, ("t-inversion",)),
    "LNGQT": Meaning("prolonged QT interval", codes.LONG_QT, ("long-qt",)),
    "ASMI": Meaning("anteroseptal infarction", codes.MYOCARDIAL_INFARCTION),
    "IMI": Meaning("inferior infarction", codes.MYOCARDIAL_INFARCTION),
}
"""Statements that a report speaks of; what beats and rates say better is left to them."""

SUPERCLASSES: Mapping[Superclass, Coding] = {
    Superclass.MI: codes.MYOCARDIAL_INFARCTION,
    Superclass.STTC: codes.T_WAVE_ABNORMAL,
    Superclass.CD: codes.ABNORMAL_ECG,
    Superclass.HYP: codes.ABNORMAL_ECG,
}
"""The superclasses say less than a statement within; for a normal ECG see `normal_ecg`."""


def with_opinions(
    findings: Iterable[Finding],
    diagnosis: DiagnosisCall | None,
    reservations: tuple[str, ...] = (),
) -> tuple[Finding, ...]:
    """Add the network's opinion, reservations and certainty to what rules found.

    Parameters
    ----------
    findings
        Those without a rule's name are counts and rates, and stay as they are.
    diagnosis
        The network's answer; None, or one that cannot be relied upon, has no opinion.
    reservations
        Against criteria of a resting ECG in this recording; a rhythm needs no twelve leads.
    """
    labels = {rule: label for label, each in STATEMENTS.items() for rule in each.rules}
    calls = _calls(diagnosis)
    doubted = diagnosis is not None and bool(diagnosis.reservations)
    return tuple(
        _weighed(each, labels.get(each.rule, ""), calls, reservations, doubted=doubted)
        if each.rule
        else each
        for each in findings
    )


def network_findings(
    findings: Sequence[Finding],
    diagnosis: DiagnosisCall | None,
    reservations: tuple[str, ...],
) -> tuple[Finding, ...]:
    """Findings of what the network surely sees and no rule has found.

    A superclass is one only where none of its statements, and no rule of its coding, is.
    """
    calls = _calls(diagnosis)
    doubts = diagnosis.reservations if diagnosis is not None else ()
    reservations = (*reservations, *doubts)
    ruled = {each.rule for each in findings}
    found: list[Finding] = []
    for label, meaning in STATEMENTS.items():
        call = _sure(calls.get(label))
        if call is not None and not ruled & set(meaning.rules):
            found.append(_network_finding(label, meaning, call, reservations))
    known = {each.coding for each in (*findings, *found)}
    answered = diagnosis is not None and diagnosis.reliable
    superclasses = diagnosis.superclasses if diagnosis and answered else {}
    for superclass, coding in SUPERCLASSES.items():
        call = _sure(superclasses.get(superclass))
        if call is not None and coding not in known:
            words = Meaning(SUPERCLASS_WORDS[superclass], coding)
            found.append(
                _network_finding(
                    superclass.value, words, call, reservations, place="superclasses"
                )
            )
    return tuple(found)


def normal_ecg(
    findings: Sequence[Finding], diagnosis: DiagnosisCall | None
) -> tuple[Finding, ...]:
    """Find an ECG normal, where the network is sure of it and nothing else is found.

    Parameters
    ----------
    findings
        All others; sinus rhythm is no abnormality.
    diagnosis
        The network's answer; one with a reservation is not enough.
    """
    if diagnosis is None or not diagnosis.reliable or diagnosis.reservations:
        return ()
    call = _sure(diagnosis.superclasses.get(Superclass.NORM))
    if call is None or {each.coding for each in findings} != {SINUS_RHYTHM}:
        return ()
    label = Superclass.NORM.value
    return (
        Finding(
            codes.NORMAL_ECG,
            "No abnormality found, network: normal ECG",
            (_fact("superclasses", label, call),),
            opinion=_opinion(label, call),
            certainty=Certainty.MODERATE,
        ),
    )


def opinion_contradictions(
    findings: Iterable[Finding], could_be_found: frozenset[str]
) -> tuple[Contradiction, ...]:
    """Where one of the two is sure of what the other denies; what is borderline is not.

    Parameters
    ----------
    findings
        With opinions.
    could_be_found
        Rules that had all they need: the silence of others denies nothing.
    """
    said = []
    for each in findings:
        opinion = each.opinion
        if opinion is None:
            continue
        asserted = each.rule != NETWORK and BORDERLINE not in each.reservations
        if asserted and opinion.answer is False:
            text = f"{each.text}: the rule finds it, the network does not see it"
            said.append(Contradiction(text, each.evidence))
        elif each.rule == NETWORK:
            meaning = STATEMENTS.get(opinion.label)
            denied = meaning is not None and set(meaning.rules) & could_be_found
            if meaning is not None and denied:
                text = f"the network sees {meaning.text}, the rule does not find it"
                said.append(Contradiction(text, each.evidence))
    return tuple(said)


def _calls(diagnosis: DiagnosisCall | None) -> Mapping[str, LabelCall]:
    return diagnosis.statements if diagnosis is not None and diagnosis.reliable else {}


def _sure(call: LabelCall | None) -> LabelCall | None:
    return call if call is not None and call.called and call.answer is True else None


def _opinion(label: str, call: LabelCall | None) -> NetworkOpinion | None:
    if call is None:
        return None
    return NetworkOpinion(label, call.probability, call.threshold, call.answer)


def _fact(place: str, label: str, call: LabelCall) -> Evidence:
    answer = {True: "present", False: "absent", None: "undetermined"}[call.answer]
    return Evidence(
        f"diagnosis.{place}.{label}",
        f"network: {label} {answer}, probability {call.probability:.2f} "
        f"(called from {call.threshold:.2f})",
    )


def _weighed(
    finding: Finding,
    label: str,
    calls: Mapping[str, LabelCall],
    reservations: tuple[str, ...],
    *,
    doubted: bool,
) -> Finding:
    """Weigh a finding; a network that is itself in doubt confirms nothing."""
    call = calls.get(label)
    told = finding.evidence if call is None else (
        *finding.evidence, _fact("statements", label, call)
    )  # fmt: skip
    held = (*finding.reservations, *reservations)
    answer = None if call is None else call.answer
    certainty = Certainty.HIGH if answer and not doubted else Certainty.MODERATE
    if held or answer is False:
        certainty = Certainty.LOW
    return replace(
        finding,
        evidence=told,
        opinion=_opinion(label, call),
        certainty=certainty,
        reservations=held,
    )


def _network_finding(
    label: str,
    meaning: Meaning,
    call: LabelCall,
    reservations: tuple[str, ...],
    *,
    place: str = "statements",
) -> Finding:
    return Finding(
        meaning.coding,
        f"Network: {meaning.text}",
        (_fact(place, label, call),),
        rule=NETWORK,
        opinion=_opinion(label, call),
        certainty=Certainty.LOW if reservations else Certainty.MODERATE,
        reservations=reservations,
    )

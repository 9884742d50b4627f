"""The measurement Observation: one component a value, or why there is none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ecgsvc.domain.findings import Coding, Finding, Urgency
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.waveform import Lead
from ecgsvc.fhir.codes import (
    ABNORMAL,
    CRITICAL_ABNORMAL,
    EKG_PANEL,
    LOINC,
    PROCEDURE,
    R_AMPLITUDE,
    T_AMPLITUDE,
)
from ecgsvc.fhir.concepts import absent, concept, quantity
from ecgsvc.fhir.frame import Frame
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.leads import standard_leads

_NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class _Global:
    """A measurement over all leads; `field` is its name in `Measurements`."""

    field: str
    coding: Coding
    unit: str


_GLOBALS = (
    _Global("heart_rate_bpm", Coding(LOINC, "8867-4", "Heart rate"), "/min"),
    _Global("rr_ms", Coding(LOINC, "8637-1", "R-R interval by EKG"), "ms"),
    _Global("pr_ms", Coding(LOINC, "8625-6", "P-R interval"), "ms"),
    _Global("qrs_ms", Coding(LOINC, "8633-0", "QRS duration"), "ms"),
    _Global("qt_ms", Coding(LOINC, "8634-8", "Q-T interval"), "ms"),
    _Global(
        "qtc_fridericia_ms",
        Coding(LOINC, "76634-5", "Q-T interval corrected based on Fridericia formula"),
        "ms",
    ),
    _Global(
        "qtc_bazett_ms",
        Coding(LOINC, "76635-2", "Q-T interval corrected based on Bazett formula"),
        "ms",
    ),
    _Global("p_axis_deg", Coding(LOINC, "8626-4", "P wave axis"), "deg"),
    _Global("qrs_axis_deg", Coding(LOINC, "8632-2", "QRS axis"), "deg"),
    _Global("t_axis_deg", Coding(LOINC, "8638-9", "T wave axis"), "deg"),
)


_WITHOUT_CODE = (
    ("p_ms", "P wave duration"),
    ("qtc_framingham_ms", "Q-T interval corrected based on Framingham formula"),
    ("qtc_hodges_ms", "Q-T interval corrected based on Hodges formula"),
)
"""Intervals for which no code could be verified: given as text when measured."""


def measurements_observation(frame: Frame) -> JsonObject:
    """Return the Observation 34534-8 of a report.

    Whole ms, degrees and beats a minute; amplitudes in mV to the microvolt. R amplitudes
    of standard leads carry the MDC code, T amplitudes the LOINC code; other leads are named
    in the text.
    """
    measured = frame.analysis.measurements
    reasons = {u.path: u.reason for u in frame.analysis.undetermined}
    return (
        frame.head("Observation", frame.part_id("measurements"))
        | {
            "status": "preliminary",
            "category": [concept(PROCEDURE)],
            "code": concept(EKG_PANEL, text="ECG measurements"),
        }
        | frame.carried("subject", "encounter", "device")
        | frame.effective()
        | frame.issued()
        | {
            "performer": [frame.algorithm()],
            "derivedFrom": [frame.ecg()],
            "component": [
                *_globals(measured, reasons, frame.analysis.findings),
                *_amplitudes(
                    "R", "r_amplitude_mv", measured.r_amplitude_mv, R_AMPLITUDE, reasons
                ),
                *_amplitudes(
                    "T", "t_amplitude_mv", measured.t_amplitude_mv, T_AMPLITUDE, reasons
                ),
                *_st_levels(measured),
            ],
        }
    )


def _globals(
    measured: Measurements, reasons: Mapping[str, str], findings: Sequence[Finding]
) -> Iterator[JsonObject]:
    """Give each value; one that a finding rests on is marked abnormal."""
    graded = {
        fact.path: CRITICAL_ABNORMAL if each.urgency is Urgency.EMERGENCY else ABNORMAL
        for each in findings
        for fact in each.evidence
    }
    for item in _GLOBALS:
        value: float | None = getattr(measured, item.field)
        found = None if value is None else quantity(value, item.unit, decimals=0)
        reason = reasons.get(f"measurements.{item.field}", _NOT_MEASURED)
        component = _component(concept(item.coding), found, reason)
        if found is not None and (grade := graded.get(f"measurements.{item.field}")):
            component["interpretation"] = [concept(grade)]
        yield component
    for field, text in _WITHOUT_CODE:
        value = getattr(measured, field)
        if value is not None:
            found = quantity(value, "ms", decimals=0)
            yield _component(concept(text=text), found, "")


def _amplitudes(
    wave: str,
    field: str,
    by_lead: Mapping[Lead, float | None],
    codings: Mapping[Lead, Coding],
    reasons: Mapping[str, str],
) -> Iterator[JsonObject]:
    coded = standard_leads(by_lead.keys())
    everywhere = reasons.get(f"measurements.{field}", _NOT_MEASURED)
    if not by_lead:
        yield _component(concept(text=f"{wave} wave amplitude"), None, everywhere)
    for lead, value in by_lead.items():
        found = None if value is None else quantity(value, "mV", decimals=3)
        own = (codings[lead],) if lead in coded else ()
        reason = reasons.get(f"measurements.{field}.{lead}", everywhere)
        yield _component(
            concept(*own, text=f"{wave} wave amplitude, lead {lead}"), found, reason
        )


def _st_levels(measured: Measurements) -> Iterator[JsonObject]:
    for lead, value in measured.st_j60_mv.items():
        if value is not None:
            found = quantity(value, "mV", decimals=3)
            yield _component(concept(text=f"ST level at J+60 ms, lead {lead}"), found, "")


def _component(code: JsonObject, value: JsonObject | None, reason: str) -> JsonObject:
    if value is None:
        return {"code": code, "dataAbsentReason": absent("unknown", "Unknown", reason)}
    return {"code": code, "valueQuantity": value}

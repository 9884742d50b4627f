"""Q waves, ST segment and T wave by groups of contiguous leads.

Fourth universal definition of myocardial infarction (2018), its tables of ECG criteria. It
asks for leads that are neighbours: V1 to V6 in order, the inferior leads, and I with aVL.
What these criteria say of ventricles activated by another way (left bundle branch block,
pacing, pre-excitation) nobody should ask.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from ecgsvc.domain.findings import Evidence, Finding, Urgency
from ecgsvc.domain.morphology import LeadMorphology
from ecgsvc.domain.waveform import Lead
from ecgsvc.interpretation import codes
from ecgsvc.interpretation.conduction import has_leads, letters
from ecgsvc.interpretation.twelve_leads import (
    WIDE_QRS_FROM_MS,
    Criterion,
    TwelveLeads,
    end_wave_ms,
    lead_fact,
    shape_fact,
)
from ecgsvc.interpretation.voltage import has_left_voltage

DEFINITION = (
    "fourth universal definition of myocardial infarction, doi 10.1161/CIR.0000000000000617"
)
ACS_SOURCE = "2023 ESC guideline on acute coronary syndromes, doi 10.1093/eurheartj/ehad191"
ZEMA_SOURCE = "Zema et al. 1979, doi 10.1016/S0022-0736(79)80038-2"
CONTIGUOUS: tuple[tuple[str, tuple[Lead, ...]], ...] = (
    ("anterior", ("V1", "V2", "V3", "V4", "V5", "V6")),
    ("inferior", ("II", "III", "aVF")),
    ("lateral", ("I", "aVL")),
)
ST_ELEVATION_MV = 0.10
V2_V3_MEN_UNDER_40_MV, V2_V3_MEN_MV, V2_V3_WOMEN_MV = 0.25, 0.20, 0.15
AGE_OF_MEN = 40.0
ST_DEPRESSION_MV = -0.05
T_INVERSION_MV = -0.10
Q_FROM_MS, Q_DEEP_MV = 30.0, 0.10
Q_V2_V3_FROM_MS = 20.0
LOW_R_V3_MV = 0.3

_ELEVATION = Criterion(
    "st-elevation", codes.ST_ELEVATION, DEFINITION, Urgency.EMERGENCY, ACS_SOURCE
)
_EXPLAINED = Criterion(
    "st-elevation", codes.ST_ELEVATION, DEFINITION, Urgency.PROMPT, ACS_SOURCE
)
_DEPRESSION = Criterion(
    "st-depression", codes.ST_DEPRESSION, DEFINITION, Urgency.PROMPT, ACS_SOURCE
)
_INVERSION = Criterion("t-inversion", codes.T_INVERSION, DEFINITION)
_Q_WAVE = Criterion("q-wave", codes.Q_WAVE, DEFINITION)
_R_PROGRESSION = Criterion("poor-r-progression", codes.POOR_R_PROGRESSION, ZEMA_SOURCE)

Holds = Callable[[LeadMorphology], Evidence | None]


def ischaemia(ecg: TwelveLeads) -> tuple[Finding, ...]:
    """ST elevation and depression, T inversion, Q waves and R progression."""
    return (
        *_elevation(ecg),
        *_depression(ecg),
        *_inversion(ecg),
        *_q_waves(ecg),
        *_r_progression(ecg),
    )


def elevation_limit_mv(lead: Lead, ecg: TwelveLeads) -> float:
    """ST elevation at the J point from which on a lead counts; unknown sex: a man's."""
    if lead not in ("V2", "V3"):
        return ST_ELEVATION_MV
    if ecg.sex == "female":
        return V2_V3_WOMEN_MV
    young = ecg.age_years is None or ecg.age_years < AGE_OF_MEN
    return V2_V3_MEN_UNDER_40_MV if young else V2_V3_MEN_MV


def _elevation(ecg: TwelveLeads) -> Iterator[Finding]:
    def holds(shape: LeadMorphology) -> Evidence | None:
        limit = elevation_limit_mv(shape.lead, ecg)
        if shape.st_j_mv < limit:
            return None
        text = f"{shape.lead} J {shape.st_j_mv:+.2f} mV, at least {limit:.2f} mV"
        return shape_fact(shape.lead, text)

    reasons = _other_reasons(ecg)
    kind = _EXPLAINED if reasons else _ELEVATION
    for group, facts in _contiguous(ecg, holds):
        yield kind.finding(f"ST elevation, {group} leads", facts, reasons)


def _other_reasons(ecg: TwelveLeads) -> tuple[str, ...]:
    """Name what raises the ST segment by itself; the definition excepts it."""
    reasons = []
    if has_left_voltage(ecg):
        reasons.append("high left ventricular voltage raises the ST segment by itself")
    if ecg.qrs_ms is not None and ecg.qrs_ms >= WIDE_QRS_FROM_MS:
        reasons.append("a wide QRS complex moves the ST segment by itself")
    return tuple(reasons)


def _depression(ecg: TwelveLeads) -> Iterator[Finding]:
    """Horizontal or falling: 60 ms after the J point it is no higher than there."""

    def holds(shape: LeadMorphology) -> Evidence | None:
        later = ecg.measurements.st_j60_mv.get(shape.lead)
        if later is None or shape.st_j_mv > ST_DEPRESSION_MV or later > shape.st_j_mv:
            return None
        text = (
            f"{shape.lead} J {shape.st_j_mv:+.2f} mV, 60 ms later {later:+.2f} mV, at most "
            f"{ST_DEPRESSION_MV:.2f} mV and not rising"
        )
        return shape_fact(shape.lead, text)

    for group, facts in _contiguous(ecg, holds):
        yield _DEPRESSION.finding(f"ST depression, {group} leads", facts)


def _inversion(ecg: TwelveLeads) -> Iterator[Finding]:
    """Of leads with a prominent R wave."""

    def holds(shape: LeadMorphology) -> Evidence | None:
        t_mv = ecg.measurements.t_amplitude_mv.get(shape.lead)
        if t_mv is None or t_mv >= T_INVERSION_MV or shape.r_mv <= shape.s_mv:
            return None
        text = f"{shape.lead} T {t_mv:+.2f} mV, below {T_INVERSION_MV:.2f} mV, R above S"
        return lead_fact("t_amplitude_mv", shape.lead, text)

    for group, facts in _contiguous(ecg, holds):
        yield _INVERSION.finding(f"T wave inversion, {group} leads", facts)


def _q_waves(ecg: TwelveLeads) -> Iterator[Finding]:
    axis = ecg.measurements.qrs_axis_deg
    vertical = axis is not None and 60 <= axis <= 90

    def holds(shape: LeadMorphology) -> Evidence | None:
        if shape.lead in ("V1", "V2", "V3") or (shape.lead == "aVL" and vertical):
            return None
        if shape.qs and -shape.qs.mv >= Q_DEEP_MV:
            return shape_fact(shape.lead, f"{shape.lead} QS, {shape.qs.mv:.2f} mV")
        q = shape.q
        if q is None or end_wave_ms(q) < Q_FROM_MS or -q.mv < Q_DEEP_MV:
            return None
        ms = end_wave_ms(q)
        text = f"{shape.lead} Q {ms:.0f} ms, {q.mv:.2f} mV (from 30 ms and -0.10 mV)"
        return shape_fact(shape.lead, text)

    septal = tuple(_septal_q(ecg))
    for group, facts in _contiguous(ecg, holds):
        more = septal if group == "anterior" else ()
        yield _Q_WAVE.finding(f"Pathological Q waves, {group} leads", (*more, *facts))
        septal = () if group == "anterior" else septal
    if septal:
        yield _Q_WAVE.finding("Pathological Q waves, V2 and V3", septal)


def _septal_q(ecg: TwelveLeads) -> Iterator[Evidence]:
    """Any Q wave of 20 ms in V2 or V3, or QS complexes in both."""
    leads = ecg.shape("V2", "V3")
    if len(leads) == 2 and all(v.qs for v in leads):
        yield shape_fact("V2", f"V2 {letters(leads[0])}, V3 {letters(leads[1])}")
    for v in leads:
        if v.q and end_wave_ms(v.q) >= Q_V2_V3_FROM_MS:
            text = f"{v.lead} Q {end_wave_ms(v.q):.0f} ms, at least 20 ms"
            yield shape_fact(v.lead, text)


def _r_progression(ecg: TwelveLeads) -> Iterator[Finding]:
    """Find a low R in V3; where it falls from V2 to V3 it is reversed."""
    if not has_leads(ecg, "V2", "V3"):
        return
    r2, r3 = ecg.shapes["V2"].r_mv, ecg.shapes["V3"].r_mv
    if r3 <= LOW_R_V3_MV:
        name = "Reversed" if r3 < r2 else "Poor"
        text = f"R V3 {r3:.2f} mV, at most {LOW_R_V3_MV:.1f} mV; R V2 {r2:.2f} mV"
        fact = shape_fact("V3", text)
        yield _R_PROGRESSION.finding(f"{name} R wave progression", (fact,))


def _contiguous(ecg: TwelveLeads, holds: Holds) -> Iterator[tuple[str, Sequence[Evidence]]]:
    """Give the groups in which two neighbours or more hold, with all facts of the group.

    Chest leads are neighbours in order; of the inferior ones each is the others'.
    """
    for group, leads in CONTIGUOUS:
        found = {
            shape.lead: fact
            for shape in ecg.shape(*leads)
            for fact in [holds(shape)]
            if fact is not None
        }
        if group == "anterior":
            enough = any(a in found and b in found for a, b in pairwise(leads))
        else:
            enough = len(found) >= 2
        if enough:
            yield group, tuple(found.values())

"""Hypertrophy and low voltage, from the heights of the QRS complex.

Voltages say little of ventricles that are activated by another way: with a left bundle
branch block, pre-excitation or pacing nobody should ask.
"""

from collections.abc import Iterator

from ecgsvc.domain.findings import Evidence, Finding
from ecgsvc.interpretation import codes
from ecgsvc.interpretation.conduction import RIGHT_AXIS_ABOVE_DEG, has_leads
from ecgsvc.interpretation.twelve_leads import (
    Criterion,
    TwelveLeads,
    shape_fact,
    value_fact,
)

HYPERTROPHY_SOURCE = "2009 AHA/ACCF/HRS part V, doi 10.1161/CIRCULATIONAHA.108.191097"
SOKOLOW_SOURCE = "Sokolow & Lyon 1949, doi 10.1016/0002-8703(49)90562-1"
CORNELL_SOURCE = "Casale et al. 1987, doi 10.1161/01.CIR.75.3.565"
PRODUCT_SOURCE = "Molloy et al. 1992, J Am Coll Cardiol 20:1180-1186"
SOKOLOW_FROM_MV = 3.5
CORNELL_ABOVE_MV_MEN, CORNELL_ABOVE_MV_WOMEN = 2.8, 2.0
PRODUCT_FROM_MV_MS = 244.0
PRODUCT_ADDS_MV_WOMEN = 0.8
ADULT_VOLTAGE_FROM_YEARS = 35.0
"""Criteria were made on older people; healthy young hearts exceed them (part V)."""
YOUNG = "voltage criteria were made on adults over 35 years"
RVH_R_V1_ABOVE_MV = 0.6
RVH_SUM_ABOVE_MV = 1.05
LOW_LIMB_BELOW_MV, LOW_CHEST_BELOW_MV = 0.5, 1.0

_LVH = Criterion("lvh-voltage", codes.LVH, HYPERTROPHY_SOURCE)
_RVH = Criterion("rvh-voltage", codes.RVH, HYPERTROPHY_SOURCE)
_LOW = Criterion("low-voltage", codes.LOW_VOLTAGE, HYPERTROPHY_SOURCE)
_LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")


def voltage(ecg: TwelveLeads) -> tuple[Finding, ...]:
    """Left and right ventricular hypertrophy by voltage, and low voltage."""
    return (*_left(ecg), *_right(ecg), *_low(ecg))


def has_left_voltage(ecg: TwelveLeads) -> bool:
    """Whether any voltage criterion for left ventricular hypertrophy holds."""
    return bool(_left_facts(ecg))


def _left_facts(ecg: TwelveLeads) -> list[Evidence]:
    return [*_sokolow(ecg), *_cornell(ecg), *_product(ecg)]


def _left(ecg: TwelveLeads) -> Iterator[Finding]:
    if facts := _left_facts(ecg):
        young = ecg.age_years is not None and ecg.age_years <= ADULT_VOLTAGE_FROM_YEARS
        yield _LVH.finding(
            "Voltage criteria for left ventricular hypertrophy",
            facts,
            (YOUNG,) if young else (),
        )


def _sokolow(ecg: TwelveLeads) -> Iterator[Evidence]:
    chest = ecg.shape("V5", "V6")
    if not has_leads(ecg, "V1") or not chest:
        return
    s_mv = ecg.shapes["V1"].s_mv
    highest = max(chest, key=lambda v: v.r_mv)
    total = s_mv + highest.r_mv
    if total >= SOKOLOW_FROM_MV:
        text = (
            f"Sokolow-Lyon S V1 {s_mv:.2f} mV + R {highest.lead} {highest.r_mv:.2f} mV = "
            f"{total:.2f} mV, at least {SOKOLOW_FROM_MV:.1f} mV"
        )
        yield Evidence(f"morphology.{highest.lead}", text, source=SOKOLOW_SOURCE)


def _cornell_mv(ecg: TwelveLeads) -> float | None:
    if not has_leads(ecg, "aVL", "V3"):
        return None
    return ecg.shapes["aVL"].r_mv + ecg.shapes["V3"].s_mv


def _cornell(ecg: TwelveLeads) -> Iterator[Evidence]:
    total = _cornell_mv(ecg)
    limit = CORNELL_ABOVE_MV_WOMEN if ecg.sex == "female" else CORNELL_ABOVE_MV_MEN
    if total is not None and total > limit:
        text = f"Cornell R aVL + S V3 = {total:.2f} mV, above {limit:.1f} mV"
        yield Evidence("morphology.aVL", text, source=CORNELL_SOURCE)


def _product(ecg: TwelveLeads) -> Iterator[Evidence]:
    total, qrs_ms = _cornell_mv(ecg), ecg.qrs_ms
    if total is None or qrs_ms is None:
        return
    added = PRODUCT_ADDS_MV_WOMEN if ecg.sex == "female" else 0.0
    product = (total + added) * qrs_ms
    if product >= PRODUCT_FROM_MV_MS:
        more = f" + {added:.1f} mV (women)" if added else ""
        text = (
            f"Cornell product ({total:.2f} mV{more}) x {qrs_ms:.0f} ms = {product:.0f} mV "
            f"ms, at least {PRODUCT_FROM_MV_MS:.0f} mV ms"
        )
        yield Evidence("morphology.aVL", text, source=PRODUCT_SOURCE)


def _right(ecg: TwelveLeads) -> Iterator[Finding]:
    """Find a right axis together with a high R in V1 or a deep S on the left."""
    axis = ecg.measurements.qrs_axis_deg
    chest = ecg.shape("V5", "V6")
    if axis is None or axis <= RIGHT_AXIS_ABOVE_DEG or not has_leads(ecg, "V1"):
        return
    v1 = ecg.shapes["V1"]
    facts = []
    if v1.r_mv > RVH_R_V1_ABOVE_MV and v1.r_mv > v1.s_mv:
        text = f"R V1 {v1.r_mv:.2f} mV, above {RVH_R_V1_ABOVE_MV:.1f} mV and above its S"
        facts.append(shape_fact("V1", text))
    for deepest in sorted(chest, key=lambda v: -v.s_mv)[:1]:
        total = v1.r_mv + deepest.s_mv
        if total > RVH_SUM_ABOVE_MV:
            text = f"R V1 + S {deepest.lead} = {total:.2f} mV, above {RVH_SUM_ABOVE_MV} mV"
            facts.append(shape_fact(deepest.lead, text))
    if facts:
        right = value_fact("qrs_axis_deg", f"QRS axis {axis:.0f}°, above 90°")
        text = "Possible right ventricular hypertrophy"
        yield _RVH.finding(text, (right, *facts))


def _low(ecg: TwelveLeads) -> Iterator[Finding]:
    """Find less than 0.5 mV from top to bottom in all limb leads, or 1 mV in the chest."""
    for name, leads, limit in (
        ("limb", _LIMB, LOW_LIMB_BELOW_MV),
        ("chest", _CHEST, LOW_CHEST_BELOW_MV),
    ):
        if not has_leads(ecg, *leads):
            continue
        highest = max(ecg.shape(*leads), key=lambda v: v.peak_to_peak_mv)
        if highest.peak_to_peak_mv < limit:
            text = (
                f"QRS of at most {highest.peak_to_peak_mv:.2f} mV ({highest.lead}) from "
                f"top to bottom, below {limit:.1f} mV"
            )
            facts = (shape_fact(highest.lead, text),)
            yield _LOW.finding(f"Low QRS voltage in the {name} leads", facts)

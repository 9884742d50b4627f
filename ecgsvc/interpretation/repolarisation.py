"""The QT interval, corrected for rate after Fridericia, against limits by sex."""

from collections.abc import Iterator

from ecgsvc.domain.findings import Finding, Urgency
from ecgsvc.domain.rhythm import RhythmClass
from ecgsvc.interpretation import codes
from ecgsvc.interpretation.twelve_leads import (
    BLOCK_LENGTHENS_QT,
    QT_ERROR_MS,
    WIDE_QRS_FROM_MS,
    Criterion,
    TwelveLeads,
    borderline,
    value_fact,
)

LONG_QTC_FROM_MS = 460.0
LONG_QTC_FROM_MS_MEN = 450.0
QT_SOURCE = "2009 AHA/ACCF/HRS part IV, doi 10.1161/CIRCULATIONAHA.108.191096"
"""Women 460, men 450. Of unknown sex the higher one counts."""
VERY_LONG_QTC_ABOVE_MS = 500.0
TORSADES_SOURCE = "AHA/ACCF statement 2010, doi 10.1161/CIRCULATIONAHA.109.192704"
SHORT_QTC_TO_MS = 340.0
SHORT_QT_SOURCE = (
    "2015 ESC guideline on ventricular arrhythmias, doi 10.1093/eurheartj/ehv316"
)

_LONG = Criterion("long-qt", codes.LONG_QT, QT_SOURCE)
_VERY_LONG = Criterion("long-qt", codes.LONG_QT, QT_SOURCE, Urgency.PROMPT, TORSADES_SOURCE)
_SHORT = Criterion("short-qt", codes.SHORT_QT, SHORT_QT_SOURCE)
IRREGULAR = "rate correction is not reliable in atrial fibrillation (part IV)"


def qt_interval(ecg: TwelveLeads) -> Iterator[Finding]:
    """Find a long or a short QTc; above 500 ms it should be seen promptly."""
    own_ms, qtc_ms = ecg.measurements.qtc_fridericia_ms, ecg.qtc_ms
    if own_ms is None or qtc_ms is None:
        return
    limit = LONG_QTC_FROM_MS_MEN if ecg.sex == "male" else LONG_QTC_FROM_MS
    wide = ecg.qrs_ms is not None and ecg.qrs_ms >= WIDE_QRS_FROM_MS
    less = f" less {BLOCK_LENGTHENS_QT:.1%} of the wide QRS complex" if wide else ""
    value = f"QTc (Fridericia) {own_ms:.0f} ms, {qtc_ms:.0f} ms{less} on the scale of"
    if qtc_ms >= limit:
        fact = value_fact(
            "qtc_fridericia_ms", f"{value} the cut-off, at least {limit:.0f} ms"
        )
        near = borderline(qtc_ms - limit, QT_ERROR_MS)
        held = (*near, IRREGULAR) if ecg.rhythm is RhythmClass.AF else near
        kind = _VERY_LONG if qtc_ms > VERY_LONG_QTC_ABOVE_MS else _LONG
        name = "Borderline long" if near else "Prolonged"
        yield kind.finding(f"{name} QT interval, QTcF {own_ms:.0f} ms", (fact,), held)
    elif own_ms <= SHORT_QTC_TO_MS:
        text = f"QTc (Fridericia) {own_ms:.0f} ms, at most {SHORT_QTC_TO_MS:.0f} ms"
        fact = value_fact("qtc_fridericia_ms", text)
        yield _SHORT.finding(f"Short QT interval, QTcF {own_ms:.0f} ms", (fact,))

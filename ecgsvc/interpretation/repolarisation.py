"""The QT interval, corrected for rate after Fridericia, against limits by sex."""

from collections.abc import Iterator

from ecgsvc.domain.findings import Finding, Urgency
from ecgsvc.interpretation import codes
from ecgsvc.interpretation.twelve_leads import Criterion, TwelveLeads, value_fact

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
WIDE = "the QRS complex is wide, which lengthens QT by itself (part IV)"


def qt_interval(ecg: TwelveLeads) -> Iterator[Finding]:
    """Find a long or a short QTc; above 500 ms it should be seen promptly."""
    qtc_ms = ecg.measurements.qtc_fridericia_ms
    if qtc_ms is None:
        return
    limit = LONG_QTC_FROM_MS_MEN if ecg.sex == "male" else LONG_QTC_FROM_MS
    if qtc_ms >= limit:
        text = f"QTc (Fridericia) {qtc_ms:.0f} ms, at least {limit:.0f} ms"
        kind = _VERY_LONG if qtc_ms > VERY_LONG_QTC_ABOVE_MS else _LONG
        wide = ecg.qrs_ms is not None and ecg.qrs_ms >= 120
        yield kind.finding(
            f"Prolonged QT interval, QTcF {qtc_ms:.0f} ms",
            (value_fact("qtc_fridericia_ms", text),),
            (WIDE,) if wide else (),
        )
    elif qtc_ms <= SHORT_QTC_TO_MS:
        text = f"QTc (Fridericia) {qtc_ms:.0f} ms, at most {SHORT_QTC_TO_MS:.0f} ms"
        fact = value_fact("qtc_fridericia_ms", text)
        yield _SHORT.finding(f"Short QT interval, QTcF {qtc_ms:.0f} ms", (fact,))

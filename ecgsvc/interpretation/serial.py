"""What has changed since the patient's ECG before, beyond what measuring varies by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ecgsvc.domain.findings import Sentence
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.serial import (
    Change,
    MeasuredReport,
    SerialComparison,
    StatedFinding,
)

REPEATABILITY = (
    "2.77 SD of our error on LUDB (global intervals), Bland & Altman 1986, "
    "doi 10.1016/S0140-6736(86)90837-8"
)
"""Two measurements of the same rarely differ by more. Electrodes put elsewhere, and the
heart itself, add to it (Schijvenaars 2008, doi 10.1016/j.jelectrocard.2008.01.012)."""
OUR_CHOICE = "our choice: no published limit for two resting ECGs"


@dataclass(frozen=True, slots=True)
class _Compared:
    field: str
    word: str
    unit: str
    limit: float
    source: str


COMPARED = (
    _Compared("heart_rate_bpm", "heart rate", "/min", 20.0, OUR_CHOICE),
    _Compared("pr_ms", "PR", "ms", 22.0, REPEATABILITY),
    _Compared("qrs_ms", "QRS", "ms", 26.0, REPEATABILITY),
    _Compared("qtc_fridericia_ms", "QTcF", "ms", 37.0, REPEATABILITY),
    _Compared("qrs_axis_deg", "QRS axis", "deg", 30.0, OUR_CHOICE),
)
"""SD of the error on LUDB: PR 7.8, QRS 9.3, QT 13.5 ms. ICH E14 (2005) calls a QTc that is
30 ms longer a concern and 60 ms a clear one."""


def compare(
    earlier: MeasuredReport,
    measurements: Measurements,
    findings: Sequence[StatedFinding],
    models: Sequence[tuple[str, str]],
) -> SerialComparison:
    """Hold an ECG against an earlier one of the same patient.

    Findings are the same when their codes are; a value that either lacks is not compared.
    """
    changes = (
        Change(each.field, before, after, each.unit, each.limit, each.source)
        for each in COMPARED
        if (before := getattr(earlier.measurements, each.field)) is not None
        and (after := getattr(measurements, each.field)) is not None
    )
    return SerialComparison(
        earlier.report_id,
        earlier.version,
        earlier.effective_at,
        tuple(changes),
        _only_in(findings, earlier.findings),
        _only_in(earlier.findings, findings),
        other_models=tuple(models) != earlier.models,
    )


def serial_sentences(comparison: SerialComparison) -> Iterator[Sentence]:
    """Say what changed, or that nothing did."""
    day = f"{comparison.effective_at:%Y-%m-%d}"
    parts, places = [], ["serial.effective_at"]
    for position, each in enumerate(comparison.changes):
        if each.exceeds:
            parts.append(_said(each))
            places.append(f"serial.changes.{position}")
    for word, found, place in (
        ("new", comparison.appeared, "serial.appeared"),
        ("no longer found", comparison.vanished, "serial.vanished"),
    ):
        if found:
            parts.append(f"{word}: {', '.join(each.text for each in found)}")
            places.append(place)
    text = "; ".join(parts) or "no change beyond variability"
    yield Sentence(f"Compared with the ECG of {day}: {text}.", tuple(places))
    if comparison.other_models:
        said = "Other models or versions read the earlier ECG."
        yield Sentence(said, ("serial.other_models",))


def _said(change: Change) -> str:
    word = next(each.word for each in COMPARED if each.field == change.name)
    unit = {"ms": " ms", "deg": "°"}.get(change.unit, change.unit)
    return f"{word} {change.before:.0f} to {change.after:.0f}{unit}"


def _only_in(
    some: Sequence[StatedFinding], others: Sequence[StatedFinding]
) -> tuple[StatedFinding, ...]:
    known = {(each.system, each.code) for each in others}
    found = {
        (each.system, each.code): each
        for each in reversed(some)
        if (each.system, each.code) not in known
    }
    return tuple(reversed(found.values()))

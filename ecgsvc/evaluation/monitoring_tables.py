"""The monitoring summary as tables, as JSON and as lines to draw."""

import math
from collections.abc import Iterator
from typing import Any

from rich.table import Table

from ecgsvc.evaluation.figures import Estimate, Figures, figures_table
from ecgsvc.evaluation.monitoring import (
    AGE_BANDS,
    OPEN_QUESTIONS,
    Agreement,
    MonitoringSummary,
    band_name,
)
from ecgsvc.evaluation.rhythm_tables import wilson_interval
from ecgsvc.render.week_chart import Band, Line, Panel

GROUPS = (
    "all", "female", "male", "sex unknown", *map(band_name, AGE_BANDS), "age unknown",
)  # fmt: skip
_WILSON = "In brackets Wilson's 95 % interval."


def monitoring_tables(summary: MonitoringSummary) -> Iterator[Table]:
    """Volume and abstentions, findings, drift, agreement; those that have rows."""
    for figures in monitoring_figures(summary):
        if figures.rows:
            yield figures_table(figures)


def monitoring_figures(summary: MonitoringSummary) -> tuple[Figures, ...]:
    """The same, as figures."""
    return (_weeks(summary), _findings(summary), _drift(summary), _agreement(summary))


def monitoring_json(summary: MonitoringSummary) -> dict[str, Any]:
    """The same, for programs."""
    names = ("weeks", "findings", "drift", "agreement")
    tables = zip(names, monitoring_figures(summary), strict=True)
    return {
        "n_reports": summary.n_reports,
        "n_signed": summary.n_signed,
        **{name: figures.to_json()["rows"] for name, figures in tables},
    }


def monitoring_panels(summary: MonitoringSummary) -> Iterator[Panel]:
    """Volume, shares of open questions with their intervals, and drift, by week."""
    weeks = [week.monday for week in summary.weeks]
    yield Panel("ECGs a week", weeks, [Line("ECGs", [w.n for w in summary.weeks])])
    shares = [share_of(week.n_any_open, week.n) for week in summary.weeks]
    ends = [estimate.ends for estimate in shares]
    band = Band([_number(low) for low, _ in ends], [_number(high) for _, high in ends])
    any_open = Line("any", [estimate.value for estimate in shares], band)
    lines = [
        Line(path, [share_of(summary.undetermined[w.monday, path], w.n).value
                    for w in summary.weeks])
        for path in OPEN_QUESTIONS
    ]  # fmt: skip
    yield Panel("Share left undetermined", weeks, [any_open, *lines])
    for name in sorted({drift.name for drift in summary.drifts}):
        found = {d.week: d.stability for d in summary.drifts if d.name == name}
        index = [found[week].index if week in found else math.nan for week in weeks]
        chance = [found[week].by_chance if week in found else math.nan for week in weeks]
        lines = [Line("PSI", index), Line("chance, 1 in 100", chance)]
        yield Panel(f"Stability index of {name}", weeks, lines)


def share_of(hits: int, n: int) -> Estimate:
    """Return a share with Wilson's interval; NaN of nothing."""
    return Estimate(hits / n if n else math.nan, wilson_interval(hits, n))


def _weeks(summary: MonitoringSummary) -> Figures:
    return Figures(
        "ECGs and open questions by week of the recording",
        tuple(
            {
                "week of": str(week.monday),
                "ECGs": week.n,
                "any": share_of(week.n_any_open, week.n),
                **{
                    path: share_of(summary.undetermined[week.monday, path], week.n)
                    for path in OPEN_QUESTIONS
                },
            }
            for week in summary.weeks
        ),
        f"Share of ECGs whose rhythm, beats or diagnosis was left undetermined. {_WILSON}",
    )


def _findings(summary: MonitoringSummary) -> Figures:
    totals: dict[str, int] = {}
    for (_, code), n in summary.findings.items():
        totals[code] = totals.get(code, 0) + n
    return Figures(
        "Findings",
        tuple(
            {
                "code": code,
                "finding": summary.names.get(code, ""),
                "ECGs": n,
                "share": share_of(n, summary.n_reports),
            }
            for code, n in sorted(totals.items(), key=lambda each: (-each[1], each[0]))
        ),
        _WILSON,
    )


def _drift(summary: MonitoringSummary) -> Figures:
    return Figures(
        "Drift against the first weeks",
        tuple(
            {
                "measurement or score": drift.name,
                "week of": str(drift.week),
                "values": drift.n,
                "PSI": f"{drift.stability.index:.3f}",
                "chance, 1 in 100": f"{drift.stability.by_chance:.3f}",
                "drift": drift.stability.word,
            }
            for drift in summary.drifts
        ),
        "Population stability index over deciles: above 0.1 moderate, above 0.25 large, "
        "unless chance explains it.",
    )


def _agreement(summary: MonitoringSummary) -> Figures:
    codes = sorted({code for code, _ in summary.agreement})
    return Figures(
        "Machine and signer, in signed reports",
        tuple(
            _agreement_row(summary, code, group, summary.agreement[code, group])
            for code in codes
            for group in GROUPS
            if (code, group) in summary.agreement
        ),
        "Confirmed: of what the machine found, what the signer left. Found: of what the "
        f"signer says, what the machine had found. {_WILSON}",
    )


def _agreement_row(
    summary: MonitoringSummary, code: str, group: str, counts: Agreement
) -> dict[str, Any]:
    return {
        "code": code,
        "finding": summary.names.get(code, ""),
        "group": group,
        "signed": counts.n,
        "agree": share_of(counts.both + counts.neither, counts.n),
        "confirmed": share_of(counts.both, counts.both + counts.machine_only),
        "found": share_of(counts.both, counts.both + counts.signer_only),
    }


def _number(end: float | None) -> float:
    return math.nan if end is None else end

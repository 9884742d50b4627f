"""Results as a person reads them."""

import math

from rich.table import Table

from ecgsvc.domain.beats import BEAT_CLASSES
from ecgsvc.evaluation.beats import BeatResults
from ecgsvc.evaluation.bootstrap import Interval
from ecgsvc.evaluation.confusion import SCORED_CLASSES, BeatFigures, beat_figures
from ecgsvc.evaluation.r_peaks import RPeakResults
from ecgsvc.evaluation.scores import DetectionCounts

SHOWN_CLASSES = tuple(BEAT_CLASSES[i] for i in SCORED_CLASSES)
FIGURE_HEADINGS = {"sensitivity": "Se %", "positive_predictivity": "+P %", "f1": "F1 %"}
SUMMARY_HEADINGS = {
    "macro_f1": "Macro F1 % (N, S, V, F)",
    "accuracy": "Accuracy %",
    "kappa": "Kappa",
    "j_kappa": "j kappa",
}


def r_peak_table(results: RPeakResults) -> Table:
    """One row a record, then gross and average."""
    table = Table(
        title=f"R peaks, ANSI/AAMI EC57, scored from {results.start_s:g} s on",
        caption="Match window 150 ms, ventricular flutter excluded.",
    )
    table.add_column("Record")
    for heading in ("Beats", "Missed", "False", "Se %", "+P %", "F1 %", "Failed %"):
        table.add_column(heading, justify="right")
    for record in results.records:
        table.add_row(record.record, *_detection_cells(record.counts))
    table.add_section()
    table.add_row("Gross", *_detection_cells(results.gross))
    intervals = results.intervals()
    ends = (_interval_cell(intervals[f]) for f in FIGURE_HEADINGS)
    table.add_row("95 % interval", "", "", "", *ends, "")
    average = results.average
    figures = ("sensitivity", "positive_predictivity", "f1", "failed_detections")
    table.add_row("Average", "", "", "", *(percent(average[f]) for f in figures))
    return table


def r_peak_summary(results: RPeakResults, heard: str) -> Table:
    """Gross figures of one run in one row, with the lowest of single records."""
    table = Table(title="R peaks, ANSI/AAMI EC57")
    table.add_column("Leads")
    table.add_column("Scored")
    headings = ("Records", "Beats", "Missed", "False", "Se %", "+P %", "F1 %")
    for heading in (*headings, "Lowest Se %", "Lowest +P %"):
        table.add_column(heading, justify="right")
    gross, intervals = results.gross, results.intervals()
    records = [r.counts for r in results.records]
    table.add_row(
        heard,
        f"from {results.start_s:g} s on" if results.start_s else "all beats",
        str(len(records)),
        *_detection_cells(gross)[:3],
        *(
            percent_with_interval(float(getattr(gross, figure)), intervals[figure])
            for figure in FIGURE_HEADINGS
        ),
        percent(min(c.sensitivity for c in records)),
        percent(min(c.positive_predictivity for c in records)),
    )
    return table


def beat_tables(results: BeatResults) -> tuple[Table, Table]:
    """Gross figures with their intervals, and a table with a row a record."""
    return _gross_table(results), _record_table(results)


def percent(fraction: float) -> str:
    """Write a fraction as a percentage; an undefined one as a dash."""
    return "-" if math.isnan(fraction) else f"{100 * fraction:.2f}"


def percent_with_interval(fraction: float, ends: Interval) -> str:
    """Write a fraction as a percentage, with its interval where it has one."""
    shown = _interval_cell(ends)
    return f"{percent(fraction)} ({shown})" if shown else percent(fraction)


def _interval_cell(ends: Interval) -> str:
    low, high = ends
    return "" if low is None or high is None else f"{percent(low)}-{percent(high)}"


def _detection_cells(counts: DetectionCounts) -> tuple[str, ...]:
    return (
        str(counts.n_reference),
        str(counts.false_negatives),
        str(counts.false_positives),
        percent(counts.sensitivity),
        percent(counts.positive_predictivity),
        percent(counts.f1),
        percent(counts.failed_detections),
    )


def _gross_table(results: BeatResults) -> Table:
    where = "annotated positions" if results.positions == "annotated" else "own positions"
    table = Table(
        title=f"Beat classes, all beats of {len(results.records)} records, {where}",
        caption="In brackets 95 % by bootstrap over records.",
    )
    table.add_column("Figure")
    for subset in results.subsets:
        table.add_column(subset, justify="right")
    figures = {name: results.figures(name).flat() for name in results.subsets}
    intervals = {name: results.intervals(name) for name in results.subsets}
    shown = [f"{c}.{f}" for c in SHOWN_CLASSES for f in FIGURE_HEADINGS]
    for figure in [*shown, "macro_f1", "accuracy", "kappa", "j_kappa"]:
        cells = (
            _cell(figure, float(figures[name][figure]), intervals[name][figure])
            for name in results.subsets
        )
        table.add_row(_figure_name(figure), *cells)
    return table


def _figure_name(figure: str) -> str:
    if figure in SUMMARY_HEADINGS:
        return SUMMARY_HEADINGS[figure]
    beat_class, _, kind = figure.partition(".")
    return f"{beat_class} {FIGURE_HEADINGS[kind]}"


def _cell(figure: str, value: float, interval: tuple[float | None, float | None]) -> str:
    low, high = interval
    if low is None or high is None:
        return "-"
    if figure in ("kappa", "j_kappa"):
        return f"{value:.3f} ({low:.3f}-{high:.3f})"
    return f"{percent(value)} ({100 * low:.1f}-{100 * high:.1f})"


def _record_table(results: BeatResults) -> Table:
    table = Table(title="Per record")
    for heading in ("Record", "Beats"):
        table.add_column(heading, justify="left" if heading == "Record" else "right")
    for beat_class in SHOWN_CLASSES:
        for heading in ("n", "Se", "+P"):
            table.add_column(f"{beat_class} {heading}", justify="right")
    table.add_column("Accuracy %", justify="right")
    for record in results.records:
        n_beats = record.confusion.sum(axis=1)[: len(BEAT_CLASSES)]
        figures = beat_figures(record.confusion)
        cells = [
            cell
            for i in range(len(SHOWN_CLASSES))
            for cell in (str(n_beats[i]), *_class_cells(figures, i))
        ]
        accuracy = percent(float(figures.accuracy))
        table.add_row(record.record, str(n_beats.sum()), *cells, accuracy)
    return table


def _class_cells(figures: BeatFigures, i: int) -> tuple[str, str]:
    return (
        percent(float(figures.sensitivity[i])),
        percent(float(figures.positive_predictivity[i])),
    )

"""Results of delineation as a person reads them."""

import math

from rich.table import Table

from ecgsvc.evaluation.bootstrap import Interval
from ecgsvc.evaluation.delineation import DelineationResults, InventedP, RecordDelineation
from ecgsvc.evaluation.global_intervals import IntervalErrors, interval_errors
from ecgsvc.evaluation.scores import ratio
from ecgsvc.evaluation.tables import percent, percent_with_interval
from ecgsvc.evaluation.wave_references import POINTS, WAVES

INTERVAL_HEADINGS = {"p_ms": "P duration", "pr_ms": "PR", "qrs_ms": "QRS", "qt_ms": "QT"}
BOUNDARIES = tuple((i, j) for i in range(len(WAVES)) for j in (0, 2))


def delineation_tables(results: DelineationResults) -> tuple[Table, Table]:
    """Gross figures of each point, and the global intervals."""
    return _point_table(results), _interval_table(results)


def delineation_record_table(results: DelineationResults) -> Table:
    """One row a record: F1 of the waves, mean and SD of the boundaries' errors."""
    table = Table(title="Per record: F1 % of the waves, mean ± SD ms of the boundaries")
    table.add_column("Record")
    for wave in WAVES:
        table.add_column(wave, justify="right")
    for i, j in BOUNDARIES:
        table.add_column(f"{WAVES[i]} {'on' if j == 0 else 'off'}", justify="right")
    table.add_column("P invented", justify="right")
    for record in results.records:
        table.add_row(*_record_cells(record))
    return table


def _point_table(results: DelineationResults) -> Table:
    n_leads = sum(r.n_leads for r in results.records)
    table = Table(
        title=f"Waves, {len(results.records)} records, {n_leads} leads",
        caption=_invented_sentence(results.invented_p),
    )
    table.add_column("Point")
    headings = ("Annotated", "Missed", "False", "Se %", "+P %", "F1 %", "Mean ms", "SD ms")
    for heading in headings:
        table.add_column(heading, justify="right")
    figures, intervals = results.figures, results.intervals()
    for i, wave in enumerate(WAVES):
        for j, point in enumerate(POINTS):
            found, missed, false = (int(n) for n in results.counts[i, j, :3])
            table.add_row(
                f"{wave} {point}",
                *(str(found + missed), str(missed), str(false)),
                percent(float(figures.sensitivity[i, j])),
                percent(float(figures.positive_predictivity[i, j])),
                percent_with_interval(
                    float(figures.f1[i, j]), intervals[wave, point, "f1"]
                ),
                _ms(float(figures.mean_error_ms[i, j])),
                _ms_with_interval(
                    float(figures.sd_ms[i, j]), intervals[wave, point, "sd_ms"]
                ),
            )
    return table


def _invented_sentence(invented: InventedP | None) -> str | None:
    if invented is None:
        return None
    return (
        "P waves invented in atrial fibrillation and flutter: "
        f"{invented.lead_beats_with_p} of {invented.lead_beats} beats times leads "
        f"({percent(ratio(invented.lead_beats_with_p, invented.lead_beats))} %); "
        f"in any lead of {invented.beats_with_p} of {invented.beats} beats "
        f"({percent(ratio(invented.beats_with_p, invented.beats))} %)."
    )


def _interval_table(results: DelineationResults) -> Table:
    table = Table(
        title="Global intervals against IEC 60601-2-25",
        caption="No record is left out as an outlier.",
    )
    table.add_column("Interval")
    headings = (
        *("Records", "Not given", "Invented", "Mean ms", "SD ms"),
        *("Largest ms", "Limits ms", "Within"),
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    for errors in interval_errors([r.intervals for r in results.records]):
        table.add_row(*_interval_cells(errors))
    return table


def _interval_cells(errors: IntervalErrors) -> tuple[str, ...]:
    mean_limit, sd_limit = errors.limits_ms
    return (
        INTERVAL_HEADINGS[errors.name],
        str(errors.n_records),
        str(errors.n_missing),
        str(errors.n_invented),
        _ms(errors.mean_ms),
        _ms(errors.sd_ms),
        _ms(errors.largest_ms),
        f"±{mean_limit:g} / {sd_limit:g}",
        "yes" if errors.within_limits else "no",
    )


def _record_cells(record: RecordDelineation) -> tuple[str, ...]:
    figures = record.figures
    invented = record.invented_p
    return (
        record.record,
        *(percent(float(f1)) for f1 in figures.f1[:, 1]),
        *(
            f"{_ms(float(figures.mean_error_ms[i, j]))} ± {_ms(float(figures.sd_ms[i, j]))}"
            for i, j in BOUNDARIES
        ),
        "" if invented is None else f"{invented.lead_beats_with_p}/{invented.lead_beats}",
    )


def _ms(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"


def _ms_with_interval(value: float, ends: Interval) -> str:
    low, high = ends
    if low is None or high is None:
        return _ms(value)
    return f"{value:.1f} ({low:.1f}-{high:.1f})"

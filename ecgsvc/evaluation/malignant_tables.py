"""Results of the alarms as a person reads them."""

from rich.table import Table

from ecgsvc.evaluation.malignant import ANSWERS, MalignantResults
from ecgsvc.evaluation.malignant_references import RHYTHMS
from ecgsvc.evaluation.tables import percent_with_interval

_FIGURES = {
    "vf_sensitivity": "VF, flutter Se %",
    "vt_sensitivity": "VT Se %",
    "specificity": "Specificity %",
    "specificity_without_noise": "Specificity % without noise",
}
_EPISODES = {
    "vf_episode_sensitivity": "VF, flutter episodes %",
    "vt_episode_sensitivity": "VT episodes %",
}
_FALSE_ALARMS = "false_alarms_per_hour"


def malignant_tables(results: MalignantResults) -> tuple[Table, Table, Table]:
    """Figures with their intervals, what each rhythm was called, a row per record."""
    return _figures_table(results), _called_table(results), _record_table(results)


def _figures_table(results: MalignantResults) -> Table:
    figures, bounds = results.figures(), results.intervals()
    table = Table(
        title="Malignant rhythm against all else",
        caption="Windows of 10 s; 95 % intervals by bootstrap over records.",
    )
    table.add_column("Scored")
    for heading in (*_FIGURES.values(), *_EPISODES.values(), "False alarms an hour"):
        table.add_column(heading, justify="right")

    def cell(name: str) -> str:
        return percent_with_interval(figures[name], bounds[name])

    hours = sum(record.quiet_s for record in results.records) / 3600
    rate, (low, high) = figures[_FALSE_ALARMS], bounds[_FALSE_ALARMS]
    n_false = sum(record.false_alarms for record in results.records)
    alarms = f"{rate:.2f} ({low or 0:.2f}-{high or 0:.2f}), {n_false} in {hours:.1f} h"
    table.add_row("all windows", *map(cell, (*_FIGURES, *_EPISODES)), alarms)
    pure = (cell(f"pure_{name}") for name in _FIGURES)
    table.add_row("of one rhythm only", *pure, "", "", "")
    return table


def _called_table(results: MalignantResults) -> Table:
    table = Table(title="What the windows of each annotated rhythm are called")
    table.add_column("Annotated")
    for answer in ANSWERS:
        table.add_column("unreadable" if answer is None else answer, justify="right")
    for rhythm, row in zip(RHYTHMS, results.windows().tolist(), strict=True):
        table.add_row(rhythm.value, *map(str, row))
    return table


def _record_table(results: MalignantResults) -> Table:
    table = Table(
        title="Alarms by record",
        caption="Alarmed windows of all windows of that annotated rhythm.",
    )
    table.add_column("Record")
    for rhythm in RHYTHMS:
        table.add_column(rhythm.value, justify="right")
    table.add_column("False alarms", justify="right")
    for record in results.records:
        alarmed = record.windows[:, :2].sum(axis=1)
        counts = zip(alarmed.tolist(), record.windows.sum(axis=1).tolist(), strict=True)
        cells = (f"{part}/{whole}" if whole else "" for part, whole in counts)
        table.add_row(record.record, *cells, str(record.false_alarms))
    return table

"""The search of the R-peak detector's constants as a person reads it."""

from collections.abc import Iterable
from dataclasses import fields

from rich.table import Table

from ecgsvc.dsp import DetectorConstants
from ecgsvc.evaluation.scores import DetectionCounts, total
from ecgsvc.training.detector_constants import Counts, FittedConstants


def detector_tables(fitted: FittedConstants) -> tuple[Table, Table]:
    """What was found, and how the detector fares with it."""
    return _constants_table(fitted), _figures_table(fitted)


def _constants_table(fitted: FittedConstants) -> Table:
    table = Table(title="Fitted constants of the R-peak detector")
    table.add_column("Constant")
    searches = [fold.constants for fold in fitted.folds]
    for heading in (
        *(f"Without fold {n}" for n in range(1, len(searches) + 1)),
        "All records",
        "Shipped",
    ):
        table.add_column(heading, justify="right")
    for field in fields(DetectorConstants):
        values = (
            getattr(constants, field.name)
            for constants in (*searches, fitted.constants, DetectorConstants())
        )
        table.add_row(field.name, *(f"{value:g}" for value in values))
    return table


def _figures_table(fitted: FittedConstants) -> Table:
    table = Table(title="R peaks by those constants, ANSI/AAMI EC57, from 300 s on")
    table.add_column("Constants")
    table.add_column("Leads")
    for heading in ("Missed", "False", "Se %", "+P %", "Lowest Se %", "Lowest +P %"):
        table.add_column(heading, justify="right")
    for name, counts in (
        ("out of fold", fitted.out_of_fold),
        ("found on all records", fitted.in_sample),
        ("shipped", fitted.shipped),
    ):
        for leads, cells in (("all", _cells(counts, 0)), ("first", _cells(counts, 1))):
            table.add_row(name, leads, *cells)
    return table


def _cells(counts: Counts, heard: int) -> Iterable[str]:
    records: list[DetectionCounts] = [pair[heard] for pair in counts.values()]
    gross = total(records)
    figures = (
        gross.sensitivity,
        gross.positive_predictivity,
        min(c.sensitivity for c in records),
        min(c.positive_predictivity for c in records),
    )
    yield str(gross.false_negatives)
    yield str(gross.false_positives)
    yield from (f"{100 * figure:.2f}" for figure in figures)

"""Results of rhythm classification as a person reads them."""

import math

from rich.table import Table

from ecgsvc.domain.rhythm import RHYTHM_CLASSES
from ecgsvc.evaluation.rhythm import RhythmResults
from ecgsvc.evaluation.tables import percent, percent_with_interval

HEADINGS = {f"f1_{name}": f"F1 {name}" for name in RHYTHM_CLASSES} | {
    "f1_mean_NAO": "Mean F1 of N, A, O",
    "f1_mean": "Mean F1 of all four",
    "accuracy": "Accuracy",
}
_ABSTENTION = {
    "error": "Error, all recordings",
    "error_at_80": "Error, the surest 80 %",
    "determined": "Determined: one class left, no outlier",
    "error_determined": "Error among the determined",
    "called_outlier": "Called unlike the training recordings",
}


def rhythm_tables(results: RhythmResults) -> tuple[Table, Table, Table]:
    """F1 with intervals; what was called what; coverage and abstention."""
    return _figures(results), _confusion(results), _sureness(results)


def _figures(results: RhythmResults) -> Table:
    table = Table(
        title=f"Rhythm of {len(results.labels)} recordings",
        caption="Classes of PhysioNet/CinC 2017; in brackets 95 % by bootstrap.",
    )
    table.add_column("Figure")
    table.add_column("%", justify="right")
    figures, intervals = results.figures(), results.intervals()
    for name, heading in HEADINGS.items():
        table.add_row(heading, percent_with_interval(figures[name], intervals[name]))
    return table


def _confusion(results: RhythmResults) -> Table:
    table = Table(title="Recordings by reference (rows) and answer (columns)")
    table.add_column("")
    for name in RHYTHM_CLASSES:
        table.add_column(name, justify="right")
    for name, row in zip(RHYTHM_CLASSES, results.confusion.tolist(), strict=True):
        table.add_row(name, *map(str, row))
    return table


def _sureness(results: RhythmResults) -> Table:
    table = Table(
        title="Sets of classes and abstention",
        caption="Coverage: the set holds the class; in brackets Wilson's 95 % interval.",
    )
    table.add_column("Figure")
    table.add_column("%", justify="right")
    for name, (held, n) in results.coverage().items():
        share = held / n if n else math.nan
        table.add_row(
            f"Coverage of {name}", percent_with_interval(share, wilson_interval(held, n))
        )
    abstention = results.abstention()
    for figure, heading in _ABSTENTION.items():
        table.add_row(heading, percent(abstention[figure]))
    table.add_row("Classes in a set, mean", f"{abstention['set_size']:.2f}")
    return table


def wilson_interval(hits: int, n: int) -> tuple[float | None, float | None]:
    """95 % interval of a share (Wilson 1927, doi 10.1080/01621459.1927.10502953)."""
    if not n:
        return None, None
    z = 1.959964
    share = hits / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return centre - reach, centre + reach

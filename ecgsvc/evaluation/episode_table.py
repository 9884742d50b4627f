"""Results on episodes as a person reads them."""

from rich.table import Table

from ecgsvc.evaluation.episodes import EpisodeResults
from ecgsvc.evaluation.tables import percent_with_interval

_TITLES = {
    "marks": "rules on annotated beats against the annotators' rhythm marks",
    "beats": "the service's own against rules on annotated beats",
}
_FIGURES = (
    "sensitivity",
    "positive_predictivity",
    "duration_sensitivity",
    "duration_positive_predictivity",
)


def episode_table(results: EpisodeResults) -> Table:
    """One row a kind, gross over the records."""
    table = Table(
        title=f"Episodes, {len(results.records)} records, {_TITLES[results.reference]}",
        caption="In brackets 95 % by bootstrap over records.",
    )
    table.add_column("Episode")
    for heading in ("Reference", "Reported", "Se %", "+P %", "Time Se %", "Time +P %"):
        table.add_column(heading, justify="right")
    for kind in results.kinds:
        figures, intervals = results.figures(kind), results.intervals(kind)
        table.add_row(
            kind.value,
            f"{figures['reference']:.0f}",
            f"{figures['reported']:.0f}",
            *(percent_with_interval(figures[name], intervals[name]) for name in _FIGURES),
        )
    return table

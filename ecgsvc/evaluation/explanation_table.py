"""What blanking does to answers, as a person reads it."""

from collections.abc import Sequence

from rich.table import Table

from ecgsvc.evaluation.explanations import Blanked, figures
from ecgsvc.evaluation.tables import percent


def explanation_table(blanked: Sequence[Blanked]) -> Table:
    """A row for all answers of each model, and one for each answer it gave."""
    table = Table(
        title="Probability of answers that is lost when a fifth of the samples is blanked",
        caption="Percentage points, means over answers; in brackets 95 % of the difference "
        "by bootstrap over records. Won: trials in which the marked fifth lost more.",
    )
    table.add_column("Answer")
    for heading in ("Answers", "Marked", "Elsewhere", "Difference", "Won %"):
        table.add_column(heading, justify="right")
    for question in ("beats", "rhythm"):
        of_model = [each for each in blanked if each.question == question]
        kinds = sorted({each.answer for each in of_model})
        for kind in ("all", *kinds) if of_model else ():
            chosen = [each for each in of_model if kind in ("all", each.answer)]
            found = figures(chosen)
            low, high = found.interval
            table.add_row(
                f"{question}, {kind}",
                str(found.n_answers),
                percent(found.lost),
                percent(found.lost_at_random),
                f"{percent(found.lost - found.lost_at_random)} "
                f"({percent(low or 0)} to {percent(high or 0)})",
                percent(found.more_often),
            )
    return table

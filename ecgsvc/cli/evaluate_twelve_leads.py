"""`ecgsvc evaluate diagnosis` and `intervals`: the models of twelve leads."""

from pathlib import Path
from typing import Annotated

import typer

from ecgsvc.cli.console import one_line_errors, out, print_json, print_markdown
from ecgsvc.cli.evaluate_options import Markdown, Model, record_bar
from ecgsvc.cli.options import Json, settings_with


def diagnosis(
    directory: Annotated[
        Path, typer.Argument(help="Folder of PTB-XL or LUDB.", metavar="DIR")
    ],
    model: Model = None,
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> None:
    """Area under ROC, sets, abstention and subgroups on PTB-XL's fold 10, or on LUDB.

    The shipped model was not trained on that fold, nor on LUDB; what was decided on fold 9
    is in its card. Of LUDB the labels that its words have. Intervals are 95 % by bootstrap
    over recordings.
    """
    from ecgsvc.app import diagnosis_reader
    from ecgsvc.evaluation import (
        Figures,
        diagnosis_figures,
        evaluate_diagnosis,
        evaluate_foreign_diagnoses,
        figures_table,
    )

    figures: tuple[Figures, ...]
    with one_line_errors(), record_bar("diagnosis") as on_record:
        reader = diagnosis_reader(settings_with(diagnosis_model=model))
        if (directory / "ludb.csv").is_file():
            figures = (evaluate_foreign_diagnoses(directory, reader, on_record=on_record),)
        else:
            results = evaluate_diagnosis(directory, reader, on_record=on_record)
            figures = diagnosis_figures(results)
    if as_json:
        print_json([each.to_json() for each in figures])
    elif as_markdown:
        print_markdown(*map(figures_table, figures))
    else:
        out.print(*map(figures_table, figures))


def intervals(
    directory: Annotated[Path, typer.Argument(help="Folder of LUDB.", metavar="DIR")],
    model: Model = None,
    core_only: Annotated[
        bool, typer.Option("--core-only", help="Delineation without its model.")
    ] = False,
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> None:
    """Errors of the measured intervals with and without the cross-check's flag, on LUDB.

    The shipped models have seen these records; figures of records kept apart are in the
    card of the interval model. Below stands how far the annotations agree with themselves.
    """
    from ecgsvc.app import beat_classifier, interval_estimator, wave_reader
    from ecgsvc.evaluation import (
        check_figures,
        check_intervals,
        figures_table,
        interval_floor,
    )
    from ecgsvc.signal_path import SignalPath

    with one_line_errors(), record_bar("intervals") as on_record:
        settings = settings_with(interval_model=model, profile="accurate")
        path = SignalPath(
            beat_classifier(settings),
            wave_reader=None if core_only else wave_reader(settings),
            interval_estimator=interval_estimator(settings),
        )
        checked = check_intervals(directory, path.analyse, on_record=on_record)
        figures = (
            check_figures(checked, "Measured intervals and the second measurement"),
            interval_floor(directory),
        )
    if as_json:
        print_json([each.to_json() for each in figures])
    elif as_markdown:
        print_markdown(*map(figures_table, figures))
    else:
        out.print(*map(figures_table, figures))

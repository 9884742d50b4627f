"""`ecgsvc evaluate`: score the signal core and the models against annotated recordings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from ecgsvc.cli.console import one_line_errors, out, print_json, progress
from ecgsvc.cli.options import Json, settings_with

app = typer.Typer(
    no_args_is_help=True,
    help="Score against WFDB annotations with the rules of bxb (ANSI/AAMI EC57).",
)

Directory = Annotated[Path, typer.Argument(help="Folder of WFDB records.", metavar="DIR")]
Extension = Annotated[str, typer.Option(help="The reference annotator.")]
OnRecord = Callable[[str, int, int], None]


@app.command("r-peaks")
def r_peaks(
    directory: Directory,
    extension: Extension = "atr",
    start: Annotated[
        float, typer.Option(help="Seconds at the beginning that are not scored.")
    ] = 300.0,
    first_lead: Annotated[
        bool, typer.Option("--first-lead", help="Use the first lead alone.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Sensitivity and precision of the R-peak detector, a row per record.

    Beats match within 150 ms; ventricular flutter and fibrillation are left out.
    """
    from ecgsvc import dsp
    from ecgsvc.domain.waveform import SampleIndices, Waveform
    from ecgsvc.evaluation import evaluate_r_peaks, r_peak_table
    from ecgsvc.pipeline import find_r_peaks

    def detect(waveform: Waveform) -> SampleIndices:
        leads = waveform.leads[:1] if first_lead else waveform.leads
        heard = waveform.select(leads)
        return find_r_peaks(heard, dsp.assess_quality(heard))

    with one_line_errors(), _record_bar("R peaks") as on_record:
        results = evaluate_r_peaks(
            directory, detect, extension=extension, start_s=start, on_record=on_record
        )
    if as_json:
        print_json(results.to_json())
    else:
        out.print(r_peak_table(results))


@app.command("beats")
def beats(
    directory: Directory,
    records: Annotated[
        Literal["ds2", "ds1", "all"],
        typer.Option(help="DS2 is the inter-patient test set, DS1 the training set."),
    ] = "ds2",
    positions: Annotated[
        Literal["both", "annotated", "own"],
        typer.Option(help="Whose R peaks are classified."),
    ] = "both",
    extension: Extension = "atr",
    model: Annotated[
        Path | None, typer.Option(help="Model folder; the shipped one when not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Sensitivity, precision and F1 of the beat classes N, S, V and F.

    DS1 and DS2 are the split of de Chazal 2004; paced records are left out. Intervals
    are 95 % by bootstrap over records.
    """
    from ecgsvc import dsp
    from ecgsvc.app import beat_classifier
    from ecgsvc.domain.waveform import SampleIndices, Waveform
    from ecgsvc.evaluation import DS1, DS2, beat_tables, evaluate_beats
    from ecgsvc.pipeline import find_r_peaks

    def detect(waveform: Waveform) -> SampleIndices:
        return find_r_peaks(waveform, dsp.assess_quality(waveform))

    names = {"ds1": DS1, "ds2": DS2, "all": None}[records]
    all_results = []
    with one_line_errors():
        classifier = beat_classifier(settings_with(beat_model=model))
        for where in ("annotated", "own") if positions == "both" else (positions,):
            with _record_bar(f"beats at {where} positions") as on_record:
                results = evaluate_beats(
                    directory,
                    classifier.classify,
                    detect=detect if where == "own" else None,
                    records=names,
                    extension=extension,
                    on_record=on_record,
                )
            all_results.append(results)
    if as_json:
        print_json([results.to_json() for results in all_results])
    else:
        for results in all_results:
            for table in beat_tables(results):
                out.print(table)


@contextmanager
def _record_bar(description: str) -> Iterator[OnRecord]:
    with progress() as bar:
        task = bar.add_task(description, total=None)
        yield lambda _name, done, total: bar.update(task, completed=done, total=total)

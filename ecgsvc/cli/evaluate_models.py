"""`ecgsvc evaluate`: score the models, show what they looked at and where they fail."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ecgsvc.cli.console import (
    err,
    one_line_errors,
    out,
    print_json,
    print_markdown,
)
from ecgsvc.cli.evaluate_options import (
    Directory,
    Extension,
    Markdown,
    Model,
    detect,
    record_bar,
)
from ecgsvc.cli.options import Json, settings_with
from ecgsvc.domain.rhythm import MalignantCall, RhythmCall
from ecgsvc.domain.waveform import Waveform


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
    model: Model = None,
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> None:
    """Sensitivity, precision and F1 of the beat classes N, S, V and F.

    DS1 and DS2 are the split of de Chazal 2004; paced records are left out. Intervals
    are 95 % by bootstrap over records.
    """
    from ecgsvc.app import beat_classifier
    from ecgsvc.evaluation import DS1, DS2, beat_tables, evaluate_beats

    names = {"ds1": DS1, "ds2": DS2, "all": None}[records]
    all_results = []
    with one_line_errors():
        classifier = beat_classifier(settings_with(beat_model=model))
        for where in ("annotated", "own") if positions == "both" else (positions,):
            with record_bar(f"beats at {where} positions") as on_record:
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
    elif as_markdown:
        print_markdown(*(beat_tables(results)[0] for results in all_results))
    else:
        for results in all_results:
            for table in beat_tables(results):
                out.print(table)


def rhythm(
    directory: Annotated[
        Path, typer.Argument(help="Records with REFERENCE-v3.csv.", metavar="DIR")
    ],
    model: Model = None,
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> None:
    """F1 of the rhythm classes N, A, O and ~ as in PhysioNet/CinC 2017.

    End to end through the serving path: quality, R peaks, beats, rhythm. The shipped model
    was trained on the challenge's training recordings: figures of these are in its card,
    out of fold.
    """
    from ecgsvc import dsp
    from ecgsvc.app import beat_classifier, rhythm_classifier
    from ecgsvc.evaluation import evaluate_rhythm, rhythm_tables
    from ecgsvc.signal_path import find_r_peaks

    def classify(waveform: Waveform) -> RhythmCall:
        quality = dsp.assess_quality(waveform)
        usable = waveform.select(quality.usable_leads)
        beats = beat_model.classify(usable, find_r_peaks(waveform, quality))
        return classifier.classify(usable, beats, quality)

    with one_line_errors(), record_bar("rhythm") as on_record:
        settings = settings_with(rhythm_model=model)
        beat_model, classifier = beat_classifier(settings), rhythm_classifier(settings)
        results = evaluate_rhythm(directory, classify, on_record=on_record)
    if as_json:
        print_json(results.to_json())
    elif as_markdown:
        print_markdown(*rhythm_tables(results))
    else:
        for table in rhythm_tables(results):
            out.print(table)


def explanations(
    directory: Directory,
    records: Annotated[
        str | None, typer.Option(help="Names of the records, comma-separated.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Only each n-th record.")] = 1,
    beat_model: Annotated[Path | None, typer.Option(help="Model folder.")] = None,
    rhythm_model: Annotated[Path | None, typer.Option(help="Model folder.")] = None,
    as_markdown: Markdown = False,
) -> None:
    """Whether blanking what explanations mark changes answers more than blanking elsewhere.

    Reads the first 30 s of each record, end to end; answers need not be right.
    """
    from ecgsvc.app import beat_classifier, explainer, rhythm_classifier
    from ecgsvc.evaluation import evaluate_explanations, explanation_table
    from ecgsvc.evaluation.explanations import Models

    names = records.split(",") if records else None
    found = sorted(path.with_suffix("") for path in directory.glob("*.hea"))
    chosen = [path for path in found if names is None or path.name in names][::every]
    with one_line_errors(), record_bar("explanations") as on_record:
        settings = settings_with(beat_model=beat_model, rhythm_model=rhythm_model)
        rhythm = rhythm_classifier(settings)
        models = Models(
            beat_classifier(settings).classify,
            lambda waveform, beats, like: rhythm.classify(
                waveform, beats, features_of=like
            ),
            explainer(settings).explain,
        )
        blanked = evaluate_explanations(chosen, models, detect, on_record=on_record)
    table = explanation_table(blanked)
    if as_markdown:
        print_markdown(table)
    else:
        out.print(table)


HeldOut = Annotated[
    Path, typer.Argument(help="Answers that training kept.", metavar="HELD-OUT.npz")
]


def figures(
    held_out: HeldOut,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the pictures.")
    ] = Path("build/figures"),
    name: Annotated[str, typer.Option(help="What their names begin with.")] = "held-out",
) -> None:
    r"""Draw confusion, ROC and error against share answered (needs ecgsvc\[figures])."""
    from ecgsvc.evaluation.held_out import read_held_out

    try:
        from ecgsvc.evaluation.pictures import draw_pictures
    except ModuleNotFoundError as error:
        err.print(f"{error.name} is missing: pip install 'ecgsvc[figures]'", markup=False)
        raise typer.Exit(1) from None
    with one_line_errors():
        for path in draw_pictures(read_held_out(held_out), name, output):
            out.print(f"wrote {path}", highlight=False)


def gallery(
    held_out: HeldOut,
    records: Annotated[
        list[Path], typer.Argument(help="Folders of the recordings.", metavar="DIR…")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the pictures.")
    ] = Path("build/gallery"),
    n: Annotated[int, typer.Option("--records", min=1, help="How many.")] = 12,
) -> None:
    """Draw the records with most errors, with what was right and what was answered.

    The pictures hold pieces of the recordings: keep them where those are kept.
    """
    from ecgsvc.evaluation.gallery import draw_gallery
    from ecgsvc.evaluation.held_out import read_held_out

    with one_line_errors():
        for path in draw_gallery(read_held_out(held_out), records, n, output):
            out.print(f"wrote {path}", highlight=False)


def episodes(
    directory: Directory,
    own: Annotated[
        bool, typer.Option("--own", help="Score the service's own beats, on DS2.")
    ] = False,
    extension: Extension = "atr",
    model: Model = None,
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> None:
    """Runs, couplets, bigeminy and pauses: sensitivity and precision per episode.

    Rules on the annotated beats against the annotators' rhythm marks; with --own, all that
    the service finds in its own beats and by its models against rules on the annotated
    beats and marks of fibrillation.
    Episodes match when they overlap. Intervals are 95 % by bootstrap over records.
    """
    from ecgsvc.app import signal_path
    from ecgsvc.evaluation import DS2, episode_table, evaluate_episodes

    with one_line_errors(), record_bar("episodes") as on_record:
        path = signal_path(settings_with(beat_model=model)) if own else None
        results = evaluate_episodes(
            directory,
            None if path is None else path.analyse,
            records=None if path is None else DS2,
            extension=extension,
            on_record=on_record,
        )
    if as_json:
        print_json(results.to_json())
    elif as_markdown:
        print_markdown(episode_table(results))
    else:
        out.print(episode_table(results))


def malignant(
    directory: Directory,
    extension: Extension = "atr",
    model: Model = None,
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> None:
    """Ventricular fibrillation, flutter and tachycardia against all else, and false alarms.

    By window of 10 s and by annotated episode, where rhythm marks or runs of ventricular
    beats say what there is. The shipped model learned from vfdb, svdb and DS1: figures of
    these are in its card, by cross-validation. Intervals are 95 % by bootstrap over
    records.
    """
    from ecgsvc.app import malignant_detector
    from ecgsvc.evaluation import evaluate_malignant, malignant_tables

    with one_line_errors(), record_bar("malignant rhythm") as on_record:
        detector = malignant_detector(settings_with(malignant_model=model))

        def answer(waveform: Waveform) -> MalignantCall:
            from ecgsvc import dsp

            quality = dsp.assess_quality(waveform)
            return detector.detect(waveform, detect(waveform), quality)

        results = evaluate_malignant(
            directory, answer, extension=extension, on_record=on_record
        )
    tables = malignant_tables(results)
    if as_json:
        print_json(results.to_json())
    elif as_markdown:
        print_markdown(*tables)
    else:
        for table in tables:
            out.print(table)

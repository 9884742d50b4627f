"""`ecgsvc evaluate`: score the signal core and the models against annotated recordings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from ecgsvc.cli.console import (
    err,
    one_line_errors,
    out,
    print_json,
    print_markdown,
    progress,
)
from ecgsvc.cli.options import Json, settings_with
from ecgsvc.domain.rhythm import MalignantCall, RhythmCall
from ecgsvc.domain.waveform import SampleIndices, Waveform
from ecgsvc.domain.waves import LeadWaves

app = typer.Typer(
    no_args_is_help=True,
    help="Score against WFDB annotations with the rules of bxb (ANSI/AAMI EC57).",
)

Directory = Annotated[Path, typer.Argument(help="Folder of WFDB records.", metavar="DIR")]
Extension = Annotated[str, typer.Option(help="The reference annotator.")]
Model = Annotated[
    Path | None, typer.Option(help="Model folder; the shipped one when not given.")
]
Markdown = Annotated[
    bool, typer.Option("--markdown", help="Print the gross figures as Markdown.")
]
SURE_BEAT_QUALITY = 0.5
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
    as_markdown: Markdown = False,
) -> None:
    """Sensitivity and precision of the R-peak detector, a row per record.

    Beats match within 150 ms; ventricular flutter and fibrillation are left out.
    Intervals are 95 % by bootstrap over records.
    """
    from ecgsvc.evaluation import evaluate_r_peaks, r_peak_summary, r_peak_table

    with one_line_errors(), _record_bar("R peaks") as on_record:
        results = evaluate_r_peaks(
            directory,
            _detect_on_first_lead if first_lead else _detect,
            extension=extension,
            start_s=start,
            on_record=on_record,
        )
    if as_json:
        print_json(results.to_json())
    elif as_markdown:
        print_markdown(r_peak_summary(results, "first" if first_lead else "all"))
    else:
        out.print(r_peak_table(results))


@app.command("delineation")
def delineation(
    directory: Directory,
    extension: Annotated[
        str | None,
        typer.Option(help="Annotator of all leads; by default one a lead (.i ... .v6)."),
    ] = None,
    model: Model = None,
    core_only: Annotated[
        bool, typer.Option("--core-only", help="The signal core's marks, without a model.")
    ] = False,
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> None:
    """Errors of P, QRS and T onsets, peaks and offsets, and of the global intervals.

    For LUDB and other WFDB wave annotations. Waves match within 150 ms; only between the
    first and last annotated point of a lead is a wave too many wrong. Intervals are 95 %
    by bootstrap over records.
    """
    from ecgsvc.app import beat_classifier, signal_path
    from ecgsvc.evaluation import (
        delineation_record_table,
        delineation_tables,
        evaluate_delineation,
    )
    from ecgsvc.pipeline import SignalPath

    with one_line_errors(), _record_bar("delineation") as on_record:
        settings = settings_with(wave_model=model)
        path = SignalPath(beat_classifier(settings)) if core_only else signal_path(settings)
        results = evaluate_delineation(
            directory, path.analyse, extension=extension, on_record=on_record
        )
    if as_json:
        print_json(results.to_json())
    elif as_markdown:
        print_markdown(*delineation_tables(results))
    else:
        for table in (delineation_record_table(results), *delineation_tables(results)):
            out.print(table)


@app.command("noise")
def noise(
    directory: Directory,
    noise_directory: Annotated[
        Path, typer.Option("--noise", help="MIT-BIH Noise Stress Test Database.")
    ],
    records: Annotated[
        str | None, typer.Option(help="Names of the records, comma-separated.")
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers", help="Run sleepecg and XQRS too, if installed.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Draws where the noise begins.")] = 0,
    extension: Extension = "atr",
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> None:
    """R peaks with recorded noise added at 24 to -6 dB, as WFDB's nst adds it.

    Baseline wander and muscle noise on all records, electrode motion on 118 and 119. "Sure
    beats" are those of all leads with a quality of at least 0.5. The peers hear the first
    lead.
    """
    from ecgsvc.evaluation import (
        evaluate_noise_stress,
        installed_peers,
        noise_table,
        read_noises,
    )

    detectors = {
        "all leads": _detect,
        "sure beats": _detect_sure_beats,
        "first lead": _detect_on_first_lead,
    }
    with one_line_errors(), _record_bar("noise stress") as on_record:
        results = evaluate_noise_stress(
            directory,
            read_noises(noise_directory),
            detectors | (installed_peers() if peers else {}),
            records=records.split(",") if records else None,
            extension=extension,
            seed=seed,
            on_record=on_record,
        )
    if as_json:
        print_json(results.to_json())
    elif as_markdown:
        print_markdown(noise_table(results))
    else:
        out.print(noise_table(results))


@app.command("quality")
def quality(
    directory: Annotated[
        Path, typer.Argument(help="Folder of the databases (make data).", metavar="DIR")
    ],
    part: Annotated[
        Literal["noisy", "beats", "fibrillation", "problems", "swaps"] | None,
        typer.Option(help="Only this; all by default."),
    ] = None,
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> None:
    """Signal quality: noisy recordings, sure beats, fibrillation, problems, swapped leads.

    Needs cinc2017, mitdb and nstdb, vfdb, ludb, ptbxl. Intervals are 95 % by bootstrap
    over records.
    """
    from ecgsvc.evaluation import QUALITY_PARTS, evaluate_quality, figures_table

    with one_line_errors(), _record_bar("quality") as on_record:
        results = evaluate_quality(
            directory,
            [part] if part else list(QUALITY_PARTS),
            detect=_detect,
            delineate=_delineate,
            on_record=on_record,
        )
    if as_json:
        print_json([figures.to_json() for figures in results])
    elif as_markdown:
        print_markdown(*map(figures_table, results))
    else:
        for figures in results:
            out.print(figures_table(figures))


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
            with _record_bar(f"beats at {where} positions") as on_record:
                results = evaluate_beats(
                    directory,
                    classifier.classify,
                    detect=_detect if where == "own" else None,
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


@app.command("rhythm")
def rhythm(
    directory: Annotated[
        Path, typer.Argument(help="Records with REFERENCE-v3.csv.", metavar="DIR")
    ],
    model: Model = None,
    as_json: Json = False,
    as_markdown: Markdown = False,
) -> None:
    """F1 of the rhythm classes N, A, O and ~ as in PhysioNet/CinC 2017.

    End to end through the serving path: quality, R peaks, rhythm. The shipped model was
    trained on the challenge's training recordings: figures of these are in its card, out
    of fold.
    """
    from ecgsvc import dsp
    from ecgsvc.app import rhythm_classifier
    from ecgsvc.evaluation import evaluate_rhythm, rhythm_tables
    from ecgsvc.pipeline import find_r_peaks

    def classify(waveform: Waveform) -> RhythmCall:
        quality = dsp.assess_quality(waveform)
        usable = waveform.select(quality.usable_leads)
        return classifier.classify(usable, find_r_peaks(waveform, quality), quality)

    with one_line_errors(), _record_bar("rhythm") as on_record:
        classifier = rhythm_classifier(settings_with(rhythm_model=model))
        results = evaluate_rhythm(directory, classify, on_record=on_record)
    if as_json:
        print_json(results.to_json())
    elif as_markdown:
        print_markdown(*rhythm_tables(results))
    else:
        for table in rhythm_tables(results):
            out.print(table)


@app.command("explanations")
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
    with one_line_errors(), _record_bar("explanations") as on_record:
        settings = settings_with(beat_model=beat_model, rhythm_model=rhythm_model)
        rhythm = rhythm_classifier(settings)
        models = Models(
            beat_classifier(settings).classify,
            lambda waveform, beats: rhythm.classify(waveform, beats.r_peak_indices),
            explainer(settings).explain,
        )
        blanked = evaluate_explanations(chosen, models, _detect, on_record=on_record)
    table = explanation_table(blanked)
    if as_markdown:
        print_markdown(table)
    else:
        out.print(table)


HeldOut = Annotated[
    Path, typer.Argument(help="Answers that training kept.", metavar="HELD-OUT.npz")
]


@app.command("figures")
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


@app.command("gallery")
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


@app.command("episodes")
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

    with one_line_errors(), _record_bar("episodes") as on_record:
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


@app.command("malignant")
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

    with one_line_errors(), _record_bar("malignant rhythm") as on_record:
        detector = malignant_detector(settings_with(malignant_model=model))

        def detect(waveform: Waveform) -> MalignantCall:
            from ecgsvc import dsp

            quality = dsp.assess_quality(waveform)
            return detector.detect(waveform, _detect(waveform), quality)

        results = evaluate_malignant(
            directory, detect, extension=extension, on_record=on_record
        )
    tables = malignant_tables(results)
    if as_json:
        print_json(results.to_json())
    elif as_markdown:
        print_markdown(*tables)
    else:
        for table in tables:
            out.print(table)


def _detect(waveform: Waveform) -> SampleIndices:
    """Find the R peaks as the service does."""
    from ecgsvc import dsp
    from ecgsvc.pipeline import find_r_peaks

    return find_r_peaks(waveform, dsp.assess_quality(waveform))


def _delineate(waveform: Waveform) -> tuple[LeadWaves, ...]:
    """Mark the waves of the usable leads as the service does."""
    from ecgsvc import dsp
    from ecgsvc.pipeline import find_r_peaks

    judged = dsp.assess_quality(waveform)
    usable = waveform.select(judged.usable_leads)
    return dsp.delineate_leads(usable, find_r_peaks(waveform, judged))


def _detect_sure_beats(waveform: Waveform) -> SampleIndices:
    """Leave out the beats whose quality is below a half."""
    from ecgsvc import dsp
    from ecgsvc.pipeline import find_r_peaks

    quality = dsp.assess_quality(waveform)
    r_peaks = find_r_peaks(waveform, quality)
    return r_peaks[dsp.beat_quality(waveform, r_peaks, quality) >= SURE_BEAT_QUALITY]


def _detect_on_first_lead(waveform: Waveform) -> SampleIndices:
    return _detect(waveform.select(waveform.leads[:1]))


@contextmanager
def _record_bar(description: str) -> Iterator[OnRecord]:
    with progress() as bar:
        task = bar.add_task(description, total=None)
        yield lambda _name, done, total: bar.update(task, completed=done, total=total)

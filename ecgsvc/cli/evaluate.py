"""`ecgsvc evaluate`: score the signal core against annotated recordings."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ecgsvc.cli import evaluate_findings, evaluate_models, evaluate_twelve_leads
from ecgsvc.cli.console import (
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
from ecgsvc.domain.waveform import SampleIndices, Waveform
from ecgsvc.domain.waves import LeadWaves

app = typer.Typer(
    no_args_is_help=True,
    help="Score against WFDB annotations with the rules of bxb (ANSI/AAMI EC57).",
)
SURE_BEAT_QUALITY = 0.5


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

    with one_line_errors(), record_bar("R peaks") as on_record:
        results = evaluate_r_peaks(
            directory,
            _detect_on_first_lead if first_lead else detect,
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
    from ecgsvc.signal_path import SignalPath

    with one_line_errors(), record_bar("delineation") as on_record:
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
        "all leads": detect,
        "sure beats": _detect_sure_beats,
        "first lead": _detect_on_first_lead,
    }
    with one_line_errors(), record_bar("noise stress") as on_record:
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

    with one_line_errors(), record_bar("quality") as on_record:
        results = evaluate_quality(
            directory,
            [part] if part else list(QUALITY_PARTS),
            detect=detect,
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


def _delineate(waveform: Waveform) -> tuple[LeadWaves, ...]:
    """Mark the waves of the usable leads as the service does."""
    from ecgsvc import dsp
    from ecgsvc.signal_path import find_r_peaks

    judged = dsp.assess_quality(waveform)
    usable = waveform.select(judged.usable_leads)
    return dsp.delineate_leads(usable, find_r_peaks(waveform, judged))


def _detect_sure_beats(waveform: Waveform) -> SampleIndices:
    """Leave out the beats whose quality is below a half."""
    from ecgsvc import dsp
    from ecgsvc.signal_path import find_r_peaks

    quality = dsp.assess_quality(waveform)
    r_peaks = find_r_peaks(waveform, quality)
    return r_peaks[dsp.beat_quality(waveform, r_peaks, quality) >= SURE_BEAT_QUALITY]


def _detect_on_first_lead(waveform: Waveform) -> SampleIndices:
    return detect(waveform.select(waveform.leads[:1]))


app.command("beats")(evaluate_models.beats)
app.command("rhythm")(evaluate_models.rhythm)
app.command("explanations")(evaluate_models.explanations)
app.command("figures")(evaluate_models.figures)
app.command("gallery")(evaluate_models.gallery)
app.command("episodes")(evaluate_models.episodes)
app.command("malignant")(evaluate_models.malignant)
app.command("findings")(evaluate_findings.findings)
app.command("diagnosis")(evaluate_twelve_leads.diagnosis)
app.command("intervals")(evaluate_twelve_leads.intervals)

"""`ecgsvc analyze` and `simulate`: work on files, without a server."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer

from ecgsvc.cli.console import Failures, one_line_errors, out, progress
from ecgsvc.cli.convert import write_observation
from ecgsvc.cli.files import read_recording, write_whole
from ecgsvc.cli.options import (
    Effective,
    Patient,
    Profile,
    Rate,
    Unit,
    parsed_time,
    settings_with,
)
from ecgsvc.cli.sheets import drawn_sheet
from ecgsvc.convert import Piece, TableDeclaration
from ecgsvc.domain.errors import InvalidRequest


def analyze(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT…",
            help="FHIR Observations, WFDB records, aECG, DICOM, SCP-ECG, EDF, MUSE …",
        ),
    ],
    output_dir: Annotated[
        Path,
        typer.Option("--output-dir", "-o", help="Where NAME.analysis.json is written."),
    ],
    age: Annotated[
        float | None,
        typer.Option(min=0, max=130, help="Age in years, when the input has none."),
    ] = None,
    sex: Annotated[
        Literal["female", "male"] | None, typer.Option(help="When the input has none.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also what the models looked at, and draw it.")
    ] = False,
    sheet: Annotated[
        Literal["pdf", "svg"] | None,
        typer.Option(help="Also draw the ECG sheet: NAME.sheet.pdf or NAME.sheet.svg."),
    ] = None,
    rate: Rate = None,
    unit: Unit = None,
    provider: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    profile: Profile = None,
    threads: Annotated[
        int,
        typer.Option(
            min=1, max=64, help="That work at one recording; a day is worth two or more."
        ),
    ] = 1,
) -> None:
    """Analyse recordings of any length without a server or database.

    Writes a NAME.analysis.json for each input (schema: docs/analysis.schema.json) and with
    --explain NAME.explanation.svg. --sheet draws the ECG sheet, on the paper and in the
    layout that the settings say (ECGSVC_SHEET), shaded with --explain. A bad input is
    reported, the others go on, and the exit status is 1 at the end.
    """
    from ecgsvc.app import signal_path
    from ecgsvc.render import analysis_document, explanation_svg

    with one_line_errors():
        analyser = signal_path(
            settings_with(provider=provider, profile=profile), threads=threads
        )
        output_dir.mkdir(parents=True, exist_ok=True)
    declared = TableDeclaration(rate, unit)
    failures = Failures()
    written: set[Path] = set()
    with progress() as bar:
        for path in bar.track(inputs, description="analysing"):
            with failures.caught(str(path)):
                recording = read_recording(path, Piece(), declared)
                target = output_dir / f"{recording.name}.analysis.json"
                if target in written:
                    msg = f"another input has the name {recording.name} too"
                    raise InvalidRequest(msg)
                analysis = analyser.analyse(
                    replace(
                        recording,
                        age_years=age
                        if recording.age_years is None
                        else recording.age_years,
                        sex=recording.sex or sex,
                    ),
                    explain=explain,
                )
                document = orjson.dumps(
                    analysis_document(analysis), option=orjson.OPT_APPEND_NEWLINE
                )
                write_whole(target, document)
                if explain:
                    drawing = output_dir / f"{recording.name}.explanation.svg"
                    write_whole(drawing, explanation_svg(analysis))
                if sheet:
                    page = output_dir / f"{recording.name}.sheet.{sheet}"
                    write_whole(
                        page, drawn_sheet(path, recording, analysis, sheet, explain=explain)
                    )
                written.add(target)
    out.print(f"{len(written)} written to {output_dir}", highlight=False)
    failures.exit_if_any()


def simulate(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The FHIR Observation, JSON.")
    ],
    heart_rate: Annotated[
        float, typer.Option(min=20, max=250, help="Beats a minute.")
    ] = 72.0,
    duration: Annotated[float, typer.Option(min=1, help="Seconds.")] = 10.0,
    rate: Annotated[
        float, typer.Option(min=100, max=2000, help="Samples a second.")
    ] = 500.0,
    rhythm: Annotated[
        Literal["sinus", "af"], typer.Option(help="Underlying rhythm.")
    ] = "sinus",
    pvc: Annotated[
        float, typer.Option(min=0, max=1, help="Probability that a beat is ventricular.")
    ] = 0.0,
    noise: Annotated[
        float, typer.Option(min=0, max=5, help="Muscle noise, mV RMS.")
    ] = 0.01,
    seed: Annotated[int, typer.Option(help="The same seed gives the same ECG.")] = 0,
    truth: Annotated[
        Path | None, typer.Option(help="Also write the known fiducial points here, JSON.")
    ] = None,
    patient: Patient = "Patient/simulated",
    effective: Effective = None,
) -> None:
    """Simulate a 12-lead ECG whose beats, waves and intervals are known.

    A dipole model projected to 12 leads; for demonstrations and tests.
    """
    from ecgsvc.simulation import SimulationSettings
    from ecgsvc.simulation import simulate as simulated

    with one_line_errors():
        settings = SimulationSettings(
            heart_rate_bpm=heart_rate,
            duration_s=duration,
            sampling_rate_hz=rate,
            rhythm=rhythm,
            pvc_probability=pvc,
            muscle_mv=noise,
            seed=seed,
        )
        ecg = simulated(settings)
        write_observation(ecg.recording, output, patient, parsed_time(effective))
        if truth is not None:
            write_whole(
                truth, orjson.dumps(ecg.truth.to_json(), option=orjson.OPT_INDENT_2)
            )
    out.print(f"wrote {output}", highlight=False)

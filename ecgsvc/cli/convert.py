"""`ecgsvc convert`: a recording in one format to another, FHIR among them."""

import hashlib
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from ecgsvc.cli.console import err, one_line_errors, out
from ecgsvc.cli.files import write_whole
from ecgsvc.cli.options import Effective, Rate, Unit, parsed_time, settings_with
from ecgsvc.domain.errors import InvalidElement, InvalidRequest
from ecgsvc.domain.report import FhirVersion, Identifier
from ecgsvc.domain.waveform import Recording

RECORDING_SYSTEM = "urn:ecgsvc:recording"
"""System of the identifier that `convert` and `simulate` make from the samples."""

_VERSIONS: dict[str, FhirVersion] = {"R4": "4.0.1", "R4B": "4.3.0", "R5": "5.0.0"}


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A recording; WFDB with or without .hea.")
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="FHIR (.json), aECG (.xml), DICOM (.dcm), EDF+ or CSV."
        ),
    ],
    start: Annotated[float, typer.Option(min=0, help="Begin so many seconds in.")] = 0.0,
    duration: Annotated[
        float | None, typer.Option(min=0, help="Seconds; to the end when not given.")
    ] = None,
    patient: Annotated[
        str | None,
        typer.Option(help="Patient/ID or SYSTEM|ID, in place of the file's own."),
    ] = None,
    effective: Effective = None,
    fhir_version: Annotated[
        Literal["R4", "R4B", "R5"], typer.Option(help="Of an Observation.")
    ] = "R4",
    rate: Rate = None,
    unit: Unit = None,
) -> None:
    """Convert a recording, or a piece of it, between formats.

    IN is recognised by its content, OUT by its name. What IN does not say of patient or
    time must be given; rate, unit and leads are never assumed. The identifier of an
    Observation is made from the samples: the same piece twice is the same ECG.
    """
    from ecgsvc import dsp
    from ecgsvc.cli.files import read_recording
    from ecgsvc.convert import SUFFIXES, WRITERS, Piece, TableDeclaration

    with one_line_errors():
        kind = SUFFIXES.get(output.suffix.lower())
        if kind is None:
            msg = f"the output's name must end in {', '.join(SUFFIXES)}"
            raise InvalidRequest(msg)
        recording = read_recording(
            source, Piece(start, duration), TableDeclaration(rate, unit)
        )
        if contradicting := dsp.contradicting_limb_leads(recording.waveform):
            msg = (
                f"leads {', '.join(contradicting)} contradict each other (I + III = II, "
                "aVR = -(I + II)/2 …): their names or codes are swapped, or one is inverted"
            )
            raise InvalidElement(msg)
        subject, at = _subject(recording, patient), _time(recording, effective)
        if kind in WRITERS:
            write_whole(output, WRITERS[kind](_completed(recording, subject, at)))
        else:
            write_observation(
                recording, output, subject, at, version=_VERSIONS[fhir_version]
            )
    out.print(f"wrote {output}", highlight=False)


def write_observation(
    recording: Recording,
    output: Path,
    subject: str | Identifier,
    effective_at: datetime,
    *,
    version: FhirVersion = "4.0.1",
) -> None:
    """Write a recording as a FHIR Observation whose identifier is made from its samples."""
    from ecgsvc import fhir

    digest = hashlib.sha256(recording.waveform.samples_mv.tobytes()).hexdigest()
    body = fhir.encode_observation(
        recording,
        subject=subject,
        effective_at=effective_at,
        identifier=Identifier(RECORDING_SYSTEM, f"{recording.name}-{digest[:32]}"),
        version=version,
    )
    write_whole(output, body)


def _subject(recording: Recording, given: str | None) -> str | Identifier:
    if given is not None:
        system, bar, value = given.partition("|")
        return Identifier(system or None, value) if bar else given
    patient = recording.header.patient
    if not patient.identifier:
        msg = "the file does not say whose ECG it is: give --patient"
        raise InvalidRequest(msg)
    return Identifier(patient.identifier_system, patient.identifier)


def _time(recording: Recording, given: str | None) -> datetime:
    if given is not None:
        return parsed_time(given)
    at = recording.header.recorded_at
    if at is None:
        msg = "the file does not say when the ECG was recorded: give --effective"
        raise InvalidRequest(msg)
    if at.tzinfo is not None:
        return at
    zone = settings_with().default_zone
    err.print(f"the file's time has no zone: {zone} is used", highlight=False)
    return at.replace(tzinfo=ZoneInfo(zone))


def _completed(recording: Recording, subject: str | Identifier, at: datetime) -> Recording:
    """Put patient and time where formats other than FHIR have them."""
    patient = recording.header.patient
    if isinstance(subject, Identifier):
        named = replace(patient, identifier=subject.value, identifier_system=subject.system)
    else:
        named = replace(
            patient, identifier=subject.rpartition("/")[2], identifier_system=None
        )
    header = replace(recording.header, patient=named, recorded_at=at)
    return replace(recording, header=header)

"""Sheets of files that are analysed without a server."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from ecgsvc import __version__
from ecgsvc.cli.files import is_fhir
from ecgsvc.cli.options import settings_with
from ecgsvc.config import Settings
from ecgsvc.convert import read_bytes
from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.report import ReportSlot
from ecgsvc.domain.sheet import Person, SheetHeader, SheetOptions
from ecgsvc.domain.waveform import Recording


def drawn_sheet(
    source: Path,
    recording: Recording,
    analysis: Analysis,
    form: Literal["pdf", "svg"],
    *,
    explain: bool,
) -> bytes:
    """Draw the sheet of an analysed file; `explain` shades what the models looked at."""
    from ecgsvc.app import sheet_options
    from ecgsvc.render import render_sheet

    settings = settings_with()
    options = sheet_options(settings) or SheetOptions()
    options = replace(options, shade=explain, mark_waves=explain)
    header = _header(source, recording, settings)
    return render_sheet(analysis, header, options, form=form).content


def _header(source: Path, recording: Recording, settings: Settings) -> SheetHeader:
    """Whose ECG it is and when it was recorded, as far as the file says."""
    from ecgsvc import dsp, fhir

    now = datetime.now(UTC)
    if not is_fhir(source):
        return _header_of_file(recording, now)
    decoded = fhir.decode_ecg(
        source.read_bytes(),
        read_file=read_bytes,
        parse_samples=dsp.parse_sampled_data,
        default_zone=ZoneInfo(settings.default_zone),
    )
    installation = fhir.Installation(settings.organization, __version__)
    header = fhir.sheet_header(
        decoded, ReportSlot("", 1), issued_at=now, installation=installation
    )
    return replace(header, report="")


def _header_of_file(recording: Recording, now: datetime) -> SheetHeader:
    header = recording.header
    patient, device, at = header.patient, header.device, header.recorded_at
    person = Person(
        name=", ".join(n for n in (patient.family_name, patient.given_name) if n)
        or recording.name,
        identifier=patient.identifier or "",
        birth_date=patient.birth_date.isoformat() if patient.birth_date else "",
        sex=recording.sex or "",
        age_years=recording.age_years,
    )
    return SheetHeader(
        person,
        at.isoformat(sep=" ") if at else "at a time not stated",
        now,
        device=" ".join(n for n in (device.manufacturer, device.model) if n),
        software=f"ecgsvc {__version__}",
    )

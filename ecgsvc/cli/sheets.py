"""Sheets of files that are analysed without a server."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from ecgsvc import __version__
from ecgsvc.cli.options import settings_with
from ecgsvc.config import Settings
from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.report import ReportSlot
from ecgsvc.domain.sheet import Person, SheetHeader, SheetOptions


def drawn_sheet(
    source: Path, analysis: Analysis, form: Literal["pdf", "svg"], *, explain: bool
) -> bytes:
    """Draw the sheet of an analysed file; `explain` shades what the models looked at."""
    from ecgsvc.app import sheet_options
    from ecgsvc.render import render_sheet

    settings = settings_with()
    options = sheet_options(settings) or SheetOptions()
    options = replace(options, shade=explain, mark_waves=explain)
    header = _header(source, settings)
    return render_sheet(analysis, header, options, form=form).content


def _header(source: Path, settings: Settings) -> SheetHeader:
    """Whose ECG it is and when it was recorded, as far as the file says."""
    from ecgsvc import dsp, fhir

    now = datetime.now(UTC)
    if source.suffix.lower() != ".json":
        person = Person(name=source.stem)
        return SheetHeader(
            person, "at a time not stated", now, software=f"ecgsvc {__version__}"
        )
    decoded = fhir.decode_observation(
        source.read_bytes(),
        parse_samples=dsp.parse_sampled_data,
        default_zone=ZoneInfo(settings.default_zone),
    )
    installation = fhir.Installation(settings.organization, __version__)
    header = fhir.sheet_header(
        decoded, ReportSlot("", 1), issued_at=now, installation=installation
    )
    return replace(header, report="")

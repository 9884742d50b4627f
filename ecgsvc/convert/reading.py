"""One door for every format: a file or its bytes to a recording."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from ecgsvc.convert.aecg import read_aecg
from ecgsvc.convert.apple_health import read_apple_health
from ecgsvc.convert.dicom import read_dicom
from ecgsvc.convert.edf import read_edf
from ecgsvc.convert.formats import Format, format_of
from ecgsvc.convert.kardia import read_atc, read_kardia_json
from ecgsvc.convert.muse import read_muse
from ecgsvc.convert.philips import read_philips
from ecgsvc.convert.scp import read_scp
from ecgsvc.convert.table import NOTHING_DECLARED, TableDeclaration, read_table
from ecgsvc.convert.wfdb import read_wfdb, sample_range
from ecgsvc.domain.errors import TooLarge, UnreadableRecording
from ecgsvc.domain.waveform import Recording, Waveform

MAX_FILE_BYTES = 1024 * 1024 * 1024

_READERS: Mapping[Format, Callable[[bytes, str], Recording]] = {
    Format.AECG: read_aecg,
    Format.APPLE_HEALTH: read_apple_health,
    Format.ATC: read_atc,
    Format.DICOM: read_dicom,
    Format.EDF: read_edf,
    Format.KARDIA: read_kardia_json,
    Format.MUSE: read_muse,
    Format.PHILIPS: read_philips,
    Format.SCP: read_scp,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a recording that is wanted; to its end when `duration_s` is None."""

    start_s: float = 0.0
    duration_s: float | None = None


WHOLE = Piece()


def read_bytes(
    content: bytes, name: str, declared: TableDeclaration = NOTHING_DECLARED
) -> Recording:
    """Read a recording of any format but WFDB and FHIR, recognised by its content.

    Parameters
    ----------
    name
        What the recording is called.
    declared
        Rate and unit of a CSV that does not say them.

    Raises
    ------
    UnreadableRecording
        Of no format that is read, damaged, or it does not say its rate, unit or leads.
    TooLarge
        More than an ECG holds.
    """
    if len(content) > MAX_FILE_BYTES:
        msg = f"the file has {len(content)} bytes, at most {MAX_FILE_BYTES} are read"
        raise TooLarge(msg)
    kind = format_of(content)
    if kind is Format.CSV:
        return read_table(content, name, declared)
    if kind not in _READERS:
        msg = "FHIR, where a recording in another format was expected"
        raise UnreadableRecording(msg)
    return _READERS[kind](content, name)


def read_file(
    path: Path, piece: Piece = WHOLE, declared: TableDeclaration = NOTHING_DECLARED
) -> Recording:
    """Read a recording, or a piece of it, from a file or a WFDB record.

    Raises
    ------
    UnreadableRecording, TooLarge
        See `read_bytes`.
    InvalidRequest
        The piece does not lie within the recording.
    OSError
        The file cannot be opened.
    """
    if not path.exists() and not is_wfdb(path):
        msg = "there is no such file, and no WFDB record of that name"
        raise UnreadableRecording(msg)
    if is_wfdb(path):
        return read_wfdb(path, start_s=piece.start_s, duration_s=piece.duration_s)
    if path.stat().st_size > MAX_FILE_BYTES:
        msg = f"the file is larger than {MAX_FILE_BYTES} bytes"
        raise TooLarge(msg)
    return cut(read_bytes(path.read_bytes(), path.stem, declared), piece)


def is_wfdb(path: Path) -> bool:
    """Tell whether a path names a WFDB record: by its suffix, or its header is there."""
    return path.suffix in (".hea", ".dat") or _header_of(path).is_file()


def _header_of(record: Path) -> Path:
    return record.with_name(f"{record.name}.hea")


def cut(recording: Recording, piece: Piece) -> Recording:
    """Return a piece of a recording; its time moves along.

    Raises
    ------
    InvalidRequest
        The piece does not lie within the recording.
    """
    if piece == WHOLE:
        return recording
    waveform = recording.waveform
    first, stop = sample_range(
        waveform.sampling_rate_hz, waveform.n_samples, piece.start_s, piece.duration_s
    )
    at = recording.header.recorded_at
    later = timedelta(seconds=first / waveform.sampling_rate_hz)
    return replace(
        recording,
        waveform=Waveform(
            waveform.samples_mv[:, first:stop].copy(),
            waveform.sampling_rate_hz,
            waveform.leads,
        ),
        header=replace(recording.header, recorded_at=at and at + later),
    )

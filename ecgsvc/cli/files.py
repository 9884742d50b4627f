"""Recordings from files of any kind, and files written whole."""

from dataclasses import replace
from pathlib import Path

from ecgsvc.convert import (
    Format,
    Piece,
    TableDeclaration,
    cut,
    format_of,
    is_wfdb,
    read_bytes,
    read_file,
)
from ecgsvc.domain.waveform import Recording


def read_recording(path: Path, piece: Piece, declared: TableDeclaration) -> Recording:
    """Read a FHIR Observation, a WFDB record or a file of another format.

    The format is recognised by the content; the recording is named after the file.
    """
    if not is_fhir(path):
        return read_file(path, piece, declared)
    from ecgsvc import dsp, fhir

    decoded = fhir.decode_ecg(
        path.read_bytes(), parse_samples=dsp.parse_sampled_data, read_file=read_bytes
    )
    recording = replace(decoded.recording, name=path.stem)
    return cut(recording, piece)


def is_fhir(path: Path) -> bool:
    """Tell by its content whether a file holds a FHIR resource."""
    if is_wfdb(path) or not path.exists():
        return False
    with path.open("rb") as file:
        head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"{") and format_of(path.read_bytes()) is Format.FHIR


def write_whole(target: Path, content: bytes) -> None:
    """Write so that a reader sees the whole file or none; makes the folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    partial.write_bytes(content)
    partial.replace(target)

"""Recordings in other formats, read into the domain's `Recording` and written from it."""

from ecgsvc.convert.formats import Format, format_of
from ecgsvc.convert.hl7_waveform import read_arrays, waveform_file
from ecgsvc.convert.reading import Piece, cut, is_wfdb, read_bytes, read_file
from ecgsvc.convert.table import TableDeclaration
from ecgsvc.convert.wfdb import WfdbAnnotations, read_wfdb, read_wfdb_annotations
from ecgsvc.convert.writing import SUFFIXES, WRITERS

__all__ = [
    "SUFFIXES",
    "WRITERS",
    "Format",
    "Piece",
    "TableDeclaration",
    "WfdbAnnotations",
    "cut",
    "format_of",
    "is_wfdb",
    "read_arrays",
    "read_bytes",
    "read_file",
    "read_wfdb",
    "read_wfdb_annotations",
    "waveform_file",
]

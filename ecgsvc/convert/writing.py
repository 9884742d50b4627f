"""One door to every format that is written, besides FHIR."""

from collections.abc import Callable, Mapping

from ecgsvc.convert.aecg_writer import write_aecg
from ecgsvc.convert.dicom_writer import write_dicom
from ecgsvc.convert.edf import write_edf
from ecgsvc.convert.formats import Format
from ecgsvc.convert.table import write_table
from ecgsvc.domain.waveform import Recording

WRITERS: Mapping[Format, Callable[[Recording], bytes]] = {
    Format.AECG: write_aecg,
    Format.CSV: write_table,
    Format.DICOM: write_dicom,
    Format.EDF: write_edf,
}
SUFFIXES: Mapping[str, Format] = {
    ".csv": Format.CSV, ".dcm": Format.DICOM, ".edf": Format.EDF, ".json": Format.FHIR,
    ".xml": Format.AECG,
}  # fmt: skip
"""What is written when a file's name ends so."""

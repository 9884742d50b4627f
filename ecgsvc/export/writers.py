"""Files of an export: FHIR NDJSON, CSV, and Parquet in parts.

A writer's files grow by `write` and are whole up to the last `checkpoint`, which says how
long each is; a writer that goes on cuts them there first.
"""

import csv
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ecgsvc.domain.export import ExportedReport
from ecgsvc.export.deidentify import Deidentifier
from ecgsvc.export.resources import resources_of
from ecgsvc.export.table import COLUMNS, Cell, row_of

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Lengths = dict[str, int]
"""Bytes of each file, by its name."""


class Writer(Protocol):
    """Writes reports to files of a folder."""

    def write(self, exported: ExportedReport) -> None:
        """Add a report."""

    def checkpoint(self) -> Lengths:
        """Put everything on disk; return how long each file is."""

    def close(self) -> None:
        """Close the files; what came after the last checkpoint may be lost."""


class GrowingFile:
    """A file that goes on after so many bytes."""

    def __init__(self, folder: Path, name: str, lengths: Lengths) -> None:
        self.name = name
        length = lengths.get(name, 0)
        self.file: BinaryIO = (folder / name).open("r+b" if length else "wb")
        self.file.seek(0, os.SEEK_END)
        if self.file.tell() < length:
            msg = f"{name} is shorter than the export left it; begin a new one elsewhere"
            raise OSError(msg)
        self.file.truncate(length)
        self.file.seek(length)

    def settle(self) -> int:
        """Put everything on disk; return the length."""
        self.file.flush()
        os.fsync(self.file.fileno())
        return self.file.tell()


class NdjsonWriter:
    """One file a type of resource, a resource a line, as FHIR Bulk Data asks.

    The ECGs themselves, when exported, are in a file of their own, Observation.ecg.ndjson.
    A Device stands behind many reports and is written once.
    """

    def __init__(
        self, folder: Path, lengths: Lengths, names: Deidentifier | None = None
    ) -> None:
        self._folder, self._names = folder, names
        self._files = {name: GrowingFile(folder, name, lengths) for name in lengths}
        has_devices = "Device.ndjson" in lengths
        self._devices = set(_lines(folder / "Device.ndjson")) if has_devices else set()

    def write(self, exported: ExportedReport) -> None:
        """Add the resources of a report."""
        resources = resources_of(exported, self._names)
        for kind, body in resources.by_type():
            if kind == "Device":
                self._device(body)
            else:
                self._append(f"{kind}.ndjson", body)
        if resources.source is not None:
            self._append("Observation.ecg.ndjson", resources.source)

    def checkpoint(self) -> Lengths:
        """Put everything on disk; return how long each file is."""
        return {name: file.settle() for name, file in self._files.items()}

    def close(self) -> None:
        """Close the files."""
        for each in self._files.values():
            each.file.close()

    def _device(self, device: bytes) -> None:
        if device not in self._devices:
            self._devices.add(device)
            self._append("Device.ndjson", device)

    def _append(self, name: str, line: bytes) -> None:
        if name not in self._files:
            self._files[name] = GrowingFile(self._folder, name, {})
        self._files[name].file.write(line + b"\n")


class CsvWriter:
    """One table, reports.csv: UTF-8, RFC 4180, lists joined by |, scores as JSON.

    Texts that a spreadsheet would take for a formula get an apostrophe before them (OWASP,
    CSV injection); numbers stay numbers.
    """

    NAME = "reports.csv"

    def __init__(
        self, folder: Path, lengths: Lengths, names: Deidentifier | None = None
    ) -> None:
        self._names = names
        self._file = GrowingFile(folder, self.NAME, lengths)
        self._text = TextIOWrapper(
            self._file.file, encoding="utf-8", newline="", write_through=True
        )
        self._rows = csv.DictWriter(self._text, COLUMNS, lineterminator="\r\n")
        if not lengths.get(self.NAME):
            self._rows.writeheader()

    def write(self, exported: ExportedReport) -> None:
        """Add the row of a report."""
        row = row_of(exported, self._names)
        self._rows.writerow({name: _csv_text(cell) for name, cell in row.items()})

    def checkpoint(self) -> Lengths:
        """Put everything on disk; return how long the file is."""
        self._text.flush()
        return {self.NAME: self._file.settle()}

    def close(self) -> None:
        """Close the file."""
        self._text.close()


def _csv_text(cell: Cell) -> Any:  # noqa: ANN401  # what csv writes
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat()
    if isinstance(cell, tuple):
        return _no_formula("|".join(cell))
    if isinstance(cell, Mapping):
        return json.dumps(dict(cell)) if cell else ""
    return _no_formula(cell) if isinstance(cell, str) else cell


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()

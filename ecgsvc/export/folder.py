"""An export into a folder that can be broken off at any time and gone on with.

``export-state.json`` says what is exported, up to which report, and how long the files were
then; it is replaced whole, after the files are on disk. Going on cuts the files to that
length. A finished export goes on with what was stored since.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.export import ExportedReport
from ecgsvc.export.deidentify import Deidentifier
from ecgsvc.export.parquet import ParquetWriter
from ecgsvc.export.writers import CsvWriter, Lengths, NdjsonWriter, Writer

STATE_FILE = "export-state.json"
CHECKPOINT_REPORTS = 5_000
"""Reports between two checkpoints: what is done again after a break at most."""

Form: TypeAlias = Literal["ndjson", "csv", "parquet"]
_WRITERS: Mapping[Form, Callable[[Path, Lengths, Deidentifier | None], Writer]] = {
    "ndjson": NdjsonWriter,
    "csv": CsvWriter,
    "parquet": ParquetWriter,
}


class ExportFolder:
    """The folder of one export.

    Parameters
    ----------
    folder
        Made when missing; nobody but the owner may look in.
    form
        Of the files.
    what
        Filter, tenant and whatever else says which export it is; plain JSON values.
    names
        Given: the files name nobody.

    Raises
    ------
    InvalidRequest
        The folder holds another export, or something else.
    OSError
        It cannot be read or written.
    """

    def __init__(
        self,
        folder: Path,
        form: Form,
        what: Mapping[str, object],
        names: Deidentifier | None = None,
    ) -> None:
        self._folder, self._names = folder, names
        whole = {**what, "format": form, "deidentified": names is not None}
        self._what = json.loads(json.dumps(whole))  # as the state is read back
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = self._state()
        self.cursor = str(state.get("cursor", ""))
        self.n_reports = int(state.get("n_reports", 0))
        self._writer: Writer = _WRITERS[form](folder, state.get("files", {}), names)
        if not state:
            self._checkpoint()

    def write(
        self,
        reports: Iterable[ExportedReport],
        when_written: Callable[[ExportedReport], object] = lambda _report: None,
    ) -> None:
        """Add reports, with a checkpoint now and then and at the end."""
        try:
            for number, exported in enumerate(reports, start=1):
                self._writer.write(exported)
                self.cursor = exported.cursor
                self.n_reports += 1
                if number % CHECKPOINT_REPORTS == 0:
                    self._checkpoint()
                when_written(exported)
            self._checkpoint()
        finally:
            self._writer.close()

    def _state(self) -> dict[str, Any]:
        file = self._folder / STATE_FILE
        if not file.exists():
            if any(self._folder.iterdir()):
                msg = f"{self._folder} is not empty and holds no export to go on with"
                raise InvalidRequest(msg)
            return {}
        try:
            state = json.loads(file.read_bytes())
            what = state["what"]
        except (ValueError, KeyError, TypeError):
            msg = f"{file} is damaged; begin a new export elsewhere"
            raise InvalidRequest(msg) from None
        if what != self._what:
            different = sorted(
                key for key in {*what, *self._what} if what.get(key) != self._what.get(key)
            )
            msg = f"{self._folder} holds an export with another {', '.join(different)}"
            raise InvalidRequest(msg)
        return dict(state)

    def _checkpoint(self) -> None:
        state = {
            "what": self._what,
            "cursor": self.cursor,
            "n_reports": self.n_reports,
            "files": self._writer.checkpoint(),
        }
        draft = self._folder / f"{STATE_FILE}.new"
        with draft.open("w", encoding="utf-8") as file:
            json.dump(state, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / STATE_FILE)

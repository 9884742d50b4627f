"""Tables in Parquet, a part a checkpoint: a Parquet file cannot grow (extra ``export``)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecgsvc.domain.errors import UnsupportedContent
from ecgsvc.domain.export import ExportedReport
from ecgsvc.export.deidentify import Deidentifier
from ecgsvc.export.table import COLUMNS, Kind, row_of
from ecgsvc.export.writers import Lengths


class ParquetWriter:
    """Files reports-00001.parquet and on; together they are one table.

    Raises
    ------
    UnsupportedContent
        When pyarrow is not installed.
    """

    def __init__(
        self, folder: Path, lengths: Lengths, names: Deidentifier | None = None
    ) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            msg = "Parquet needs pyarrow: pip install 'ecgsvc[export]'"
            raise UnsupportedContent(msg) from None
        self._pyarrow: Any = pyarrow
        self._schema = pyarrow.schema(
            [(name, _type(pyarrow, kind)) for name, kind in COLUMNS.items()]
        )
        self._folder, self._lengths, self._names = folder, dict(lengths), names
        self._rows: list[dict[str, Any]] = []
        for part in folder.glob("reports-*.parquet"):
            if part.name not in lengths:  # begun after the last checkpoint
                part.unlink()

    def write(self, exported: ExportedReport) -> None:
        """Add the row of a report."""
        row = row_of(exported, self._names)
        pairs = {n: list(c.items()) for n, c in row.items() if isinstance(c, Mapping)}
        self._rows.append(row | pairs)

    def checkpoint(self) -> Lengths:
        """Write a part with the rows since the last one; return how long each part is."""
        if self._rows:
            name = f"reports-{len(self._lengths) + 1:05}.parquet"
            table = self._pyarrow.Table.from_pylist(self._rows, schema=self._schema)
            self._pyarrow.parquet.write_table(table, self._folder / name)
            self._lengths[name] = (self._folder / name).stat().st_size
            self._rows.clear()
        return dict(self._lengths)

    def close(self) -> None:
        """Forget the rows since the last checkpoint."""
        self._rows.clear()


def _type(pyarrow: Any, kind: Kind) -> Any:  # noqa: ANN401  # pyarrow has no types
    return {
        "text": pyarrow.string(),
        "integer": pyarrow.int32(),
        "number": pyarrow.float64(),
        "time": pyarrow.timestamp("us", tz="UTC"),
        "texts": pyarrow.list_(pyarrow.string()),
        "numbers": pyarrow.map_(pyarrow.string(), pyarrow.float64()),
    }[kind]

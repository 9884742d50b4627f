"""Which rows an audit event vouches for, and their digests."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Column, Table

from ecgsvc.store import schema
from ecgsvc.trail import digest_of_rows

Row = dict[str, object]

VERSIONED = (
    schema.reports,
    schema.identifiers,
    schema.documents,
    schema.measurements,
    schema.lead_amplitudes,
    schema.findings,
    schema.report_codes,
    schema.report_models,
    schema.undetermined,
    schema.scores,
    schema.demographics,
    schema.signer_codes,
)
"""Tables whose rows belong to a report version, by (report_id, version)."""


class Contents:
    """Digests of the rows that one transaction inserts."""

    def __init__(self, salt: str = "") -> None:
        self._salt = salt
        self._digests: dict[str, object] = {}

    def add(self, table: Table, rows: Sequence[Row], *, salt: str | None = None) -> None:
        """Add the digest of rows of a table; the report's salt unless there is another."""
        salt = self._salt if salt is None else salt
        self._digests[str(table.name)] = digest_of_rows(
            [_as_read(table, row) for row in rows], salt
        )

    def note(self, **facts: object) -> None:
        """Add what is no digest of rows: the version and hash of a source."""
        self._digests.update(facts)

    def as_json(self) -> str:
        """Write the digests as canonical JSON; empty when there are none."""
        if not self._digests:
            return ""
        return orjson.dumps(self._digests, option=orjson.OPT_SORT_KEYS).decode()


def digested(table: Table) -> list[Column[Any]]:
    """Columns that a digest covers: not the number of the event that holds it."""
    return [column for column in table.c if column.name != "sequence"]


def _as_read(table: Table, row: Mapping[str, object]) -> Row:
    """Return a row as the database will give it back: times in UTC."""
    return {
        str(column.name): value.astimezone(UTC) if isinstance(value, datetime) else value
        for column in digested(table)
        if (value := row.get(column.name)) is not None
    }

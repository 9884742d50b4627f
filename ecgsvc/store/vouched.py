"""The rows that some events vouch for, read together and compared with their digests."""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    any_,
    literal,
    select,
)
from sqlalchemy.exc import OperationalError

from ecgsvc.store import schema
from ecgsvc.store.contents import VERSIONED, Row, digested
from ecgsvc.trail import digest_of_rows


class UnreadableValue(Exception):
    """A row holds a value that no write of ours can have left there."""


@contextlib.contextmanager
def reading_values() -> Iterator[None]:
    """Raise `UnreadableValue` for what drivers and column types raise for such values.

    Only SQLite, whose columns take anything, can hold them.
    """
    try:
        yield
    except (ValueError, TypeError, OverflowError) as error:
        raise UnreadableValue from error
    except OperationalError as error:
        if "decode" not in str(error.orig):  # "Could not decode to UTF-8 column …"
            raise
        raise UnreadableValue from error


_Key = tuple[object, ...]
_Described = Sequence[tuple[RowMapping, Mapping[str, object]]]
_AT_ONCE = 500
_LISTED = (schema.report_codes, schema.undetermined)
"""Have an index with all their columns: SQLite would read all of a tenant from it, for each
page anew, rather than look reports up by the primary key."""


class VouchedRows:
    """Rows of a page of events, each table with one query.

    Parameters
    ----------
    described
        Events that describe rows, and what they say of them.
    """

    def __init__(self, connection: Connection, tenant: str, described: _Described) -> None:
        self.n_met: Counter[str] = Counter()
        self._connection = connection
        self._tenant = tenant
        reports = _named(described, "reports", "report_id")
        sequences = [row["sequence"] for row, _ in described]
        patients = _named(described, "patients", "patient")
        self._groups: dict[str, dict[_Key, list[Row]]] = {}
        for table in (*VERSIONED, schema.sources):
            self._read(table, ("report_id", "version"), table.c.report_id, reports)
        self._read(schema.ecgs, ("report_id",), schema.ecgs.c.report_id, reports)
        self._read(schema.patients, ("pseudonym",), schema.patients.c.pseudonym, patients)
        for table in (schema.requests, schema.erasures):
            self._read(table, ("sequence",), table.c.sequence, sequences)
        self._erased = self._tombstones([*reports, *patients])

    def differing(self, event: RowMapping, contents: Mapping[str, object]) -> Iterator[str]:
        """Name the tables whose rows are not those that an event describes."""
        yield from self._of_report(event, contents)
        erased = ("report", event["report_id"]) in self._erased
        if "patients" in contents:
            key = (event["patient"],)
            gone = ("patient", event["patient"]) in self._erased
            rows = self._groups["patients"].get(key, [])
            salt = str(rows[0]["salt"]) if rows else ""
            if self._differs(schema.patients, key, contents, salt, erased=gone):
                yield "patients"
        key = (event["sequence"],)
        if self._differs(schema.requests, key, contents, erased=erased):
            yield "requests"
        if self._differs(schema.erasures, key, contents):
            yield "erasures"

    def groups(
        self, event: RowMapping, contents: Mapping[str, object]
    ) -> Iterator[tuple[str, str, list[Row]]]:
        """Give the rows that an event describes of its report: table, salt, rows."""
        if "reports" in contents:
            salt = self._salt(event["report_id"], event["report_version"])
            for table, key in self._keys(event, contents).items():
                name = str(table.name)
                if rows := self._groups[name].get(key, []):
                    yield name, salt, rows

    def _keys(self, event: RowMapping, contents: Mapping[str, object]) -> dict[Table, _Key]:
        report_id, version = event["report_id"], event["report_version"]
        keys: dict[Table, _Key] = dict.fromkeys(VERSIONED, (report_id, version))
        if "sources" in contents:
            keys[schema.sources] = (report_id, contents.get("source_version"))
        if "ecgs" in contents:
            keys[schema.ecgs] = (report_id,)
        return keys

    def _of_report(
        self, event: RowMapping, contents: Mapping[str, object]
    ) -> Iterator[str]:
        if "reports" not in contents:
            return
        erased = ("report", event["report_id"]) in self._erased
        salt = self._salt(event["report_id"], event["report_version"])
        for table, key in self._keys(event, contents).items():
            if self._differs(table, key, contents, salt, erased=erased):
                yield str(table.name)

    def _differs(
        self,
        table: Table,
        key: _Key,
        contents: Mapping[str, object],
        salt: str = "",
        *,
        erased: bool = False,
    ) -> bool:
        rows = self._groups[str(table.name)].get(key, [])
        self.n_met[str(table.name)] += len(rows)
        found = digest_of_rows(rows, salt) if rows else None
        return found != (None if erased else contents.get(str(table.name)))

    def _salt(self, report_id: str, version: int) -> str:
        rows = self._groups["reports"].get((report_id, version), [])
        return str(rows[0]["salt"]) if rows else ""

    def _read(
        self,
        table: Table,
        key: tuple[str, ...],
        column: ColumnElement[object],
        wanted: Sequence[object],
    ) -> None:
        groups: dict[_Key, list[Row]] = defaultdict(list)
        names = [str(c.name) for c in digested(table)]
        picked = [*digested(table), *(table.c[k] for k in key)]
        width = len(names)
        for start in range(0, len(wanted), _AT_ONCE):
            query = select(*picked).where(
                table.c.tenant == self._tenant,
                self._is_one_of(column, wanted[start : start + _AT_ONCE]),
            )
            if table in _LISTED:
                hint = f"INDEXED BY sqlite_autoindex_{table.name}_1"
                query = query.with_hint(table, hint, "sqlite")
            try:
                with reading_values():
                    rows = self._connection.execute(query).all()
                for row in rows:
                    groups[tuple(row[width:])].append(dict(zip(names, row, strict=False)))
            except UnreadableValue:
                self._read_one_by_one(table, key, column, wanted, groups)
        self._groups[str(table.name)] = groups

    def _is_one_of(
        self, column: ColumnElement[Any], values: Sequence[object]
    ) -> ColumnElement[bool]:
        """On PostgreSQL one array: reading 500 parameters takes longer than the rows."""
        if self._connection.dialect.name != "postgresql":
            return column.in_(values)
        return column == any_(literal(list(values), ARRAY(column.type)))

    def _read_one_by_one(
        self,
        table: Table,
        key: tuple[str, ...],
        column: ColumnElement[object],
        wanted: Sequence[object],
        groups: dict[_Key, list[Row]],
    ) -> None:
        """Note what is read; groups with an unreadable row differ from any digest."""
        groups.clear()
        places = select(*table.primary_key.columns, *(table.c[k] for k in key)).where(
            table.c.tenant == self._tenant, column.in_(wanted)
        )
        width = len(table.primary_key.columns)
        for place in self._connection.execute(places).all():
            group = groups[tuple(place[width:])]
            query = select(*digested(table)).where(
                *(c == v for c, v in zip(table.primary_key.columns, place, strict=False))
            )
            try:
                with reading_values():
                    found = self._connection.execute(query)
                    group += [
                        {str(k): v for k, v in row.items()} for row in found.mappings()
                    ]
            except UnreadableValue:
                group.append({"unreadable": True})

    def _tombstones(self, names: Sequence[str]) -> set[tuple[str, str]]:
        columns = schema.erasures.c
        found: set[tuple[str, str]] = set()
        for start in range(0, len(names), _AT_ONCE):
            query = select(columns.kind, columns.name).where(
                columns.tenant == self._tenant,
                columns.kind.in_(("report", "patient")),
                columns.name.in_(names[start : start + _AT_ONCE]),
            )
            found.update((row.kind, row.name) for row in self._connection.execute(query))
        return found


def _named(described: _Described, what: str, column: str) -> list[str]:
    """Return the distinct reports, or patients, that the events vouch for."""
    return sorted({str(row[column]) for row, said in described if what in said})

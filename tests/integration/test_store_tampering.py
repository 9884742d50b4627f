"""Whoever changes the database past the service is found, and what they changed is named.

The attacker knows the schema, switches triggers and constraints off, and changes, deletes,
inserts or swaps rows or bytes. They have not the key.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from factories import CALLER, KEY, a_signing, a_source, an_identifier, open_store, submit

from ecgsvc.domain.audit import TrailProblem
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.findings import Coding
from ecgsvc.domain.report import Identifier, ReportQuery
from ecgsvc.store import ReportStore, TrailAuditor
from ecgsvc.store.engine import make_engine
from ecgsvc.store.schema import metadata
from ecgsvc.trail import Checkpoint

OTHER = Caller("north", "somebody")
TABLES = metadata.sorted_tables


def populate(url: str, n_reports: int = 6) -> None:
    """Store what has rows in every table, of two tenants."""
    store = open_store(url)
    for number in range(n_reports):
        caller = OTHER if number % 3 == 2 else CALLER
        identifier = an_identifier(f"e{number}")
        subject = Identifier("urn:mrn", f"p{number}") if number % 2 else None
        source = a_source(
            identifier, subject_identifier=subject, subject_reference=f"Patient/{number}"
        )
        stored = submit(store, source, request_id=f"r{number}", caller=caller)
        submit(store, source, request_id=f"again{number}", caller=caller)
        if number % 2:
            submit(store, a_source(identifier, status="amended"), caller=caller)
        store.get(caller, stored.report_id)
    store.list(CALLER, ReportQuery())
    sign_one_and_erase_another(store)
    store.close()


def sign_one_and_erase_another(store: ReportStore) -> None:
    first, *_, last = store.list(CALLER, ReportQuery()).reports
    codes = (Coding("http://snomed.info/sct", "164889003", "Atrial fibrillation"),)
    store.add_signed(CALLER, a_signing(first, conclusion="No.", codes=codes))
    store.erase_patient(CALLER, str(last.subject_reference))


def problems(url: str, *kept: Checkpoint) -> list[tuple[str, int | None, str]]:
    with TrailAuditor.opened(url, [KEY.public]) as auditor:
        verdicts = [auditor.verify(tenant, kept) for tenant in auditor.tenants()]
    return [(v.tenant, p.sequence, p.text) for v in verdicts for p in v.problems]


def heads(url: str) -> list[Checkpoint]:
    with TrailAuditor.opened(url, [KEY.public]) as auditor:
        notes = [auditor.checkpoint(tenant) for tenant in auditor.tenants()]
    return [Checkpoint.read(note, [KEY.public]) for note in notes]


@dataclass(frozen=True)
class Attack:
    """What was done, and the rows it was done to: as they were, or as they came new."""

    what: str
    table: sa.Table
    rows: tuple[dict[str, Any], ...]

    def unnamed(self, found: list[TrailProblem]) -> list[dict[str, Any]]:
        """The attacked rows that no finding names."""
        return [
            row for row in self.rows if not any(self.is_named(row, each) for each in found)
        ]

    def is_named(self, row: dict[str, Any], problem: TrailProblem) -> bool:
        """Whether a finding says which row of which table it is."""
        name, text = self.table.name, problem.text
        if name == "audit_events":
            number = row["sequence"]
            is_cut = text.startswith(f"the trail was cut: it has {number - 1} events")
            return problem.sequence == number and (f"event {number} " in text or is_cut)
        if name == "audit_heads":
            return "signed head" in text
        if name in ("requests", "erasures"):
            called = f" of event {row['sequence']} "
        elif name == "patients":
            called = f" (pseudonym {row['pseudonym']}) "
        elif name == "ecgs":
            called = f" (report {row['report_id']} version 1) "
        else:
            called = f" (report {row['report_id']} version {row['version']}) "
        keys = (
            ["pseudonym"] if name == "patients" else self.table.primary_key.columns.keys()
        )
        added = "/".join(str(row[key]) for key in keys if key != "tenant")
        return (text.startswith(f"{name} of event ") and called in text) or (
            text == f"row {added} of {name} is in no event"
        )


class Attacker:
    """One connection that obeys no trigger and no constraint; undone after each attack."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url, timeout_s=None)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        if self.is_sqlite:
            sa.event.listen(
                self.engine,
                "connect",
                lambda driver, _record: driver.execute("PRAGMA foreign_keys = OFF"),
            )
        self.connection = self.engine.connect()
        if self.is_sqlite:
            names = self.connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            )
            for (name,) in names.all():
                self.connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            self.connection.exec_driver_sql("SET session_replication_role = replica")
        self.connection.commit()
        self.rows = {
            table: [
                dict(row) for row in self.connection.execute(sa.select(table)).mappings()
            ]
            for table in TABLES
        }
        self.connection.rollback()

    def attack(self, seed: int) -> Attack:
        """Do one random thing that changes something; say what."""
        self.random = random.Random(seed)
        filled = [table for table in TABLES if self.rows[table]]
        while True:
            kind = self.random.choice((self.change, self.change, self.byte, self.delete,
                                       self.insert, self.swap))  # fmt: skip
            if done := kind(self.random.choice(filled)):
                return done

    def row(self, table: sa.Table) -> dict[str, Any]:
        return dict(self.random.choice(self.rows[table]))

    def change(self, table: sa.Table) -> Attack | None:
        row = self.row(table)
        column = self.random.choice(list(table.c))
        value = other_value(row[column.name], self.random)
        return self._set(table, row, column, value)

    def byte(self, table: sa.Table) -> Attack | None:
        """Flip one bit of a body."""
        row = self.row(table)
        columns = [c for c in table.c if isinstance(row[c.name], bytes) and row[c.name]]
        if not columns:
            return None
        column = self.random.choice(columns)
        body = bytearray(row[column.name])
        body[self.random.randrange(len(body))] ^= 1 << self.random.randrange(8)
        return self._set(table, row, column, bytes(body))

    def delete(self, table: sa.Table) -> Attack:
        row = self.row(table)
        self.connection.execute(sa.delete(table).where(*self._is(table, row)))
        return Attack("delete", table, (row,))

    def insert(self, table: sa.Table) -> Attack | None:
        """Copy a row to a key that is free."""
        row = self.row(table)
        for column in table.primary_key.columns:
            if column.name != "tenant" or table.name == "audit_heads":
                row[column.name] = other_value(row[column.name], self.random)
        for unique in ("event_id", "pseudonym", "sha256"):
            if unique in row:
                row[unique] = other_value(row[unique], self.random)
        return self._done("insert", table, row, sa.insert(table).values(row))

    def swap(self, table: sa.Table) -> Attack | None:
        """Exchange all but the keys of two rows."""
        first, second = self.row(table), self.row(table)
        keys = {c.name for c in table.primary_key.columns} | {"event_id", "pseudonym"}
        if first["tenant"] != second["tenant"]:
            return None
        names = [c.name for c in table.c if c.name not in keys]
        if table.name == "sources":
            names.remove("sha256")  # UNIQUE
        if all(first[n] == second[n] for n in names):
            return None
        for own, other in ((first, second), (second, first)):
            values = {name: other[name] for name in names}
            self.connection.execute(
                sa.update(table).where(*self._is(table, own)).values(values)
            )
        return Attack("swap", table, (first, second))

    def close(self) -> None:
        self.connection.close()
        self.engine.dispose()

    def _set(
        self, table: sa.Table, row: dict[str, Any], column: Any, value: Any
    ) -> Attack | None:
        is_row = self._is(table, row)
        statement = sa.update(table).where(*is_row).values({column.name: value})
        return self._done(f"change {column.name}", table, row, statement)

    def _done(
        self, what: str, table: sa.Table, row: dict[str, Any], statement: Any
    ) -> Attack | None:
        try:
            with self.connection.begin_nested():
                self.connection.execute(statement)
        except (sa.exc.DBAPIError, sa.exc.StatementError):
            return None  # the database itself refuses: a key, a length, NOT NULL
        return Attack(what, table, (row,))

    @staticmethod
    def _is(table: sa.Table, row: dict[str, Any]) -> list[Any]:
        return [c == row[c.name] for c in table.primary_key.columns]


def other_value(value: Any, chance: random.Random) -> Any:
    """A value of the same kind that is another."""
    if isinstance(value, bool | int | float):
        return value + chance.choice((1, 7, -1))
    if isinstance(value, datetime):
        return value + timedelta(microseconds=chance.choice((1, -1, 10**6)))
    if isinstance(value, bytes):
        return value + b"x"
    if isinstance(value, str) and value:
        place = chance.randrange(len(value))
        letter = chance.choice([c for c in "abcdef0123456789" if c != value[place]])
        return value[:place] + letter + value[place + 1 :]
    return "0"


@pytest.fixture
def populated(database_url: str) -> str:
    populate(database_url)
    return database_url


def attack_many(url: str, n_attacks: int) -> None:
    kept = heads(url)
    assert problems(url, *kept) == []
    attacker = Attacker(url)
    auditor = TrailAuditor(attacker.connection, [KEY.public])
    for seed in range(n_attacks):
        attack = attacker.attack(seed)
        tenant = attack.rows[0]["tenant"]
        found = list(auditor.verify(tenant, kept).problems)
        assert not attack.unnamed(found), f"attack {seed}: {attack}: {found}"
        attacker.connection.rollback()
    assert problems(url, *kept) == []
    attacker.close()


def test_sixty_attacks_are_found_and_named(populated: str) -> None:
    attack_many(populated, 60)


@pytest.mark.verify
def test_a_thousand_attacks_are_found_and_named(populated: str) -> None:
    attack_many(populated, 1000)

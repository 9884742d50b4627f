"""Verifies a tenant's trail and everything it vouches for, page by page.

The chain is followed from its first event. Of each event that describes rows the rows are
read and their digests compared; every row that is met this way is counted, so that rows
without an event show up in the number of all. Memory does not grow with the trail.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import orjson
from sqlalchemy import Connection, RowMapping, Table, exists, func, select

from ecgsvc.domain.audit import TrailProblem
from ecgsvc.store import schema
from ecgsvc.store.contents import VERSIONED
from ecgsvc.store.vouched import UnreadableValue, VouchedRows, reading_values
from ecgsvc.trail import ChainedEvent, ChainFollower, Checkpoint, VerifyingKey

PAGE_SIZE = 500

_EVENTS = schema.audit_events
_CHAINED = [_EVENTS.c[name] for name in ChainedEvent.__slots__]


class TrailVerifier:
    """One pass over one tenant's trail, in one transaction that sees one state.

    Parameters
    ----------
    keys
        Keys whose signatures are believed.
    checkpoints
        Checkpoints of this tenant that were kept elsewhere.
    """

    def __init__(
        self,
        connection: Connection,
        tenant: str,
        keys: Sequence[VerifyingKey],
        checkpoints: Sequence[Checkpoint] = (),
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._chain = ChainFollower(tenant, keys, checkpoints)
        self._n_met: Counter[str] = Counter()

    @property
    def n_events(self) -> int:
        """How many events were followed so far."""
        return self._chain.n_events

    def problems(self) -> Iterator[TrailProblem]:
        """Yield what is wrong, in the order of the trail; nothing when it is whole."""
        last = 0
        while sequences := self._sequences_after(last):
            last = sequences[-1]
            page, unreadable = self._read(sequences)
            for sequence in unreadable:
                yield TrailProblem(sequence, f"event {sequence} cannot be read")
            yield from self._chain.follow((chained(row), row["hash"]) for row in page)
            yield from self._compare_contents(page)
        yield from self._end()
        yield from self._rows_without_event()

    def _sequences_after(self, last: int) -> Sequence[int]:
        sequence = _EVENTS.c.sequence
        query = select(sequence).where(_EVENTS.c.tenant == self._tenant, sequence > last)
        return self._connection.scalars(query.order_by(sequence).limit(PAGE_SIZE)).all()

    def _read(self, sequences: Sequence[int]) -> tuple[list[RowMapping], list[int]]:
        """Read events; those that cannot be read are found one by one."""
        query = select(_EVENTS).where(_EVENTS.c.tenant == self._tenant)
        sequence = _EVENTS.c.sequence
        between = query.where(sequence >= sequences[0], sequence <= sequences[-1])
        with contextlib.suppress(UnreadableValue), reading_values():
            in_order = between.order_by(sequence)
            return list(self._connection.execute(in_order).mappings()), []
        rows: list[RowMapping] = []
        unreadable = []
        for number in sequences:
            try:
                with reading_values():
                    one = query.where(sequence == number)
                    rows += self._connection.execute(one).mappings()
            except UnreadableValue:
                unreadable.append(number)
        return rows, unreadable

    def _compare_contents(self, page: Sequence[RowMapping]) -> Iterator[TrailProblem]:
        described = [(row, contents_of(row)) for row in page]
        rows = VouchedRows(self._connection, self._tenant, described)
        for row, contents in described:
            for name in rows.differing(row, contents):
                sequence = row["sequence"]
                text = f"{name} of event {sequence} {_what(name, row)}"
                yield TrailProblem(sequence, text)
        self._n_met.update(rows.n_met)

    def _end(self) -> Iterator[TrailProblem]:
        chain = self._chain
        yield from chain.beyond_the_end()
        heads = schema.audit_heads
        query = select(heads).where(heads.c.tenant == self._tenant)
        head = None
        with contextlib.suppress(UnreadableValue), reading_values():
            head = self._connection.execute(query).mappings().one_or_none()
        if head is None:
            yield TrailProblem(chain.n_events, "the trail has no signed head")
            return
        state = (chain.frontier.size, chain.last_hash, chain.frontier.to_bytes())
        columns = (head["size"], head["hash"], head["frontier"])
        if columns != state or not chain.ends_with(head["checkpoint"]):
            text = f"the signed head does not fit the last event, {chain.n_events}"
            yield TrailProblem(chain.n_events, text)
        query_all = select(func.count()).where(_EVENTS.c.tenant == self._tenant)
        if self._connection.scalar(query_all) != chain.frontier.size:
            yield TrailProblem(None, "events are there twice")

    def _rows_without_event(self) -> Iterator[TrailProblem]:
        for table in (*VERSIONED, schema.ecgs, schema.sources, schema.requests,
                      schema.patients, schema.erasures):  # fmt: skip
            query = select(func.count()).where(table.c.tenant == self._tenant)
            n_rows = self._connection.scalar(query)
            if n_rows != self._n_met[table.name]:
                row = self._row_without_event(table)
                name = f"row {row}" if row else "a row"
                text = f"{name} of {table.name} is in no event"
                yield TrailProblem(None, text)

    def _row_without_event(self, table: Table) -> str:
        """Name a row whose report, patient or event the trail does not know, if any."""
        columns = table.c
        known = [_EVENTS.c.tenant == columns.tenant]
        if "pseudonym" in columns:
            known.append(_EVENTS.c.patient == columns.pseudonym)
        elif "sequence" in columns:
            known.append(_EVENTS.c.sequence == columns.sequence)
        else:
            known += [_EVENTS.c.report_id == columns.report_id, _EVENTS.c.contents != ""]
            if "version" in columns and table is not schema.sources:
                known.append(_EVENTS.c.report_version == columns.version)
        # a patient is told by pseudonym, never by name
        by = [columns.pseudonym] if table is schema.patients else table.primary_key.columns
        query = (
            select(*(column for column in by if column.name != "tenant"))
            .where(columns.tenant == self._tenant, ~exists().where(*known))
            .limit(1)
        )
        return "/".join(map(str, self._connection.execute(query).one_or_none() or ()))


def tenants(connection: Connection) -> list[str]:
    """Return every tenant that any table names, sorted."""
    found: set[str] = set()
    for table in schema.metadata.sorted_tables:
        tenant, last = table.c.tenant, ""
        while (
            last := connection.scalar(select(func.min(tenant)).where(tenant > last))
        ) is not None:
            found.add(last)
    return sorted(found)


def chained(row: RowMapping) -> ChainedEvent:
    """Return an event as it stands in the chain."""
    return ChainedEvent(*(row[column] for column in _CHAINED))


def contents_of(row: RowMapping) -> Mapping[str, object]:
    """Read the digests of an event; none when it has none, or they are no JSON."""
    if not row["contents"]:
        return {}
    try:
        contents = orjson.loads(row["contents"])
    except (orjson.JSONDecodeError, TypeError):
        return {}
    return contents if isinstance(contents, dict) else {}


def _what(name: str, row: RowMapping) -> str:
    if name == "patients":
        return f"(pseudonym {row['patient']}) differs"
    if row["report_id"] is None:
        return "differs from its digest"
    return f"(report {row['report_id']} version {row['report_version']}) differs"

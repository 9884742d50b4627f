"""Transactions on the database, and the event that each of them enters."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, text

from ecgsvc.domain.audit import AuditDraft
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.delivery import Routes, nowhere
from ecgsvc.domain.errors import StoreUnavailable
from ecgsvc.store import outbox, schema
from ecgsvc.store.contents import Contents
from ecgsvc.store.engine import make_engine, translated_errors, writing
from ecgsvc.store.migrations import newest_revision, revision_of
from ecgsvc.store.trail import ENTERED, Entry, Notary, Trail
from ecgsvc.store.turns import Turns


class Transactions:
    """A migrated database and the trail in it; what the parts of the store share.

    Safe to share between threads; several processes may use the same database. It must not
    be carried over a fork.

    Parameters
    ----------
    url
        ``sqlite:///FILE`` or ``postgresql+psycopg://…``, migrated by `migrate`.
    notary
        Signs the trail and writes its events.
    timeout_s
        How long an operation waits for a connection, a lock or a statement.
    pool_size
        Connections kept open; as many again are opened under load.
    routes
        Which destinations a new report version is for.

    Raises
    ------
    StoreUnavailable
        When the database cannot be reached, or is not at the revision this software needs.
    """

    def __init__(
        self,
        url: str,
        notary: Notary,
        *,
        timeout_s: float = 10.0,
        pool_size: int = 16,
        routes: Routes = nowhere,
    ) -> None:
        self._engine = make_engine(url, timeout_s=timeout_s, pool_size=pool_size)
        self._writing_engine = writing(self._engine)
        self._timeout_s = timeout_s
        self._routes = routes
        self._trail = Trail(notary)
        # SQLite lets one writer in and makes the others poll; in one process they queue
        self._turn = Turns() if self._engine.dialect.name == "sqlite" else None
        found, needed = revision_of(self._engine), newest_revision()
        if found != needed:
            self.close()
            msg = (
                f"the database is at revision {found or 'none'}, "
                f"this software needs {needed}: run `ecgsvc migrate`"
            )
            raise StoreUnavailable(msg)

    def ping(self) -> None:
        """Raise `StoreUnavailable` unless the database answers."""
        with self._reading() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close the connections; those in use close when they are done."""
        self._engine.dispose()

    def _enter(
        self,
        connection: Connection,
        caller: Caller,
        draft: AuditDraft,
        contents: Contents,
        request: dict[str, object],
    ) -> None:
        """Enter an event with its digests, and the request that points to the event.

        A version that the event says was written goes into the outbox here, so that no
        way of writing one can forget it.
        """
        if request:
            contents.add(schema.requests, [request], salt="")
        entry = Entry(draft, contents.as_json())
        sequence = self._trail.append(connection, caller, [entry])
        if request:
            connection.execute(insert(schema.requests), request | {"sequence": sequence})
        if draft.operation in outbox.MAKES_A_VERSION and draft.report_id and draft.version:
            outbox.enqueue(
                connection, self._routes, caller.tenant, draft.report_id, draft.version,
                sequence=sequence, now=datetime.now(UTC),
            )  # fmt: skip

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated_errors(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self, *, in_background: bool = False) -> Iterator[Connection]:
        entered: list[str] = []
        try:
            with (
                self._my_turn(in_background=in_background),
                translated_errors(),
                self._writing_engine.begin() as connection,
            ):
                connection.info[ENTERED] = entered
                yield connection
        except StoreUnavailable as error:
            error.entered = tuple(entered)
            raise

    @contextlib.contextmanager
    def _my_turn(self, *, in_background: bool) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(self._timeout_s, in_background=in_background):
            msg = f"the database was busy with other writers for {self._timeout_s:g} s"
            raise StoreUnavailable(msg)
        try:
            yield
        finally:
            self._turn.release()

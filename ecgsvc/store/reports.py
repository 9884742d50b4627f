"""The store: decides where a report stands, keeps it, and finds it again."""

import contextlib
import threading
from collections.abc import Iterator

from sqlalchemy import Connection, insert, select, text

from ecgsvc.domain.errors import ReportNotFound, SlotTaken, StoreUnavailable
from ecgsvc.domain.report import (
    EcgSource,
    NewReport,
    ReportPage,
    ReportQuery,
    ReportSlot,
    StoredReport,
)
from ecgsvc.store import schema
from ecgsvc.store.engine import make_engine, translated_errors, writing
from ecgsvc.store.inserting import as_stored, insert_report
from ecgsvc.store.limits import check_request_id, check_source, is_storable
from ecgsvc.store.listing import list_page
from ecgsvc.store.migrations import newest_revision, revision_of
from ecgsvc.store.places import answer_to, place_of
from ecgsvc.store.reading import ReportKey, read_reports, select_reports

_MAX_VERSION = 2**31 - 1


class ReportStore:
    """Reports, their sources and everything stored with them.

    Safe to share between threads; several processes may use the same database. A store
    must not be carried over a fork.

    Parameters
    ----------
    url
        ``sqlite:///FILE`` or ``postgresql+psycopg://…``, migrated by `migrate`.
    timeout_s
        How long an operation waits for a connection, a lock or a statement.
    pool_size
        Connections kept open; as many again are opened under load.

    Raises
    ------
    StoreUnavailable
        When the database cannot be reached, or is not at the revision this software needs.
    """

    def __init__(self, url: str, *, timeout_s: float = 10.0, pool_size: int = 16) -> None:
        self._engine = make_engine(url, timeout_s=timeout_s, pool_size=pool_size)
        self._writing_engine = writing(self._engine)
        self._timeout_s = timeout_s
        # SQLite lets one writer in and makes the others poll; in one process they queue
        self._turn = threading.Lock() if self._engine.dialect.name == "sqlite" else None
        found, needed = revision_of(self._engine), newest_revision()
        if found != needed:
            self.close()
            msg = (
                f"the database is at revision {found or 'none'}, "
                f"this software needs {needed}: run `ecgsvc migrate`"
            )
            raise StoreUnavailable(msg)

    def lookup(
        self, request_id: str, request_sha256: str, source: EcgSource
    ) -> StoredReport | ReportSlot:
        """Find the report a request was already answered with, or where the new one stands.

        Parameters
        ----------
        request_id
            Idempotency key; empty when the caller gave none.
        request_sha256
            SHA-256 of the whole request content, lower-case hex.

        Returns
        -------
        StoredReport or ReportSlot
            The stored report of the same request, or of the same ECG with the same bytes
            (whichever version they were; the request id is then recorded with it).
            Otherwise a slot: version 1 of a new report, or the next version for an amended
            or corrected ECG.

        Raises
        ------
        DuplicateWithOtherContent
            When the request id was used with other content; the ECG is known with other
            bytes and is neither amended nor corrected; or its identifiers belong to
            different ECGs.
        InvalidRequest, InvalidElement
            When the request id or an identifier is longer than the store holds.
        StoreUnavailable
            When the database cannot be reached or does not answer in time.
        """
        check_request_id(request_id)
        check_source(source)
        with self._reading() as connection:
            replayed = answer_to(connection, request_id, request_sha256)
            place = replayed or place_of(connection, source)
            if isinstance(place, ReportSlot):
                return place
            report = _read(connection, place)
        if request_id and replayed is None:
            try:
                self._record_request(request_id, request_sha256, place)
            except SlotTaken:
                return self.lookup(request_id, request_sha256, source)
        return report

    def add(self, new: NewReport) -> StoredReport:
        """Store a report version with its source and all that belongs to it.

        One transaction; the report is committed when this returns.

        Raises
        ------
        SlotTaken
            When another writer was first with the slot, the request id or an identifier;
            nothing was stored, `lookup` knows what to do.
        StoreUnavailable
            When the database did not confirm the transaction. After a broken connection
            it may still have been stored: sending the same request again tells.
        """
        with self._writing() as connection:
            insert_report(connection, new)
        return as_stored(new)

    def get(self, report_id: str, version: int | None = None) -> StoredReport:
        """Return a version of a report, the latest by default.

        Raises
        ------
        ReportNotFound, StoreUnavailable
        """
        with self._reading() as connection:
            return _read(connection, (report_id, version))

    def list(self, query: ReportQuery) -> ReportPage:
        """Return one page of the latest versions, newest effective time first.

        Raises
        ------
        InvalidRequest
            When the page token was not given for this filter, or the page size is below 1.
        StoreUnavailable
        """
        with self._reading() as connection:
            return list_page(connection, query)

    def source(self, report_id: str, version: int) -> bytes:
        """Return the Observation behind a report version, exactly as received.

        Raises
        ------
        ReportNotFound, StoreUnavailable
        """
        _check_key(report_id, version)
        reports, sources = schema.reports.c, schema.sources.c
        query = select(sources.body).where(
            reports.report_id == report_id,
            reports.version == version,
            sources.report_id == reports.report_id,
            sources.version == reports.source_version,
        )
        with self._reading() as connection:
            body: bytes | None = connection.scalar(query)
        if body is None:
            raise _not_found()
        return body

    def ping(self) -> None:
        """Raise `StoreUnavailable` unless the database answers."""
        with self._reading() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close the connections; those in use close when they are done."""
        self._engine.dispose()

    def _record_request(
        self, request_id: str, request_sha256: str, answer: ReportKey
    ) -> None:
        report_id, version = answer
        row = {
            "request_id": request_id,
            "request_sha256": request_sha256,
            "report_id": report_id,
            "version": version,
        }
        with self._writing() as connection:
            connection.execute(insert(schema.requests), row)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated_errors(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        with (
            self._my_turn(),
            translated_errors(),
            self._writing_engine.begin() as connection,
        ):
            yield connection

    @contextlib.contextmanager
    def _my_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=self._timeout_s):
            msg = f"the database was busy with other writers for {self._timeout_s:g} s"
            raise StoreUnavailable(msg)
        try:
            yield
        finally:
            self._turn.release()


def _read(connection: Connection, key: tuple[str, int | None]) -> StoredReport:
    report_id, version = key
    _check_key(report_id, version)
    columns = schema.reports.c
    query = select_reports().where(columns.report_id == report_id)
    if version is None:
        query = query.order_by(columns.version.desc()).limit(1)
    else:
        query = query.where(columns.version == version)
    found = read_reports(connection, query)
    if not found:
        raise _not_found()
    return found[0]


def _check_key(report_id: str, version: int | None) -> None:
    """Refuse names that no report can have and that a database would choke on."""
    if not is_storable(report_id) or not 1 <= (version or 1) <= _MAX_VERSION:
        raise _not_found()


def _not_found() -> ReportNotFound:
    return ReportNotFound("there is no such report, or no such version of it")

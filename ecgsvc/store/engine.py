"""Connections to SQLite and PostgreSQL, set up so that a commit is kept."""

import contextlib
import sqlite3
from collections.abc import Iterator

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    DBAPIError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)

from ecgsvc.domain.errors import SlotTaken, StoreUnavailable

_WRITES = "ecgsvc_writes"
_DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg"}
_A_DAY_S = 86_400.0
_PG_LOST_RACES = {"23505", "40P01"}  # unique_violation, deadlock_detected
_SQLITE_UNIQUE_VIOLATIONS = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
}


def make_engine(url: str, *, timeout_s: float | None, pool_size: int = 5) -> Engine:
    """Make a pool of connections to ``sqlite:///FILE`` or ``postgresql+psycopg://…``.

    Parameters
    ----------
    timeout_s
        How long to wait for a connection, for SQLite's lock, and for a statement on
        PostgreSQL. None, for migrations: as long as it takes.
    pool_size
        Connections kept open; as many again are opened under load.

    Raises
    ------
    StoreUnavailable
        When the URL is none of these.
    """
    with translated_errors():
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if _DRIVERS.get(backend) != parsed.get_driver_name():
            msg = "the database URL must be sqlite:///FILE or postgresql+psycopg://…"
            raise StoreUnavailable(msg)
        engine = create_engine(
            parsed,
            hide_parameters=True,
            pool_pre_ping=backend == "postgresql",
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=timeout_s,
            connect_args={} if backend == "sqlite" else _libpq_options(parsed),
        )
    if backend == "sqlite":
        _set_up_sqlite(engine, timeout_s or _A_DAY_S)
    else:
        _set_up_postgresql(engine, timeout_s or 0)
    return engine


def writing(engine: Engine) -> Engine:
    """Return the same pool for transactions that write: SQLite takes its lock at BEGIN.

    A transaction that starts by reading and then writes may find that another has written
    in between; SQLite then fails at once instead of waiting.
    """
    return engine.execution_options(**{_WRITES: True})


def snapshot(engine: Engine) -> Engine:
    """Return the same pool for transactions that see one state throughout.

    SQLite's always do; PostgreSQL is asked to.
    """
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the errors of SQLAlchemy and the drivers into those of the domain.

    Raises
    ------
    SlotTaken
        When a UNIQUE constraint or primary key refused a row, or two writers waited for
        rows of each other and this one had to give way.
    StoreUnavailable
        For everything else. The message names the database's own error code and nothing
        else: a driver's message may quote a row.
    """
    try:
        yield
    except SQLAlchemyError as error:
        if _is_lost_race(error):
            raise SlotTaken from None
        msg = f"the database is unavailable ({_error_code(error)})"
        says_no_more_than_why = isinstance(error, OperationalError | InterfaceError)
        raise StoreUnavailable(msg) from (error if says_no_more_than_why else None)


def _is_lost_race(error: SQLAlchemyError) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", None)
        return code in _SQLITE_UNIQUE_VIOLATIONS
    return getattr(error.orig, "sqlstate", None) in _PG_LOST_RACES


def _error_code(error: SQLAlchemyError) -> str:
    """``SQLITE_FULL``, ``SQLSTATE 53100``, or the kind of error when it has no code."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    if name := getattr(cause, "sqlite_errorname", None):
        return str(name)
    if sqlstate := getattr(cause, "sqlstate", None):
        return f"SQLSTATE {sqlstate}"
    return type(cause or error).__name__


def _set_up_sqlite(engine: Engine, timeout_s: float) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing: `begin` below does
        for pragma in (
            f"busy_timeout = {round(timeout_s * 1000)}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _libpq_options(url: URL) -> dict[str, int]:
    """Find out within seconds that the server is gone; what the URL says goes first."""
    options = {
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    return {name: value for name, value in options.items() if name not in url.query}


def _set_up_postgresql(engine: Engine, timeout_s: float) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: psycopg.Connection, _record: object) -> None:
        connection.execute(f"SET statement_timeout = {round(timeout_s * 1000)}")
        # rows looked up by an index are in memory or on flash, not on a turning disk
        connection.execute("SET random_page_cost = 1.1")
        # a plan for any values reads far too much for some: common conditions, rare ones
        connection.execute("SET plan_cache_mode = force_custom_plan")
        # psycopg reads times in the session's zone; UTC keeps the year 9999 within range
        connection.execute("SET TIME ZONE 'UTC'")
        connection.commit()

"""Brings a database to the revision this software needs."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text

from ecgsvc.domain.errors import StoreUnavailable
from ecgsvc.store.engine import make_engine, translated_errors, writing

_PACKAGE = Path(__file__).resolve().parents[1]
_ADVISORY_LOCK = 0x6563_6773_7663  # "ecgsvc"; any number no one else uses


def migrate(url: str, revision: str = "head") -> None:
    """Create or upgrade the tables; safe when several processes do so at once.

    All steps happen in one transaction: on an error the database is as it was.

    Parameters
    ----------
    url
        ``sqlite:///FILE`` or ``postgresql+psycopg://…``.
    revision
        Where to go: ``head``, a revision, ``base``, or relative (``+1``, ``-1``). An older
        revision than the present one is a downgrade, which drops what it does not know.

    Raises
    ------
    StoreUnavailable
        When the database cannot be reached or changed, or the revision is unknown.
    """
    engine = make_engine(url, timeout_s=None)
    try:
        with translated_errors(), writing(engine).begin() as connection:
            _wait_for_turn(connection)
            _move(connection, revision)
    finally:
        engine.dispose()


def current_revision(url: str) -> str | None:
    """Return the revision a database is at; None when it was never migrated.

    Raises
    ------
    StoreUnavailable
        When the database cannot be reached.
    """
    engine = make_engine(url, timeout_s=10.0)
    try:
        return revision_of(engine)
    finally:
        engine.dispose()


def revision_of(engine: Engine) -> str | None:
    """Return the revision of the database behind an engine; a missing file has none."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file and not file.startswith("file:") and not Path(file).exists():
        return None  # connecting would create it
    with translated_errors(), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """Return the revision this software was written for."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _wait_for_turn(connection: Connection) -> None:
    """Take PostgreSQL's lock; on SQLite the transaction itself began with one."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK}
        )


def _move(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    try:
        if _is_downgrade(config, connection, revision):
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)
    except CommandError as error:
        msg = f"the database cannot be migrated to {revision!r}: {error}"
        raise StoreUnavailable(msg) from error


def _is_downgrade(config: Config, connection: Connection, revision: str) -> bool:
    if revision == "base" or revision.startswith("-"):
        return True
    if revision == "head" or revision.startswith("+"):
        return False
    current = MigrationContext.configure(connection).get_current_revision()
    script = ScriptDirectory.from_config(config)
    below = [step.revision for step in script.iterate_revisions(current, "base")]
    wanted = script.get_revision(revision)
    return wanted is not None and wanted.revision in below[1:]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_migrations()).replace("%", "%%"))
    return config


def _migrations() -> Path:
    """Find the scripts: inside the package once installed, beside it in a checkout."""
    for folder in (_PACKAGE / "migrations", _PACKAGE.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    msg = "this installation of ecgsvc lacks its migrations"
    raise StoreUnavailable(msg)

"""How Alembic reaches the database.

``ecgsvc migrate`` hands over a connection, inside a transaction. A developer names the
database: ``alembic -x url=sqlite:///dev.db revision --autogenerate -m "…"``.
"""

from typing import Literal

from alembic import context
from sqlalchemy import Connection

from ecgsvc.store.engine import make_engine, writing
from ecgsvc.store.schema import UtcDateTime, metadata


def render(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our own type as the plain one behind it: migrations outlive the code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,
        render_item=render,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    context.configure(
        url=context.get_x_argument(as_dictionary=True)["url"],
        target_metadata=metadata,
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()
elif (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    engine = make_engine(context.get_x_argument(as_dictionary=True)["url"], timeout_s=10.0)
    with writing(engine).begin() as own:
        run(own)
    engine.dispose()

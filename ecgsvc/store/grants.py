"""What roles of PostgreSQL may do with the tables: the server's, and readers'."""

from collections.abc import Iterator

from psycopg.sql import Identifier

from ecgsvc.store import schema
from ecgsvc.store.erasing import ERASABLE

_CHANGING = (schema.audit_heads, schema.deliveries, schema.jobs)
_DELETING = (*ERASABLE, schema.jobs)


def grants(role: str, *, read_only: bool = False) -> str:
    """Write the SQL that gives a role what it needs, and takes all else from it.

    The server's role inserts and reads; it changes the heads of the trails, the outbox and
    jobs, and deletes jobs, and where an erasure does. Events of the trail and tombstones it
    can neither change nor delete, and no trigger can it drop or switch off: the tables
    belong to another role, which has run the migrations and runs this.

    Parameters
    ----------
    role
        Its name, which exists and owns nothing.
    read_only
        Reading alone, for auditors and statistics.
    """
    return "".join(f"{statement};\n" for statement in _statements(role, read_only))


def _statements(role: str, read_only: bool) -> Iterator[str]:  # ours
    to = Identifier(role).as_string(None)
    for whom in ("PUBLIC", to):
        yield f"REVOKE CREATE ON SCHEMA public FROM {whom}"
        yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {whom}"
    yield f"GRANT USAGE ON SCHEMA public TO {to}"
    yield f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {to}"
    if read_only:
        return
    for action, tables in (
        ("INSERT", schema.metadata.sorted_tables),
        ("UPDATE", _CHANGING),
        ("DELETE", _DELETING),
    ):
        names = ", ".join(sorted(str(table.name) for table in tables))
        yield f"GRANT {action} ON {names} TO {to}"

"""Every row belongs to a tenant, and every key begins with it.

What is there becomes the tenant ``default``. Reports may have several versions on one
source (a clinician's action makes one), identifiers name the version they came with, and
versions have a salt for the digests in the audit trail.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEYS = {
    "ecgs": ["report_id"],
    "identifiers": ["system", "value"],
    "sources": ["report_id", "version"],
    "reports": ["report_id", "version"],
    "documents": ["report_id", "version", "kind", "position"],
    "measurements": ["report_id", "version"],
    "lead_amplitudes": ["report_id", "version", "position"],
    "findings": ["report_id", "version", "position"],
    "report_codes": ["report_id", "version", "code"],
    "report_models": ["report_id", "version", "position"],
    "requests": ["request_id"],
}
OF_REPORT = (["report_id", "version"], "reports", ["report_id", "version"])
REFERENCES = {
    "identifiers": (["report_id"], "ecgs", ["report_id"]),
    "sources": (["report_id"], "ecgs", ["report_id"]),
    "reports": (["report_id", "source_version"], "sources", ["report_id", "version"]),
} | dict.fromkeys(
    ("documents", "measurements", "lead_amplitudes", "findings", "report_codes",
     "report_models", "requests"),
    OF_REPORT,
)  # fmt: skip
INDEXES = {
    "reports": [
        ["effective_at", "report_id"],
        ["status", "effective_at", "report_id"],
        ["subject_reference", "effective_at", "report_id"],
        ["subject_value", "effective_at", "report_id"],
    ],
    "report_codes": [["code", "effective_at", "report_id"]],
}
RANDOM = {
    "sqlite": "lower(hex(randomblob(16)))",
    "postgresql": "replace(gen_random_uuid()::text, '-', '')",
}


def upgrade() -> None:
    _drop_references()
    for table, key in KEYS.items():
        for columns in INDEXES.get(table, ()):
            op.drop_index(_name("ix", table, columns), table)
        # only SQLite, which rebuilds the table, can choose where a column stands
        first = key[0] if op.get_bind().dialect.name == "sqlite" else None
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"pk_{table}", type_="primary")
            batch.add_column(
                sa.Column(
                    "tenant", sa.String(64), nullable=False, server_default="default"
                ),
                insert_before=first,
            )
            batch.create_primary_key(f"pk_{table}", ["tenant", *key])
            if table == "identifiers":
                batch.add_column(
                    sa.Column("version", sa.Integer(), nullable=False, server_default="1")
                )
            if table == "sources":
                batch.drop_constraint("uq_sources_report_id_sha256", type_="unique")
                columns = ["tenant", "report_id", "sha256"]
                batch.create_unique_constraint(_name("uq", table, columns), columns)
            if table == "reports":
                batch.drop_constraint("uq_reports_report_id_source_version", type_="unique")
                batch.add_column(
                    sa.Column("salt", sa.String(32), nullable=False, server_default="")
                )
    random = RANDOM[op.get_bind().dialect.name]
    op.execute(f"UPDATE reports SET salt = {random}")  # noqa: S608 (one of the two above)
    for table in KEYS:
        with op.batch_alter_table(table) as batch:
            for column in ("tenant", "version", "salt"):
                if column == "tenant" or (column, table) in (
                    ("version", "identifiers"),
                    ("salt", "reports"),
                ):
                    batch.alter_column(column, server_default=None)
        for columns in INDEXES.get(table, ()):
            whole = ["tenant", *columns]
            op.create_index(_name("ix", table, whole), table, whole)
    _reference("tenant")
    columns = ["tenant", "report_id", "version"]
    op.create_index(_name("ix", "identifiers", columns), "identifiers", columns)


def downgrade() -> None:
    _refuse_what_the_older_tables_cannot_hold()
    op.drop_index("ix_identifiers_tenant_report_id_version", "identifiers")
    for table, indexes in INDEXES.items():
        for columns in indexes:
            op.drop_index(_name("ix", table, ["tenant", *columns]), table)
    _drop_references()
    for table, key in KEYS.items():
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"pk_{table}", type_="primary")
            if table == "sources":
                columns = ["tenant", "report_id", "sha256"]
                batch.drop_constraint(_name("uq", table, columns), type_="unique")
                batch.create_unique_constraint(_name("uq", table, columns[1:]), columns[1:])
            if table == "reports":
                columns = ["report_id", "source_version"]
                batch.create_unique_constraint(_name("uq", table, columns), columns)
                batch.drop_column("salt")
            if table == "identifiers":
                batch.drop_column("version")
            batch.drop_column("tenant")
            batch.create_primary_key(f"pk_{table}", key)
    _reference()
    for table, indexes in INDEXES.items():
        for columns in indexes:
            op.create_index(_name("ix", table, columns), table, columns)


def _refuse_what_the_older_tables_cannot_hold() -> None:
    several = op.get_bind().scalar(
        sa.text(
            "SELECT (SELECT count(*) FROM ecgs WHERE tenant <> 'default') +"
            " (SELECT count(*) FROM reports a JOIN reports b ON a.report_id = b.report_id"
            " AND a.source_version = b.source_version AND a.version < b.version)"
        )
    )
    if several:
        msg = "other tenants' reports or signed versions are stored; they would be lost"
        raise sa.exc.IntegrityError(msg, None, ValueError(msg))


def _drop_references() -> None:
    """Those that refer first: SQLite rebuilds a table, which nothing may refer to then."""
    for table, (_, parent, _) in reversed(REFERENCES.items()):
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"fk_{table}_{parent}", type_="foreignkey")


def _reference(*first: str) -> None:
    for table, (columns, parent, key) in REFERENCES.items():
        with op.batch_alter_table(table) as batch:
            batch.create_foreign_key(
                f"fk_{table}_{parent}", parent, [*first, *columns], [*first, *key]
            )


def _name(kind: str, table: str, columns: list[str]) -> str:
    return op.f("_".join((kind, table, *columns)))

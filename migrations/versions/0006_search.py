"""What reports are searched, exported and watched by.

Reports stored before have no rows in the new tables: what they left open, their models'
scores and their patients' age stand in their documents only.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = ("tenant", "report_id", "version")
MEASURED = (
    "heart_rate_bpm", "pr_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms", "qtc_bazett_ms",
    "qrs_axis_deg",
)  # fmt: skip
INDEXES = (
    ("reports", ("tenant", "issued_at", "report_id")),
    *(("measurements", ("tenant", name, "report_id", "version")) for name in MEASURED),
    ("report_codes", ("tenant", "code", "effective_at", "report_id", "version")),
    ("report_models", ("tenant", "name", "model_version", "report_id", "version")),
    ("report_models", ("tenant", "model_version", "report_id", "version")),
)
SHORTER = ("report_codes", ("tenant", "code", "effective_at", "report_id"))
"""What the first of `report_codes` above replaces: it lacked the version, so that SQLite
took another index rather than look that up."""
NEW_TABLES = ("undetermined", "scores", "demographics")


def upgrade() -> None:
    _of_report(
        "undetermined",
        sa.Column("path", sa.String(128), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        key=("path",),
    )
    _of_report(
        "scores",
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        key=("model", "label"),
    )
    _of_report(
        "demographics", sa.Column("sex", sa.String(16)), sa.Column("age_years", sa.Float())
    )
    columns = ("tenant", "path", "effective_at", "report_id", "version")
    for table, names in (("undetermined", columns), *INDEXES):
        op.create_index(_index_name(table, names), table, list(names))
    op.drop_index(_index_name(*SHORTER), SHORTER[0])
    for table in NEW_TABLES:
        _append_only(table)


def downgrade() -> None:
    op.create_index(_index_name(*SHORTER), SHORTER[0], list(SHORTER[1]))
    for table, names in INDEXES:
        op.drop_index(_index_name(table, names), table)
    for table in NEW_TABLES:
        op.drop_table(table)


def _index_name(table: str, columns: tuple[str, ...]) -> str:
    return op.f("_".join(("ix", table, *columns)))


def _of_report(name: str, *columns: sa.Column, key: tuple[str, ...] = ()) -> None:
    """Create a table whose rows belong to a report version."""
    op.create_table(
        name,
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("report_id", sa.String(36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint(*KEY, *key, name=op.f(f"pk_{name}")),
        sa.ForeignKeyConstraint(
            KEY, [f"reports.{each}" for each in KEY], name=op.f(f"fk_{name}_reports")
        ),
    )


def _append_only(table: str) -> None:
    """Refuse changes, as 0005 does for the tables before."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    else:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ecgsvc_append_only()"
        )

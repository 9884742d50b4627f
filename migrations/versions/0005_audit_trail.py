"""The audit trail, the head of each tenant's chain, and what it calls patients.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FOREVER = ("audit_events",)
"""Neither changed nor deleted."""

UNCHANGED = (
    "ecgs", "identifiers", "sources", "reports", "documents", "measurements",
    "lead_amplitudes", "findings", "report_codes", "report_models", "patients",
)  # fmt: skip
"""Never changed; an erasure deletes."""


def upgrade() -> None:
    _tables()
    with op.batch_alter_table("requests") as batch:
        batch.add_column(
            sa.Column("sequence", sa.BigInteger(), nullable=False, server_default="0")
        )
    with op.batch_alter_table("requests") as batch:
        batch.alter_column("sequence", server_default=None)
    for columns in (["tenant", "report_id", "version"], ["tenant", "sequence"]):
        op.create_index(op.f("_".join(("ix_requests", *columns))), "requests", columns)
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in UNCHANGED:
            op.execute(f"DROP TRIGGER {table}_no_update")
    else:
        for table in UNCHANGED:
            op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
    for table in ("audit_heads", "audit_events", "patients"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION ecgsvc_append_only()")
    op.drop_index("ix_requests_tenant_sequence", "requests")
    op.drop_index("ix_requests_tenant_report_id_version", "requests")
    with op.batch_alter_table("requests") as batch:
        batch.drop_column("sequence")


def _tables() -> None:
    op.create_table(
        "patients",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(512), nullable=False),
        sa.Column("pseudonym", sa.String(36), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject", name=op.f("pk_patients")),
        sa.UniqueConstraint(
            "tenant", "pseudonym", name=op.f("uq_patients_tenant_pseudonym")
        ),
    )
    op.create_table(
        "audit_events",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(36), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("operation", sa.String(32), nullable=False),
        sa.Column("action", sa.String(1), nullable=False),
        sa.Column("outcome", sa.String(2), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("report_id", sa.String(36)),
        sa.Column("report_version", sa.Integer()),
        sa.Column("patient", sa.String(36)),
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.Column("contents", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "sequence", name=op.f("pk_audit_events")),
        sa.UniqueConstraint(
            "tenant", "event_id", name=op.f("uq_audit_events_tenant_event_id")
        ),
    )
    for columns in (
        ["tenant", "report_id", "report_version"],
        ["tenant", "patient", "sequence"],
        ["tenant", "subject", "sequence"],
        ["tenant", "recorded_at"],
    ):
        name = op.f("_".join(("ix_audit_events", *columns)))
        op.create_index(name, "audit_events", columns)
    op.create_table(
        "audit_heads",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_audit_heads")),
    )


def _sqlite_triggers() -> None:
    for action, tables in (("UPDATE", (*FOREVER, *UNCHANGED)), ("DELETE", FOREVER)):
        for table in tables:
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION ecgsvc_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for actions, tables in (
        ("UPDATE OR DELETE OR TRUNCATE", FOREVER),
        ("UPDATE OR TRUNCATE", UNCHANGED),
    ):
        for table in tables:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE {actions} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION ecgsvc_append_only()"
            )

"""Who signed a version and what they say themselves; tombstones of what was erased.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COLUMNS = {
    "signer_subject": sa.String(255),
    "signer_name": sa.String(255),
    "signer_role": sa.String(255),
    "reason": sa.Text(),
    "signer_conclusion": sa.Text(),
    "might_supersede": sa.String(36),
}
KEPT = {"signer_codes": ["UPDATE"], "erasures": ["UPDATE", "DELETE"]}
SIGNER_INDEX = "ix_reports_tenant_signer_subject_effective_at_report_id"


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("reports", sa.Column(name, kind))
    op.create_index(
        SIGNER_INDEX, "reports", ["tenant", "signer_subject", "effective_at", "report_id"]
    )
    op.create_table(
        "signer_codes",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("report_id", sa.String(36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("system", sa.String(255), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant", "report_id", "version", "position", name=op.f("pk_signer_codes")
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "report_id", "version"],
            ["reports.tenant", "reports.report_id", "reports.version"],
            name=op.f("fk_signer_codes_reports"),
        ),
    )
    op.create_table(
        "erasures",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(36), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "kind", "name", name=op.f("pk_erasures")),
    )
    op.create_index("ix_erasures_tenant_sequence", "erasures", ["tenant", "sequence"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table, actions in KEPT.items():
        if is_sqlite:
            for action in actions:
                op.execute(
                    f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} "
                    f"ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        else:
            events = " OR ".join([*actions, "TRUNCATE"])
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE {events} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION ecgsvc_append_only()"
            )


def downgrade() -> None:
    op.drop_table("erasures")
    op.drop_table("signer_codes")
    op.drop_index(SIGNER_INDEX, "reports")
    for name in reversed(COLUMNS):
        op.drop_column("reports", name)

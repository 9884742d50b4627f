"""The outbox of deliveries to other systems.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("destination", sa.String(64), nullable=False),
        sa.Column("report_id", sa.String(36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("stream", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("lease", sa.String(36)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("answer", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant", "destination", "report_id", "version", name=op.f("pk_deliveries")
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "report_id", "version"],
            ["reports.tenant", "reports.report_id", "reports.version"],
            name=op.f("fk_deliveries_reports"),
        ),
    )
    for columns in (
        ["tenant", "destination", "state", "sequence"],
        ["tenant", "destination", "stream", "state", "sequence"],
        ["tenant", "report_id", "version"],
        ["state", "not_before"],
    ):
        op.create_index(op.f("_".join(("ix_deliveries", *columns))), "deliveries", columns)


def downgrade() -> None:
    op.drop_table("deliveries")

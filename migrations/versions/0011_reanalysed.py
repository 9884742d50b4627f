"""Other analyses beside signed reports are searched for.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NAME = "ix_reports_tenant_reanalysed"


def upgrade() -> None:
    op.create_index(
        NAME,
        "reports",
        ["tenant", "effective_at", "report_id"],
        sqlite_where=sa.text("might_supersede IS NOT NULL"),
        postgresql_where=sa.text("might_supersede IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(NAME, "reports")

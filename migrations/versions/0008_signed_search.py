"""What signed reports are searched by.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CODES = "ix_signer_codes_tenant_code_report_id_version"
DISAGREEING = "ix_reports_tenant_disagreeing"


def upgrade() -> None:
    op.create_index(CODES, "signer_codes", ["tenant", "code", "report_id", "version"])
    op.create_index(
        DISAGREEING,
        "reports",
        ["tenant", "effective_at", "report_id"],
        sqlite_where=sa.text("signer_conclusion IS NOT NULL"),
        postgresql_where=sa.text("signer_conclusion IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(DISAGREEING, "reports")
    op.drop_index(CODES, "signer_codes")

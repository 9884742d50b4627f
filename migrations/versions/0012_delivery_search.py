"""Reports are searched by the state of their deliveries.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_COLUMNS = ["tenant", "state", "report_id", "version"]
_NAME = "_".join(("ix_deliveries", *_COLUMNS))


def upgrade() -> None:
    op.create_index(op.f(_NAME), "deliveries", _COLUMNS)


def downgrade() -> None:
    op.drop_index(op.f(_NAME), "deliveries")

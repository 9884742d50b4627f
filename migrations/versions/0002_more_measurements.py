"""QTc after Framingham and Hodges, ST level.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("measurements", sa.Column("qtc_framingham_ms", sa.Float(), nullable=True))
    op.add_column("measurements", sa.Column("qtc_hodges_ms", sa.Float(), nullable=True))
    op.add_column("lead_amplitudes", sa.Column("st_j60_mv", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("lead_amplitudes", "st_j60_mv")
    op.drop_column("measurements", "qtc_hodges_ms")
    op.drop_column("measurements", "qtc_framingham_ms")

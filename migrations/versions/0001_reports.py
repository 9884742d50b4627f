"""Reports, their sources and everything stored with them.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ecgs",
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_ecgs")),
    )
    op.create_table(
        "identifiers",
        sa.Column("system", sa.String(length=255), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["ecgs.report_id"], name=op.f("fk_identifiers_ecgs")
        ),
        sa.PrimaryKeyConstraint("system", "value", name=op.f("pk_identifiers")),
    )
    op.create_table(
        "sources",
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("fhir_version", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_sources_version")),
        sa.ForeignKeyConstraint(
            ["report_id"], ["ecgs.report_id"], name=op.f("fk_sources_ecgs")
        ),
        sa.PrimaryKeyConstraint("report_id", "version", name=op.f("pk_sources")),
        sa.UniqueConstraint(
            "report_id", "sha256", name=op.f("uq_sources_report_id_sha256")
        ),
    )
    op.create_table(
        "reports",
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("subject_reference", sa.String(length=512), nullable=True),
        sa.Column("subject_system", sa.String(length=255), nullable=True),
        sa.Column("subject_value", sa.String(length=255), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("conclusion", sa.Text(), nullable=False),
        sa.Column("software_version", sa.String(length=64), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_reports_version")),
        sa.ForeignKeyConstraint(
            ["report_id", "source_version"],
            ["sources.report_id", "sources.version"],
            name=op.f("fk_reports_sources"),
        ),
        sa.PrimaryKeyConstraint("report_id", "version", name=op.f("pk_reports")),
        sa.UniqueConstraint(
            "report_id", "source_version", name=op.f("uq_reports_report_id_source_version")
        ),
    )
    op.create_index(
        op.f("ix_reports_effective_at_report_id"),
        "reports",
        ["effective_at", "report_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_reports_status_effective_at_report_id"),
        "reports",
        ["status", "effective_at", "report_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_reports_subject_reference_effective_at_report_id"),
        "reports",
        ["subject_reference", "effective_at", "report_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_reports_subject_value_effective_at_report_id"),
        "reports",
        ["subject_value", "effective_at", "report_id"],
        unique=False,
    )

    op.create_table(
        "documents",
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id", "version"],
            ["reports.report_id", "reports.version"],
            name=op.f("fk_documents_reports"),
        ),
        sa.PrimaryKeyConstraint(
            "report_id", "version", "kind", "position", name=op.f("pk_documents")
        ),
    )
    op.create_table(
        "findings",
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("system", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id", "version"],
            ["reports.report_id", "reports.version"],
            name=op.f("fk_findings_reports"),
        ),
        sa.PrimaryKeyConstraint(
            "report_id", "version", "position", name=op.f("pk_findings")
        ),
    )
    op.create_table(
        "lead_amplitudes",
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("lead", sa.Text(), nullable=False),
        sa.Column("r_amplitude_mv", sa.Float(), nullable=True),
        sa.Column("t_amplitude_mv", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["report_id", "version"],
            ["reports.report_id", "reports.version"],
            name=op.f("fk_lead_amplitudes_reports"),
        ),
        sa.PrimaryKeyConstraint(
            "report_id", "version", "position", name=op.f("pk_lead_amplitudes")
        ),
    )
    op.create_table(
        "measurements",
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("heart_rate_bpm", sa.Float(), nullable=True),
        sa.Column("rr_ms", sa.Float(), nullable=True),
        sa.Column("p_ms", sa.Float(), nullable=True),
        sa.Column("pr_ms", sa.Float(), nullable=True),
        sa.Column("qrs_ms", sa.Float(), nullable=True),
        sa.Column("qt_ms", sa.Float(), nullable=True),
        sa.Column("qtc_fridericia_ms", sa.Float(), nullable=True),
        sa.Column("qtc_bazett_ms", sa.Float(), nullable=True),
        sa.Column("p_axis_deg", sa.Float(), nullable=True),
        sa.Column("qrs_axis_deg", sa.Float(), nullable=True),
        sa.Column("t_axis_deg", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["report_id", "version"],
            ["reports.report_id", "reports.version"],
            name=op.f("fk_measurements_reports"),
        ),
        sa.PrimaryKeyConstraint("report_id", "version", name=op.f("pk_measurements")),
    )
    op.create_table(
        "report_codes",
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id", "version"],
            ["reports.report_id", "reports.version"],
            name=op.f("fk_report_codes_reports"),
        ),
        sa.PrimaryKeyConstraint(
            "report_id", "version", "code", name=op.f("pk_report_codes")
        ),
    )
    op.create_index(
        op.f("ix_report_codes_code_effective_at_report_id"),
        "report_codes",
        ["code", "effective_at", "report_id"],
        unique=False,
    )

    op.create_table(
        "report_models",
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id", "version"],
            ["reports.report_id", "reports.version"],
            name=op.f("fk_report_models_reports"),
        ),
        sa.PrimaryKeyConstraint(
            "report_id", "version", "position", name=op.f("pk_report_models")
        ),
    )
    op.create_table(
        "requests",
        sa.Column("request_id", sa.String(length=128), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id", "version"],
            ["reports.report_id", "reports.version"],
            name=op.f("fk_requests_reports"),
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_requests")),
    )


def downgrade() -> None:
    for table in (
        "requests",
        "report_models",
        "report_codes",
        "findings",
        "lead_amplitudes",
        "measurements",
        "documents",
        "reports",
        "sources",
        "identifiers",
        "ecgs",
    ):
        op.drop_table(table)

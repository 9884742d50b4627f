"""The tables, as `migrations/` builds them.

Rows are only ever inserted: a correction is a new version beside the old one, and only an
erasure takes rows away; outbox and jobs alone are work in progress and change. A report
bears the id of its ECG, so `report_id` names both. Every row belongs to a tenant, and every
key begins with it.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from ecgsvc.domain.measurements import MEASURED_NAMES

MAX_IDENTIFIER = 255
"""Longest system or value of an identifier, in characters: what an index entry holds."""

MAX_IDENTIFIERS = 100
"""Most identifiers one ECG may bring."""

MAX_REFERENCE = 512
"""Longest reference to a subject, in characters."""

MAX_REQUEST_ID = 128
"""Longest request id, in characters."""


MAX_PATH = 128
"""Longest name of what a report leaves open, in characters."""

MAX_TENANT = 64
"""Longest name of a tenant, in characters."""

MAX_SUBJECT = 255
"""Longest name of a caller, in characters."""

MAX_ANSWER = 255
"""Most of a receiver's answer that is kept, in characters."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, time-zone aware in Python and UTC in the database.

    SQLite has no time zones: the moment is kept as text in UTC, which sorts by time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Convert to UTC; `ValueError` for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a time to store needs a zone"
            raise ValueError(msg)
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

REPORT_KEY = ("tenant", "report_id", "version")


def _tenant() -> Column[str]:
    return Column("tenant", String(MAX_TENANT), nullable=False)


def _report_id() -> Column[str]:
    return Column("report_id", String(36), nullable=False)


def _version() -> Column[int]:
    return Column("version", Integer, nullable=False)


def _of_report() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        REPORT_KEY, ["reports.tenant", "reports.report_id", "reports.version"]
    )


def _of_ecg() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant", "report_id"], ["ecgs.tenant", "ecgs.report_id"])


ecgs = Table(
    "ecgs",
    metadata,
    _tenant(),
    _report_id(),
    Column("created_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("tenant", "report_id"),
)
"""One row per ECG, whatever number of times it was sent or corrected."""

identifiers = Table(
    "identifiers",
    metadata,
    _tenant(),
    Column("system", String(MAX_IDENTIFIER), nullable=False),
    Column("value", String(MAX_IDENTIFIER), nullable=False),
    _report_id(),
    _version(),
    PrimaryKeyConstraint("tenant", "system", "value"),
    _of_ecg(),
    Index(None, *REPORT_KEY),
)
"""Business identifiers of ECGs, and the report version each came with; a missing system is
the empty string, not NULL, so that the key holds."""

sources = Table(
    "sources",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("sha256", String(64), nullable=False),
    Column("fhir_version", String(16), nullable=False),
    Column("status", String(32), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint(*REPORT_KEY),
    UniqueConstraint("tenant", "report_id", "sha256"),
    _of_ecg(),
    CheckConstraint("version >= 1", name="version"),
)
"""The Observations exactly as received; `received_at` is when the store got them."""

reports = Table(
    "reports",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("source_version", Integer, nullable=False),
    Column("status", String(32), nullable=False),
    Column("subject_reference", String(MAX_REFERENCE)),
    Column("subject_system", String(MAX_IDENTIFIER)),
    Column("subject_value", String(MAX_IDENTIFIER)),
    Column("effective_at", UtcDateTime, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("conclusion", Text, nullable=False),
    Column("software_version", String(64), nullable=False),
    Column("salt", String(32), nullable=False),
    Column("signer_subject", String(MAX_SUBJECT)),
    Column("signer_name", String(MAX_IDENTIFIER)),
    Column("signer_role", String(MAX_IDENTIFIER)),
    Column("reason", Text),
    Column("signer_conclusion", Text),
    Column("might_supersede", String(36)),
    PrimaryKeyConstraint(*REPORT_KEY),
    ForeignKeyConstraint(
        ["tenant", "report_id", "source_version"],
        ["sources.tenant", "sources.report_id", "sources.version"],
    ),
    CheckConstraint("version >= 1", name="version"),
    Index(None, "tenant", "effective_at", "report_id"),
    Index(None, "tenant", "issued_at", "report_id"),
    Index(None, "tenant", "status", "effective_at", "report_id"),
    Index(None, "tenant", "subject_reference", "effective_at", "report_id"),
    Index(None, "tenant", "subject_value", "effective_at", "report_id"),
    Index(None, "tenant", "signer_subject", "effective_at", "report_id"),
    Index(
        "ix_reports_tenant_disagreeing",
        "tenant",
        "effective_at",
        "report_id",
        sqlite_where=text("signer_conclusion IS NOT NULL"),
        postgresql_where=text("signer_conclusion IS NOT NULL"),
    ),
    Index(
        "ix_reports_tenant_reanalysed",
        "tenant",
        "effective_at",
        "report_id",
        sqlite_where=text("might_supersede IS NOT NULL"),
        postgresql_where=text("might_supersede IS NOT NULL"),
    ),
)
"""Versions of reports, each on one version of the source. The subject's identifier is in
`subject_value`, with an empty `subject_system` when it has none. `salt` goes into the
digests that the trail keeps, so that nothing can be guessed from them after an erasure.

A version that a clinician made has a signer and a reason, and `signer_conclusion` where
they disagree with the machine; `conclusion` stays the machine's. `might_supersede` is the
signed report that a later analysis of the same bytes stands beside."""

documents = Table(
    "documents",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("kind", String(32), nullable=False),
    Column("position", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint(*REPORT_KEY, "kind", "position"),
    _of_report(),
)
"""The FHIR resources of a report version, byte for byte as they were answered."""

measurements = Table(
    "measurements",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("heart_rate_bpm", Float),
    Column("rr_ms", Float),
    Column("p_ms", Float),
    Column("pr_ms", Float),
    Column("qrs_ms", Float),
    Column("qt_ms", Float),
    Column("qtc_fridericia_ms", Float),
    Column("qtc_bazett_ms", Float),
    Column("qtc_framingham_ms", Float),
    Column("qtc_hodges_ms", Float),
    Column("p_axis_deg", Float),
    Column("qrs_axis_deg", Float),
    Column("t_axis_deg", Float),
    PrimaryKeyConstraint(*REPORT_KEY),
    _of_report(),
    *(Index(None, "tenant", name, "report_id", "version") for name in MEASURED_NAMES),
)
"""Global measurements; NULL is what could not be measured."""

lead_amplitudes = Table(
    "lead_amplitudes",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("position", Integer, nullable=False),
    Column("lead", Text, nullable=False),
    Column("r_amplitude_mv", Float),
    Column("t_amplitude_mv", Float),
    Column("st_j60_mv", Float),
    PrimaryKeyConstraint(*REPORT_KEY, "position"),
    _of_report(),
)
"""Amplitudes lead by lead; NULL is what could not be measured."""

findings = Table(
    "findings",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("position", Integer, nullable=False),
    Column("system", String(MAX_IDENTIFIER), nullable=False),
    Column("code", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("urgency", String(16)),
    PrimaryKeyConstraint(*REPORT_KEY, "position"),
    _of_report(),
)
"""What was found, in the order of the report; NULL urgency: no source grades it."""

report_codes = Table(
    "report_codes",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("code", String(64), nullable=False),
    Column("effective_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint(*REPORT_KEY, "code"),
    _of_report(),
    Index(None, "tenant", "code", "effective_at", "report_id", "version"),
)
"""Codes a report is listed by, its own and those of its findings, with its effective time:
the index reads a code's reports in the order of the list, however many they are."""

signer_codes = Table(
    "signer_codes",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("position", Integer, nullable=False),
    Column("system", String(MAX_IDENTIFIER), nullable=False),
    Column("code", String(64), nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint(*REPORT_KEY, "position"),
    _of_report(),
    Index(None, "tenant", "code", "report_id", "version"),
)
"""The signer's own findings, where they differ from the machine's; without any, and without
a `signer_conclusion`, the signer agrees."""

report_models = Table(
    "report_models",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    PrimaryKeyConstraint(*REPORT_KEY, "position"),
    _of_report(),
    Index(None, "tenant", "name", "model_version", "report_id", "version"),
    Index(None, "tenant", "model_version", "report_id", "version"),
)
"""Models behind a report; `sha256` is that of the ONNX file."""

undetermined = Table(
    "undetermined",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("path", String(MAX_PATH), nullable=False),
    Column("effective_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint(*REPORT_KEY, "path"),
    _of_report(),
    Index(None, "tenant", "path", "effective_at", "report_id", "version"),
)
"""What a report leaves open, single leads apart, with its effective time, as for codes."""

scores = Table(
    "scores",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("model", String(64), nullable=False),
    Column("label", String(64), nullable=False),
    Column("score", Float, nullable=False),
    PrimaryKeyConstraint(*REPORT_KEY, "model", "label"),
    _of_report(),
)
"""What models said of the whole recording, 0 to 1: the mean over its windows."""

demographics = Table(
    "demographics",
    metadata,
    _tenant(),
    _report_id(),
    _version(),
    Column("sex", String(16)),
    Column("age_years", Float),
    PrimaryKeyConstraint(*REPORT_KEY),
    _of_report(),
)
"""Sex and age of the patient as the models got them; no row where nobody told either."""

requests = Table(
    "requests",
    metadata,
    _tenant(),
    Column("request_id", String(MAX_REQUEST_ID), nullable=False),
    Column("request_sha256", String(64), nullable=False),
    _report_id(),
    _version(),
    Column("sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "request_id"),
    _of_report(),
    Index(None, *REPORT_KEY),
    Index(None, "tenant", "sequence"),
)
"""Idempotency keys, the report version each was answered with, and the audit event that
says so."""

deliveries = Table(
    "deliveries",
    metadata,
    _tenant(),
    Column("destination", String(64), nullable=False),
    _report_id(),
    _version(),
    Column("sequence", BigInteger, nullable=False),
    Column("stream", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("not_before", UtcDateTime, nullable=False),
    Column("leased_until", UtcDateTime),
    Column("lease", String(36)),
    Column("finished_at", UtcDateTime),
    Column("answer", String(MAX_ANSWER), nullable=False),
    PrimaryKeyConstraint("tenant", "destination", "report_id", "version"),
    _of_report(),
    Index(None, "tenant", "destination", "state", "sequence"),
    Index(None, "tenant", "destination", "stream", "state", "sequence"),
    Index(None, *REPORT_KEY),
    Index(None, "state", "not_before"),
    Index(None, "tenant", "state", "report_id", "version"),
)
"""The outbox: which version goes where, and how far it is. `sequence` is that of the
version's audit event, `stream` a digest of the patient, whose deliveries keep their order.
`created_at` is when the tries began, `lease` the worker that tries it now."""

jobs = Table(
    "jobs",
    metadata,
    _tenant(),
    Column("job_id", String(36), nullable=False),
    Column("subject", String(MAX_SUBJECT), nullable=False),
    Column("subject_name", String(MAX_IDENTIFIER), nullable=False),
    Column("roles", Text, nullable=False),
    Column("request_id", String(MAX_REQUEST_ID), nullable=False),
    Column("asks", String(64), nullable=False),
    Column("details", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("leased_until", UtcDateTime),
    Column("lease", String(36)),
    Column("finished_at", UtcDateTime),
    PrimaryKeyConstraint("tenant", "job_id"),
    Index(None, "finished_at", "created_at"),
    Index(None, "tenant", "finished_at"),
)
"""Requests that are answered later: whose they are, what they ask, and how they ended.
`body` may name a patient and is emptied when the job is done; `result` names none."""

patients = Table(
    "patients",
    metadata,
    _tenant(),
    Column("subject", String(MAX_REFERENCE), nullable=False),
    Column("pseudonym", String(36), nullable=False),
    Column("salt", String(32), nullable=False),
    PrimaryKeyConstraint("tenant", "subject"),
    UniqueConstraint("tenant", "pseudonym"),
)
"""What the audit trail calls a patient: a random pseudonym, which means nobody once its row
is erased. `subject` is the reference, or ``system|value`` of the identifier."""

audit_events = Table(
    "audit_events",
    metadata,
    _tenant(),
    Column("sequence", BigInteger, nullable=False),
    Column("event_id", String(36), nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("operation", String(32), nullable=False),
    Column("action", String(1), nullable=False),
    Column("outcome", String(2), nullable=False),
    Column("subject", String(MAX_SUBJECT), nullable=False),
    Column("report_id", String(36)),
    Column("report_version", Integer),
    Column("patient", String(36)),
    Column("request_id", String(MAX_REQUEST_ID), nullable=False),
    Column("event", LargeBinary, nullable=False),
    Column("contents", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    PrimaryKeyConstraint("tenant", "sequence"),
    UniqueConstraint("tenant", "event_id"),
    Index(None, "tenant", "report_id", "report_version"),
    Index(None, "tenant", "patient", "sequence"),
    Index(None, "tenant", "subject", "sequence"),
    Index(None, "tenant", "recorded_at"),
)
"""The audit trail, append-only by trigger. `event` is the AuditEvent; `contents` the
digests of the rows it describes, as JSON; `hash` covers all columns and `previous_hash`,
see `ecgsvc.trail`. `sequence` has no gaps."""

audit_heads = Table(
    "audit_heads",
    metadata,
    _tenant(),
    Column("size", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("checkpoint", Text, nullable=False),
    PrimaryKeyConstraint("tenant"),
)
"""The end of each tenant's trail: its size, its last hash, the subtrees of its Merkle tree,
and the checkpoint signed over them with a key outside the database."""

erasures = Table(
    "erasures",
    metadata,
    _tenant(),
    Column("kind", String(16), nullable=False),
    Column("name", String(36), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "kind", "name"),
    Index(None, "tenant", "sequence"),
)
"""Tombstones: which reports (by id) and patients (by pseudonym) were erased, and the audit
event that says so. What they said is gone; the digests stay in the trail."""

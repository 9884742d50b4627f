"""A role of PostgreSQL that can serve, and can neither change nor cut the trail."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from factories import CALLER, KEY, a_signing, a_source, an_identifier, open_store, submit
from sqlalchemy.engine import make_url

from ecgsvc.domain.audit import AuditQuery, RefusedCall
from ecgsvc.domain.delivery import Attempt, DeliveryState
from ecgsvc.domain.errors import StoreUnavailable
from ecgsvc.domain.export import ExportContent
from ecgsvc.domain.jobs import NewJob
from ecgsvc.domain.report import ReportQuery
from ecgsvc.store import ReportStore, TrailAuditor, grants
from ecgsvc.store.engine import make_engine
from ecgsvc.store.schema import metadata
from ecgsvc.trail import SigningKey

MINUTE = timedelta(minutes=1)
NEVER_ERASED = {"audit_events", "audit_heads", "erasures"}
CHANGING = {"audit_heads", "deliveries", "jobs"}


def execute(url: str, *statements: str) -> None:
    engine = make_engine(url, timeout_s=5.0)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture
def role_url(postgres_url: str) -> Iterator[Callable[[str], str]]:
    """Make a role with what some SQL grants it, and give its URL."""
    made: list[str] = []

    def make(sql: str) -> str:
        role = f"ecgsvc_{uuid.uuid4().hex[:12]}"
        made.append(role)
        execute(postgres_url, f"CREATE ROLE {role} LOGIN", sql.replace("ROLE_NAME", role))
        url = make_url(postgres_url).set(username=role)
        return url.render_as_string(hide_password=False)

    yield make
    for role in made:
        execute(postgres_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_all_that_a_server_does_works_under_its_role(
    role_url: Callable[[str], str], tmp_path: Path
) -> None:
    url = role_url(grants("ROLE_NAME"))
    with closing(open_store(url, routes=lambda _tenant, _status: ("ehr",))) as store:
        serve(store, tmp_path)
    with TrailAuditor.opened(url, [KEY.public]) as auditor:
        for tenant in auditor.tenants():
            assert auditor.verify(tenant).problems == ()
    with closing(open_store(url)) as store:
        assert CALLER.tenant in store.replace_key(CALLER, SigningKey.generate())


def serve(store: ReportStore, folder: Path) -> None:
    """Do with a store whatever the service does."""
    source = a_source(an_identifier())
    first = submit(store, source, request_id="r")
    submit(store, source, request_id="s")
    submit(store, replace(source, status="amended", sha256="ab" * 32), request_id="t")
    other = submit(store, a_source(subject_reference="Patient/2"))
    signed = store.add_signed(CALLER, a_signing(other, conclusion="No."))
    store.get(CALLER, signed.report_id)
    store.list(CALLER, ReportQuery(code="426783006"))
    store.versions(CALLER, first.report_id)
    export = store.export(CALLER, ReportQuery(), ExportContent.VALUES, details={})
    assert len(list(export.reports)) == 2
    delivery = store.claim_delivery(CALLER, "ehr", MINUTE)
    assert delivery is not None
    store.settle_delivery(CALLER, delivery, Attempt(DeliveryState.DELIVERED, "201"))
    store.add_job(CALLER, NewJob("j1", "batch", {}, b"{}"))
    job = store.claim_job(MINUTE)
    assert job is not None
    assert store.renew_job(job, MINUTE)
    assert store.settle_job(job, b"{}")
    store.cancel_job(CALLER, "j1")
    refused = RefusedCall("e1", datetime.now(UTC), CALLER, "/m", "FORBIDDEN")
    store.record_refusals([refused])
    store.audit_events(CALLER, AuditQuery())
    assert store.verify_trail(CALLER, []).problems == ()
    assert store.keep_checkpoints(folder)
    store.adopt(replace(CALLER, tenant="north"))
    assert store.erase_patient(CALLER, "Patient/1") == 1
    assert store.expire(CALLER, datetime.now(UTC)) == 1


def test_it_can_neither_change_nor_delete_nor_switch_triggers_off(
    role_url: Callable[[str], str],
) -> None:
    url = role_url(grants("ROLE_NAME"))
    with closing(open_store(url)) as store:
        submit(store, a_source(an_identifier()))
    names = {table.name for table in metadata.sorted_tables}
    forbidden = [
        *(f"UPDATE {name} SET tenant = 'x'" for name in names - CHANGING),
        *(f"DELETE FROM {name}" for name in NEVER_ERASED),
        *(f"TRUNCATE {name} CASCADE" for name in names),
        *(f"DROP TABLE {name} CASCADE" for name in names),
        "DROP TRIGGER audit_events_append_only ON audit_events",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "ALTER TABLE audit_events OWNER TO CURRENT_USER",
        "CREATE TRIGGER t BEFORE INSERT ON audit_events EXECUTE FUNCTION f()",
        "CREATE OR REPLACE FUNCTION ecgsvc_append_only() RETURNS trigger "
        "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "DROP FUNCTION ecgsvc_append_only() CASCADE",
        "SET session_replication_role = replica",
        "CREATE TABLE public.other (x int)",
        "UPDATE alembic_version SET version_num = 'x'",
    ]
    assert_refused(url, forbidden)


def test_an_auditors_role_reads_and_nothing_else(
    role_url: Callable[[str], str], postgres_url: str
) -> None:
    with closing(open_store(postgres_url)) as store:
        submit(store, a_source(an_identifier()))
    url = role_url(grants("ROLE_NAME", read_only=True))
    with TrailAuditor.opened(url, [KEY.public]) as auditor:
        assert auditor.verify("default").problems == ()
        assert len(list(auditor.export("default"))) == 3
    with (
        closing(open_store(url)) as powerless,
        pytest.raises(StoreUnavailable, match="42501"),
    ):
        submit(powerless, a_source())
    names = [table.name for table in metadata.sorted_tables]
    assert_refused(url, [f"DELETE FROM {name}" for name in names])


def assert_refused(url: str, statements: list[str]) -> None:
    engine = make_engine(url, timeout_s=5.0)
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError) as refused, engine.begin() as connection:
            connection.exec_driver_sql(statement)
        assert refused.value.orig.sqlstate == "42501", statement
    engine.dispose()


def test_the_command_prints_what_is_granted() -> None:
    command = [sys.executable, "-m", "ecgsvc", "database", "grants", 'a "role"']
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == grants('a "role"')
    assert 'TO "a ""role"""' in done.stdout

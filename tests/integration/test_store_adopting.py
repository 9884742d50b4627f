"""A database of an older version comes up with its data, and under the trail."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from factories import CALLER, KEY, a_source, an_identifier, open_store, submit
from sqlalchemy.engine import make_url

from ecgsvc.domain.errors import StoreUnavailable
from ecgsvc.domain.report import Identifier, ReportQuery
from ecgsvc.store import TrailAuditor, current_revision, migrate
from ecgsvc.store.migrations import newest_revision

T = "'2026-03-04 09:00:00.000000+00:00'"
OLD_ROWS = {
    "ecgs (report_id, created_at)": f"'r1', {T}",
    "identifiers (system, value, report_id)": "'urn:e', 'e1', 'r1'",
    "sources (report_id, version, sha256, fhir_version, status, received_at, body)": (
        f"'r1', 1, 'ab', '4.0.1', 'final', {T}, %BODY%"
    ),
    "reports (report_id, version, source_version, status, subject_reference, "
    "effective_at, issued_at, conclusion, software_version)": (
        f"'r1', 1, 1, 'preliminary', 'Patient/1', {T}, {T}, 'Sinus rhythm.', '0.1.0'"
    ),
    **{
        f"documents (report_id, version, kind, position, body) /* {kind} {n} */": (
            f"'r1', 1, '{kind}', {n}, %BODY%"
        )
        for kind, n in (
            ("diagnostic_report", 0), ("observation", 0), ("observation", 1),
            ("provenance", 0), ("device", 0),
        )
    },
    "measurements (report_id, version, heart_rate_bpm)": "'r1', 1, 71.5",
    "lead_amplitudes (report_id, version, position, lead)": "'r1', 1, 0, 'II'",
    "findings (report_id, version, position, system, code, text)": (
        "'r1', 1, 0, 'http://snomed.info/sct', '426783006', 'Sinus rhythm'"
    ),
    "report_codes (report_id, version, code, effective_at)": f"'r1', 1, '426783006', {T}",
    "report_models (report_id, version, position, name, model_version, sha256)": (
        "'r1', 1, 0, 'beats', '1.0.0', 'cd'"
    ),
    "requests (request_id, request_sha256, report_id, version)": "'q1', 'ef', 'r1', 1",
}  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database at the last revision without tenants, with a report in every table."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'old.db'}"
        body, without_zone = "x'7b7d'", "+00:00"
    else:
        make: Callable[[], str] = request.getfixturevalue("empty_postgres")
        url, body, without_zone = make(), "'\\x7b7d'", ""
    migrate(url, "0003")
    connection = connected(url)
    for table, values in OLD_ROWS.items():
        written = values.replace("%BODY%", body)
        if without_zone:
            written = written.replace(without_zone, "")
        connection.execute(f"INSERT INTO {table} VALUES ({written})")
    connection.commit()
    connection.close()
    return url


def connected(url: str) -> Any:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        connection = sqlite3.connect(str(parsed.database))
        connection.execute("PRAGMA foreign_keys = ON")
        return connection
    plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain)


def problems(url: str) -> list[str]:
    with TrailAuditor.opened(url, [KEY.public]) as auditor:
        return [p.text for t in auditor.tenants() for p in auditor.verify(t).problems]


def test_each_revision_goes_up_and_down_and_up_with_data(old_url: str) -> None:
    while current_revision(old_url) != newest_revision():
        migrate(old_url, "+1")
        migrate(old_url, "-1")
        migrate(old_url, "+1")
    store = open_store(old_url)
    [report] = store.list(CALLER, ReportQuery(code="426783006")).reports
    assert (report.report_id, report.conclusion) == ("r1", "Sinus rhythm.")
    assert store.get_with_source(CALLER, "r1", 1)[1] == b"{}"
    store.close()
    migrate(old_url, "0003")
    connection = connected(old_url)
    for table in ("ecgs", "sources", "reports", "measurements", "requests"):
        [count] = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert count == 1, table
    connection.close()


def test_what_was_there_before_is_adopted_once_and_then_vouched_for(old_url: str) -> None:
    migrate(old_url)
    store = open_store(old_url)
    assert store.adopt(CALLER) == 1
    assert store.adopt(CALLER) == 0
    assert problems(old_url) == []
    stored = submit(store, a_source(Identifier("urn:e", "e1"), status="amended"))
    assert (stored.report_id, stored.version) == ("r1", 2)
    assert problems(old_url) == []
    store.close()
    connection = connected(old_url)
    connection.execute("DELETE FROM findings")
    connection.commit()
    connection.close()
    assert "findings" in problems(old_url)[0]


def test_without_adoption_it_is_said_that_no_event_vouches_for_it(old_url: str) -> None:
    migrate(old_url)
    assert any("reports is in no event" in text for text in problems(old_url))


def test_a_downgrade_that_would_lose_a_signed_version_is_refused(old_url: str) -> None:
    migrate(old_url)
    store = open_store(old_url)
    submit(store, a_source(an_identifier()), caller=CALLER.__class__("north", "n"))
    store.close()
    with pytest.raises(StoreUnavailable):
        migrate(old_url, "0003")
    assert current_revision(old_url) == newest_revision()

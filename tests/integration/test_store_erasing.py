"""Erasure takes a patient away everywhere, and the trail still verifies."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from factories import CALLER, KEY, a_signing, a_source, an_identifier, submit

from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import ReportNotFound
from ecgsvc.domain.report import Identifier, ReportQuery
from ecgsvc.store import ReportStore, TrailAuditor
from ecgsvc.store.engine import make_engine
from ecgsvc.store.schema import metadata

SECRET = "secret-4711"


def everything(url: str) -> str:
    engine = make_engine(url, timeout_s=5.0)
    with engine.connect() as connection:
        rows = [connection.execute(sa.select(t)).all() for t in metadata.sorted_tables]
    engine.dispose()
    return str(rows)


def problems(url: str) -> list[str]:
    with TrailAuditor.opened(url, [KEY.public]) as auditor:
        return [
            p.text for tenant in auditor.tenants() for p in auditor.verify(tenant).problems
        ]


def test_an_erased_patient_is_nowhere_and_the_trail_verifies(
    store: ReportStore, database_url: str
) -> None:
    other = submit(store, a_source(subject_reference="Patient/2"))
    source = a_source(
        an_identifier(f"{SECRET}-ecg"),
        subject_reference=f"Patient/{SECRET}",
        subject_identifier=Identifier("urn:mrn", SECRET),
        content=SECRET.encode(),
    )
    stored = submit(store, source, request_id="r")
    store.add_signed(CALLER, a_signing(stored, conclusion=SECRET))
    store.list(CALLER, ReportQuery(patient=f"Patient/{SECRET}"))
    assert SECRET in everything(database_url)
    assert store.erase_patient(CALLER, f"urn:mrn|{SECRET}") == 1
    assert SECRET not in everything(database_url)
    with pytest.raises(ReportNotFound):
        store.get(CALLER, stored.report_id)
    assert store.get(CALLER, other.report_id) == other
    assert problems(database_url) == []


def test_a_patient_known_by_two_names_keeps_the_one_that_is_left(
    store: ReportStore, database_url: str
) -> None:
    mrn = Identifier("urn:mrn", "1")
    submit(store, a_source(subject_reference="Patient/1", subject_identifier=mrn))
    left = submit(store, a_source(subject_reference="Patient/1"))
    assert store.erase_patient(CALLER, "urn:mrn|1") == 1
    assert store.get(CALLER, left.report_id) == left
    assert "'Patient/1'" in everything(database_url)
    assert problems(database_url) == []


def test_nothing_of_another_tenant_is_erased(store: ReportStore, database_url: str) -> None:
    stored = submit(store, a_source())
    assert store.erase_patient(Caller("north", "op"), "Patient/1") == 0
    assert store.erase_patient(CALLER, "Patient/\ud800") == 0
    assert store.get(CALLER, stored.report_id) == stored
    assert problems(database_url) == []


def test_what_is_older_than_the_retention_expires(
    store: ReportStore, database_url: str
) -> None:
    old, new = (
        submit(store, a_source(subject_reference=f"Patient/{name}")) for name in "ab"
    )
    assert store.expire(CALLER, old.effective_at) == 0
    assert store.expire(CALLER, old.effective_at + timedelta(seconds=1)) == 2
    assert store.expire(CALLER, new.effective_at + timedelta(seconds=1)) == 0
    assert problems(database_url) == []


def test_an_erased_ecg_that_comes_again_is_a_new_one(
    store: ReportStore, database_url: str
) -> None:
    source = a_source(an_identifier())
    stored = submit(store, source, request_id="r")
    store.erase_patient(CALLER, "Patient/1")
    assert submit(store, source, request_id="r").report_id != stored.report_id
    assert problems(database_url) == []

"""The patient's ECG before: whose, which version, and what is kept of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from factories import (
    CALLER,
    SINUS_RHYTHM,
    a_report,
    a_source,
    an_analysis,
    an_identifier,
    submit,
)

from ecgsvc.domain.errors import ReportNotFound
from ecgsvc.domain.report import EcgSource, Identifier, ReportSlot
from ecgsvc.domain.serial import SerialComparison
from ecgsvc.store import ReportStore
from ecgsvc.store.schema import audit_events
from tests.integration.test_store_trail import rows

NEW = "00000000-0000-4000-8000-000000000000"
PATIENT = Identifier("urn:hospital:patient", "4711")


def at(day: int, **more: object) -> EcgSource:
    return a_source(effective_at=datetime(2026, 3, day, 9, tzinfo=UTC), **more)  # type: ignore[arg-type]


def test_the_newest_earlier_one_with_its_values_findings_and_models(
    store: ReportStore,
) -> None:
    submit(store, at(1, subject_reference="Patient/serial"))
    second = submit(store, at(2, subject_reference="Patient/serial"))
    submit(store, at(4, subject_reference="Patient/serial"))
    found = store.previous_of(CALLER, at(3, subject_reference="Patient/serial"), NEW)
    assert found is not None
    assert found.report_id == second.report_id
    assert found.effective_at == second.effective_at
    analysis = an_analysis()
    assert found.measurements.pr_ms == analysis.measurements.pr_ms
    assert found.measurements.p_axis_deg is None
    assert [(f.code, f.text) for f in found.findings] == [
        (SINUS_RHYTHM.code, SINUS_RHYTHM.display)
    ]
    assert found.models == (("beats", "1.0.0"),)
    assert store.measured(CALLER, second.report_id) == found


def test_nobody_else_is_compared_with(store: ReportStore) -> None:
    own = submit(store, at(1, subject_reference="Patient/own"))
    asked = at(3, subject_reference="Patient/own")
    assert store.previous_of(
        CALLER, replace(asked, subject_reference="Patient/x"), NEW
    ) is (None)
    other = replace(CALLER, tenant="elsewhere")
    assert store.previous_of(other, asked, NEW) is None
    assert store.previous_of(CALLER, asked, own.report_id) is None
    assert store.previous_of(CALLER, at(1, subject_reference="Patient/own"), NEW) is None
    unnamed = replace(asked, subject_reference=None)
    assert store.previous_of(CALLER, unnamed, NEW) is None


def test_an_identifier_names_the_patient_with_its_system(store: ReportStore) -> None:
    mine = submit(store, at(1, subject_reference=None, subject_identifier=PATIENT))
    asked = at(2, subject_reference=None, subject_identifier=PATIENT)
    found = store.previous_of(CALLER, asked, NEW)
    assert found is not None
    assert found.report_id == mine.report_id
    elsewhere = replace(asked, subject_identifier=Identifier("urn:other", PATIENT.value))
    assert store.previous_of(CALLER, elsewhere, NEW) is None


def test_the_latest_version_counts_and_a_retracted_one_does_not(store: ReportStore) -> None:
    name = an_identifier()
    who = {"subject_reference": "Patient/versions"}
    submit(store, at(1, **who))
    first = submit(store, a_source(name, effective_at=at(2).effective_at, **who))
    amended = a_source(name, status="amended", effective_at=at(2).effective_at, **who)
    second = submit(store, amended)
    assert second.report_id == first.report_id
    found = store.previous_of(CALLER, at(3, **who), NEW)
    assert found is not None
    assert (found.report_id, found.version) == (first.report_id, 2)
    again = a_source(name, status="corrected", effective_at=at(2).effective_at, **who)
    submit(store, again, status="entered-in-error")
    older = store.previous_of(CALLER, at(3, **who), NEW)
    assert older is not None
    assert older.report_id != first.report_id


def test_what_does_not_exist_is_not_found(store: ReportStore) -> None:
    with pytest.raises(ReportNotFound):
        store.measured(CALLER, NEW)


def test_the_trail_says_with_what_a_report_was_compared(
    store: ReportStore, database_url: str
) -> None:
    source = at(5, subject_reference="Patient/trail")
    slot = store.lookup(CALLER, "", source.sha256, source)
    assert isinstance(slot, ReportSlot)
    new = a_report(slot, source)
    serial = SerialComparison("earlier", 3, source.effective_at)
    store.add(CALLER, replace(new, analysis=replace(new.analysis, serial=serial)))
    event = rows(database_url, audit_events)[-1]
    assert "earlier/3" in str(dict(event))

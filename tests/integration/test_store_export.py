"""Exports read everything once, the oldest report first, and leave one event."""

from datetime import timedelta

import pytest
from factories import CALLER
from searched import BEGIN, Searched, store_many
from sqlalchemy import func, select

from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.export import ExportContent, ExportedReport
from ecgsvc.domain.report import ReportQuery
from ecgsvc.store import ReportStore, exporting, schema

OTHER = Caller("other", "tester", roles=CALLER.roles)
FORM = {"form": "test"}
EVERYTHING = ReportQuery()


def exported(
    store: ReportStore,
    query: ReportQuery = EVERYTHING,
    content: ExportContent = ExportContent.VALUES,
    *,
    after: str = "",
    caller: Caller = CALLER,
) -> list[ExportedReport]:
    export = store.export(caller, query, content, details=FORM, after=after)
    found = list(export.reports)
    assert len(found) == export.n_reports
    return found


def ids(reports: list[ExportedReport]) -> list[str]:
    return [each.report.report_id for each in reports]


def by_issue(reports: list[Searched]) -> list[str]:
    keyed = sorted((each.stored.issued_at, each.stored.report_id) for each in reports)
    return [report_id for _, report_id in keyed]


@pytest.fixture
def reports(store: ReportStore, monkeypatch: pytest.MonkeyPatch) -> list[Searched]:
    monkeypatch.setattr(exporting, "PAGE_SIZE", 4)
    return store_many(store, 10)


def test_all_reports_come_once_and_in_order(
    store: ReportStore, reports: list[Searched]
) -> None:
    assert ids(exported(store)) == by_issue(reports)


def test_what_is_told_is_what_was_stored(
    store: ReportStore, reports: list[Searched]
) -> None:
    by_id = {each.stored.report_id: each for each in reports}
    for each in exported(store, content=ExportContent.RESOURCES_AND_ECGS):
        stored, new = by_id[each.report.report_id].stored, by_id[each.report.report_id].new
        assert each.report == stored
        assert each.source == new.source.body
        assert each.measurements["qrs_ms"] == new.analysis.measurements.qrs_ms
        assert [f.code for f in each.findings] == [
            f.coding.code for f in new.analysis.findings
        ]
        assert set(each.undetermined) == {u.path for u in new.analysis.undetermined}
        assert each.models == new.analysis.models
        assert (each.sex, each.age_years) == (new.sex, new.age_years)


def test_values_come_without_documents_and_ecgs(
    store: ReportStore, reports: list[Searched]
) -> None:
    for each in exported(store):
        assert each.report.documents.diagnostic_report == b""
        assert each.source is None


def test_an_export_goes_on_after_any_report(
    store: ReportStore, reports: list[Searched]
) -> None:
    whole = exported(store)
    for number, each in enumerate(whole, start=1):
        assert ids(exported(store, after=each.cursor)) == ids(whole)[number:]


def test_what_is_stored_meanwhile_comes_at_the_end(
    store: ReportStore, reports: list[Searched]
) -> None:
    before = exported(store)
    [later] = store_many(store, 1, seed=9, first=500, begin=BEGIN + timedelta(days=900))
    assert ids(exported(store, after=before[-1].cursor)) == [later.stored.report_id]


def test_a_filter_and_a_tenant_bound_an_export(
    store: ReportStore, reports: list[Searched]
) -> None:
    assert exported(store, caller=OTHER) == []
    final = ReportQuery(status="final")
    wanted = [each for each in reports if each.new.status == "final"]
    assert ids(exported(store, final)) == by_issue(wanted)
    cursor = exported(store)[0].cursor
    for query, caller in ((final, CALLER), (ReportQuery(), OTHER)):
        with pytest.raises(InvalidRequest, match="page token"):
            exported(store, query, after=cursor, caller=caller)


def test_an_export_leaves_one_event_that_names_no_patient(
    store: ReportStore, reports: list[Searched]
) -> None:
    events = schema.audit_events.c
    with store._reading() as connection:  # what no method tells yet
        before = connection.scalar(select(func.max(events.sequence)))
    exported(store, ReportQuery(patient="Patient/1"))
    with store._reading() as connection:
        query = select(events.operation, events.event).where(events.sequence > before)
        [(operation, event)] = connection.execute(query).all()
    assert operation == "export"
    assert b"Patient/1" not in event


def test_it_is_read_as_far_as_it_is_asked(
    store: ReportStore, reports: list[Searched]
) -> None:
    export = store.export(CALLER, ReportQuery(), ExportContent.VALUES, details=FORM)
    assert export.n_reports == 10
    assert next(export.reports).report.report_id == by_issue(reports)[0]

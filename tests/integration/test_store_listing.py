"""Reports are found by patient, time, code and status, page by page."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from factories import CALLER, SINUS_RHYTHM, a_source, an_identifier, submit

from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.findings import SNOMED_CT, Coding
from ecgsvc.domain.report import Identifier, ReportQuery, StoredReport
from ecgsvc.store import ReportStore

ATRIAL_FIBRILLATION = Coding(SNOMED_CT, "164889003", "Atrial fibrillation")
DAY = datetime(2026, 3, 4, tzinfo=UTC)


def pages(store: ReportStore, query: ReportQuery) -> Iterator[tuple[StoredReport, ...]]:
    while True:
        page = store.list(CALLER, query)
        yield page.reports
        if not page.next_page_token:
            return
        query = replace(query, page_token=page.next_page_token)


def ids(store: ReportStore, **terms: object) -> list[str]:
    query = ReportQuery(**terms)  # type: ignore[arg-type]  # keywords of the query
    return [report.report_id for page in pages(store, query) for report in page]


def test_an_empty_store_lists_nothing(store: ReportStore) -> None:
    page = store.list(CALLER, ReportQuery())
    assert page.reports == ()
    assert page.next_page_token == ""


def test_the_newest_ecg_comes_first(store: ReportStore) -> None:
    hours = [5, 1, 9, 3]
    by_hour = {
        hour: submit(store, a_source(effective_at=DAY + timedelta(hours=hour))).report_id
        for hour in hours
    }
    assert ids(store) == [by_hour[hour] for hour in sorted(hours, reverse=True)]


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 8])
def test_pages_cover_everything_once_even_at_equal_times(
    store: ReportStore, page_size: int
) -> None:
    stored = [
        submit(store, a_source(effective_at=DAY + timedelta(hours=number // 3)))
        for number in range(7)
    ]
    expected = sorted(stored, key=lambda r: (r.effective_at, r.report_id), reverse=True)
    for query in (
        ReportQuery(),
        ReportQuery(code="11524-6"),
        ReportQuery(patient="Patient/1"),
    ):
        found = list(pages(store, replace(query, page_size=page_size)))
        assert [report for page in found for report in page] == expected
        assert len(found) == -(-7 // page_size)


def test_what_is_stored_meanwhile_moves_no_page(store: ReportStore) -> None:
    for hour in range(4):
        submit(store, a_source(effective_at=DAY + timedelta(hours=hour)))
    before = ids(store)
    first = store.list(CALLER, ReportQuery(page_size=2))
    submit(store, a_source(effective_at=DAY + timedelta(hours=99)))
    second = store.list(CALLER, ReportQuery(page_size=2, page_token=first.next_page_token))
    assert [r.report_id for r in (*first.reports, *second.reports)] == before


def test_only_the_latest_version_is_listed_and_by_its_own_values(
    store: ReportStore,
) -> None:
    identifier = an_identifier()
    submit(store, a_source(identifier, subject_reference="Patient/wrong"))
    right = a_source(identifier, status="corrected", subject_reference="Patient/right")
    second = submit(store, right, findings=(ATRIAL_FIBRILLATION,))
    assert store.list(CALLER, ReportQuery()).reports == (second,)
    assert ids(store, patient="Patient/right") == [second.report_id]
    assert ids(store, patient="Patient/wrong") == []
    assert ids(store, code=SINUS_RHYTHM.code) == []


def test_patients_are_found_by_reference_and_by_identifier(store: ReportStore) -> None:
    by_reference = submit(store, a_source(subject_reference="Patient/7")).report_id
    with_system = submit(
        store,
        a_source(subject_reference=None, subject_identifier=Identifier("urn:mrn", "7")),
    ).report_id
    without_system = submit(
        store, a_source(subject_reference=None, subject_identifier=Identifier(None, "7"))
    ).report_id
    assert ids(store, patient="Patient/7") == [by_reference]
    assert ids(store, patient="urn:mrn|7") == [with_system]
    assert ids(store, patient="|7") == [without_system]
    assert set(ids(store, patient="7")) == {with_system, without_system}
    assert ids(store, patient="Patient/70") == []


def test_the_range_of_times_is_half_open(store: ReportStore) -> None:
    reports = [
        submit(store, a_source(effective_at=DAY + timedelta(hours=hour))).report_id
        for hour in range(4)
    ]
    found = ids(
        store,
        effective_from=DAY + timedelta(hours=1),
        effective_before=DAY + timedelta(hours=3),
    )
    assert found == [reports[2], reports[1]]


def test_codes_and_status_narrow_the_list(store: ReportStore) -> None:
    sinus = submit(store, a_source()).report_id
    fibrillation = submit(store, a_source(), findings=(ATRIAL_FIBRILLATION,)).report_id
    signed = submit(store, a_source(), status="final").report_id
    assert ids(store, code=ATRIAL_FIBRILLATION.code) == [fibrillation]
    assert set(ids(store, code="11524-6")) == {sinus, fibrillation, signed}
    assert ids(store, status="final") == [signed]
    assert ids(store, status="final", code=ATRIAL_FIBRILLATION.code) == []
    assert ids(store, patient="Patient/1", code=ATRIAL_FIBRILLATION.code) == [fibrillation]
    assert ids(store, patient="Patient/2", code=ATRIAL_FIBRILLATION.code) == []


@pytest.mark.parametrize("text", ["nul\0", "\ud800", "'; DROP TABLE ecgs; --", "%", ""])
def test_odd_filters_match_nothing(store: ReportStore, text: str) -> None:
    submit(store, a_source())
    assert (
        ids(store, patient=text) == ids(store, code=text) == ids(store, status=text) == []
    )


def test_a_token_belongs_to_its_filter(store: ReportStore) -> None:
    for _ in range(3):
        submit(store, a_source())
    token = store.list(CALLER, ReportQuery(page_size=1)).next_page_token
    store.list(CALLER, ReportQuery(page_size=2, page_token=token))
    for other in (
        ReportQuery(patient="Patient/1"),
        ReportQuery(code="11524-6"),
        ReportQuery(status="preliminary"),
        ReportQuery(effective_from=DAY),
        ReportQuery(effective_before=DAY + timedelta(days=2)),
    ):
        with pytest.raises(InvalidRequest, match="page token"):
            store.list(CALLER, replace(other, page_token=token))


def test_a_damaged_token_is_refused(store: ReportStore) -> None:
    for _ in range(2):
        submit(store, a_source())
    token = store.list(CALLER, ReportQuery(page_size=1)).next_page_token
    damaged = {
        token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        for at in range(0, len(token) - 1, 5)
    }
    for bad in (*damaged, token[:-4], "x", "é", "====", "AAAA" * 10, "\ud800"):
        with pytest.raises(InvalidRequest, match="page token"):
            store.list(CALLER, ReportQuery(page_token=bad))


@pytest.mark.parametrize("page_size", [0, -1])
def test_a_page_of_nothing_is_refused(store: ReportStore, page_size: int) -> None:
    with pytest.raises(InvalidRequest, match="page_size"):
        store.list(CALLER, ReportQuery(page_size=page_size))


def test_a_page_is_at_most_a_thousand(store: ReportStore) -> None:
    submit(store, a_source())
    assert len(store.list(CALLER, ReportQuery(page_size=10**9)).reports) == 1

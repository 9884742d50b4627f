"""Search parameters to questions of the store."""

from datetime import UTC, datetime

import pytest

from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.http.searching import parse_search


def dates(*values: str) -> tuple[datetime | None, datetime | None]:
    asked = [("date", value) for value in values]
    query = parse_search(asked, resource="DiagnosticReport").query
    return query.effective_from, query.effective_before


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        (["2026"], utc(2026, 1, 1), utc(2027, 1, 1)),
        (["2024"], utc(2024, 1, 1), utc(2025, 1, 1)),
        (["2026-02"], utc(2026, 2, 1), utc(2026, 3, 1)),
        (["2026-11-28"], utc(2026, 11, 28), utc(2026, 11, 29)),
        (["eq2026-11-28T10:00:00+01:00"], utc(2026, 11, 28, 9), utc(2026, 11, 28, 9, 0, 1)),
        (["2026-11-28T10:00Z"], utc(2026, 11, 28, 10), utc(2026, 11, 28, 10, 1)),
        (["ge2026-11-01", "lt2026-12-01"], utc(2026, 11, 1), utc(2026, 12, 1)),
        (["gt2026-11-01"], utc(2026, 11, 2), None),
        (["le2026-11-01"], None, utc(2026, 11, 2)),
        (["ge2026-11-01", "ge2026-11-05"], utc(2026, 11, 5), None),
        (["lt2026-11-09", "le2026-11-05"], None, utc(2026, 11, 6)),
    ],
)
def test_a_date_stands_for_the_whole_time_it_names(
    asked: list[str], first: datetime | None, last: datetime | None
) -> None:
    assert dates(*asked) == (first, last)


@pytest.mark.parametrize(
    "value",
    ["", "yesterday", "2026-13", "2026-02-30", "ne2026", "2026-11-28T10:00", "9999"],
)
def test_what_is_no_date_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match="date must be a date"):
        dates(value)


@pytest.mark.parametrize(
    ("value", "patient"),
    [("Patient/1", "Patient/1"), ("1", "Patient/1"), ("urn:x|7", "urn:x|7")],
)
def test_a_patient_is_named_by_reference_or_identifier(value: str, patient: str) -> None:
    for name in ("patient", "subject"):
        search = parse_search([(name, value)], resource="Observation")
        assert search.query.patient == patient


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([("colour", "red")], "colour is not known"),
        ([("\x01évil", "x")], "a parameter is not known"),
        ([("_count", "0")], "_count must be"),
        ([("_count", "ten")], "_count must be"),
        ([("status", "final"), ("status", "amended")], "status is given once"),
        ([("patient", "1"), ("subject", "1")], "exclude"),
        ([("patient", "")], "patient must be"),
        ([("_include", "Observation:subject")], "_include takes"),
        ([("patient", "a\0b")], "cannot be stored"),
    ],
)
def test_a_search_that_cannot_be_answered_as_asked_is_refused(
    parameters: list[tuple[str, str]], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        parse_search(parameters, resource="DiagnosticReport")


def test_codes_may_name_their_system() -> None:
    search = parse_search([("code", "http://loinc.org|34534-8")], resource="Observation")
    assert search.code == ("http://loinc.org", "34534-8")
    assert search.query.code is None
    report = parse_search([("code", "164889003")], resource="DiagnosticReport")
    assert report.query.code == "164889003"


def test_pages_are_bounded() -> None:
    assert parse_search([], resource="Observation").query.page_size == 50
    asked = parse_search([("_count", "999999")], resource="Observation")
    assert asked.query.page_size == 1000

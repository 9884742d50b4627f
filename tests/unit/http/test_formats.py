"""Media types of clients to formats and FHIR versions."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.http.errors import NotServed
from ecgsvc.http.formats import media_type, sent_version, wanted_version


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        ("", None),
        ("*/*", None),
        ("application/*;q=0.1", None),
        ("APPLICATION/FHIR+JSON; FHIRVERSION=5.0", "5.0.0"),
        ('application/json;fhirVersion="4.3"', "4.3.0"),
        (f"{media_type('5.0.0')};q=0.4,{media_type('4.0.1')};q=0.5", "4.0.1"),
        (f"text/html;q=nonsense, {media_type('4.3.0')}", "4.3.0"),
    ],
)
def test_the_most_wanted_of_what_is_served(accept: str, version: str | None) -> None:
    assert wanted_version({"accept": accept}) == version


@pytest.mark.parametrize(
    "accept", ["text/html", "application/fhir+xml", "application/json;fhirVersion=3.0"]
)
def test_what_is_not_served_is_refused(accept: str) -> None:
    with pytest.raises(NotServed) as refused:
        wanted_version({"accept": accept})
    assert refused.value.status == 406
    assert wanted_version({"accept": accept}, "json") is None


def test_lines_of_json_are_served_where_there_are_any() -> None:
    lines = {"accept": "application/fhir+ndjson"}
    assert wanted_version(lines, is_ndjson=True) is None
    with pytest.raises(NotServed):
        wanted_version(lines)


@given(st.text())
def test_no_header_breaks_it(text: str) -> None:
    for read in (
        lambda: wanted_version({"accept": text}),
        lambda: wanted_version({}, text),
        lambda: sent_version({"content-type": text}),
    ):
        with contextlib.suppress(NotServed):
            read()

"""Checks of request fields."""

import pytest

from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.rpc import requests
from ecgsvc.v1.resource_pb2 import FhirResource


@pytest.mark.parametrize("value", ["", "a", "x" * 128, "Grüße 1|2", "3f0c-…"])
def test_a_request_id_is_kept_as_it_is(value):
    assert requests.request_id(value) == value


@pytest.mark.parametrize("value", ["x" * 129, "a\nb", "a\x00", "\u202e", "a\u2028b"])
def test_long_and_unprintable_request_ids_are_refused(value):
    with pytest.raises(InvalidRequest) as caught:
        requests.request_id(value)
    assert caught.value.expression == "request_id"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reports/1", ("1", None)),
        ("reports/3f0c-A.b", ("3f0c-A.b", None)),
        ("reports/x/versions/1", ("x", 1)),
        ("reports/x/versions/999999999", ("x", 999999999)),
    ],
)
def test_names_of_reports_are_split(name, expected):
    assert requests.report_name(name) == expected
    report_id, version = expected
    if version:
        assert requests.version_name(report_id, version) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "reports",
        "reports/",
        "Reports/1",
        "reports/1/",
        "reports/a b",
        "reports/1\n",
        "reports/" + "x" * 65,
        "reports/../1",
        "reports/1/versions/",
        "reports/1/versions/0",
        "reports/1/versions/01",
        "reports/1/versions/-1",
        "reports/1/versions/1000000000",
        "reports/1/versions/\u0661",
        "/reports/1",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(InvalidRequest) as caught:
        requests.report_name(name)
    assert caught.value.expression == "name"


@pytest.mark.parametrize(
    ("asked", "given"), [(0, 50), (1, 1), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)]
)
def test_page_sizes_have_a_default_and_a_cap(asked, given):
    assert requests.page_size(asked) == given


def test_a_negative_page_size_is_refused():
    with pytest.raises(InvalidRequest) as caught:
        requests.page_size(-1)
    assert caught.value.expression == "page_size"


@pytest.mark.parametrize("token", ["x" * 1025, "a\x00b", "é"])
def test_a_page_token_that_cannot_be_ours_is_refused(token):
    with pytest.raises(InvalidRequest):
        requests.page_token(token)


@pytest.mark.parametrize(
    ("observation", "patient", "expected"),
    [
        ("", "", ""),
        ("4.0.1", "", "4.0.1"),
        ("", "5.0.0", "5.0.0"),
        ("5.0.0", "5.0.0", "5.0.0"),
    ],
)
def test_a_fhir_version_stated_once_holds_for_both(observation, patient, expected):
    given = FhirResource(fhir_version=observation), FhirResource(fhir_version=patient)
    assert requests.fhir_version(*given) == expected


@pytest.mark.parametrize(
    ("observation", "patient", "where"),
    [
        ("4.0", "", "observation.fhir_version"),
        ("R4", "", "observation.fhir_version"),
        ("", "3.0.2", "patient.fhir_version"),
        ("4.0.1", "5.0.0", "patient.fhir_version"),
    ],
)
def test_unknown_and_different_fhir_versions_are_refused(observation, patient, where):
    given = FhirResource(fhir_version=observation), FhirResource(fhir_version=patient)
    with pytest.raises(InvalidRequest) as caught:
        requests.fhir_version(*given)
    assert caught.value.expression == where

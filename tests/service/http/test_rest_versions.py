"""R4, R4B and R5 over the REST face, in and out."""

import json
from typing import Any

import pytest

from tests.servers import Server
from tests.service.http.rest import Answer, ask, ecg, issue
from tests.service.http.test_rest_bundles import a_bundle, an_entry
from tests.unit.fhir.fhir_helpers import violations

FULL = {"4.0": "4.0.1", "4.3": "4.3.0", "5.0": "5.0.0"}


def json_of(version: str) -> str:
    return f"application/fhir+json; fhirVersion={version}"


def as_r5(body: bytes) -> bytes:
    observation: dict[str, Any] = json.loads(body)
    for component in observation["component"]:
        sampled = component["valueSampledData"]
        sampled |= {"interval": sampled.pop("period"), "intervalUnit": "ms"}
    return json.dumps(observation).encode()


def assert_told_in(answer: Answer, version: str) -> None:
    assert answer.status in {200, 201}, answer.body
    assert answer.headers["content-type"] == json_of(version)
    assert violations(answer.body, FULL[version]) == []


@pytest.mark.parametrize("version", ["4.0", "4.3", "5.0"])
def test_everything_is_told_in_the_version_asked_for(
    rest_server: Server, version: str
) -> None:
    patient = f"Patient/v{version}"
    accept = json_of(version)
    body = ecg(seed=211, patient=patient)
    posted = ask(rest_server, "POST", "/Observation", body, accept=accept)
    assert_told_in(posted, version)
    link = posted.headers["link"].partition(">")[0].lstrip("<")
    report_id = link.rpartition("/")[2]
    for path in (
        link,
        f"{link}/_history",
        f"{link}/_history/1",
        posted.headers["location"],
        f"/Observation/{report_id}-measurements",
        f"/Provenance/{report_id}-provenance",
        f"/DiagnosticReport?patient={patient}&_include=DiagnosticReport:result",
        f"/Observation?patient={patient}",
        "/metadata",
    ):
        assert_told_in(ask(rest_server, "GET", path, accept=accept), version)
    batch = a_bundle("batch", an_entry(ecg(seed=212, patient=patient)))
    assert_told_in(ask(rest_server, "POST", "", batch, accept=accept), version)


def test_an_ecg_of_r5_is_read_and_served_as_it_came(rest_server: Server) -> None:
    body = as_r5(ecg(seed=213))
    posted = ask(
        rest_server, "POST", "/Observation", body, content_type=json_of("5.0"),
        accept=json_of("4.0"),
    )  # fmt: skip
    assert_told_in(posted, "5.0")  # it is stored, so it is told as it came
    place = posted.headers["location"]
    assert_told_in(ask(rest_server, "GET", place), "5.0")
    refused = ask(rest_server, "GET", place, accept=json_of("4.0"))
    assert refused.status == 406
    assert "fhirVersion=5.0" in str(issue(refused)["details"])
    other = ask(
        rest_server, "POST", "/Observation", as_r5(ecg(seed=214)),
        content_type=json_of("4.0"),
    )  # fmt: skip
    assert other.status == 422
    assert "interval" in str(issue(other)["expression"])


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        ("*/*", "4.0"),
        ("application/fhir+json", "4.0"),
        ("text/html, application/json;fhirVersion=4.3", "4.3"),
        (f"{json_of('5.0')};q=0.5, {json_of('4.3')}", "4.3"),
        (f"{json_of('3.0')}, {json_of('5.0')};q=0.1", "5.0"),
    ],
)
def test_the_client_says_what_it_prefers(
    rest_server: Server, accept: str, version: str
) -> None:
    answer = ask(rest_server, "GET", "/metadata", accept=accept)
    assert answer.headers["content-type"] == json_of(version)
    assert answer.json["fhirVersion"] == FULL[version]


def test_other_versions_are_refused(rest_server: Server) -> None:
    for path in ("/DiagnosticReport", "/metadata"):
        answer = ask(rest_server, "GET", path, accept=json_of("3.0"))
        assert (answer.status, issue(answer)["severity"]) == (406, "error")
    answer = ask(rest_server, "POST", "/Observation", ecg(), content_type=json_of("3.0"))
    assert (answer.status, issue(answer)["severity"]) == (415, "error")
    asked = "/DiagnosticReport?_format=application/fhir%2Bjson;fhirVersion=5.0"
    assert ask(rest_server, "GET", asked).headers["content-type"] == json_of("5.0")
    answer = ask(rest_server, "GET", "/AuditEvent", accept=json_of("5.0"))
    assert answer.status == 406

"""Bulk ``$export``: a manifest, and a file of lines a type."""

import json
from collections.abc import Sequence

import pytest

from ecgsvc.domain.caller import Role
from tests.servers import Server
from tests.service.http.rest import HAS_OWN_MODEL, Answer, ask, ecg, issue
from tests.service.http.test_rest_async import LATER
from tests.validators import assert_valid_for_independent_validators

TENANT = "bulk"


@pytest.fixture(scope="module")
def n_reports(rest_server: Server) -> int:
    for seed in (221, 222, 223):
        body = ecg(seed=seed, patient="Patient/bulk")
        posted = ask(rest_server, "POST", "/Observation", body, tenant=TENANT)
        assert posted.status == 201
    return 3


def asked(
    server: Server, path: str, method: str = "GET", *roles: Role, **headers: str
) -> Answer:
    roles = roles or (Role.OPERATOR,)
    return ask(server, method, path, roles=roles, tenant=TENANT, **headers)


def exported(server: Server, query: str = "") -> Answer:
    taken = asked(server, f"/$export{query}", prefer=LATER)
    assert taken.status == 202, taken.body
    manifest = asked(server, taken.headers["content-location"])
    assert manifest.status == 200
    return manifest


def lines(server: Server, manifest: Answer) -> dict[str, Sequence[bytes]]:
    files = {}
    for file in manifest.json["output"]:
        answer = asked(server, file["url"], accept="application/fhir+ndjson")
        assert answer.headers["content-type"].startswith("application/fhir+ndjson")
        files[file["type"]] = answer.body.splitlines()
    return files


def test_every_resource_is_on_a_line_of_its_type(
    rest_server: Server, n_reports: int
) -> None:
    manifest = exported(rest_server)
    assert manifest.headers["content-type"] == "application/json"
    assert manifest.json["requiresAccessToken"] is True
    assert manifest.json["request"] == f"{rest_server.fhir_url}/$export"
    files = lines(rest_server, manifest)
    n_risks = n_reports * HAS_OWN_MODEL
    assert {kind: len(found) for kind, found in files.items()} == {
        "DiagnosticReport": n_reports, "Observation": 2 * n_reports,
        "Provenance": n_reports + n_risks, "Device": 1 + HAS_OWN_MODEL,
        "RiskAssessment": n_risks,
    }  # fmt: skip
    for kind, found in files.items():
        assert {json.loads(line)["resourceType"] for line in found} <= {kind}
    assert_valid_for_independent_validators(
        [line for found in files.values() for line in found]
    )
    report = json.loads(files["DiagnosticReport"][0])
    served = asked(rest_server, f"/DiagnosticReport/{report['id']}", "GET", Role.READER)
    assert served.json == report


def test_types_and_times_are_chosen(rest_server: Server, n_reports: int) -> None:
    first = exported(rest_server, "?_type=Provenance&_since=2020-01-01T00:00:00Z")
    assert {k: len(v) for k, v in lines(rest_server, first).items()} == {
        "Provenance": n_reports * (1 + HAS_OWN_MODEL)
    }
    at = first.json["transactionTime"].replace("+", "%2B")
    since = lines(rest_server, exported(rest_server, f"?_type=Provenance&_since={at}"))
    assert since == lines(rest_server, first)  # of this minute: none may be missed
    never = exported(rest_server, "?_since=2999-01-01T00:00:00Z")
    assert never.json["output"] == []


def test_names_can_be_left_behind(rest_server: Server, n_reports: int) -> None:
    manifest = exported(rest_server, "?_type=DiagnosticReport&without-names=true")
    found = lines(rest_server, manifest)["DiagnosticReport"]
    assert len(found) == n_reports
    assert not any(b"Patient/bulk" in line or b"presentedForm" in line for line in found)
    assert_valid_for_independent_validators(found)


def test_only_operators_export_and_only_their_own(
    rest_server: Server, n_reports: int
) -> None:
    assert asked(rest_server, "/$export", "GET", Role.READER, Role.POSTER).status == 403
    manifest = exported(rest_server)
    file = manifest.json["output"][0]["url"]
    assert asked(rest_server, file, "GET", Role.READER).status == 403
    colleague = rest_server.token(Role.OPERATOR, tenant=TENANT, subject="colleague")
    assert ask(rest_server, "GET", file, token=colleague).status == 404
    assert ask(rest_server, "GET", file).status == 404
    assert asked(rest_server, file.replace("DiagnosticReport", "Patient")).status == 404
    assert asked(rest_server, file, "HEAD").body == b""
    assert asked(rest_server, file.rpartition("/")[0], "DELETE").status == 202
    assert asked(rest_server, file).status == 404


def test_an_export_leaves_its_events(rest_server: Server, n_reports: int) -> None:
    manifest = exported(rest_server, "?_type=Device")
    asked(rest_server, manifest.json["output"][0]["url"])
    trail = asked(rest_server, "/AuditEvent?_count=3", "GET", Role.AUDITOR)
    events = [entry["resource"] for entry in trail.json["entry"]]
    assert [event["subtype"][0]["code"] for event in events] == [
        "export", "accept", "export"
    ]  # fmt: skip
    assert_valid_for_independent_validators([trail.body])


@pytest.mark.parametrize(
    "query",
    [
        "_type=Patient",
        "_type=Device&_type=Device",
        "_since=yesterday",
        "_since=2026-01-01",
        "_outputFormat=csv",
        "_typeFilter=x",
        "without-names=perhaps",
    ],
)
def test_what_is_not_understood_is_refused(rest_server: Server, query: str) -> None:
    answer = asked(rest_server, f"/$export?{query}")
    assert answer.status == 400
    assert issue(answer)["expression"] == ["http.query"]

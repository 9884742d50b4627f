"""The FHIR REST face of a real server."""

import base64
import json
import socket
import sqlite3
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from ecgsvc.convert import WRITERS, Format
from ecgsvc.domain.caller import Role
from ecgsvc.simulation import SimulationSettings, simulate
from tests.servers import Server
from tests.service.http.rest import HAS_OWN_MODEL, ask, ecg, issue
from tests.service.http.test_rest_bundles import a_bundle, an_entry
from tests.unit.convert.test_round_trips import HEADER
from tests.unit.fhir.fhir_helpers import violations
from tests.validators import assert_valid_for_independent_validators


def test_a_posted_ecg_is_found_again_with_its_report(rest_server: Server) -> None:
    body = ecg(seed=11, identifier="rest-1", patient="Patient/rest")
    posted = ask(rest_server, "POST", "/Observation", body)
    assert posted.status == 201
    place = posted.headers["location"]
    assert place.startswith(rest_server.fhir_url + "/Observation/")

    served = ask(rest_server, "GET", place)
    assert served.status == 200
    own, sent = served.json, json.loads(body)
    assert own.pop("id") == place.split("/")[-3]
    assert own.pop("meta")["versionId"] == "1"
    assert own == {k: v for k, v in sent.items() if k not in {"id", "meta"}}

    link = posted.headers["link"].partition(">")[0].lstrip("<")
    report = ask(rest_server, "GET", link)
    assert report.status == 200
    assert report.json["status"] == "preliminary"
    assert report.headers["etag"] == 'W/"1"'

    found = ask(
        rest_server, "GET", "/DiagnosticReport?patient=Patient/rest"
        "&date=2026-11-21&code=11524-6&_include=DiagnosticReport:result",
    )  # fmt: skip
    modes = [entry["search"]["mode"] for entry in found.json["entry"]]
    assert modes == ["match", "include", "include"]
    listed, whole = found.json["entry"][0]["resource"], report.json
    assert whole["presentedForm"][0].pop("data")  # a page of PDFs is of no use
    tags = listed["meta"].pop("tag")
    assert tags[0]["code"] == "SUBSETTED"
    assert listed == whole
    assert_valid_for_independent_validators([found.body, report.body, served.body])


def test_the_same_ecg_again_is_the_same_resource(rest_server: Server) -> None:
    body = ecg(seed=12, identifier="rest-2")
    first = ask(rest_server, "POST", "/Observation", body)
    again = ask(rest_server, "POST", "/Observation", body)
    assert (first.status, again.status) == (201, 200)
    assert first.headers["location"] == again.headers["location"]
    other = ask(rest_server, "POST", "/Observation", ecg(seed=13, identifier="rest-2"))
    assert other.status == 409
    assert issue(other)["code"] == "duplicate"


def test_the_client_says_what_it_wants_back(rest_server: Server) -> None:
    body = ecg(seed=14)
    minimal = ask(rest_server, "POST", "/Observation", body, prefer="return=minimal")
    assert (minimal.status, minimal.body) == (201, b"")
    outcome = ask(
        rest_server, "POST", "/Observation", body, prefer="return=OperationOutcome"
    )
    assert issue(outcome)["severity"] == "information"


def test_pages_follow_each_other_to_the_end(rest_server: Server) -> None:
    for seed in range(21, 26):
        body = ecg(seed=seed, patient="Patient/pages")
        assert ask(rest_server, "POST", "/Observation", body).status == 201
    url, ids = "/DiagnosticReport?patient=Patient/pages&_count=2", []
    n_pages = 0
    while url:
        page = ask(rest_server, "GET", url).json
        n_pages += 1
        ids += [entry["resource"]["id"] for entry in page["entry"]]
        links = {link["relation"]: link["url"] for link in page["link"]}
        url = links.get("next", "")
    assert n_pages == 3
    assert len(ids) == len(set(ids)) == 5


def test_observations_are_searched_by_code(rest_server: Server) -> None:
    body = ecg(seed=31, patient="Patient/codes")
    ask(rest_server, "POST", "/Observation", body)
    found = ask(
        rest_server, "GET", "/Observation?patient=codes&code=http://loinc.org|34534-8"
    )
    (entry,) = found.json["entry"]
    assert entry["resource"]["id"].endswith("-measurements")
    both = ask(rest_server, "GET", "/Observation?patient=codes").json["entry"]
    assert len(both) == 2
    one = ask(rest_server, "GET", f"/Observation?_id={entry['resource']['id']}")
    assert [e["resource"] for e in one.json["entry"]] == [entry["resource"]]
    assert ask(rest_server, "GET", "/Observation?_count=1").status == 400


def test_a_known_identifier_creates_nothing(rest_server: Server) -> None:
    first = ask(rest_server, "POST", "/Observation", ecg(seed=71, identifier="cond"))
    condition = "identifier=urn:test|cond"
    again = ask(rest_server, "POST", "/Observation", ecg(seed=72), if_none_exist=condition)
    assert again.status == 200
    assert again.headers["location"] == first.headers["location"]
    found = ask(rest_server, "GET", "/DiagnosticReport?identifier=urn:test|cond")
    assert len(found.json["entry"]) == 1
    none = ask(rest_server, "GET", "/Observation?identifier=urn:test|other")
    assert "entry" not in none.json
    bad = ask(rest_server, "POST", "/Observation", ecg(seed=72), if_none_exist="patient=1")
    assert bad.status == 400


@pytest.mark.parametrize("kind", ["DocumentReference", "Media", "Binary"])
def test_an_ecg_in_a_file_is_served_as_what_it_came_as(
    rest_server: Server, kind: str
) -> None:
    recording = simulate(SimulationSettings(seed=95)).recording
    recording = replace(recording, header=replace(HEADER, step_uv=1.0))
    content = base64.b64encode(WRITERS[Format.DICOM](recording)).decode()
    form = {"contentType": "application/dicom", "data": content}
    bodies: dict[str, dict[str, object]] = {
        "Binary": form,
        "Media": {"status": "completed", "content": form},
        "DocumentReference": {"status": "current", "content": [{"attachment": form}]},
    }
    subject = {} if kind == "Binary" else {"subject": {"reference": "Patient/file"}}
    body = json.dumps({"resourceType": kind, **subject, **bodies[kind]}).encode()
    posted = ask(rest_server, "POST", f"/{kind}", body)
    assert posted.status == 201, posted.body
    served = ask(rest_server, "GET", posted.headers["location"])
    assert served.status == 200
    latest = posted.headers["location"].partition("/_history")[0]
    assert ask(rest_server, "GET", latest).json == served.json
    assert served.json["resourceType"] == kind
    other = posted.headers["location"].replace(kind, "Observation")
    assert ask(rest_server, "GET", other).status == 404
    wrong = ask(rest_server, "POST", "/Observation", body)
    assert (wrong.status, issue(wrong)["expression"]) == (
        422,
        ["Observation.resourceType"],
    )


@pytest.mark.skipif(not HAS_OWN_MODEL, reason="onnx, of the extra 'train', is not there")
def test_answers_of_a_hospitals_own_model_are_found(rest_server: Server) -> None:
    patient = "Patient/risk"
    links = [
        ask(rest_server, "POST", "/Observation", ecg(seed=seed, patient=patient))
        .headers["link"].partition(">")[0].lstrip("<")
        for seed in (96, 97)
    ]  # fmt: skip
    report_id = links[0].rpartition("/")[2]
    found = ask(rest_server, "GET", f"/RiskAssessment?patient={patient}")
    assert len(found.json["entry"]) == 2
    of_report = f"/RiskAssessment?report=DiagnosticReport/{report_id}"
    (entry,) = ask(rest_server, "GET", of_report).json["entry"]
    assert entry["resource"]["subject"]["reference"] == patient
    read = ask(rest_server, "GET", entry["fullUrl"])
    assert read.json == entry["resource"]
    assert ask(rest_server, "GET", f"{entry['fullUrl']}/_history/1").json == read.json
    by_id = ask(rest_server, "GET", f"/RiskAssessment?_id={read.json['id']}")
    assert [each["resource"] for each in by_id.json["entry"]] == [read.json]
    whence = ask(rest_server, "GET", f"/Provenance/{read.json['id']}-prov")
    assert whence.json["target"][0]["reference"].startswith("RiskAssessment/")
    page = ask(rest_server, "GET", f"/RiskAssessment?patient={patient}&_count=1")
    assert [link["relation"] for link in page.json["link"]] == ["self", "next"]
    assert "entry" not in ask(rest_server, "GET", "/RiskAssessment?report=none").json
    assert_valid_for_independent_validators([found.body, read.body, whence.body])
    in_r5 = "application/fhir+json; fhirVersion=5.0"
    told = ask(rest_server, "GET", entry["fullUrl"], accept=in_r5)
    assert violations(told.body, "5.0.0") == []


def test_an_unchanged_report_is_not_sent_again(rest_server: Server) -> None:
    posted = ask(rest_server, "POST", "/Observation", ecg(seed=32))
    link = posted.headers["link"].partition(">")[0].lstrip("<")
    again = ask(rest_server, "GET", link, if_none_match='W/"1"')
    assert (again.status, again.body) == (304, b"")


def test_an_ecg_can_be_checked_without_being_stored(rest_server: Server) -> None:
    body = ecg(seed=33, patient="Patient/checked")
    assert issue(ask(rest_server, "POST", "/Observation/$validate", body))["code"] == (
        "informational"
    )
    wrapped = {
        "resourceType": "Parameters",
        "parameter": [{"name": "resource", "resource": json.loads(body)}],
    }
    sent = json.dumps(wrapped).encode()
    checked = ask(rest_server, "POST", "/Observation/$validate", sent)
    assert issue(checked)["code"] == "informational"
    broken = json.loads(body)
    del broken["status"]
    wrong = ask(rest_server, "POST", "/Observation/$validate", json.dumps(broken).encode())
    assert wrong.status == 200
    assert issue(wrong)["expression"] == ["Observation.status"]
    found = ask(rest_server, "GET", "/DiagnosticReport?patient=Patient/checked")
    assert "entry" not in found.json


DEEP = b"[" * 1015 + b"]" * 1015
DEEP_BUNDLE = b'{"resourceType":"Bundle","type":"batch","entry":[{"x":%s}]}' % DEEP
DEEP_PARAMETERS = b'{"resourceType":"Parameters","parameter":%s}' % DEEP


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/DiagnosticReport/none", None, {}, 404),
        ("GET", "/DiagnosticReport/none/_history/x", None, {}, 404),
        ("GET", "/Observation/none", None, {}, 404),
        ("GET", "/Observation/none-ecg", None, {}, 404),
        ("GET", "/Observation/none-ecg/_history/99999999999999999999", None, {}, 404),
        ("GET", "/DiagnosticReport?colour=red", None, {}, 400),
        ("GET", "/DiagnosticReport?_page=AAAA", None, {}, 400),
        ("GET", "/DiagnosticReport?status=done", None, {}, 400),
        ("GET", "/RiskAssessment?code=1", None, {}, 400),
        ("GET", "/RiskAssessment?report=Patient/1", None, {}, 400),
        ("GET", "/RiskAssessment/none-plug1", None, {}, 404),
        ("GET", "/DiagnosticReport?_format=xml", None, {}, 406),
        ("GET", "/DiagnosticReport", None, {"accept": "application/fhir+xml"}, 406),
        ("GET", "/Patient/1", None, {}, 404),
        ("DELETE", "/DiagnosticReport/none", None, {}, 405),
        ("POST", "", b"not json", {}, 400),
        ("POST", "", b'{"resourceType":"Bundle","type":[]}', {}, 400),
        ("POST", "/Observation", b'{"resourceType":[]}', {}, 422),
        ("POST", "/Binary", b'{"resourceType":{}}', {}, 422),
        ("POST", "", b"{}", {}, 400),
        ("POST", "", DEEP_BUNDLE, {}, 400),
        ("POST", "/Observation/$validate", DEEP_PARAMETERS, {}, 200),
        ("POST", "", b'{"resourceType":"Bundle"}', {}, 400),
        ("POST", "", b'{"resourceType":"Bundle","type":"batch"}', {}, 400),
        ("POST", "/Observation", b"not json", {}, 400),
        ("POST", "/Observation", b"[]", {}, 400),
        ("POST", "/Observation", b"<x/>", {"content_type": "application/xml"}, 415),
        ("POST", "/Observation", b'{"resourceType":"Observation"}', {}, 422),
        ("POST", "/Observation/$validate", b"\xff{", {}, 200),
        ("POST", "/Observation/$validate", b'{"resourceType":"Parameters"}', {}, 400),
        ("POST", "/Observation/$validate", b'{"resourceType":', {}, 200),
        ("POST", "/Observation", b" " * (16 * 1024 * 1024 + 1), {}, 413),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_by_an_operation_outcome(
    rest_server: Server,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
    status: int,
) -> None:
    answer = ask(rest_server, method, path, body, **headers)
    assert answer.status == status, answer.body
    assert issue(answer)["details"]
    assert_valid_for_independent_validators([answer.body])


def test_nobody_is_served_without_saying_who_they_are(rest_server: Server) -> None:
    for token in ("", "bogus"):
        answer = ask(rest_server, "GET", "/DiagnosticReport", token=token)
        assert answer.status == 401
        assert issue(answer)["code"] == "login"
        assert answer.headers["www-authenticate"].startswith("Bearer")
    answer = ask(rest_server, "GET", "/DiagnosticReport", roles=(Role.POSTER,))
    assert answer.status == 403
    assert (
        ask(rest_server, "POST", "/Observation", ecg(), roles=(Role.READER,)).status == 403
    )


def signature(**values: str) -> bytes:
    parameters = [{"name": name, "valueString": text} for name, text in values.items()]
    body = {"resourceType": "Parameters", "parameter": parameters}
    return json.dumps(body).encode()


def test_a_clinician_signs_what_they_have_read(rest_server: Server) -> None:
    posted = ask(rest_server, "POST", "/Observation", ecg(seed=91, patient="Patient/sign"))
    report = posted.headers["link"].partition(">")[0].lstrip("<")
    etag = ask(rest_server, "GET", report).headers["etag"]
    said = {"status": "final", "role": "cardiologist", "reason": "agreed"}
    sign = f"{report}/$sign"
    assert ask(rest_server, "POST", sign, signature(**said)).status == 412
    refused = ask(
        rest_server, "POST", sign, signature(**said), if_match=etag, roles=(Role.READER,)
    )
    assert refused.status == 403
    signed = ask(rest_server, "POST", sign, signature(**said), if_match=etag)
    assert signed.status == 200, signed.body
    assert signed.json["status"] == "final"
    assert signed.headers["etag"] == 'W/"2"'
    late = ask(rest_server, "POST", sign, signature(**said), if_match=etag)
    assert late.status == 412
    again = ask(rest_server, "POST", sign, signature(**said), if_match='W/"2"')
    assert (again.status, issue(again)["severity"]) == (409, "error")
    history = ask(rest_server, "GET", f"{report}/_history")
    versions = [e["resource"]["meta"]["versionId"] for e in history.json["entry"]]
    assert versions == ["2", "1"]
    first = ask(rest_server, "GET", f"{report}/_history/1")
    assert first.json["status"] == "preliminary"
    assert_valid_for_independent_validators([signed.body, history.body])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"resourceType":"Parameters","parameter":[{"name":[]}]}',
        signature(status="final", reason="agreed"),
        signature(status="signed", role="cardiologist", reason="agreed"),
        signature(status="final", role="cardiologist", reason="x" * 1001),
        signature(status="final", role="cardiologist", reason="agreed", colour="red"),
    ],
)
def test_a_signature_that_lacks_something_is_refused(
    rest_server: Server, body: bytes
) -> None:
    sign = "/DiagnosticReport/none/$sign"
    answer = ask(rest_server, "POST", sign, body, if_match='W/"1"')
    assert answer.status == 400, answer.body


def test_auditors_read_the_trail(rest_server: Server) -> None:
    posted = ask(rest_server, "POST", "/Observation", ecg(seed=92))
    report_id = posted.headers["location"].split("/")[-3].removesuffix("-ecg")
    ask(rest_server, "GET", f"/DiagnosticReport/{report_id}")
    path = f"/AuditEvent?entity=DiagnosticReport/{report_id}"
    assert ask(rest_server, "GET", path, roles=(Role.READER,)).status == 403
    answer = ask(rest_server, "GET", path, roles=(Role.AUDITOR,))
    events = [entry["resource"] for entry in answer.json["entry"]]
    assert [event["action"] for event in events] == ["R", "C"]
    assert_valid_for_independent_validators([answer.body])
    assert ask(rest_server, "GET", "/AuditEvent?entity=Patient/1").status == 400
    assert ask(rest_server, "GET", "/AuditEvent?colour=red").status == 400
    assert len(ask(rest_server, "GET", "/AuditEvent?_count=1").json["entry"]) == 1


def trail(server: Server) -> list[str]:
    """Operation of every event of every tenant."""
    with sqlite3.connect(server.database) as connection:
        query = "SELECT operation FROM audit_events ORDER BY recorded_at, sequence"
        return [row[0] for row in connection.execute(query)]


def test_every_call_that_touches_data_leaves_one_event(rest_server: Server) -> None:
    body = ecg(seed=61, identifier="trail", patient="Patient/trail")
    posted = ask(rest_server, "POST", "/Observation", body)
    link = posted.headers["link"].partition(">")[0].lstrip("<")

    def left(
        method: str, path: str, body: bytes | None = None, **options: str
    ) -> list[str]:
        before = len(trail(rest_server))
        ask(rest_server, method, path, body, **options)
        return sorted(trail(rest_server)[before:])

    assert left("GET", link) == ["read"]
    assert left("GET", f"{link}/_history/1") == ["vread"]
    assert left("GET", posted.headers["location"]) == ["vread"]
    search = left("GET", "/DiagnosticReport?patient=trail")
    assert search == ["disclose", "search-type"]
    assert left("POST", "/Observation", body) == ["replay"]
    assert left("POST", "/Observation/$validate", body) == ["validate"]
    assert left("POST", "/Observation", ecg(seed=62)) == ["create"]
    assert left("POST", "/Observation", b"{}") == ["refuse"]
    assert left("GET", "/DiagnosticReport/none") == ["refuse"]
    assert left("GET", "/DiagnosticReport", token="bogus") == ["refuse"]
    assert left("GET", "/metadata") == []


def test_no_tenant_sees_anothers_reports(rest_server: Server) -> None:
    posted = ask(rest_server, "POST", "/Observation", ecg(seed=41), tenant="north")
    place = posted.headers["location"]
    assert ask(rest_server, "GET", place, tenant="north").status == 200
    assert ask(rest_server, "GET", place, tenant="south").status == 404
    found = ask(rest_server, "GET", "/DiagnosticReport", tenant="south")
    assert "entry" not in found.json


def test_the_capability_statement_tells_the_truth(rest_server: Server) -> None:
    """Walk it: every interaction and search parameter it names is answered."""
    answer = ask(rest_server, "GET", "/metadata", token="")
    assert answer.status == 200
    assert_valid_for_independent_validators([answer.body])
    posted = ask(rest_server, "POST", "/Observation", ecg(seed=51))
    report_id = posted.headers["location"].split("/")[-3].removesuffix("-ecg")
    ids = {
        "Observation": f"{report_id}-ecg",
        "DiagnosticReport": report_id,
        "Provenance": f"{report_id}-provenance",
        "RiskAssessment": f"{report_id}-plug1",
        "AuditEvent": "",
    }
    files = {"DocumentReference", "Media", "Binary"}
    samples = {"token": "1", "reference": "Patient/1", "date": "2026"}
    (rest,) = answer.json["rest"]
    walked = set()
    for resource in rest["resource"]:
        kind = resource["type"]
        if kind in files:  # each has a test of its own
            continue
        own = ids[kind]
        if kind == "RiskAssessment" and not HAS_OWN_MODEL:
            continue
        for interaction in resource["interaction"]:
            code = interaction["code"]
            walked.add((kind, code))
            got = {
                "read": lambda k=kind, o=own: ask(rest_server, "GET", f"/{k}/{o}"),
                "vread": lambda k=kind, o=own: ask(
                    rest_server, "GET", f"/{k}/{o}/_history/1"
                ),
                "history-instance": lambda k=kind, o=own: ask(
                    rest_server, "GET", f"/{k}/{o}/_history"
                ),
                "search-type": lambda k=kind: ask(rest_server, "GET", f"/{k}"),
                "create": lambda k=kind: ask(rest_server, "POST", f"/{k}", ecg(seed=51)),
            }[code]()
            assert got.status in {200, 201}, (kind, code, got.body)
        for parameter in resource.get("searchParam", ()):
            sample = samples[parameter["type"]]
            if parameter["name"] == "status":
                sample = "preliminary"
            if parameter["name"] in {"entity", "report"}:
                sample = f"DiagnosticReport/{report_id}"
            query = f"{parameter['name']}={sample}"
            got = ask(rest_server, "GET", f"/{kind}?{query}")
            assert got.status == 200, (kind, query, got.body)
        for include in resource.get("searchInclude", ()):
            assert ask(rest_server, "GET", f"/{kind}?_include={include}").status == 200
    assert {("Observation", "create"), ("DiagnosticReport", "vread")} <= walked
    for interaction in rest["interaction"]:
        got = ask(
            rest_server, "POST", "", a_bundle(interaction["code"], an_entry(ecg(seed=51)))
        )
        assert got.json["type"] == f"{interaction['code']}-response"
    assert [operation["name"] for operation in rest["operation"]] == ["export"]
    assert ask(rest_server, "GET", "/$export").status == 202


def test_a_client_that_sends_half_a_body_harms_nobody(rest_server: Server) -> None:
    where = urlsplit(rest_server.fhir_url)
    with socket.create_connection((where.hostname or "", where.port or 0)) as half:
        half.sendall(
            b"POST /fhir/Observation HTTP/1.1\r\nHost: x\r\ncontent-length: 1000\r\n"
            b"content-type: application/fhir+json\r\nauthorization: Bearer "
            + rest_server.token().encode() + b"\r\n\r\n{"
        )  # fmt: skip
        assert ask(rest_server, "GET", "/metadata").status == 200
    assert ask(rest_server, "GET", "/metadata").status == 200

"""Bundles over the REST face: each ECG for itself, or all or none."""

import json

import pytest

from ecgsvc.domain.caller import Role
from tests.servers import Server
from tests.service.http.rest import Answer, ask, ecg, issue
from tests.validators import assert_valid_for_independent_validators


def a_bundle(kind: str, *entries: dict[str, object]) -> bytes:
    bundle = {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
    return json.dumps(bundle).encode()


def an_entry(body: bytes, **request: str) -> dict[str, object]:
    return {
        "resource": json.loads(body),
        "request": {"method": "POST", "url": "Observation", **request},
    }


def test_each_ecg_of_a_batch_is_answered_for_itself(rest_server: Server) -> None:
    patient = {
        "fullUrl": "urn:uuid:5b1c9a52-9d5c-4d35-9b1e-0d6e1c2f3a4b",
        "resource": {
            "resourceType": "Patient",
            "id": "batch",
            "gender": "female",
            "birthDate": "1950-01-01",
        },
        "request": {"method": "POST", "url": "Patient"},
    }
    broken = json.loads(ecg(seed=82))
    del broken["subject"]
    answer = ask(
        rest_server, "POST", "", a_bundle(
            "batch",
            patient,
            an_entry(ecg(seed=81, identifier="batch", patient="Patient/batch")),
            an_entry(json.dumps(broken).encode()),
            an_entry(ecg(seed=83), url="DiagnosticReport"),
            {},
            an_entry(ecg(seed=81), ifNoneExist="identifier=urn:test|batch"),
        ),
    )  # fmt: skip
    assert answer.status == 200
    assert_valid_for_independent_validators([answer.body])
    entries = answer.json["entry"]
    statuses = [entry["response"]["status"].split()[0] for entry in entries]
    assert statuses == ["200", "201", "422", "422", "422", "200"]
    assert entries[5]["response"]["location"] == entries[1]["response"]["location"]
    (refused,) = entries[2]["response"]["outcome"]["issue"]
    assert refused["expression"] == ["Observation.subject"]
    header = entries[1]["resource"]
    assert header["resourceType"] == "DiagnosticReport"
    audit = ask(rest_server, "GET", "/AuditEvent?_count=6", roles=(Role.AUDITOR,))
    outcomes = [entry["resource"]["outcome"] for entry in audit.json["entry"]]
    assert outcomes.count("4") == 3  # of each entry that was refused


def test_an_ecg_is_kept_as_it_came_alone_or_in_a_bundle(rest_server: Server) -> None:
    body = ecg(seed=90, identifier="alone").replace(b'"period":2.0', b'"period":2.00')
    sent = (
        b'{"resourceType":"Bundle","type":"transaction","entry":[{"resource":'
        + body + b',"request":{"method":"POST","url":"Observation"}}]}'
    )  # fmt: skip
    first = ask(rest_server, "POST", "", sent)
    (entry,) = first.json["entry"]
    again = ask(rest_server, "POST", "/Observation", body)
    assert again.status == 200  # a replay: the same bytes
    assert again.headers["location"] == entry["response"]["location"]
    assert b'"period":2.00' in ask(rest_server, "GET", again.headers["location"]).body


def statuses(answer: Answer) -> list[str]:
    return [each["response"]["status"].split()[0] for each in answer.json["entry"]]


def n_reports(server: Server, patient: str) -> int:
    found = ask(server, "GET", f"/DiagnosticReport?patient={patient}")
    return len(found.json.get("entry", ()))


def test_a_transaction_stores_all_its_ecgs(rest_server: Server) -> None:
    patient, other = "Patient/together", "Patient/apart"
    known = ask(rest_server, "POST", "/Observation", ecg(seed=86, identifier="known"))
    sent = a_bundle(
        "transaction",
        an_entry(ecg(seed=84, patient=patient)),
        an_entry(ecg(seed=85, patient=patient)),
        an_entry(ecg(seed=86, patient=other)),
        an_entry(ecg(seed=86), ifNoneExist="identifier=urn:test|known"),
    )
    answer = ask(rest_server, "POST", "", sent, idempotency_key="one transaction")
    assert answer.json["type"] == "transaction-response"
    assert statuses(answer) == ["201", "201", "201", "200"]
    assert answer.json["entry"][3]["response"]["location"] == known.headers["location"]
    assert (n_reports(rest_server, patient), n_reports(rest_server, other)) == (2, 1)
    assert_valid_for_independent_validators([answer.body])
    again = ask(rest_server, "POST", "", sent, idempotency_key="one transaction")
    assert statuses(again) == ["200", "200", "200", "200"]
    assert n_reports(rest_server, patient) == 2


def test_of_a_transaction_with_one_bad_ecg_nothing_is_stored(rest_server: Server) -> None:
    patient = "Patient/none"
    good = an_entry(ecg(seed=87, patient=patient))
    broken = json.loads(ecg(seed=88, patient=patient))
    del broken["status"]
    bad = an_entry(json.dumps(broken).encode())
    answer = ask(rest_server, "POST", "", a_bundle("transaction", good, bad))
    assert answer.status == 422
    assert issue(answer)["expression"] == ["Bundle.entry[1].resource.status"]
    twin = ecg(seed=87, patient=patient, identifier="twin")
    twins = a_bundle("transaction", good, an_entry(twin), an_entry(twin))
    answer = ask(rest_server, "POST", "", twins)
    assert answer.status == 422
    assert issue(answer)["expression"] == ["Bundle.entry[2].resource.identifier"]
    ask(rest_server, "POST", "/Observation", ecg(seed=89, identifier="taken"))
    taken = an_entry(ecg(seed=88, patient=patient, identifier="taken"))
    answer = ask(rest_server, "POST", "", a_bundle("transaction", good, taken))
    assert answer.status == 409
    assert issue(answer)["expression"] == ["Bundle.entry[1].resource.identifier"]
    assert n_reports(rest_server, patient) == 0


def a_patient(own_id: str, **elements: str) -> dict[str, object]:
    return {
        "fullUrl": f"https://ehr.example/fhir/Patient/{own_id}",
        "resource": {"resourceType": "Patient", "id": own_id, **elements},
        "request": {"method": "POST", "url": "Patient"},
    }


@pytest.mark.parametrize(
    "others",
    [
        [a_patient("1"), a_patient("2")],
        [a_patient("2")],
        [a_patient("1", gender="male"), a_patient("1", gender="female")],
    ],
    ids=["one too many", "another", "two of one name"],
)
def test_two_patients_are_refused_and_named(
    rest_server: Server, others: list[dict[str, object]]
) -> None:
    """Over REST as over gRPC, which takes a Bundle as one ECG."""
    entries = [an_entry(ecg(seed=87)), *others]
    answer = ask(rest_server, "POST", "", a_bundle("transaction", *entries))
    assert answer.status == 422
    assert "two patients" in str(issue(answer)["details"])
    (expression,) = issue(answer)["expression"]  # type: ignore[misc]
    assert expression.startswith("Bundle.entry[")
    grpc = rest_server.client(Role.POSTER)
    verdict = grpc.validate(a_bundle("collection", *entries))
    assert not verdict.valid
    found = verdict.operation_outcome["issue"][0]
    assert found["expression"][0].startswith("Bundle.entry[")

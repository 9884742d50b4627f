"""``Prefer: respond-async``: taken now, answered later, whatever happens in between."""

import json
import time
from pathlib import Path

import pytest

from ecgsvc.domain.caller import Role
from tests.servers import Server, running_server
from tests.service.http.rest import Answer, ask, ecg
from tests.service.http.test_rest_bundles import a_bundle, an_entry, statuses
from tests.validators import assert_valid_for_independent_validators

LATER = "respond-async"


def answer_of(server: Server, taken: Answer) -> Answer:
    """Ask until the answer is there."""
    assert taken.status == 202, taken.body
    for _ in range(600):
        said = ask(server, "GET", taken.headers["content-location"])
        if said.status != 202:
            return said
        assert said.headers["retry-after"]
        time.sleep(0.1)
    raise AssertionError("no answer within a minute")


def response(answer: Answer) -> dict[str, str]:
    assert answer.status == 200
    assert_valid_for_independent_validators([answer.body])
    (entry,) = answer.json["entry"]
    found: dict[str, str] = entry["response"]
    return found


def test_an_ecg_is_taken_and_analysed_later(rest_server: Server) -> None:
    body = ecg(seed=201, patient="Patient/later")
    taken = ask(rest_server, "POST", "/Observation", body, prefer=LATER)
    answer = answer_of(rest_server, taken)
    made = response(answer)
    assert made["status"] == "201 Created"
    assert ask(rest_server, "GET", made["location"]).status == 200
    assert answer.headers["expires"]
    again = ask(rest_server, "GET", taken.headers["content-location"])
    assert again.body == answer.body
    report = ask(rest_server, "GET", answer.json["entry"][0]["fullUrl"])
    assert report.json["status"] == "preliminary"


def test_what_is_wrong_is_said_later_too(rest_server: Server) -> None:
    broken = json.loads(ecg(seed=202))
    del broken["subject"]
    sent = json.dumps(broken).encode()
    taken = ask(rest_server, "POST", "/Observation", sent, prefer=LATER)
    answer = answer_of(rest_server, taken)
    assert response(answer)["status"].startswith("422 ")
    outcome = answer.json["entry"][0]["response"]["outcome"]
    assert outcome["issue"][0]["expression"] == ["Observation.subject"]
    query = "/AuditEvent?_count=1"
    (event,) = ask(rest_server, "GET", query, roles=(Role.AUDITOR,)).json["entry"]
    assert event["resource"]["outcome"] == "4"


def test_a_bundle_is_taken_and_answered_later(rest_server: Server) -> None:
    entries = [an_entry(ecg(seed=seed, patient="Patient/soon")) for seed in (203, 204)]
    taken = ask(rest_server, "POST", "", a_bundle("batch", *entries), prefer=LATER)
    answer = answer_of(rest_server, taken)
    assert response(answer)["status"] == "200 OK"
    made = answer.json["entry"][0]["resource"]
    assert (made["type"], len(made["entry"])) == ("batch-response", 2)
    for each in made["entry"]:
        assert each["response"]["status"] == "201 Created"
        assert "resource" not in each  # what is kept names no patient


def test_only_who_asked_hears_the_answer_and_may_give_it_up(rest_server: Server) -> None:
    taken = ask(rest_server, "POST", "/Observation", ecg(seed=205), prefer=LATER)
    place = taken.headers["content-location"]
    colleague = rest_server.token(Role.POSTER, subject="colleague")
    for method in ("GET", "DELETE"):
        assert ask(rest_server, method, place, token=colleague).status == 404
        assert ask(rest_server, method, place, tenant="south").status == 404
        assert ask(rest_server, method, place, roles=(Role.READER,)).status == 403
    assert ask(rest_server, "DELETE", place).status == 202
    assert ask(rest_server, "GET", place).status == 404
    assert ask(rest_server, "DELETE", place).status == 404


@pytest.mark.parametrize(
    "database", ["sqlite_url", pytest.param("postgres_url", marks=pytest.mark.verify)]
)
def test_a_killed_server_leaves_no_ecg_out_and_none_twice(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    """Killed while it works at a Bundle; the next one on the database ends it."""
    url: str = request.getfixturevalue(database)
    n_ecgs = 6
    bundle = a_bundle("batch", *(an_entry(ecg(seed=300 + i)) for i in range(n_ecgs)))
    with running_server(url, tmp_path / "log", "--http", "127.0.0.1:0") as first:
        taken = ask(first, "POST", "", bundle, prefer=LATER)
        alone = ask(first, "POST", "/Observation", ecg(seed=400), prefer=LATER)
        while not ask(first, "GET", "/DiagnosticReport?_count=1").json.get("entry"):
            time.sleep(0.02)
        first.kill()
    with running_server(url, tmp_path / "log", "--http", "127.0.0.1:0") as second:

        def moved(answer: Answer) -> Answer:
            """The server has another port now; a real one keeps its name."""
            place = answer.headers["content-location"].rpartition("/")[2]
            headers = answer.headers | {"content-location": f"/_jobs/{place}"}
            return Answer(answer.status, headers, answer.body)

        answer = answer_of(second, moved(taken))
        made = json.loads(json.dumps(answer.json["entry"][0]["resource"]))
        inner = Answer(200, {}, json.dumps(made).encode())
        assert set(statuses(inner)) <= {"200", "201"}
        assert statuses(answer_of(second, moved(alone))) in (["200"], ["201"])
        reports = ask(second, "GET", "/DiagnosticReport?_count=100").json["entry"]
        assert len(reports) == n_ecgs + 1
        places = [each["response"]["location"] for each in made["entry"]]
        assert len(set(places)) == n_ecgs
        audit = ask(second, "GET", "/AuditEvent?_count=1000", roles=(Role.AUDITOR,))
        created = [e for e in audit.json["entry"] if e["resource"]["action"] == "C"]
        assert len(created) == n_ecgs + 1

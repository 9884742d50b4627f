"""Reports reach others' systems once in effect and in order, whatever breaks."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from ecgsvc import fhir
from ecgsvc.cli import app
from ecgsvc.client import EcgServiceError
from ecgsvc.domain.caller import Role
from ecgsvc.domain.report import Identifier
from ecgsvc.simulation import SimulationSettings, simulate
from ecgsvc.store import schema
from ecgsvc.store.engine import make_engine
from tests.servers import Server, running_server
from tests.service.delivery.receivers import FhirReceiver, Hl7Receiver
from tests.validators import assert_valid_for_independent_validators

EFFECTIVE = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
QUICK = "{ first_wait_s = 0.05, longest_wait_s = 0.5, rest_s = 0.2, longest_rest_s = 1 }"


def an_ecg(patient: int, number: int, *, status: str = "final", seed: int = 1) -> bytes:
    settings = SimulationSettings(
        seed=seed, duration_s=3.0, sampling_rate_hz=250.0, leads=("I", "II", "V1")
    )
    return fhir.encode_observation(
        simulate(settings).recording,
        subject=Identifier("urn:hospital", str(patient)),
        effective_at=EFFECTIVE,
        identifier=Identifier("urn:ecg", f"{patient}-{number}"),
        status=status,
    )


def the_ecgs(n_patients: int, n_each: int) -> Iterator[bytes]:
    """Yield each patient's ECGs, every second one a correction of the one before."""
    for number in range(n_each):
        for patient in range(n_patients):
            status = "final" if number % 2 == 0 else "amended"
            yield an_ecg(patient, number // 2, status=status, seed=number % 2 + 1)


def tenants_file(folder: Path, fhir_url: str, hl7_port: int) -> Path:
    file = folder / "tenants.toml"
    file.write_text(f"""
[[tenant]]
name = "default"

[[tenant.destination]]
name = "ehr"
kind = "fhir"
url = "{fhir_url}"
timeout_s = 3
parallel = 3
tries = {QUICK}

[[tenant.destination]]
name = "engine"
kind = "mllp"
address = "127.0.0.1:{hl7_port}"
timeout_s = 3
tries = {QUICK}
""")
    return file


def deliveries(url: str, state: str = "") -> list[dict[str, Any]]:
    """Look into the outbox itself: a command each time would take the test's time."""
    engine = make_engine(url, timeout_s=10.0)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(schema.deliveries)).mappings().all()
    engine.dispose()
    return [dict(row) for row in rows if state in ("", row["state"])]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def wait_until(is_so: Callable[[], bool], timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.2)


def post(server: Server, ecgs: list[bytes]) -> list[tuple[str, int]]:
    """Post ECGs one after another; return id and version of their reports."""
    found = []
    with server.client() as client:
        for body in ecgs:
            report = json.loads(client.analyze(body).report)
            found.append((report["id"], int(report["meta"]["versionId"])))
    return found


def campaign(
    url: str, folder: Path, *, n_patients: int, n_each: int, timeout_s: float
) -> None:
    """Deliver while the receivers fail and restart twice, and the service is killed."""
    ehr = FhirReceiver(folder / "ehr.json", fail_share=0.3)
    engine = Hl7Receiver(fail_share=0.3)
    tenants = tenants_file(folder, ehr.url, engine.port)
    ecgs = list(the_ecgs(n_patients, n_each))
    third = len(ecgs) // 3
    posted: list[tuple[str, int]] = []
    with ExitStack() as stack:
        ehr.start()
        stack.callback(lambda: ehr.kill())
        engine.start()
        stack.callback(engine.stop)
        log = folder / "server.log"
        with running_server(url, log, "--tenants", str(tenants)) as server:
            posted += post(server, ecgs[:third])
            ehr.kill()
            engine.stop()
            posted += post(server, ecgs[third : 2 * third])
            ehr.start()
            engine.start()
            server.kill()
        with running_server(url, log, "--tenants", str(tenants)) as server:
            posted += post(server, ecgs[2 * third :])
            ehr.kill()
            engine.stop()
            ehr.start()
            engine.start()

            def all_arrived() -> bool:
                return not deliveries(url, "pending")

            wait_until(all_arrived, timeout_s)
        states = {each["state"] for each in deliveries(url)}
        assert states == {"delivered"}
        assert len(deliveries(url)) == 2 * len(ecgs)
        _check_ehr(ehr, posted)
        _check_engine(engine, posted)


def _check_ehr(ehr: FhirReceiver, posted: list[tuple[str, int]]) -> None:
    reports = ehr.resources("DiagnosticReport")
    ids = {report_id for report_id, _ in posted}
    assert sorted(own["identifier"][0]["value"] for own in reports) == sorted(
        f"urn:uuid:{report_id}" for report_id in ids
    )
    observations = ehr.resources("Observation")
    assert_valid_for_independent_validators(
        [json.dumps(each).encode() for each in (*reports[:5], *observations[:5])]
    )
    assert len(observations) == 3 * len(ids)  # the ECG, measurements, impression
    assert len(ehr.resources("Provenance")) == len(posted)
    assert len(ehr.resources("Device")) == 1
    by_id = {f"Observation/{own['id']}" for own in observations}
    for report in reports:
        assert {each["reference"] for each in report["result"]} <= by_id
    order = defaultdict(list)
    for write in ehr.written():
        order[write["subject"]["identifier"]["value"]].append(write["identifier"])
    expected = defaultdict(list)
    for at, (report_id, _) in enumerate(posted):
        expected[at % len(order)].append(f"urn:uuid:{report_id}")
    for patient, identifiers in order.items():
        assert _runs(identifiers) == _runs(expected[int(patient)])


def _check_engine(engine: Hl7Receiver, posted: list[tuple[str, int]]) -> None:
    assert len(engine.messages) == len(posted)
    seen = defaultdict(list)
    for message_id in dict.fromkeys(engine.order):
        message = engine.messages[message_id]
        patient = str(message.segment("PID")[3][0][0])
        seen[patient].append(str(message.segment("OBR")[3][0][0]))
    expected = defaultdict(list)
    for at, (report_id, _) in enumerate(posted):
        expected[str(at % len(seen))].append(report_id)
    assert seen == expected


def _runs(values: list[str]) -> list[str]:
    """Leave repetitions of the one before out: tries of which nobody knew the end."""
    return [each for at, each in enumerate(values) if at == 0 or each != values[at - 1]]


def test_nothing_is_lost_doubled_or_overtaken(sqlite_url: str, tmp_path: Path) -> None:
    campaign(sqlite_url, tmp_path, n_patients=3, n_each=4, timeout_s=60)


@pytest.mark.verify
def test_200_reports_arrive_once_and_in_order(postgres_url: str, tmp_path: Path) -> None:
    campaign(postgres_url, tmp_path, n_patients=20, n_each=10, timeout_s=600)


def test_what_is_refused_is_a_dead_letter_that_can_be_replayed(
    sqlite_url: str, tmp_path: Path
) -> None:
    engine = Hl7Receiver(codes=["AE", "AR"])
    tenants = tenants_file(tmp_path, "http://127.0.0.1:9", engine.port)
    with (
        engine.running(),
        running_server(sqlite_url, tmp_path / "log", "--tenants", str(tenants)) as server,
    ):
        [(report_id, version)] = post(server, [an_ecg(1, 1)])

        def dead() -> list[dict[str, Any]]:
            return deliveries(sqlite_url, "dead")

        wait_until(lambda: bool(dead()), 30)
        [letter] = dead()
        assert (letter["destination"], letter["attempts"]) == ("engine", 2)
        assert letter["answer"].startswith("AR")
        named = ("engine", report_id, str(version), "--database", sqlite_url)
        shown = json.loads(run("deliveries", "show", *named).stdout)
        assert (shown["state"], shown["answer"]) == ("dead", letter["answer"])
        with server.client(Role.OPERATOR, Role.READER) as client:
            (found,) = client.list_reports('delivery = "dead"')
            assert found.name == f"reports/{report_id}/versions/{version}"
            (listed,) = client.list_deliveries(state="dead", destination="engine")
            assert (listed.attempt_count, listed.answer) == (2, letter["answer"])
            client.replay_delivery(listed.name)
            wait_until(lambda: not dead() and bool(engine.messages), 30)
            with pytest.raises(EcgServiceError, match="only a dead one is replayed"):
                client.replay_delivery(listed.name)
        assert run("deliveries", "replay", *named).exit_code == 1
    [pending] = deliveries(sqlite_url, "pending")
    assert pending["destination"] == "ehr"  # where nobody is, and analysis went on
    [message] = engine.messages.values()
    assert str(message.segment("OBR")[25]) == "P"

"""A real server process, a real database, real and simulated ECGs."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from ecgsvc import fhir
from ecgsvc.app import open_store
from ecgsvc.client import GONE, EcgClient, EcgServiceError
from ecgsvc.config import Settings
from ecgsvc.convert import WRITERS, Format, read_wfdb
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.recording_header import RecordedPatient, RecordingHeader
from ecgsvc.domain.report import Identifier
from ecgsvc.simulation import SimulationSettings, simulate
from tests.mutations import mutated_observations
from tests.servers import Server, running_server
from tests.validators import assert_valid_for_independent_validators

EFFECTIVE = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def observation(
    seed: int = 1,
    *,
    identifier: str = "",
    patient: str = "Patient/1",
    status: str = "final",
) -> bytes:
    return fhir.encode_observation(
        simulate(SimulationSettings(seed=seed)).recording,
        subject=patient,
        effective_at=EFFECTIVE,
        identifier=Identifier("urn:test", identifier) if identifier else None,
        status=status,
    )


@pytest.fixture
def client(server: Server) -> Iterator[EcgClient]:
    with server.client(deadline_s=60) as connected:
        yield connected


def component(observations: tuple[bytes, ...], loinc: str) -> float:
    for resource in map(json.loads, observations):
        for part in resource.get("component", ()):
            if any(c.get("code") == loinc for c in part["code"].get("coding", ())):
                value: float = part["valueQuantity"]["value"]
                return value
    raise AssertionError(loinc)


def test_a_server_of_the_fast_profile_names_the_fast_rhythm_model(
    sqlite_url: str, tmp_path: Path
) -> None:
    with (
        running_server(sqlite_url, tmp_path / "log", "--profile", "fast") as server,
        server.client(deadline_s=60) as client,
    ):
        reply = client.analyze(observation())
    assert b"rhythm-canet-single 2" in reply.provenance


def test_a_simulated_ecg_becomes_a_valid_report_with_its_true_intervals(
    client: EcgClient,
) -> None:
    ecg = simulate(SimulationSettings(seed=3, heart_rate_bpm=72, pr_ms=160, qrs_ms=92))
    body = fhir.encode_observation(
        ecg.recording, subject="Patient/1", effective_at=EFFECTIVE
    )
    reply = client.analyze(body)
    report = json.loads(reply.report)
    assert report["status"] == "preliminary"
    assert component(reply.observations, "8867-4") == pytest.approx(72, abs=2)
    assert component(reply.observations, "8625-6") == pytest.approx(160, abs=20)
    # The wave model follows annotators, who set wider limits than the simulator's truth:
    # 13 to 24 ms, the same for every seed.
    assert component(reply.observations, "8633-0") == pytest.approx(92, abs=25)
    assert_valid_for_independent_validators(
        [body, reply.report, *reply.observations, reply.provenance, reply.device]
    )
    found = client.get_report(reply.name)
    assert found.report == reply.report
    assert found.observations == reply.observations


def test_ventricular_beats_are_found_and_listed_by_their_code(client: EcgClient) -> None:
    ecg = simulate(SimulationSettings(seed=5, pvc_probability=0.2, duration_s=30))
    body = fhir.encode_observation(
        ecg.recording, subject="Patient/2", effective_at=EFFECTIVE
    )
    client.analyze(body)
    client.analyze(observation(seed=6))
    listed = list(client.list_reports('code = "17338001" AND patient = "Patient/2"'))
    assert [report.patient for report in listed] == ["Patient/2"]


def test_the_same_request_is_replayed_and_another_body_refused(client: EcgClient) -> None:
    first = client.analyze(observation(1), request_id="r-1")
    again = client.analyze(observation(1), request_id="r-1")
    assert again.replayed
    assert again.report == first.report
    with pytest.raises(EcgServiceError) as refused:
        client.analyze(observation(2), request_id="r-1")
    assert refused.value.code is grpc.StatusCode.ALREADY_EXISTS


def test_a_corrected_ecg_is_a_new_version_and_the_old_one_is_kept(
    client: EcgClient,
) -> None:
    first = client.analyze(observation(1, identifier="ecg-1"))
    with pytest.raises(EcgServiceError) as refused:
        client.analyze(observation(2, identifier="ecg-1"))
    assert refused.value.code is grpc.StatusCode.ALREADY_EXISTS
    second = client.analyze(observation(2, identifier="ecg-1", status="corrected"))
    assert second.name == first.name.replace("/versions/1", "/versions/2")
    assert client.get_report(first.name).report == first.report
    assert client.get_report(first.name.partition("/versions")[0]).report == second.report


def test_fifty_concurrent_identical_posts_make_one_report(
    database_url: str, tmp_path: Path
) -> None:
    body = observation(1, identifier="same")
    with running_server(database_url, tmp_path / "server.log") as server:
        barrier = threading.Barrier(50)

        def post(_: int) -> str:
            with server.client(deadline_s=120) as client:
                barrier.wait()
                return client.analyze(body).name

        with ThreadPoolExecutor(50) as pool:
            names = set(pool.map(post, range(50)))
        assert len(names) == 1
        with server.client() as client:
            assert len(list(client.list_reports())) == 1


def test_a_killed_server_keeps_every_acknowledged_report_once(
    database_url: str, tmp_path: Path
) -> None:
    bodies = [observation(seed % 5, identifier=f"ecg-{seed}") for seed in range(200)]
    acknowledged: dict[str, str] = {}
    with running_server(database_url, tmp_path / "server.log") as server:
        enough = threading.Event()

        def post(number: int) -> None:
            try:
                with server.client(deadline_s=5, max_attempts=1) as client:
                    acknowledged[f"ecg-{number}"] = client.analyze(bodies[number]).name
            except EcgServiceError:
                return
            if len(acknowledged) >= 30:
                enough.set()

        with ThreadPoolExecutor(8) as pool:
            posts = [pool.submit(post, number) for number in range(200)]
            assert enough.wait(timeout=120)
            server.kill()
            for each in posts:
                each.result()
    assert 30 <= len(acknowledged) < 200, "the kill must fall into the run"
    with (
        running_server(database_url, tmp_path / "server.log") as server,
        server.client(deadline_s=60) as client,
    ):
        names = [report.name for report in client.list_reports()]
        assert set(acknowledged.values()) <= set(names)
        assert len(names) == len(set(names))
        for number in range(200):
            reply = client.analyze(bodies[number])
            known = acknowledged.get(f"ecg-{number}")
            assert known in (None, reply.name)
            assert reply.replayed or known is None
        assert len(list(client.list_reports())) == 200


def test_a_stopped_server_finishes_what_it_accepted(
    sqlite_url: str, tmp_path: Path
) -> None:
    replies: list[str] = []
    refusals: set[grpc.StatusCode] = set()
    with running_server(sqlite_url, tmp_path / "server.log") as server:

        def post(number: int) -> None:
            with server.client(deadline_s=30, max_attempts=1) as client:
                client.wait_until_ready(10)
                ready.wait()
                try:
                    replies.append(client.analyze(observation(number % 3)).name)
                except EcgServiceError as error:
                    refusals.add(error.code)

        ready = threading.Barrier(17)
        with ThreadPoolExecutor(16) as pool:
            posts = [pool.submit(post, number) for number in range(16)]
            ready.wait()
            time.sleep(0.05)
            server.process.terminate()
            for each in posts:
                each.result()
        assert server.process.wait(timeout=60) == 0
    assert refusals <= GONE
    store = open_store(Settings(database_url=sqlite_url))
    try:
        for name in replies:
            _, report_id, _, version = name.split("/")
            assert (
                store.get(Caller("default", "test"), report_id, int(version)).status
                == "preliminary"
            )
    finally:
        store.close()


def test_a_thousand_broken_observations_are_refused_precisely(client: EcgClient) -> None:
    broken = list(mutated_observations(seed=2))
    assert len(broken) >= 1000
    for rule, body, expected in broken:
        with pytest.raises(EcgServiceError) as error:
            client.analyze(body)
        code = error.value.code
        assert code in (
            grpc.StatusCode.INVALID_ARGUMENT,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
        ), rule
        assert error.value.operation_outcome is not None, rule
        issues = error.value.operation_outcome["issue"]
        if expected is not None:
            named = [where for issue in issues for where in issue.get("expression", ())]
            # a message too large is refused before anybody looks for an Observation in it
            allowed = (expected, "AnalyzeEcgRequest")
            assert any(where.startswith(allowed) for where in named), (rule, named)
    assert list(client.list_reports()) == []
    client.analyze(observation())


def test_bytes_that_are_no_protobuf_are_the_callers_fault(server: Server) -> None:
    bearer = ("authorization", f"Bearer {server.token()}")
    with grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary("/ecgsvc.v1.AnalysisService/AnalyzeEcg")
        for junk in (b"\xff" * 40, b"\x0a\xff\xff\xff\xff\x0f", b"{}", bytes(range(256))):
            with pytest.raises(grpc.RpcError) as error:
                call(junk, timeout=10, metadata=[bearer])
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # type: ignore[attr-defined]


def test_no_patient_data_is_logged(client: EcgClient, tmp_path: Path) -> None:
    client.analyze(observation(1, identifier="secret-identifier", patient="Patient/secret"))
    with pytest.raises(EcgServiceError):
        client.analyze(observation(1).replace(b"Patient/1", b"Practitioner/secret"))
    log = (tmp_path / "server.log").read_text()
    assert log
    assert "secret" not in log


@pytest.mark.recordings
def test_cuts_of_all_48_records_pass_validators_and_are_found_again(
    client: EcgClient, recordings: Path
) -> None:
    names = sorted(path.stem for path in (recordings / "mitdb").glob("*.hea"))
    assert len(names) == 48
    resources: list[bytes] = []
    for name in names:
        cut = read_wfdb(recordings / "mitdb" / name, start_s=300, duration_s=10)
        body = fhir.encode_observation(
            cut,
            subject=f"Patient/mitdb-{name}",
            effective_at=EFFECTIVE,
            identifier=Identifier("urn:mitdb", name),
        )
        reply = client.analyze(body)
        resources += [
            body,
            reply.report,
            *reply.observations,
            reply.provenance,
            reply.device,
        ]
        listed = list(client.list_reports(f'patient = "Patient/mitdb-{name}"'))
        assert [report.name for report in listed] == [reply.name]
    assert_valid_for_independent_validators(resources)


def test_a_dicom_file_in_a_document_becomes_a_report_in_the_version_asked_for(
    client: EcgClient,
) -> None:
    header = RecordingHeader(RecordedPatient("4711"), EFFECTIVE)
    recording = replace(simulate(SimulationSettings(seed=8)).recording, header=header)
    content = WRITERS[Format.DICOM](recording)
    attachment = {
        "contentType": "application/dicom",
        "data": base64.b64encode(content).decode(),
    }
    document = {
        "resourceType": "DocumentReference",
        "id": "ecg-8",
        "status": "current",
        "identifier": [{"system": "urn:test", "value": "document-8"}],
        "subject": {"reference": "Patient/8"},
        "content": [{"attachment": attachment}],
    }
    body = json.dumps(document).encode()
    replies = [client.analyze(body, accept_fhir_version=v) for v in ("4.3.0", "5.0.0")]
    assert [reply.replayed for reply in replies] == [False, True]
    assert_valid_for_independent_validators([replies[0].report])
    assert "deviceName" in json.loads(replies[0].device)
    assert json.loads(replies[1].device)["name"][0]["value"] == "ecgsvc"
    stored = client.get_report(replies[0].name, accept_fhir_version="5.0.0")
    assert stored.device == replies[1].device
    assert stored.source_sha256 == hashlib.sha256(body).hexdigest()
    with pytest.raises(EcgServiceError) as refused:
        client.analyze(body, accept_fhir_version="3.0.2")
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT

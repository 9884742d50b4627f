"""Signatures, other analyses, erasure and the trail, over gRPC and by command.

Two servers stand on one database: one of the fast profile, and one of the accurate, whose
models are others.
"""

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from typer.testing import CliRunner, Result

from ecgsvc.cli import app
from ecgsvc.client import EcgClient, EcgServiceError
from ecgsvc.store import migrate
from ecgsvc.v1 import analysis_pb2, deliveries_pb2, reports_pb2
from tests.servers import Server, running_server
from tests.service.test_end_to_end import observation
from tests.service_methods import OUR_METHODS
from tests.validators import assert_valid_for_independent_validators

READ = {"status": "final", "role": "cardiologist", "reason": "read"}


@dataclass(frozen=True)
class House:
    """The servers, a client of each, and their database."""

    fast: Server
    client: EcgClient
    accurate: EcgClient

    @property
    def url(self) -> str:
        return f"sqlite:///{self.fast.database}"

    def post(self, patient: str, effective: str = "2026-11-21") -> str:
        """Post an ECG; the name of its report, without the version."""
        body = observation(1, patient=patient).replace(b"2026-11-21", effective.encode())
        return self.client.analyze(body, request_id=patient).name.partition("/versions")[0]

    def sign(self, name: str, **more: Any) -> str:
        etag = self.client.get_report(name).etag
        return self.client.update_report_status(name, etag=etag, **(READ | more)).name

    def command(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--database", self.url])

    def entered(self, request_id: str) -> list[str]:
        """What the trail says of a call."""
        query = "SELECT operation FROM audit_events WHERE request_id = ? ORDER BY sequence"
        with sqlite3.connect(self.fast.database) as connection:
            return [row[0] for row in connection.execute(query, (request_id,))]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("records")
    url = f"sqlite:///{folder / 'ecg.sqlite3'}"
    migrate(url)
    with (
        running_server(url, folder / "log", "--profile", "fast") as fast,
        running_server(url, folder / "log") as accurate,
        fast.client(deadline_s=60, max_attempts=1) as client,
        accurate.client(deadline_s=60, max_attempts=1) as other,
    ):
        yield House(fast, client, other)


def refusal(call: Any, *arguments: Any, **options: Any) -> grpc.StatusCode:
    with pytest.raises(EcgServiceError) as refused:
        call(*arguments, **options)
    return refused.value.code


def test_a_clinician_signs_and_the_machines_words_stay_beside_theirs(house: House) -> None:
    name = house.post("Patient/signed")
    before = house.client.get_report(name)
    signed = house.sign(name, conclusion="A normal ECG.")
    after = house.client.get_report(name)
    assert (signed, after.status) == (f"{name}/versions/2", "final")
    words = json.loads(after.report)["conclusion"]
    assert "A normal ECG." in words
    assert json.loads(before.report)["conclusion"] in words
    assert house.client.get_report(f"{name}/versions/1").report == before.report
    stale = house.client.update_report_status
    code = refusal(stale, name, etag=before.etag, **(READ | {"status": "amended"}))
    assert code is grpc.StatusCode.ABORTED
    code = refusal(stale, name, etag=after.etag, **READ)
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    house.sign(name, status="entered-in-error")
    last = house.client.get_report(name)
    code = refusal(stale, name, etag=last.etag, **(READ | {"status": "corrected"}))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    versions = [each.status for each in house.client.list_report_versions(name)]
    assert versions == ["entered-in-error", "final", "preliminary"]


def test_the_second_of_two_signers_at_once_is_aborted(house: House) -> None:
    name = house.post("Patient/two-signers")
    etag = house.client.get_report(name).etag
    both = threading.Barrier(2)

    def sign(client: EcgClient) -> str:
        both.wait()
        try:
            return client.update_report_status(name, etag=etag, **READ).name
        except EcgServiceError as error:
            return error.code.name

    with ThreadPoolExecutor(2) as pool:
        outcomes = set(pool.map(sign, (house.client, house.accurate)))
    assert outcomes == {f"{name}/versions/2", "ABORTED"}


def test_other_models_give_another_report_beside_a_signed_one(house: House) -> None:
    name = house.post("Patient/again")
    assert house.client.reanalyze(name).replayed
    second = house.accurate.reanalyze(name)
    assert second.name == f"{name}/versions/2"
    signed = house.sign(name)
    kept = house.client.get_report(name)
    third = house.client.reanalyze(name)
    assert third.might_supersede == name
    beside = house.client.get_report(third.name)
    assert (beside.status, beside.might_supersede) == ("preliminary", name)
    assert house.client.get_report(name) == kept
    assert kept.name == signed
    link = json.loads(beside.report)["extension"][0]["valueReference"]["identifier"]
    assert link in json.loads(kept.report)["identifier"]
    assert_valid_for_independent_validators([beside.report])
    listed = house.client.list_reports('reanalysed = any AND patient = "Patient/again"')
    assert [each.name for each in listed] == [third.name]
    told = house.command("reports", "disagreements", "--json")
    assert told.exit_code == 0
    assert isinstance(json.loads(told.stdout), list)


def test_erased_and_expired_patients_are_gone_and_the_trail_verifies(house: House) -> None:
    erased, old = house.post("Patient/erased"), house.post("Patient/old", "2001-11-21")
    new = house.post("Patient/new")
    house.sign(erased)
    assert house.client.erase_patient("Patient/erased") == 1
    expired = house.command("reports", "expire", "--older-than", "3650")
    assert (expired.exit_code, expired.stdout) == (0, "default: 1 reports erased\n")
    for name in (erased, old):
        assert refusal(house.client.get_report, name) is grpc.StatusCode.NOT_FOUND
    assert house.client.get_report(new).patient == "Patient/new"
    assert list(house.client.list_reports('patient = "Patient/erased"')) == []
    assert house.client.verify_audit_trail().intact
    verified = house.command("audit", "verify")
    assert (verified.exit_code, "nothing was changed" in verified.stdout) == (0, True)


def test_auditors_verify_files_without_the_database(house: House, tmp_path: Path) -> None:
    name = house.post("Patient/audited").removeprefix("reports/")
    house.command("audit", "checkpoint", str(tmp_path))
    house.client.get_report(f"reports/{name}")
    [kept] = tmp_path.glob("default-*.checkpoint")
    proof, grown, pub = (tmp_path / n for n in ("proof.json", "grown.json", "audit.pub"))
    pub.write_text(house.command("audit", "key").stdout)
    assert house.command("audit", "prove", name, "-o", str(proof)).exit_code == 0
    consistency = ("audit", "consistency", str(kept), "-o", str(grown))
    assert house.command(*consistency).exit_code == 0
    assert house.command("audit", "export", str(tmp_path)).exit_code == 0
    export = tmp_path / "default.trail.jsonl"

    def verify(*files: str | Path) -> Result:
        command = ["audit", "verify", "--public-key", str(pub), *map(str, files)]
        return CliRunner().invoke(app, command)

    files = ("--export", export, "--proof", proof, "--proof", grown, "--checkpoint", kept)
    whole = verify(*files)
    assert (whole.exit_code, whole.stderr) == (0, "")
    assert f"report {name} of default: 2 events" in whole.stdout
    unmet = verify("--proof", proof, "--checkpoint", kept)
    assert (unmet.exit_code, "no proof leads" in unmet.stderr) == (1, True)
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join([lines[0], *lines[2:]]))
    cut = verify(*files)
    assert (cut.exit_code, cut.stderr.splitlines()[0]) == (
        1, "default: event 1 is missing",
    )  # fmt: skip
    none = verify("--checkpoint", pub)
    assert (none.exit_code, "signed by none" in none.stderr) == (1, True)


@pytest.mark.parametrize("more", [("--with-ecgs",), ("--without-names",)])
def test_exported_lines_and_events_are_valid_for_independent_validators(
    house: House, tmp_path: Path, more: tuple[str, ...]
) -> None:
    house.sign(house.post(f"Patient/exported{len(more[0])}"), conclusion="Normal.")
    done = house.command("reports", "export", str(tmp_path), *more)
    assert done.exit_code == 0, done.stderr
    files = list(tmp_path.glob("*.ndjson"))
    lines = [line for file in files for line in file.read_bytes().splitlines()]
    kinds = {json.loads(line)["resourceType"] for line in lines}
    assert {"DiagnosticReport", "Observation", "Provenance", "Device"} <= kinds
    events = [each.event.json for each in house.client.list_audit_events(page_size=50)]
    assert_valid_for_independent_validators([*lines, *events[:200]])


ECG = {"json": observation(2, patient="Patient/walked")}


def good_requests(name: str, etag: str) -> dict[str, tuple[bytes, list[str]]]:
    """A request of each method that succeeds, and what it leaves in the trail."""
    analyze = analysis_pb2.AnalyzeEcgRequest(observation=ECG)
    many = analysis_pb2.AnalyzeEcgsRequest(ecg=analyze)
    validate = analysis_pb2.ValidateEcgRequest(observation=ECG)
    update = reports_pb2.UpdateReportStatusRequest(name=name, etag=etag, **READ)
    parent = reports_pb2.ListReportVersionsRequest(parent=name)
    find = reports_pb2.ListReportsRequest(filter='patient = "Patient/walked"')
    export = reports_pb2.ExportReportsRequest(filter=find.filter)
    return {
        "AnalyzeEcg": (analyze.SerializeToString(), ["create"]),
        "AnalyzeEcgs": (many.SerializeToString(), ["create"]),
        "ValidateEcg": (validate.SerializeToString(), ["validate"]),
        "ReanalyzeEcg": (
            analysis_pb2.ReanalyzeEcgRequest(name=name).SerializeToString(), ["reanalyze"],
        ),
        "GetReport": (
            reports_pb2.GetReportRequest(name=name).SerializeToString(), ["read"],
        ),
        "ListReports": (find.SerializeToString(), ["search-type", "disclose"]),
        "ExportReports": (export.SerializeToString(), ["export"]),
        "ListReportVersions": (parent.SerializeToString(), ["history-instance"]),
        "UpdateReportStatus": (update.SerializeToString(), ["update"]),
        "ErasePatient": (
            reports_pb2.ErasePatientRequest(patient="Patient/none").SerializeToString(),
            ["delete"],
        ),
        "ListDeliveries": (b"", ["search-type"]),
        "ListAuditEvents": (b"", ["read-trail"]),
        "GetAuditCheckpoint": (b"", ["read-trail"]),
        "VerifyAuditTrail": (b"", ["verify-trail"]),
    }  # fmt: skip


def bad_requests() -> dict[str, bytes]:
    """A request of each method that is well formed and cannot be fulfilled."""
    name = "reports/00000000-0000-4000-8000-000000000000"
    empty = {"json": b"{}"}
    return {
        "AnalyzeEcg": analysis_pb2.AnalyzeEcgRequest(observation=empty),
        "ReanalyzeEcg": analysis_pb2.ReanalyzeEcgRequest(name=name),
        "GetReport": reports_pb2.GetReportRequest(name=name),
        "ListReports": reports_pb2.ListReportsRequest(filter="colour = red"),
        "ExportReports": reports_pb2.ExportReportsRequest(filter="colour = red"),
        "ListReportVersions": reports_pb2.ListReportVersionsRequest(parent=name),
        "UpdateReportStatus": reports_pb2.UpdateReportStatusRequest(name=name, **READ),
        "ErasePatient": reports_pb2.ErasePatientRequest(patient=""),
        "ReplayDelivery": deliveries_pb2.ReplayDeliveryRequest(
            name=f"{name}/versions/1/deliveries/ehr"
        ),
    }


def test_every_method_leaves_its_events_also_when_it_is_refused(house: House) -> None:
    name = house.post("Patient/walked")
    good = good_requests(name, house.client.get_report(name).etag)
    bad = {method: each.SerializeToString() for method, each in bad_requests().items()}
    needs_a_dead_delivery = {"ReplayDelivery"}
    assert {f.rpartition("/")[2] for f in OUR_METHODS} == set(good) | needs_a_dead_delivery
    with grpc.insecure_channel(house.fast.address) as channel:

        def call(method: str, body: bytes) -> tuple[grpc.StatusCode, list[str]]:
            request_id = str(uuid.uuid4())
            token = f"Bearer {house.fast.token()}"
            metadata = [("authorization", token), ("x-request-id", request_id)]
            stream = channel.stream_stream(method)
            answer = stream(iter([body]), timeout=60, metadata=metadata)
            try:
                list(answer)
            except grpc.RpcError as error:
                return error.code(), house.entered(request_id)
            return grpc.StatusCode.OK, house.entered(request_id)

        refused = analysis_pb2.AnalyzeEcgsRequest(ecg={"observation": {"json": b"{}"}})
        stream = "/ecgsvc.v1.AnalysisService/AnalyzeEcgs"  # goes on after one is refused
        assert call(stream, refused.SerializeToString()) == (
            grpc.StatusCode.OK, ["refuse"],
        )  # fmt: skip
        for method in OUR_METHODS:
            short = method.rpartition("/")[2]
            assert call(method, b"\xff\xff") == (
                grpc.StatusCode.INVALID_ARGUMENT, ["refuse"],
            ), method  # fmt: skip
            if short in bad:
                code, entered = call(method, bad[short])
                assert code is not grpc.StatusCode.OK, method
                assert entered == ["refuse"], method
            if short in good:
                body, expected = good[short]
                assert call(method, body) == (grpc.StatusCode.OK, expected), method

"""Clients that others wrote, against the real server."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Server
from tests.service.http.rest import ask, ecg

NODE_DIR = Path(__file__).parents[1] / "node"


def node(
    script: Path, *arguments: str, body: bytes = b"", package: str, **environment: str
) -> Any:
    """Run a Node script of ours that uses a package, and read the JSON it prints."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not (NODE_DIR / "node_modules" / package).is_dir():
        pytest.skip(f"{package} is not there (npm ci --prefix {NODE_DIR})")
    done = subprocess.run(
        ["node", str(script), *arguments],
        cwd=NODE_DIR,
        env={**os.environ, "NODE_PATH": str(NODE_DIR / "node_modules"), **environment},
        input=body,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_fhirpy_creates_reads_and_searches(rest_server: Server) -> None:
    fhirpy = pytest.importorskip("fhirpy")
    client = fhirpy.SyncFHIRClient(
        rest_server.fhir_url, authorization=f"Bearer {rest_server.token()}"
    )
    body = json.loads(ecg(seed=101, patient="Patient/fhirpy"))
    created = client.resource("Observation", **body)
    created.save()
    assert created.id.endswith("-ecg")
    report_id = created.id.removesuffix("-ecg")
    report = client.reference("DiagnosticReport", report_id).to_resource()
    assert report["status"] == "preliminary"
    found = client.resources("DiagnosticReport").search(patient="Patient/fhirpy")
    assert [each.id for each in found.fetch_all()] == [report_id]
    with pytest.raises(fhirpy.base.exceptions.OperationOutcome):
        client.resource("Observation", status="final").save()


def test_fhirclient_creates_reads_and_searches(rest_server: Server) -> None:
    pytest.importorskip("fhirclient")
    from fhirclient.client import FHIRClient
    from fhirclient.models.diagnosticreport import DiagnosticReport
    from fhirclient.models.observation import Observation

    client = FHIRClient(settings={"app_id": "test", "api_base": rest_server.fhir_url})
    client.server.session.headers["Authorization"] = f"Bearer {rest_server.token()}"
    body = json.loads(ecg(seed=102, patient="Patient/fhirclient"))
    created = Observation(Observation(body).create(client.server))
    report_id = created.id.removesuffix("-ecg")
    report = DiagnosticReport.read(report_id, client.server)
    assert report.status == "preliminary"
    assert report.presentedForm[0].contentType == "application/pdf"
    search = DiagnosticReport.where({"patient": "Patient/fhirclient"})
    assert [each.id for each in search.perform_resources_iter(client.server)] == [report_id]


def test_fhir_kit_client_creates_reads_and_pages(rest_server: Server) -> None:
    ask(rest_server, "POST", "/Observation", ecg(seed=103, patient="Patient/kit"))
    said = node(
        NODE_DIR / "fhir_kit_client.js",
        rest_server.fhir_url,
        rest_server.token(),
        body=ecg(seed=104, patient="Patient/kit"),
        package="fhir-kit-client",
    )
    assert said == {
        "fhirVersion": "4.0.1",
        "created": "Observation",
        "report": "preliminary",
        "version": "1",
        "pages": [1, 1],
        "refusal": 404,
    }


def test_fhir_kit_client_creates_later_and_exports(rest_server: Server) -> None:
    said = node(
        NODE_DIR / "fhir_kit_later.js",
        rest_server.fhir_url,
        rest_server.token(tenant="kit"),
        body=ecg(seed=106, patient="Patient/later"),
        package="fhir-kit-client",
    )
    assert said == {
        "taken": 202,
        "status": "201 Created",
        "ecg": "Observation",
        "begun": 202,
        "type": "Observation",
        "exported": True,
    }


def test_the_javascript_example_posts_an_ecg_over_grpc(
    rest_server: Server, repository: Path, tmp_path: Path
) -> None:
    file = tmp_path / "ecg.json"
    file.write_bytes(ecg(seed=105))
    said = node(
        repository / "docs" / "examples" / "post_ecg.js",
        str(file),
        rest_server.address,
        str(repository / "protos"),
        package="@grpc/grpc-js",
        TOKEN=rest_server.token(),
    )
    assert said["name"].startswith("reports/")
    assert said["conclusion"]


def test_grpcurl_lists_describes_and_calls(rest_server: Server) -> None:
    grpcurl = shutil.which("grpcurl")
    if grpcurl is None:
        pytest.skip("grpcurl is not installed")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [grpcurl, "-plaintext", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    services = run(rest_server.address, "list").split()
    assert {"ecgsvc.v1.AnalysisService", "ecgsvc.v1.ReportService"} <= set(services)
    assert "rpc AnalyzeEcg" in run(
        rest_server.address, "describe", "ecgsvc.v1.AnalysisService"
    )
    header = f"authorization: Bearer {rest_server.token()}"
    asked = '{"page_size": 1}'
    listed = run("-H", header, "-d", asked, rest_server.address,
                 "ecgsvc.v1.ReportService/ListReports")  # fmt: skip
    assert len(json.loads(listed).get("reports", ())) <= 1

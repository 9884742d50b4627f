"""A plain HTTP client: status, headers and JSON of an answer."""

import http.client
import importlib.util
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from ecgsvc import fhir
from ecgsvc.domain.caller import Role
from ecgsvc.domain.report import Identifier
from ecgsvc.simulation import SimulationSettings, simulate
from tests.servers import Server

HAS_OWN_MODEL = importlib.util.find_spec("onnx") is not None
EFFECTIVE = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    server: Server,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    token: str | None = None,
    roles: tuple[Role, ...] = (),
    tenant: str = "default",
    **headers: str,
) -> Answer:
    """Send one request; `path` is below the FHIR base, or absolute with its host."""
    parts = urlsplit(server.fhir_url)
    target = path if path.startswith("http") else f"{server.fhir_url}{path}"
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent.setdefault("content-type", "application/fhir+json")
    if token is None:
        token = server.token(*roles, tenant=tenant)
    if token:
        sent["authorization"] = f"Bearer {token}"
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        where = urlsplit(target)
        connection.request(
            method, where.path + (f"?{where.query}" if where.query else ""), body, sent
        )
        answer = connection.getresponse()
        lower = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, lower, answer.read())
    finally:
        connection.close()


def ecg(seed: int = 1, *, identifier: str = "", patient: str = "Patient/1") -> bytes:
    return fhir.encode_observation(
        simulate(SimulationSettings(seed=seed)).recording,
        subject=patient,
        effective_at=EFFECTIVE,
        identifier=Identifier("urn:test", identifier) if identifier else None,
    )


def issue(answer: Answer) -> dict[str, object]:
    assert answer.json["resourceType"] == "OperationOutcome"
    found: dict[str, object] = answer.json["issue"][0]
    return found

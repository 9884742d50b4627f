"""The client against real HTTP servers: an EHR, and an authorization server that checks."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from ecgsvc.delivery import FhirClient, TokenSource, http_pool
from ecgsvc.domain.delivery import Verdict
from ecgsvc.identity import UnusableKey, client_assertions

DONE = {
    "resourceType": "Bundle",
    "entry": [
        {"response": {"status": "201 Created", "location": "Device/1"}},
        {"response": {"status": "200", "location": "DiagnosticReport/r/_history/2"}},
    ],
}


@dataclass
class Ehr:
    """What it answers, and what it got."""

    answers: list[tuple[int, object, dict[str, str]]]
    url: str = ""
    tokens: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def http_server(
    reply: Callable[[BaseHTTPRequestHandler, bytes], tuple[int, object, dict[str, str]]],
) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, answer, headers = reply(self, body)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def ehr(*answers: tuple[int, object, dict[str, str]]) -> Iterator[Ehr]:
    got = Ehr(list(answers))

    def reply(
        request: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, object, dict[str, str]]:
        got.tokens.append(request.headers.get("authorization", ""))
        got.bodies.append(body)
        return got.answers.pop(0)

    with http_server(reply) as url:
        got.url = url
        yield got


@pytest.mark.parametrize(
    ("status", "body", "headers", "verdict", "says"),
    [
        (200, DONE, {}, Verdict.ACCEPTED, "HTTP 200 DiagnosticReport/r/_history/2"),
        (200, b"", {}, Verdict.LATER, "no transaction-response"),
        (200, {"entry": [{"response": {"status": "422"}}]}, {}, Verdict.REFUSED, "422"),
        (302, b"", {"location": "/x"}, Verdict.REFUSED, "HTTP 302"),
        (400, {"issue": [{"code": "invalid"}]}, {}, Verdict.REFUSED, "400 (invalid)"),
        (422, {"issue": [{"code": "<patient>"}]}, {}, Verdict.REFUSED, "HTTP 422"),
        (401, b"", {}, Verdict.UNREACHABLE, "HTTP 401"),
        (404, b"", {}, Verdict.UNREACHABLE, "HTTP 404"),
        (409, b"", {}, Verdict.LATER, "HTTP 409"),
        (429, b"", {"retry-after": "7"}, Verdict.UNREACHABLE, "HTTP 429"),
        (503, b"", {"retry-after": "soon"}, Verdict.UNREACHABLE, "HTTP 503"),
    ],
)
def test_an_answer_is_judged(
    status: int, body: object, headers: dict[str, str], verdict: Verdict, says: str
) -> None:
    with ehr((status, body, headers)) as server:
        answer = FhirClient(http_pool(None, 1), server.url).transact(b"{}")
    assert answer.verdict is verdict
    assert says in answer.text
    assert "patient" not in answer.text
    assert answer.retry_after_s == (7.0 if status == 429 else None)


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with ehr() as server:
        pass
    answer = FhirClient(http_pool(None, 1), server.url, timeout_s=1.0).transact(b"{}")
    assert answer.verdict is Verdict.UNREACHABLE


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_tokens_are_asked_for_with_a_signed_jwt_kept_and_renewed(
    algorithm: str, tmp_path: Path
) -> None:
    key = (
        ec.generate_private_key(ec.SECP384R1())
        if algorithm == "ES384"
        else rsa.generate_private_key(65537, 2048)
    )
    (tmp_path / "key.pem").write_bytes(_pem(key))
    jtis: list[str] = []
    life = 300

    def grant(_: BaseHTTPRequestHandler, body: bytes) -> tuple[int, object, dict[str, str]]:
        form = {name: value[0] for name, value in parse_qs(body.decode()).items()}
        assert form["grant_type"] == "client_credentials"
        assert form["scope"] == "system/DiagnosticReport.cu"
        assertion = form["client_assertion"]
        assert jwt.get_unverified_header(assertion)["kid"] == "k1"
        claims = jwt.decode(
            assertion, key.public_key(), [algorithm], audience=authority + "/token",
            options={"require": ["iss", "sub", "exp", "jti"]},
        )  # fmt: skip
        assert claims["iss"] == claims["sub"] == "us"
        assert claims["exp"] - claims["iat"] <= 300
        jtis.append(claims["jti"])
        return 200, {"access_token": f"t{len(jtis)}", "expires_in": life}, {}

    with (
        http_server(grant) as authority,
        ehr((200, DONE, {}), (200, DONE, {}), (401, b"", {}), (200, DONE, {})) as server,
    ):
        pool = http_pool(None, 1)
        sign = client_assertions(tmp_path / "key.pem", "k1", "us")
        scope = "system/DiagnosticReport.cu"
        tokens = TokenSource(pool, f"{authority}/token", scope, sign)
        client = FhirClient(pool, server.url, tokens=tokens)
        for _ in range(3):
            assert client.transact(b"{}").verdict is Verdict.ACCEPTED
    assert server.tokens == ["Bearer t1", "Bearer t1", "Bearer t1", "Bearer t2"]
    assert len(set(jtis)) == 2


def test_without_a_token_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(_pem(ec.generate_private_key(ec.SECP384R1())))
    sign = client_assertions(tmp_path / "key.pem", "k1", "us")
    refusal = (400, {"error": "invalid_client", "error_description": "secret"}, {})
    with http_server(lambda *_: refusal) as authority, ehr() as server:
        pool = http_pool(None, 1)
        tokens = TokenSource(pool, authority, "s", sign)
        answer = FhirClient(pool, server.url, tokens=tokens).transact(b"{}")
    assert answer.verdict is Verdict.UNREACHABLE
    assert answer.text == "no access token (400 invalid_client)"
    assert server.bodies == []


def test_keys_that_smart_does_not_allow_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    weak = [
        b"rubbish",
        _pem(ec.generate_private_key(ec.SECP256R1())),
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
    ]
    for content in weak:
        file.write_bytes(content)
        with pytest.raises(UnusableKey, match=r"key\.pem"):
            client_assertions(file, "k1", "us")

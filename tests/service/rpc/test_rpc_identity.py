"""Who is asking: every method without, with bad and with too small credentials."""

import logging
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
import trustme
from cryptography import x509
from rpc_fakes import a_report, refused

from ecgsvc.client import ClientTls, EcgClient, EcgServiceError
from ecgsvc.domain.caller import Role
from ecgsvc.domain.errors import Unauthenticated
from ecgsvc.identity import (
    Authenticator,
    ClientCertificates,
    OwnKey,
    TokenRules,
    TokenVerifier,
    VerificationKeys,
)
from ecgsvc.rpc.caller import caller_of
from ecgsvc.rpc.permissions import PERMISSIONS
from ecgsvc.rpc.tls import TlsFiles
from ecgsvc.v1 import reports_pb2
from tests.servers import a_token
from tests.service_methods import ALL_METHODS, OUR_METHODS

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED


@pytest.fixture
def key(tmp_path: Path) -> OwnKey:
    return OwnKey(tmp_path / "key.pem", make=True)


@pytest.fixture
def guarded(serve, key, tmp_path):
    """A server that takes tokens of `key`."""
    keys = VerificationKeys(tmp_path / "key.pem")
    verifier = TokenVerifier(keys, TokenRules("ecgsvc", "ecgsvc"))
    return serve(authenticate=Authenticator(verifier).caller)


def call(served, method: str, *metadata: tuple[str, str], body: bytes = b""):
    """Call a method of any kind with a message of these bytes; return its refusal."""
    stream = served.channel.stream_stream(method)(
        iter([body]), timeout=10, metadata=metadata
    )
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    return refused(caught.value)


def bearer(token: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {token}")


@pytest.mark.parametrize("method", OUR_METHODS)
def test_no_method_answers_without_with_stale_or_with_foreign_credentials(
    guarded, key, tmp_path, method
):
    foreign = OwnKey(tmp_path / "foreign.pem", make=True)
    stale = a_token(key, valid_for=timedelta(minutes=-5))
    for metadata in ((), (bearer(stale),), (bearer(a_token(foreign)),), (bearer("junk"),)):
        made = call(guarded, method, *metadata)
        assert made.code is UNAUTHENTICATED
        assert made.reason == "UNAUTHENTICATED"
    assert guarded.analyzer.asked == guarded.reader.queries == []


@pytest.mark.parametrize("method", OUR_METHODS)
def test_no_method_answers_callers_of_other_roles_only(guarded, key, method):
    allowed = PERMISSIONS[method]
    assert allowed
    made = call(guarded, method, bearer(a_token(key, *(frozenset(Role) - allowed))))
    assert made.code is PERMISSION_DENIED
    assert made.reason == "FORBIDDEN"
    assert guarded.analyzer.asked == guarded.reader.queries == []


def test_what_is_forbidden_looks_the_same_whether_it_exists_or_not(guarded, key):
    guarded.reader.reports.append(a_report("r1"))
    method = "/ecgsvc.v1.ReportService/GetReport"
    for metadata in ((), (bearer(a_token(key, Role.POSTER)),)):
        answers = [
            call(guarded, method, *metadata, body=request.SerializeToString())
            for request in (
                reports_pb2.GetReportRequest(name="reports/r1"),
                reports_pb2.GetReportRequest(name="reports/r2"),
                reports_pb2.GetReportRequest(name="no name at all"),
            )
        ]
        assert answers[0] == answers[1] == answers[2]


def test_health_and_reflection_answer_anyone(guarded):
    open_methods = set(ALL_METHODS) - set(OUR_METHODS)
    assert {m for m, roles in PERMISSIONS.items() if roles is None} == open_methods
    check = guarded.channel.unary_unary("/grpc.health.v1.Health/Check")
    assert check(b"", timeout=10)


def test_a_method_that_does_not_exist_is_unimplemented_for_anyone(guarded):
    with pytest.raises(grpc.RpcError) as caught:
        guarded.channel.unary_unary("/ecgsvc.v1.ReportService/Nothing")(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_client_with_a_token_or_a_file_of_it_is_served(guarded, key, tmp_path):
    target, token = f"127.0.0.1:{guarded.server.port}", a_token(key, Role.POSTER)
    with EcgClient(target, token=token) as client:
        assert client.analyze(b"{}").name
    file = tmp_path / "token"
    file.write_text("not yet there")
    with EcgClient(target, token_file=file, max_attempts=1) as client:
        with pytest.raises(EcgServiceError) as caught:
            client.analyze(b"{}")
        assert caught.value.code is UNAUTHENTICATED
        file.write_text(f"{token}\n")  # renewed while the client is connected
        assert client.analyze(b"{}").name


def test_the_log_names_tenant_and_request_and_never_token_or_subject(guarded, key, caplog):
    token = a_token(key, Role.READER, tenant="north", subject="dr-secret")
    with caplog.at_level(logging.INFO):
        guarded.reports.ListReports(
            reports_pb2.ListReportsRequest(),
            metadata=(bearer(token), ("x-request-id", "call-17")),
            timeout=10,
        )
        call(guarded, OUR_METHODS[0], bearer(token), ("x-request-id", "Jane Doe"))
    assert "tenant=north request=call-17" in caplog.text
    assert caplog.records[0].tenant == "north"
    for secret in ("dr-secret", token, "Jane Doe"):
        assert secret not in caplog.text


def test_a_certificate_makes_a_caller_of_the_map_and_a_bad_token_is_not_saved_by_it(
    serve, tmp_path, key
):
    authority = trustme.CA()
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)

    def pem(name: str, issued: trustme.LeafCert) -> tuple[Path, Path]:
        paths = tmp_path / f"{name}.pem", tmp_path / f"{name}-key.pem"
        issued.cert_chain_pems[0].write_to_path(paths[0])
        issued.private_key_pem.write_to_path(paths[1])
        return paths

    server = pem("server", authority.issue_cert("localhost"))
    engine = authority.issue_cert(
        "engine.north", common_name="engine", organization_name="Hospital North"
    )
    known = pem("known", engine)
    unknown = pem("unknown", authority.issue_cert("x", common_name="x"))
    subjects = tmp_path / "clients.toml"
    subjects.write_text(
        f'[[client]]\nsubject = "{_subject(known[0])}"\ntenant = "north"\n'
        'roles = ["poster"]\n'
    )
    verifier = TokenVerifier(
        VerificationKeys(tmp_path / "key.pem"), TokenRules("ecgsvc", "ecgsvc")
    )
    served = serve(
        tls=TlsFiles(*server, ca),
        authenticate=Authenticator(verifier, ClientCertificates(subjects)).caller,
    )
    target = f"localhost:{served.server.port}"

    def client(paths: tuple[Path, Path], token: str = "") -> EcgClient:
        tls = ClientTls(ca=ca, certificate=paths[0], key=paths[1])
        return EcgClient(target, tls=tls, token=token, max_attempts=1)

    with client(known) as certified:
        assert certified.analyze(b"{}").name
        with pytest.raises(EcgServiceError) as caught:
            list(certified.list_reports())
        assert caught.value.code is PERMISSION_DENIED
    for paths, token in ((unknown, ""), (known, "junk")):
        with client(paths, token) as refused_client:
            with pytest.raises(EcgServiceError) as caught:
                refused_client.analyze(b"{}")
            assert caught.value.code is UNAUTHENTICATED
    with client(unknown, a_token(key, Role.POSTER)) as with_token:
        assert with_token.analyze(b"{}").name


def _subject(certificate: Path) -> str:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).subject.rfc4514_string()


def test_nobody_is_the_caller_of_a_call_that_was_not_let_in():
    class Context:
        """Of an open method, say."""

    with pytest.raises(Unauthenticated):
        caller_of(Context())  # type: ignore[arg-type]

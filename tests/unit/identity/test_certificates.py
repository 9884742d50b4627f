"""Client certificates and the map of their subjects."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ecgsvc.domain.caller import Role
from ecgsvc.domain.errors import Unauthenticated
from ecgsvc.identity import (
    Authenticator,
    ClientCertificates,
    Credentials,
    UnusableCertificateMap,
)
from ecgsvc.identity.certificates import read_map

ENGINE = """
[[client]]
subject = "CN=engine,O=Hospital North"
tenant = "north"
roles = ["poster", "reader"]
name = "Interface engine"
"""


def certificate(subject: str) -> bytes:
    name = x509.Name.from_rfc4514_string(subject)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def test_a_known_subject_is_a_caller_however_its_name_is_spelled(tmp_path: Path) -> None:
    file = tmp_path / "clients.toml"
    file.write_text(ENGINE)
    authenticator = Authenticator(certificates=ClientCertificates(file))
    for spelled in ("CN=engine,O=Hospital North", "CN=engine,O=Hospital\\20North"):
        caller = authenticator.caller(
            Credentials(certificate_pem=certificate(spelled), request_id="r-1")
        )
        assert (caller.tenant, caller.name, caller.request_id) == (
            "north",
            "Interface engine",
            "r-1",
        )
        assert caller.roles == {Role.POSTER, Role.READER}


@pytest.mark.parametrize(
    "subject",
    ["CN=engine", "CN=engine,O=Hospital South", "O=Hospital North,CN=engine", ""],
)
def test_another_subject_is_nobody(tmp_path: Path, subject: str) -> None:
    file = tmp_path / "clients.toml"
    file.write_text(ENGINE)
    with pytest.raises(Unauthenticated, match="not known here"):
        ClientCertificates(file).caller(certificate(subject))
    with pytest.raises(Unauthenticated):
        ClientCertificates(file).caller(b"no certificate")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "is no TOML file with"),
        ("client = 1", "is no TOML file with"),
        ("][", "is no TOML file with"),
        (ENGINE.replace("tenant", "tennant"), "client 1: unknown key tennant"),
        (ENGINE.replace('"north"', '"a b"'), "client 1: tenant must be"),
        (ENGINE.replace('"poster"', '"posterior"'), "client 1: roles must be"),
        (ENGINE.replace('["poster", "reader"]', '"poster"'), "client 1: roles must be"),
        (ENGINE.replace("CN=engine", "engine"), "client 1: subject must be"),
        (ENGINE.replace('"Interface engine"', "1"), "client 1: name must be"),
        (ENGINE + ENGINE, "client 2: its subject was given before"),
    ],
)
def test_a_mistake_in_the_map_is_named(content: str, what: str) -> None:
    with pytest.raises(UnusableCertificateMap, match=what):
        read_map(content.encode())

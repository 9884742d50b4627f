"""Bearer tokens: who they make a caller, and which are refused."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.errors import Unauthenticated
from ecgsvc.identity import (
    Authenticator,
    Credentials,
    OwnKey,
    TokenRules,
    TokenVerifier,
    UnusableKeys,
    VerificationKeys,
)
from ecgsvc.identity.keys import read_keys

EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)
RULES = TokenRules("https://idp.example", "ecgsvc")


def public_pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem


def claims(**changes: Any) -> dict[str, Any]:
    """Claims that are good; a time is given as its distance from now."""
    now = datetime.now(UTC)
    values = {
        "iss": "https://idp.example",
        "aud": "ecgsvc",
        "sub": "dr-jones",
        "name": "Dr. Jones",
        "tenant": "north",
        "roles": ["reader", "signer", "role-of-another-system"],
        "nbf": now - timedelta(minutes=1),
        "exp": now + timedelta(minutes=5),
    }
    return {
        k: now + v if isinstance(v, timedelta) else v
        for k, v in (values | changes).items()
        if v is not None
    }


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> TokenVerifier:
    file = tmp_path_factory.mktemp("keys") / "keys.pem"
    file.write_bytes(public_pem(EC_KEY) + public_pem(RSA_KEY))
    return TokenVerifier(VerificationKeys(file), RULES)


@pytest.mark.parametrize(("key", "algorithm"), [(EC_KEY, "ES256"), (RSA_KEY, "RS256")])
def test_a_signed_token_says_tenant_subject_name_and_the_roles_known_here(
    verifier: TokenVerifier, key: Any, algorithm: str
) -> None:
    caller = verifier.caller(jwt.encode(claims(), key, algorithm=algorithm))
    roles = frozenset({Role.READER, Role.SIGNER})
    assert caller == Caller("north", "dr-jones", "Dr. Jones", roles)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"exp": timedelta(minutes=-1)}, "has expired"),
        ({"nbf": timedelta(minutes=5)}, "is not valid yet"),
        ({"iat": timedelta(minutes=5)}, "is not valid yet"),
        ({"aud": "another-service"}, "is for another audience"),
        ({"iss": "https://evil.example"}, "is of another issuer"),
        ({"exp": None}, "lacks one of the claims"),
        ({"aud": None}, "lacks one of the claims"),
        ({"iss": None}, "lacks one of the claims"),
        ({"sub": None}, "lacks one of the claims"),
        ({"sub": ""}, "has no subject"),
        ({"sub": "a\nb"}, "has no subject"),
        ({"sub": "x" * 256}, "has no subject"),
        ({"tenant": None}, "names no tenant"),
        ({"tenant": "north/../south"}, "names no tenant"),
        ({"tenant": ["north"]}, "names no tenant"),
    ],
)
def test_a_token_that_breaks_a_rule_is_refused_and_the_rule_named(
    verifier: TokenVerifier, changes: dict[str, Any], what: str
) -> None:
    with pytest.raises(Unauthenticated, match=what):
        verifier.caller(jwt.encode(claims(**changes), EC_KEY, algorithm="ES256"))


def unsigned(header: dict[str, str], signature: bytes = b"") -> str:
    parts = [
        json.dumps(header).encode(),
        json.dumps(claims(nbf=None, exp=4102444800)).encode(),
        signature,
    ]
    return ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts)


def test_no_algorithm_but_that_of_the_key_is_ever_tried(verifier: TokenVerifier) -> None:
    import hashlib
    import hmac

    confused = []
    for key in (EC_KEY, RSA_KEY):  # HMAC with the text of a public key as its secret
        draft = unsigned({"alg": "HS256", "typ": "JWT"}).rstrip(".")
        mac = hmac.digest(public_pem(key), draft.encode(), hashlib.sha256)
        confused.append(f"{draft}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}")
    signed = jwt.encode(claims(), EC_KEY, algorithm="ES256")
    _, body, signature = signed.split(".")
    for algorithm in ("RS256", "ES384", "es256", "none", ""):
        header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode())
        confused.append(f"{header.decode().rstrip('=')}.{body}.{signature}")
    confused += [unsigned({"alg": alg}) for alg in ("none", "None", "NONE", "ES256")]
    confused.append(jwt.encode(claims(), RSA_KEY, algorithm="PS256"))
    confused.append(jwt.encode(claims(), OTHER_EC_KEY, algorithm="ES256"))
    for token in confused:
        with pytest.raises(Unauthenticated):
            verifier.caller(token)
    assert verifier.caller(signed).tenant == "north"


@given(st.data())
def test_no_changed_character_leaves_a_token_valid(
    verifier: TokenVerifier, data: st.DataObject
) -> None:
    token = jwt.encode(claims(), EC_KEY, algorithm="ES256")
    at = data.draw(st.integers(0, len(token) - 2))  # the last one has bits that say nothing
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[at]))
    with pytest.raises(Unauthenticated) as refused:
        verifier.caller(token[:at] + other + token[at + 1 :])
    assert "north" not in refused.value.message


@given(st.text(max_size=300))
def test_no_text_breaks_the_verifier(verifier: TokenVerifier, text: str) -> None:
    with pytest.raises(Unauthenticated):
        verifier.caller(text)


def test_claims_may_have_other_names_and_lie_deeper(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(public_pem(EC_KEY))
    rules = TokenRules("i", "a", "https://x/hospital", "realm_access.roles", "who.name")
    token = jwt.encode(
        claims(iss="i", aud=["a", "b"], tenant=None, roles=None, name=None)
        | {"https://x/hospital": "south", "realm_access": {"roles": "reader auditor"}}
        | {"who": {"name": "Jo"}},
        EC_KEY,
        algorithm="ES256",
    )
    caller = TokenVerifier(VerificationKeys(file), rules).caller(token)
    assert (caller.tenant, caller.name) == ("south", "Jo")
    assert caller.roles == {Role.READER, Role.AUDITOR}


def jwk(key: Any, **more: Any) -> dict[str, Any]:
    kind = jwt.algorithms.ECAlgorithm if key is not RSA_KEY else jwt.algorithms.RSAAlgorithm
    made: dict[str, Any] = kind.to_jwk(key.public_key(), as_dict=True)
    return made | more


def test_a_key_set_gives_keys_by_their_id_and_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [jwk(EC_KEY, kid="one"), jwk(RSA_KEY, kid="two")]}))
    verifier = TokenVerifier(VerificationKeys(file), RULES)

    def token(key: Any, kid: str) -> str:
        algorithm = "RS256" if key is RSA_KEY else "ES256"
        return jwt.encode(claims(), key, algorithm=algorithm, headers={"kid": kid})

    assert verifier.caller(token(EC_KEY, "one")).subject == "dr-jones"
    assert verifier.caller(token(RSA_KEY, "two")).subject == "dr-jones"
    with pytest.raises(Unauthenticated):
        verifier.caller(token(EC_KEY, "two"))
    file.write_text(json.dumps({"keys": [jwk(OTHER_EC_KEY, kid="three")]}))
    assert verifier.caller(token(OTHER_EC_KEY, "three")).subject == "dr-jones"
    with pytest.raises(Unauthenticated):
        verifier.caller(token(EC_KEY, "one"))
    file.write_text("half a fi")  # a renewal seen half-way: the keys before it stay
    assert verifier.caller(token(OTHER_EC_KEY, "three")).subject == "dr-jones"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no keys",
        b"{}",
        b"{",
        json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}]}).encode(),
        json.dumps({"keys": [jwk(EC_KEY, use="enc")]}).encode(),
        json.dumps({"keys": [jwk(EC_KEY, alg="ES512")]}).encode(),
        json.dumps({"keys": ["no key", None, {}]}).encode(),
        public_pem(ec.generate_private_key(ec.SECP384R1())),
        public_pem(rsa.generate_private_key(65537, 1024)),
    ],
)
def test_a_file_without_a_usable_key_stops_the_start(content: bytes) -> None:
    with pytest.raises(UnusableKeys, match="holds none that can be used"):
        read_keys(content)


def test_the_own_key_is_made_once_kept_private_and_signs(tmp_path: Path) -> None:
    file = tmp_path / "own.pem"
    with pytest.raises(FileNotFoundError):
        OwnKey(file)
    first, second = OwnKey(file, make=True), OwnKey(file, make=True)
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
    caller = Caller("default", "me", "Me", frozenset({Role.OPERATOR}))
    verifier = TokenVerifier(VerificationKeys(file), TokenRules("ecgsvc", "ecgsvc"))
    for key in (first, second):
        assert verifier.caller(key.token(caller, timedelta(minutes=1))) == caller
    with pytest.raises(Unauthenticated, match="expired"):
        verifier.caller(first.token(caller, timedelta(minutes=-1)))


def test_an_own_key_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.pem"
    OwnKey(file, make=True)
    file.chmod(0o640)
    with pytest.raises(UnusableKeys, match="chmod 600"):
        OwnKey(file)
    file.chmod(0o600)
    file.write_text("no key")
    with pytest.raises(UnusableKeys, match="no P-256 private key"):
        OwnKey(file)


def test_a_token_decides_before_a_certificate_and_request_ids_must_be_fit_for_logs(
    verifier: TokenVerifier,
) -> None:
    authenticator = Authenticator(verifier)
    token = jwt.encode(claims(), EC_KEY, algorithm="ES256")
    for header, expected in (("a-1", "a-1"), ("two words", ""), ("x" * 129, ""), ("", "")):
        caller = authenticator.caller(Credentials(f"Bearer {token}", b"", header))
        assert caller.request_id == expected
    for authorization in (token, f"Basic {token}", f"Bearer {token} x", "Bearer", ""):
        with pytest.raises(Unauthenticated):
            authenticator.caller(Credentials(authorization))

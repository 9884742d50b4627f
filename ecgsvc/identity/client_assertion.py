"""Says to an authorization server who we are: a JWT signed with our key (RFC 7523)."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_LIFE = timedelta(minutes=4)
"""SMART Backend Services: at most five minutes."""

_LEAST_RSA_BITS = 2048


class UnusableKey(OSError):
    """The file holds no key that SMART Backend Services allows."""


def client_assertions(key_file: Path, key_id: str, client_id: str) -> Callable[[str], str]:
    """Return what signs an assertion for an audience, a token URL.

    Parameters
    ----------
    key_file
        PEM, not encrypted: EC P-384 (ES384) or RSA of 2048 bits at least (RS384).
    key_id
        ``kid``, as in the JWKS that was registered.

    Raises
    ------
    OSError
        The file cannot be read, or holds no such key.
    """
    algorithm, key = _allowed_key(key_file)

    def sign(audience: str) -> str:
        now = datetime.now(UTC)
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + _LIFE,
        }
        return jwt.encode(claims, key, algorithm, headers={"kid": key_id})

    return sign


def _allowed_key(
    key_file: Path,
) -> tuple[str, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]:
    try:
        key = load_pem_private_key(key_file.read_bytes(), None)
    except (ValueError, TypeError):
        msg = f"{key_file} holds no private key in PEM without a password"
        raise UnusableKey(msg) from None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp384r1":
        return "ES384", key
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _LEAST_RSA_BITS:
        return "RS384", key
    msg = f"{key_file} must hold a key of EC P-384 or of RSA with 2048 bits or more"
    raise UnusableKey(msg)

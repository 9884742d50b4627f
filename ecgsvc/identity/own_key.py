"""A key of the installation's own, and tokens made with it.

For development and small installations: whoever can read the key file can be anybody.
Hospitals with an identity provider name its keys instead, and have no such file.
"""

import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ecgsvc.domain.caller import Caller
from ecgsvc.identity.keys import UnusableKeys

OWN_ISSUER = "ecgsvc"
OWN_AUDIENCE = "ecgsvc"
_ALGORITHM = "ES256"


class OwnKey:
    """A P-256 private key in a PEM file that its owner alone may read.

    Parameters
    ----------
    path
        The file; made when it is not there and `make` says so.

    Raises
    ------
    UnusableKeys
        The file holds no P-256 private key, or others may read it.
    OSError
        The file cannot be read or made.
    """

    def __init__(self, path: Path, *, make: bool = False) -> None:
        if make and not path.exists():
            _make(path)
        self._key = _read(path)

    def token(self, caller: Caller, valid_for: timedelta) -> str:
        """Sign a token that makes its bearer this caller from now on."""
        now = datetime.now(UTC)
        claims = {
            "iss": OWN_ISSUER,
            "aud": OWN_AUDIENCE,
            "sub": caller.subject,
            "name": caller.name or caller.subject,
            "tenant": caller.tenant,
            "roles": sorted(caller.roles),
            "iat": now,
            "nbf": now,
            "exp": now + valid_for,
            "jti": secrets.token_hex(16),
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)


def _make(path: Path) -> None:
    """Put a new key in place whole; of several processes at once, the first one's stays."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path) -> ec.EllipticCurvePrivateKey:
    if path.stat().st_mode & 0o077:
        msg = (
            f"{path} can be read by others than its owner: chmod 600 it, or make a new one"
        )
        raise UnusableKeys(msg)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        key = None
    if not (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        msg = f"{path} holds no P-256 private key as PEM without a password"
        raise UnusableKeys(msg)
    return key

"""Public keys that tokens are verified with: PEM or a JSON Web Key Set (RFC 7517).

A key says which algorithm it verifies, never the token: an RSA key RS256, a P-256 key
ES256. A token that names another algorithm has no key (RFC 8725, 3.1), so that neither
``none`` nor an HMAC made with the text of a public key is ever tried.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ecgsvc.identity.files import WatchedFile

MIN_RSA_BITS = 2048
"""NIST SP 800-131A Rev. 2, table 2: shorter keys are disallowed."""

Algorithm: TypeAlias = Literal["ES256", "RS256"]
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_PEM_BLOCK = re.compile(
    rb"-----BEGIN (PUBLIC|PRIVATE) KEY-----[^-]{1,10000}-----END \1 KEY-----"
)


class UnusableKeys(OSError):
    """A file holds no key that tokens can be verified or signed with."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key, the one algorithm it is for, and its id (``kid``), empty in PEM."""

    key: PublicKey
    algorithm: Algorithm
    key_id: str = ""


class VerificationKeys:
    """The keys of an issuer, of a file that is read again when it changed.

    Parameters
    ----------
    path
        PEM (one or several ``PUBLIC KEY`` blocks; of a ``PRIVATE KEY`` the public half is
        taken) or a JWKS (JSON).

    Raises
    ------
    UnusableKeys
        No key of the file is P-256, or RSA of at least 2048 bits.
    OSError
        The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._file = WatchedFile(path, read_keys)

    def candidates(self, algorithm: object, key_id: object) -> Iterator[VerificationKey]:
        """Yield the keys a token with this header may have been signed with."""
        for each in self._file.value:
            if each.algorithm == algorithm and (
                key_id is None or not each.key_id or each.key_id == key_id
            ):
                yield each


def read_keys(data: bytes) -> tuple[VerificationKey, ...]:
    """Read the public keys of a PEM file or a JWKS; `UnusableKeys` when there is none."""
    keys = tuple(_jwks(data) if data.lstrip().startswith(b"{") else _pem(data))
    if not keys:
        msg = (
            "the file of token keys holds none that can be used: expected PEM (PUBLIC KEY) "
            f"or a JWKS with keys that are P-256 or RSA of {MIN_RSA_BITS} bits or more"
        )
        raise UnusableKeys(msg)
    return keys


def algorithm_of(key: object) -> Algorithm | None:
    """Return what a public key verifies; None for keys that are not used here."""
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
        return "RS256"
    return None


def _pem(data: bytes) -> Iterator[VerificationKey]:
    for block in _PEM_BLOCK.finditer(data):
        try:
            key: Any = (
                serialization.load_pem_public_key(block[0])
                if block[1] == b"PUBLIC"
                else serialization.load_pem_private_key(block[0], None).public_key()
            )
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if algorithm := algorithm_of(key):
            yield VerificationKey(key, algorithm)


def _jwks(data: bytes) -> Iterator[VerificationKey]:
    try:
        entries = json.loads(data).get("keys", ())
    except ValueError:
        return
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        key = _jwk(entry)
        algorithm = algorithm_of(key)
        if algorithm and entry.get("alg", algorithm) == algorithm:
            yield VerificationKey(key, algorithm, str(entry.get("kid", "")))


def _jwk(entry: dict[str, Any]) -> Any:  # noqa: ANN401  # `algorithm_of` tells
    try:
        return jwt.PyJWK.from_dict(entry).key
    except jwt.PyJWTError:
        return None

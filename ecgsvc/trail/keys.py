"""The Ed25519 key that signs the trail's head, kept outside the database."""

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

SIGNER = "ecgsvc-audit"
"""Name of the signer in every checkpoint's signature line."""

_ED25519 = b"\x01"
_PEM = re.compile(rb"-----BEGIN .*?-----END [^\n]*-----", re.DOTALL)
_LINE_START = f"\N{EM DASH} {SIGNER} "


class InvalidKey(OSError):
    """A file is no Ed25519 key in PEM, or others may read it."""


class VerifyingKey:
    """The public half: what an auditor holds."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        name = f"{SIGNER}\n".encode()
        # C2SP signed-note: SHA-256(name || "\n" || signature type || public key)[:4]
        self.id = hashlib.sha256(name + _ED25519 + self.raw).digest()[:4]

    @classmethod
    def from_raw(cls, raw: bytes) -> Self:
        """Make a key of its 32 bytes; `ValueError` when they are none."""
        return cls(Ed25519PublicKey.from_public_bytes(raw))

    @classmethod
    def read(cls, path: Path) -> list[Self]:
        """Read the keys of a PEM file, in its order.

        Raises
        ------
        InvalidKey
            The file holds none, or something else.
        OSError
        """
        blocks = _PEM.findall(path.read_bytes())
        try:
            keys = [load_pem_public_key(block) for block in blocks]
        except (ValueError, UnsupportedAlgorithm):
            keys = []
        ours = [cls(key) for key in keys if isinstance(key, Ed25519PublicKey)]
        if not ours or len(ours) < len(keys):
            msg = f"{path} holds something else than Ed25519 public keys in PEM"
            raise InvalidKey(msg)
        return ours

    def pem(self) -> bytes:
        """Return the key as PEM (SubjectPublicKeyInfo)."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether a signature is this key's over a message."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @property
    def fingerprint(self) -> str:
        """The key's id as people compare it."""
        return self.id.hex()


class SigningKey:
    """The private half, which only the service holds."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = VerifyingKey(key.public_key())

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def at(cls, path: Path, *, make: bool = False) -> Self:
        """Read a PEM file; make it first when it is not there and `make` says so.

        Of several processes that make it at once, the first one's stays.

        Raises
        ------
        InvalidKey
            The file holds no Ed25519 private key, or others than its owner may read it.
        OSError
            The file cannot be read or made.
        """
        if make and not path.exists():
            cls.generate().write(path)
        if path.stat().st_mode & 0o077:
            msg = f"{path} can be read by others than its owner: chmod 600 it"
            raise InvalidKey(msg)
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            msg = f"{path} is no Ed25519 private key in PEM without a password"
            raise InvalidKey(msg)
        return cls(key)

    def write(self, path: Path) -> None:
        """Put the key in place whole, for its owner only; one that is there stays."""
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
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

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of a signature."""
        return self._key.sign(message)


def retired_keys(path: Path) -> list[VerifyingKey]:
    """Read the keys that signed before the one in a file, from ``FILE.retired`` beside it.

    Raises
    ------
    InvalidKey
    OSError
    """
    file = _retired_beside(path)
    return VerifyingKey.read(file) if file.exists() else []


def replace_key(path: Path, take_over: Callable[[SigningKey], object]) -> SigningKey:
    """Put a new key into a file, once it has taken the trails over.

    The public half of the old key goes to ``FILE.retired``. Interrupted, it goes on with
    the same new key, which waits in ``FILE.next``.

    Raises
    ------
    InvalidKey
    OSError
    """
    coming = path.with_name(f"{path.name}.next")
    old, new = SigningKey.at(path), SigningKey.at(coming, make=True)
    take_over(new)
    if old.public.raw not in [each.raw for each in retired_keys(path)]:
        with _retired_beside(path).open("ab") as file:
            file.write(old.public.pem())
            file.flush()
            os.fsync(file.fileno())
    coming.replace(path)
    return new


def _retired_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.retired")


def signature_line(key: SigningKey, text: bytes) -> str:
    """Sign a note's text (C2SP signed-note): an em dash, the name, id and signature."""
    return _line(key.public.id + key.sign(text))


def is_signed_by_one_of(keys: Sequence[VerifyingKey], text: bytes, lines: str) -> bool:
    """Whether one of a note's signature lines is by one of the keys."""
    return any(
        key.id == raw[:4] and key.has_signed(text, raw[4:])
        for raw in _signatures(lines)
        for key in keys
    )


def names_signer(note: str, key: VerifyingKey) -> bool:
    """Whether a note says that a key has signed it; it may not be true."""
    return any(raw[:4] == key.id for raw in _signatures(note.partition("\n\n")[2]))


def _signatures(lines: str) -> Iterator[bytes]:
    """Give the id and signature of each line that is well written."""
    for line in lines.splitlines(keepends=True):
        signed = line.removeprefix(_LINE_START).removesuffix("\n")
        try:
            raw = base64.b64decode(signed, validate=True)
        except ValueError:
            continue
        if line == _line(raw):  # one way only to write a signature
            yield raw


def _line(id_and_signature: bytes) -> str:
    return f"{_LINE_START}{base64.b64encode(id_and_signature).decode()}\n"

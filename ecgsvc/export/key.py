"""The key of pseudonyms, in a file that its owner alone may read."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

KEY_BYTES = 32


class UnusableKey(OSError):
    """The file holds no key of pseudonyms, or others may read it."""


def read_key(path: Path) -> bytes:
    """Read the key, 64 hexadecimal digits; made when the file is not there.

    Raises
    ------
    UnusableKey
        The file says something else, or others than its owner may read it.
    OSError
        It cannot be read or made.
    """
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
    if path.stat().st_mode & 0o077:
        msg = f"{path} can be read by others than its owner: chmod 600 it"
        raise UnusableKey(msg)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        msg = f"{path} holds no key of pseudonyms: expected {2 * KEY_BYTES} hex digits"
        raise UnusableKey(msg)
    return key

"""A client certificate becomes a caller, by a map of subjects.

The TLS layer has verified the certificate by then. The map is a TOML file:

    [[client]]
    subject = "CN=engine,O=Hospital North"   # RFC 4514, as `openssl x509 -nameopt RFC2253`
    tenant = "north"
    roles = ["poster", "reader"]
    name = "Interface engine of Hospital North"
"""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from cryptography import x509

from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.errors import Unauthenticated
from ecgsvc.identity.files import WatchedFile
from ecgsvc.identity.tokens import is_tenant

_KEYS = frozenset({"subject", "tenant", "roles", "name"})


class UnusableCertificateMap(OSError):
    """The map of certificate subjects has a mistake; the message says where."""


class ClientCertificates:
    """Who stands behind which certificate, of a file that is read again when it changed.

    Raises
    ------
    UnusableCertificateMap
        The file is no such map.
    OSError
        The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._file = WatchedFile(path, read_map)

    def caller(self, certificate_pem: bytes) -> Caller:
        """Return the caller of a certificate's subject; `Unauthenticated` if unknown."""
        found = self._file.value.get(_subject_of(certificate_pem))
        if found is None:
            msg = (
                "the client certificate's subject is not known here, and no token was sent"
            )
            raise Unauthenticated(msg)
        return found


def read_map(data: bytes) -> Mapping[str, Caller]:
    """Read a map of subjects, in their normal form, to callers."""
    try:
        clients = tomllib.loads(data.decode()).get("client")
    except ValueError:
        clients = None
    if not isinstance(clients, list) or not all(isinstance(c, dict) for c in clients):
        _refuse("is no TOML file with [[client]] tables")
    callers: dict[str, Caller] = {}
    for number, client in enumerate(clients, start=1):
        caller = _caller(client, number)
        if caller.subject in callers:
            _refuse(f"client {number}: its subject was given before")
        callers[caller.subject] = caller
    return callers


def _caller(client: dict[str, Any], number: int) -> Caller:
    if unknown := client.keys() - _KEYS:
        _refuse(f"client {number}: unknown key {', '.join(sorted(unknown))}")
    if not is_tenant(client.get("tenant")):
        _refuse(f"client {number}: tenant must be 1 to 64 of A-Z a-z 0-9 . _ -")
    roles, name = client.get("roles"), client.get("name", "")
    if not isinstance(roles, list) or not set(map(str, roles)) <= set(Role):
        _refuse(f"client {number}: roles must be a list of {', '.join(Role)}")
    if not isinstance(name, str):
        _refuse(f"client {number}: name must be a text")
    return Caller(
        tenant=client["tenant"],
        subject=_subject(client, number),
        name=name,
        roles=frozenset(map(Role, roles)),
    )


def _subject(client: dict[str, Any], number: int) -> str:
    try:
        return _normal(x509.Name.from_rfc4514_string(client["subject"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"client {number}: subject must be a name such as CN=engine,O=Hospital"
        raise UnusableCertificateMap(msg) from error


@lru_cache(maxsize=1024)
def _subject_of(certificate_pem: bytes) -> str:
    try:
        return _normal(x509.load_pem_x509_certificate(certificate_pem).subject)
    except ValueError:
        return ""


def _normal(name: x509.Name) -> str:
    return name.rfc4514_string()


def _refuse(what: str) -> NoReturn:
    msg = f"the map of client certificates {what}"
    raise UnusableCertificateMap(msg)

"""What each tenant wants, from one TOML file: destinations, codes, identifiers.

The classes are the format: whatever they do not name is a mistake, and every mistake is
said with its place in the file (`read_tenants`).
"""

import re
import tomllib
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from ecgsvc.domain.delivery import WriteMode
from ecgsvc.domain.findings import Coding

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})

Status = Literal[
    "registered", "partial", "preliminary", "final", "amended", "corrected", "appended",
    "cancelled", "entered-in-error",
]  # fmt: skip


class BadTenants(OSError):
    """The file cannot be used; `mistakes` says why, one place a line."""

    def __init__(self, path: Path, mistakes: list[str]) -> None:
        super().__init__("\n".join(f"{path}: {each}" for each in mistakes))
        self.mistakes = mistakes


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        msg = "expected 1 to 64 of a-z 0-9 . _ -, beginning with a letter or digit"
        raise ValueError(msg)
    return value


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
        msg = "expected HOST:PORT"
        raise ValueError(msg)
    return value


def _token(value: str) -> str:
    system, bar, code = value.partition("|")
    if not bar or not system or not code:
        msg = "expected SYSTEM|CODE, such as http://snomed.info/sct|49436004"
        raise ValueError(msg)
    return value


Name = Annotated[str, AfterValidator(_name)]
HostAndPort = Annotated[str, AfterValidator(_host_and_port)]
Token = Annotated[str, AfterValidator(_token)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tries(_Table):
    """When a delivery is tried again, see `ecgsvc.delivery.RetryPolicy` and `Breaker`."""

    first_wait_s: float = Field(default=2.0, gt=0, le=3600)
    longest_wait_s: float = Field(default=900.0, gt=0, le=86400)
    give_up_after_h: float = Field(default=72.0, gt=0, le=8760)
    failures_until_rest: int = Field(default=5, ge=1, le=1000)
    rest_s: float = Field(default=10.0, gt=0, le=3600)
    longest_rest_s: float = Field(default=300.0, gt=0, le=86400)

    @property
    def give_up_after(self) -> timedelta:
        """How long a delivery is tried."""
        return timedelta(hours=self.give_up_after_h)


class OAuth(_Table):
    """SMART Backend Services: how we get a token of the EHR's authorization server."""

    token_url: str
    client_id: str = Field(min_length=1)
    key: Path = Field(description="PEM: EC P-384, or RSA of 2048 bits or more.")
    key_id: str = Field(min_length=1, description="kid, as in the JWKS registered there.")
    scope: str = "system/*.cruds"


class _Destination(_Table):
    name: Name
    statuses: tuple[Status, ...] = Field(
        (), description="Of reports to deliver; empty: all."
    )
    timeout_s: float = Field(30.0, gt=0, le=300)
    parallel: int = Field(1, ge=1, le=32, description="Deliveries at a time.")
    tries: Tries = Tries()
    plain_text: bool = Field(False, description="Allow another host without TLS.")

    def takes(self, status: str) -> bool:
        """Tell whether reports of a status go there."""
        return not self.statuses or status in self.statuses


class FhirDestination(_Destination):
    """A FHIR server."""

    kind: Literal["fhir"]
    url: str
    write: WriteMode = WriteMode.TRANSACTION
    with_ecg: bool = True
    find_patient: bool = False
    ca: Path | None = None
    oauth: OAuth | None = None

    @model_validator(mode="after")
    def _is_private(self) -> Self:
        urls = {"url": self.url}
        if self.oauth is not None:
            urls["oauth.token_url"] = self.oauth.token_url
        for name, url in urls.items():
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                msg = f"{name}: expected an URL, such as https://ehr.example.org/fhir"
                raise ValueError(msg)
            is_open = parts.scheme == "http" and parts.hostname not in _HERE
            if is_open and not self.plain_text:
                msg = f"{name}: expected https, or plain_text = true"
                raise ValueError(msg)
        return self


class MllpDestination(_Destination):
    """An HL7 version 2 engine."""

    kind: Literal["mllp"]
    address: HostAndPort
    sending_application: str = Field("ecgsvc", max_length=180)
    sending_facility: str = Field("", max_length=180)
    receiving_application: str = Field("", max_length=180)
    receiving_facility: str = Field("", max_length=180)
    processing_id: Literal["P", "T", "D"] = "P"
    tls: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _is_private(self) -> Self:
        host = self.address.rpartition(":")[0]
        if not self.tls and host not in _HERE and not self.plain_text:
            msg = "address: expected tls = true for another host, or plain_text = true"
            raise ValueError(msg)
        if (self.ca or self.certificate or self.key) and not self.tls:
            msg = "tls: expected true with ca, certificate or key"
            raise ValueError(msg)
        if (self.certificate is None) != (self.key is None):
            msg = "certificate: goes together with key"
            raise ValueError(msg)
        return self


Destination = Annotated[FhirDestination | MllpDestination, Field(discriminator="kind")]


class PreferredCode(_Table):
    """A code to stand before another one."""

    instead_of: Token
    prefer: Token
    display: str = Field(min_length=1)


class Tenant(_Table):
    """One hospital."""

    name: Name
    identifiers: dict[str, str] = Field(
        default_factory=dict,
        description="FHIR system to HL7 assigning authority (NAMESPACE&ID&TYPE).",
    )
    code: tuple[PreferredCode, ...] = ()
    destination: tuple[Destination, ...] = ()

    @field_validator("identifiers")
    @classmethod
    def _are_authorities(cls, value: dict[str, str]) -> dict[str, str]:
        for system, authority in value.items():
            if not authority or re.search(r"[\x00-\x1f|^~\\]", authority):
                msg = f"{system}: expected NAMESPACE, or NAMESPACE&ID&TYPE"
                raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        _once("destination", [each.name for each in self.destination])
        _once("code.instead_of", [each.instead_of for each in self.code])
        return self

    @property
    def preferences(self) -> dict[tuple[str, str], Coding]:
        """What stands before what."""
        found = {}
        for each in self.code:
            system, _, code = each.instead_of.partition("|")
            preferred, _, own = each.prefer.partition("|")
            found[system, code] = Coding(preferred, own, each.display)
        return found


class Tenants(_Table):
    """The whole file."""

    tenant: tuple[Tenant, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        _once("tenant", [each.name for each in self.tenant])
        return self

    def route(self, tenant: str, status: str) -> tuple[str, ...]:
        """Return the destinations of a tenant's reports of a status."""
        return tuple(
            destination.name
            for each in self.tenant
            if each.name == tenant
            for destination in each.destination
            if destination.takes(status)
        )


def read_tenants(path: Path | None) -> Tenants:
    """Read and check the file; None is no file, and no tenant wants anything.

    Raises
    ------
    BadTenants
        It cannot be read, is no TOML, or says something that is not understood.
    """
    if path is None:
        return Tenants()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadTenants(path, [error.strerror or "cannot be read"]) from None
    except UnicodeDecodeError:
        raise BadTenants(path, ["expected UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise BadTenants(path, [f"no TOML: {error}"]) from None
    try:
        tenants = Tenants.model_validate(content)
    except ValidationError as error:
        raise BadTenants(path, _mistakes(error)) from None
    if missing := [*_missing_files(tenants)]:
        raise BadTenants(path, missing)
    return tenants


def _mistakes(error: ValidationError) -> list[str]:
    """Say where each mistake is, as the file has it: ``tenant[0].destination[1].url``."""
    lines = []
    for each in error.errors():
        place = ""
        for step in each["loc"]:
            if isinstance(step, int):
                place += f"[{step}]"
            elif step not in ("fhir", "mllp") or not place.endswith("]"):
                place += f".{step}" if place else step
        text = {
            "extra_forbidden": "there is no such key",
            "missing": "expected this key, which is missing",
        }.get(each["type"], each["msg"].removeprefix("Value error, "))
        lines.append(f"{place or 'file'}: {text}")
    return lines


def _missing_files(tenants: Tenants) -> list[str]:
    found = []
    for at, tenant in enumerate(tenants.tenant):
        for number, each in enumerate(tenant.destination):
            files: dict[str, Path | None] = {"ca": each.ca}
            if isinstance(each, FhirDestination):
                files["oauth.key"] = each.oauth.key if each.oauth else None
            else:
                files |= {"certificate": each.certificate, "key": each.key}
            found += [
                f"tenant[{at}].destination[{number}].{name}: there is no file {file}"
                for name, file in files.items()
                if file is not None and not file.is_file()
            ]
    return found


def _once(what: str, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        msg = f"{what}: {twice[0]} is there more than once"
        raise ValueError(msg)

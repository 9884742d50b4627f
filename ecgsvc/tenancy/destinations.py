"""Where a tenant's reports go."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from ecgsvc.domain.delivery import WriteMode
from ecgsvc.tenancy.fields import HERE, HostAndPort, Name, Table

Status = Literal[
    "registered", "partial", "preliminary", "final", "amended", "corrected", "appended",
    "cancelled", "entered-in-error",
]  # fmt: skip


class Tries(Table):
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


class OAuth(Table):
    """SMART Backend Services: how we get a token of the EHR's authorization server."""

    token_url: str
    client_id: str = Field(min_length=1)
    key: Path = Field(description="PEM: EC P-384, or RSA of 2048 bits or more.")
    key_id: str = Field(min_length=1, description="kid, as in the JWKS registered there.")
    scope: str = "system/*.cruds"


class _Destination(Table):
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
            is_open = parts.scheme == "http" and parts.hostname not in HERE
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
        if not self.tls and host not in HERE and not self.plain_text:
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

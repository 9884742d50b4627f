"""Where a tenant's ECGs come in as HL7 version 2."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from ecgsvc.tenancy.fields import HERE, HostAndPort, Name, Table


class Listener(Table):
    """An address for MLLP; what arrives there is the tenant's."""

    name: Name
    address: HostAndPort
    senders: tuple[str, ...] = Field(
        (), description="APPLICATION|FACILITY of MSH-3 and MSH-4; empty: any."
    )
    processing_id: Literal["P", "T", "D"] = Field("P", description="MSH-11 that is taken.")
    character_set: Literal["ASCII", "UNICODE UTF-8", "8859/1", "8859/15"] = Field(
        "ASCII", description="Of messages whose MSH-18 is empty."
    )
    connections: int = Field(32, ge=1, le=1024, description="Open at a time.")
    certificate: Path | None = Field(None, description="PEM chain; turns TLS on.")
    key: Path | None = None
    client_ca: Path | None = Field(
        None, description="PEM; senders must show a certificate signed by it."
    )
    plain_text: bool = Field(False, description="Listen beyond this host without TLS.")

    @field_validator("senders")
    @classmethod
    def _are_pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(each.count("|") != 1 or each == "|" for each in value):
            msg = "expected APPLICATION|FACILITY, such as MUSE|NORTH"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _is_private(self) -> Self:
        host = self.address.rpartition(":")[0]
        if (self.certificate is None) != (self.key is None):
            msg = "certificate: goes together with key"
            raise ValueError(msg)
        if self.client_ca is not None and self.certificate is None:
            msg = "client_ca: needs certificate and key"
            raise ValueError(msg)
        if self.certificate is None and host not in HERE and not self.plain_text:
            msg = (
                "address: expected certificate and key beyond this host, or "
                "plain_text = true"
            )
            raise ValueError(msg)
        return self

    def takes(self, application: str, facility: str) -> bool:
        """Tell whether messages of a sender are taken."""
        return not self.senders or f"{application}|{facility}" in self.senders

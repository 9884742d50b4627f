"""What one hospital wants, and all of them."""

import re
from collections import Counter
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from ecgsvc.domain.findings import Coding
from ecgsvc.tenancy.destinations import Destination
from ecgsvc.tenancy.fields import Name, Table, Token, ZoneName
from ecgsvc.tenancy.listeners import Listener


class PreferredCode(Table):
    """A code to stand before another one."""

    instead_of: Token
    prefer: Token
    display: str = Field(min_length=1)

    @model_validator(mode="after")
    def _is_another(self) -> Self:
        if self.prefer == self.instead_of:
            msg = "prefer: expected another code than instead_of"
            raise ValueError(msg)
        return self


class Quirks(Table):
    """What is accepted of this hospital's senders although it is not how it should be."""

    unitless_origin: Literal["uV", "mV", "nV", "V"] | None = Field(
        None,
        description="An origin without a unit is the zero of the sender's converter, and "
        "this the unit of factor x (sample - origin).",
    )


class Tenant(Table):
    """One hospital."""

    name: Name
    organization: str = Field(
        "",
        max_length=255,
        description="Who issues its reports; the installation's if empty.",
    )
    organization_identifier: Token | None = Field(
        None, description="SYSTEM|VALUE of the same organisation."
    )
    time_zone: ZoneName | None = Field(
        None,
        description="Of times that come without a zone; the installation's if missing.",
    )
    quirks: Quirks = Field(default_factory=lambda: Quirks(unitless_origin=None))
    identifiers: dict[str, str] = Field(
        default_factory=dict,
        description="FHIR system to HL7 assigning authority (NAMESPACE&ID&TYPE).",
    )
    code: tuple[PreferredCode, ...] = ()
    destination: tuple[Destination, ...] = ()
    listener: tuple[Listener, ...] = ()

    @field_validator("identifiers")
    @classmethod
    def _are_authorities(cls, value: dict[str, str]) -> dict[str, str]:
        for system, authority in value.items():
            if not authority or re.search(r"[\x00-\x1f|^~\\]", authority):
                msg = f"{system}: expected NAMESPACE, or NAMESPACE&ID&TYPE"
                raise ValueError(msg)
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", system):
                msg = f"{system}: expected the URI of a FHIR identifier system"
                raise ValueError(msg)
        # what comes in is found by either: it must lead to one system, and one patient
        parts = [authority.split("&") for authority in value.values()]
        _once("namespace", [each[0] for each in parts if each[0]])
        _once("universal id", [each[1] for each in parts if len(each) > 1 and each[1]])
        return value

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        _once("destination", [each.name for each in self.destination])
        _once("listener", [each.name for each in self.listener])
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


class Tenants(Table):
    """The whole file."""

    tenant: tuple[Tenant, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        _once("tenant", [each.name for each in self.tenant])
        listeners = [each for tenant in self.tenant for each in tenant.listener]
        addresses = [each.address for each in listeners]
        _once("listener.address", [a for a in addresses if not a.endswith(":0")])
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


def _once(what: str, names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        msg = f"{what}: {twice[0]} is there more than once"
        raise ValueError(msg)

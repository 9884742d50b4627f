"""What each tenant wants, from one TOML file: destinations, listeners, codes, identifiers.

The classes are the format: whatever they do not name is a mistake, and every mistake is
said with its place in the file (`read_tenants`).
"""

from ecgsvc.tenancy.destinations import FhirDestination, MllpDestination, Tries
from ecgsvc.tenancy.file import BadTenants, read_tenants
from ecgsvc.tenancy.listeners import Listener
from ecgsvc.tenancy.tenant import Quirks, Tenant, Tenants

__all__ = [
    "BadTenants",
    "FhirDestination",
    "Listener",
    "MllpDestination",
    "Quirks",
    "Tenant",
    "Tenants",
    "Tries",
    "read_tenants",
]

"""Who is asking: the identity behind a call, for all that keeps or discloses."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a caller may do; a caller may have several roles."""

    POSTER = "poster"
    """Posts ECGs."""
    READER = "reader"
    """Reads and searches reports."""
    SIGNER = "signer"
    """Signs, amends and retracts reports."""
    AUDITOR = "auditor"
    """Reads and verifies the audit trail."""
    OPERATOR = "operator"
    """Runs the installation: exports, erasure, deliveries, configuration."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller, or the software itself.

    Parameters
    ----------
    tenant
        The hospital whose rows the caller sees; every row belongs to one.
    subject
        Stable identifier of the person or system (JWT ``sub``, certificate subject).
    name
        For people to read; empty when unknown.
    roles
        What the caller may do.
    request_id
        ``x-request-id`` of the call, empty when there was none.
    """

    tenant: str
    subject: str
    name: str = ""
    roles: frozenset[Role] = frozenset()
    request_id: str = ""


NOBODY = Caller(tenant="~nobody", subject="")
"""Who calls without saying who it is; no tenant can have this name."""

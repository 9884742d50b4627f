"""Who may call what: one table, and what is not in it nobody may.

A test compares it with the service definitions: a new method without a row fails it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.errors import Forbidden

ANYONE: Final = None
"""Open to callers that say not who they are: touches no data."""

_ANALYSIS = "/ecgsvc.v1.AnalysisService"
_REPORTS = "/ecgsvc.v1.ReportService"
_AUDIT = "/ecgsvc.v1.AuditService"
_DELIVERIES = "/ecgsvc.v1.DeliveryService"
_HEALTH = "/grpc.health.v1.Health"
_REFLECTION = "/grpc.reflection.v1alpha.ServerReflection"


def _roles(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


PERMISSIONS: Mapping[str, frozenset[Role] | None] = MappingProxyType(
    {
        f"{_ANALYSIS}/AnalyzeEcg": _roles(Role.POSTER),
        f"{_ANALYSIS}/AnalyzeEcgs": _roles(Role.POSTER),
        f"{_ANALYSIS}/ValidateEcg": _roles(Role.POSTER),
        f"{_ANALYSIS}/ReanalyzeEcg": _roles(Role.POSTER, Role.SIGNER, Role.OPERATOR),
        f"{_REPORTS}/GetReport": _roles(Role.READER, Role.SIGNER),
        f"{_REPORTS}/ListReports": _roles(Role.READER, Role.SIGNER),
        f"{_REPORTS}/ExportReports": _roles(Role.OPERATOR),
        f"{_REPORTS}/ListReportVersions": _roles(Role.READER, Role.SIGNER),
        f"{_REPORTS}/UpdateReportStatus": _roles(Role.SIGNER),
        f"{_REPORTS}/ErasePatient": _roles(Role.OPERATOR),
        f"{_AUDIT}/ListAuditEvents": _roles(Role.AUDITOR),
        f"{_AUDIT}/GetAuditCheckpoint": _roles(Role.AUDITOR),
        f"{_AUDIT}/VerifyAuditTrail": _roles(Role.AUDITOR),
        f"{_DELIVERIES}/ListDeliveries": _roles(Role.OPERATOR),
        f"{_DELIVERIES}/ReplayDelivery": _roles(Role.OPERATOR),
        # load balancers and probes ask these; they know no report
        f"{_HEALTH}/Check": ANYONE,
        f"{_HEALTH}/List": ANYONE,
        f"{_HEALTH}/Watch": ANYONE,
        # the contract is public
        f"{_REFLECTION}/ServerReflectionInfo": ANYONE,
    }
)
"""Roles of which a caller needs one, by full method name."""


def is_open(method: str) -> bool:
    """Whether a method is answered to anyone."""
    return PERMISSIONS.get(method, frozenset()) is ANYONE


def check_permission(method: str, caller: Caller) -> None:
    """Raise `Forbidden` unless one of the caller's roles may call the method."""
    allowed = PERMISSIONS.get(method, frozenset())
    if allowed is ANYONE or allowed & caller.roles:
        return
    wanted = " or ".join(sorted(allowed)) or "none there is"
    msg = f"this needs the role {wanted}"
    raise Forbidden(msg)

"""``$sign``: a clinician's action on a report."""

import re
from collections.abc import Mapping
from typing import Protocol

import orjson

from ecgsvc import fhir
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import InvalidRequest, VersionConflict
from ecgsvc.domain.report import StoredReport
from ecgsvc.domain.signing import ReportStatus, StatusChange
from ecgsvc.http.call import Call, Reply
from ecgsvc.http.resources import in_wanted_version, report_resource

MAX_LENGTHS: Mapping[str, int] = {"role": 100, "reason": 1000, "conclusion": 4000}
_ETAG = re.compile(r'(?:W/)?"(\d{1,9})"', re.ASCII)
_PARAMETERS = frozenset({"status", "role", "reason", "conclusion"})


class StatusUpdater(Protocol):
    """Makes versions in the name of clinicians."""

    def update_status(self, caller: Caller, change: StatusChange) -> StoredReport:
        """Make a version; `VersionConflict`, `IllegalTransition`, `ReportNotFound`."""


class Signing:
    """Answers ``$sign``."""

    def __init__(self, signer: StatusUpdater) -> None:
        self._signer = signer

    def sign(self, call: Call) -> Reply:
        """Make a new version of a report with another status, in the caller's name.

        ``If-Match`` names the version the clinician has seen.
        """
        seen = _ETAG.fullmatch(call.headers.get("if-match", "").strip())
        if seen is None:
            msg = 'send If-Match with the ETag of the version that was read (W/"1")'
            raise VersionConflict(msg, expression="http.if-match")
        asked = _parameters(call.body)
        statuses = [status.value for status in ReportStatus]
        if asked["status"] not in statuses:
            msg = f"status must be one of {', '.join(statuses)}"
            raise InvalidRequest(msg, expression="Parameters.parameter")
        report = self._signer.update_status(
            call.caller,
            StatusChange(
                report_id=call.path["id"],
                base_version=int(seen[1]),
                status=ReportStatus(asked["status"]),
                role=asked["role"],
                reason=asked["reason"],
                conclusion=asked.get("conclusion") or None,
            ),
        )
        resource = report_resource(report)
        headers = {
            "etag": f'W/"{report.version}"',
            "location": f"{call.base_url}/{resource.version_name}",
        }
        signed = in_wanted_version(call, fhir.without_sheet(resource.json))
        return Reply(200, signed, headers)


def _parameters(body: bytes) -> dict[str, str]:
    """Read the Parameters; each text is bounded, none is empty but the conclusion."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict) or parsed.get("resourceType") != "Parameters":
        msg = "send Parameters with status, role, reason and, where it differs, conclusion"
        raise InvalidRequest(msg, expression="Parameters")
    found: dict[str, str] = {}
    entries = parsed.get("parameter")
    for i, entry in enumerate(entries if isinstance(entries, list) else ()):
        where = f"Parameters.parameter[{i}]"
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name not in _PARAMETERS or name in found:
            msg = f"name must be one of {', '.join(sorted(_PARAMETERS))}, each once"
            raise InvalidRequest(msg, expression=where)
        value = entry.get("valueCode", entry.get("valueString"))
        limit = MAX_LENGTHS.get(name, 32)
        text = value.strip() if isinstance(value, str) else ""
        if not 1 <= len(text) <= limit or not text.replace("\n", " ").isprintable():
            msg = f"{name} must have 1 to {limit} printable characters"
            raise InvalidRequest(msg, expression=where)
        found[name] = text
    if missing := {"status", "role", "reason"} - found.keys():
        msg = f"the Parameters lack {', '.join(sorted(missing))}"
        raise InvalidRequest(msg, expression="Parameters.parameter")
    return found

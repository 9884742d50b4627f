"""The one table from domain errors to HTTP statuses; the body is an OperationOutcome."""

import logging
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from ecgsvc import fhir
from ecgsvc.domain import errors as domain
from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.incidents import describe
from ecgsvc.http.call import Reply

MAX_ISSUES = 50

_OUR_FAILURES = frozenset({500, 503})
_LOG = logging.getLogger("ecgsvc.http")


class NotServed(Exception):
    """HTTP's own refusals: no such path, method or format. Nothing was asked of a stage."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Row:
    """What one domain error is over HTTP; `retry_after_s` asks to try again then."""

    status: int
    retry_after_s: int | None = None


TABLE: Mapping[type[domain.EcgsvcError], Row] = MappingProxyType(
    {
        domain.MalformedObservation: Row(400),
        domain.UnreadableRecording: Row(422),
        domain.MissingElement: Row(422),
        domain.InvalidElement: Row(422),
        domain.UnsupportedContent: Row(422),
        domain.UnanalysableSignal: Row(422),
        domain.TooLarge: Row(413),
        domain.InvalidRequest: Row(400),
        domain.Unauthenticated: Row(401),
        domain.Forbidden: Row(403),
        domain.ReportNotFound: Row(404),
        domain.JobNotFound: Row(404),
        domain.DuplicateWithOtherContent: Row(409),
        domain.VersionConflict: Row(412),
        domain.IllegalTransition: Row(409),
        domain.StoreUnavailable: Row(503, retry_after_s=1),
        domain.ModelUnavailable: Row(503, retry_after_s=5),
        domain.Overloaded: Row(429, retry_after_s=1),
        domain.DeadlineExceeded: Row(504),
    }
)
INTERNAL = Row(500)


def row_of(error: BaseException) -> Row | None:
    """Find the row of an error's class or of its nearest ancestor in the table."""
    for kind in type(error).__mro__:
        if kind in TABLE:
            return TABLE[kind]
    return None


def reason(error: BaseException) -> str:
    """Return an error's word in the trail, as gRPC's ErrorInfo has it."""
    if isinstance(error, NotServed):
        return "NOT_SERVED"
    if row_of(error) is None:
        return "INTERNAL"
    return "_".join(re.findall("[A-Z][a-z]+", type(error).__name__)).upper()


def refused_call(caller: Caller, method: str, error: Exception, status: int) -> RefusedCall:
    """Write a refusal for the trail."""
    return RefusedCall(
        event_id=str(uuid.uuid4()),
        refused_at=datetime.now(UTC),
        caller=caller,
        method=method,
        reason=reason(error),
        by_us=status in _OUR_FAILURES,
        entered=domain.perhaps_entered(error),
    )


def refusal(error: Exception) -> Reply:
    """Translate whatever a handler raised.

    An error outside the table is a bug: the caller gets an incident id, the log gets the
    types and the frames, without any value.
    """
    if isinstance(error, NotServed):
        outcome = fhir.operation_outcome(domain.InvalidRequest(error.message))
        return Reply(error.status, outcome)
    row = row_of(error)
    if row is None or not isinstance(error, domain.EcgsvcError):
        incident = uuid.uuid4().hex
        _LOG.error("incident %s\n%s", incident, "\n".join(describe(error)))
        row = INTERNAL
        error = domain.EcgsvcError(f"internal error, incident {incident}")
    headers = {}
    if row.retry_after_s is not None:
        headers["retry-after"] = str(row.retry_after_s)
    if row.status == 401:
        headers["www-authenticate"] = 'Bearer realm="ecgsvc"'
    body = fhir.operation_outcome(error, max_issues=MAX_ISSUES)
    return Reply(row.status, body, headers)

"""The one table from domain errors to gRPC statuses, and the rich error made of a row.

A refusal travels as the status itself, as `google.rpc.Status` (BadRequest, ErrorInfo,
RetryInfo) in ``grpc-status-details-bin`` and as a FHIR OperationOutcome in
``operation-outcome-bin``. Together they stay under `TRAILER_BUDGET_BYTES`: gRPC drops
trailers at random from 8 kB on (``grpc.max_metadata_size``) and reports
RESOURCE_EXHAUSTED instead.
"""

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import quote

import grpc
from google.protobuf import any_pb2, duration_pb2, message
from google.rpc import error_details_pb2, status_pb2

from ecgsvc.domain import errors as domain
from ecgsvc.domain.incidents import describe

ERROR_DOMAIN = "ecgsvc"
OPERATION_OUTCOME_KEY = "operation-outcome-bin"
STATUS_DETAILS_KEY = "grpc-status-details-bin"
TRAILER_BUDGET_BYTES = 6_000
MAX_ISSUES = 5

OutcomeFactory: TypeAlias = Callable[[Sequence[domain.EcgsvcError]], bytes]
"""Makes the JSON of an OperationOutcome with one issue an error."""

_LOG = logging.getLogger("ecgsvc.rpc")


@dataclass(frozen=True, slots=True)
class Row:
    """What one domain error is on the wire; `retry_after_s` asks to try again then."""

    code: grpc.StatusCode
    reason: str
    retry_after_s: float | None = None


_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED

TABLE: Mapping[type[domain.EcgsvcError], Row] = MappingProxyType(
    {
        domain.MalformedObservation: Row(_INVALID, "MALFORMED_OBSERVATION"),
        domain.UnreadableRecording: Row(_INVALID, "UNREADABLE_RECORDING"),
        domain.MissingElement: Row(_INVALID, "MISSING_ELEMENT"),
        domain.InvalidElement: Row(_INVALID, "INVALID_ELEMENT"),
        domain.UnsupportedContent: Row(_INVALID, "UNSUPPORTED_CONTENT"),
        domain.UnanalysableSignal: Row(_INVALID, "UNANALYSABLE_SIGNAL"),
        domain.InvalidRequest: Row(_INVALID, "INVALID_REQUEST"),
        domain.TooLarge: Row(_EXHAUSTED, "TOO_LARGE"),
        domain.Unauthenticated: Row(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"),
        domain.Forbidden: Row(grpc.StatusCode.PERMISSION_DENIED, "FORBIDDEN"),
        domain.ReportNotFound: Row(grpc.StatusCode.NOT_FOUND, "REPORT_NOT_FOUND"),
        domain.JobNotFound: Row(grpc.StatusCode.NOT_FOUND, "JOB_NOT_FOUND"),
        domain.DuplicateWithOtherContent: Row(
            grpc.StatusCode.ALREADY_EXISTS, "DUPLICATE_WITH_OTHER_CONTENT"
        ),
        domain.VersionConflict: Row(grpc.StatusCode.ABORTED, "VERSION_CONFLICT"),
        domain.IllegalTransition: Row(
            grpc.StatusCode.FAILED_PRECONDITION, "ILLEGAL_TRANSITION"
        ),
        domain.StoreUnavailable: Row(
            grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", retry_after_s=1.0
        ),
        domain.ModelUnavailable: Row(
            grpc.StatusCode.UNAVAILABLE, "MODEL_UNAVAILABLE", retry_after_s=5.0
        ),
        domain.Overloaded: Row(_EXHAUSTED, "OVERLOADED", retry_after_s=1.0),
        domain.DeadlineExceeded: Row(
            grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"
        ),
    }
)
INTERNAL = Row(grpc.StatusCode.INTERNAL, "INTERNAL")
OUR_FAILURES = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE})
"""Statuses that say the service failed, not the caller."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status ready to be sent, with its trailing metadata; and the word of its row."""

    code: grpc.StatusCode
    reason: str
    message: str
    trailers: tuple[tuple[str, str | bytes], ...]


def row_of(error: BaseException) -> Row | None:
    """Find the row of an error's class or of its nearest ancestor in the table."""
    for kind in type(error).__mro__:
        if kind in TABLE:
            return TABLE[kind]
    return None


def refusal(error: Exception, operation_outcome: OutcomeFactory) -> Refusal:
    """Translate whatever a handler raised.

    An error outside the table is a bug: the caller gets an incident id, the log gets the
    types and the frames. Exception texts and local variables are not logged, as they may
    hold patient data.
    """
    row = row_of(error)
    if row is not None and isinstance(error, domain.EcgsvcError):
        issues = error.all if isinstance(error, domain.RefusedContent) else (error,)
        return _fitting(row, issues, operation_outcome)
    incident = uuid.uuid4().hex
    _LOG.error(
        "incident %s\n%s",
        incident,
        "\n".join(describe(error)),
        extra={"incident": incident, "exception": type(error).__qualname__},
    )
    unknown = domain.EcgsvcError(f"internal error, incident {incident}")
    return _fitting(INTERNAL, (unknown,), operation_outcome, incident=incident)


def _fitting(
    row: Row,
    issues: Sequence[domain.EcgsvcError],
    operation_outcome: OutcomeFactory,
    *,
    incident: str = "",
) -> Refusal:
    """Say as much as fits: five whole issues first, at last one line without outcome."""
    for n_issues, n_characters in ((MAX_ISSUES, 300), (MAX_ISSUES, 120), (2, 120), (1, 80)):
        shown = [_shortened(issue, n_characters) for issue in issues[:n_issues]]
        made = _refusal(
            row,
            _headline(shown[0].message, len(issues)),
            incident,
            shown,
            _outcome_bytes(shown, operation_outcome),
        )
        if wire_bytes(made) <= TRAILER_BUDGET_BYTES:
            return made
    return _refusal(row, shown[0].message, incident, shown, b"")


def _refusal(
    row: Row,
    text: str,
    incident: str,
    issues: Sequence[domain.EcgsvcError],
    outcome: bytes,
) -> Refusal:
    status = status_pb2.Status(code=row.code.value[0], message=text)
    status.details.extend(_packed(detail) for detail in _details(row, incident, issues))
    trailers: list[tuple[str, str | bytes]] = [
        (STATUS_DETAILS_KEY, status.SerializeToString())
    ]
    if outcome:
        trailers.append((OPERATION_OUTCOME_KEY, outcome))
    return Refusal(row.code, row.reason, text, tuple(trailers))


def _details(
    row: Row, incident: str, issues: Sequence[domain.EcgsvcError]
) -> Iterator[message.Message]:
    yield error_details_pb2.ErrorInfo(
        reason=row.reason,
        domain=ERROR_DOMAIN,
        metadata={"incident": incident} if incident else {},
    )
    refused = [issue for issue in issues if isinstance(issue, domain.RefusedContent)]
    if refused:
        yield error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(
                    field=issue.expression or "",
                    description=issue.message,
                    reason=(row_of(issue) or row).reason,
                )
                for issue in refused
            ]
        )
    if row.retry_after_s is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(row.retry_after_s * 1000))
        yield error_details_pb2.RetryInfo(retry_delay=delay)


def _packed(detail: message.Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def _outcome_bytes(
    issues: Sequence[domain.EcgsvcError], operation_outcome: OutcomeFactory
) -> bytes:
    """Make the OperationOutcome; a bug there must not hide the error it speaks about."""
    try:
        return operation_outcome(issues)
    except Exception as error:
        _LOG.error("no OperationOutcome\n%s", "\n".join(describe(error)))
        return b""


def _headline(text: str, n_issues: int) -> str:
    return text if n_issues == 1 else f"{text} (and {n_issues - 1} more)"


def _shortened(error: domain.EcgsvcError, n_characters: int) -> domain.EcgsvcError:
    """Copy an error with its texts cut; its class still tells what it is."""
    short = type(error).__new__(type(error))
    vars(short).update(vars(error))
    short.message = _cut(error.message, n_characters)
    if error.expression is not None:
        short.expression = _cut(error.expression, n_characters)
    return short


def _cut(text: str, n_characters: int) -> str:
    sendable = text.encode(errors="replace").decode()  # no lone surrogates
    return sendable if len(text) <= n_characters else sendable[: n_characters - 1] + "…"


def wire_bytes(made: Refusal) -> int:
    """Size of a refusal's trailers at most: HPACK's 32 an entry, values in base64."""
    sizes = [len("grpc-message") + len(quote(made.message)) + 32]
    for key, value in made.trailers:
        sizes.append(len(key) + (len(value) + 2) // 3 * 4 + 32)
    return sum(sizes)

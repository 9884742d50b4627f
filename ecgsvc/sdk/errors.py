"""What goes wrong with a call, and when another try may help."""

import json
import random
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

FIRST_DELAY_S = 0.1
MAX_DELAY_S = 5.0

GONE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
"""What a server that stops answers. gRPC says CANCELLED of a call that has arrived and that
nobody has begun to work on; the client itself cancels none."""


class EcgServiceError(Exception):
    """The service refused a request, or could not be reached.

    Parameters
    ----------
    code, message
        Status of the call.
    operation_outcome
        The FHIR OperationOutcome that came with it, if any.
    reason
        The service's word for the error (``MISSING_ELEMENT``), empty when it gave none.
    retry_after_s
        When the service asks to try again, if it does.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        operation_outcome: dict[str, Any] | None = None,
        *,
        reason: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message
        self.operation_outcome = operation_outcome
        self.reason = reason
        self.retry_after_s = retry_after_s


def delay_s(error: EcgServiceError, attempt: int) -> float | None:
    """Return the pause before the next try; None when another try cannot help."""
    if error.code not in GONE and error.retry_after_s is None:
        return None
    backoff_s = min(FIRST_DELAY_S * 2 ** (attempt - 1), MAX_DELAY_S)
    jitter = random.uniform(0.8, 1.2)  # noqa: S311  # spreads clients, keeps no secret
    return float(max(backoff_s, error.retry_after_s or 0.0) * jitter)


def service_error(error: Any) -> EcgServiceError:  # noqa: ANN401  # RpcError that is a Call
    """Read what came with a failed call."""
    trailers = dict(error.trailing_metadata() or ())
    reason, retry_after_s = _details(trailers.get("grpc-status-details-bin", b""))
    return EcgServiceError(
        error.code(),
        error.details() or "",
        _outcome(trailers.get("operation-outcome-bin", b"")),
        reason=reason,
        retry_after_s=retry_after_s,
    )


def _details(data: bytes) -> tuple[str, float | None]:
    """Read ErrorInfo.reason and RetryInfo.retry_delay of a google.rpc.Status."""
    reason, retry_after_s = "", None
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    try:
        for detail in status_pb2.Status.FromString(data).details:
            if detail.Unpack(info):
                reason = info.reason
            elif detail.Unpack(retry):
                retry_after_s = retry.retry_delay.ToMilliseconds() / 1000
    except DecodeError:
        pass  # not ours: a proxy's
    return reason, retry_after_s


def _outcome(data: bytes) -> dict[str, Any] | None:
    try:
        outcome = json.loads(data)
    except ValueError:
        return None
    return outcome if isinstance(outcome, dict) else None

"""What an ECG of many is refused with: a message, as the call goes on."""

import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.errors import EcgsvcError, RefusedContent, perhaps_entered
from ecgsvc.domain.incidents import describe
from ecgsvc.rpc.errors import (
    OUR_FAILURES,
    OutcomeFactory,
    refusal,
    row_of,
)
from ecgsvc.rpc.messages import fhir_resource
from ecgsvc.v1 import analysis_pb2

METHOD = "/ecgsvc.v1.AnalysisService/AnalyzeEcgs"

_LOG = logging.getLogger("ecgsvc.rpc")


class EcgRefuser:
    """Makes the message, and enters the refusal in the audit trail."""

    def __init__(
        self,
        operation_outcome: OutcomeFactory,
        record_refusal: Callable[[RefusedCall], None],
    ) -> None:
        self._operation_outcome = operation_outcome
        self._record_refusal = record_refusal

    def __call__(self, error: Exception, caller: Caller) -> analysis_pb2.RefusedEcg:
        """Say what is wrong with an ECG; of an error nobody foresaw, its incident."""
        made = refusal(error, self._operation_outcome)
        row = row_of(error)
        self._enter(caller, made.reason, error, by_us=made.code in OUR_FAILURES)
        issues: Sequence[EcgsvcError] = (EcgsvcError(made.message),)
        if isinstance(error, EcgsvcError) and row is not None:
            issues = error.all if isinstance(error, RefusedContent) else (error,)
        return analysis_pb2.RefusedEcg(
            code=made.code.value[0],
            message=made.message,
            reason=made.reason,
            operation_outcome=fhir_resource(self._operation_outcome(issues)),
            retry_after_seconds=(row and row.retry_after_s) or 0.0,
        )

    def _enter(self, caller: Caller, reason: str, error: Exception, *, by_us: bool) -> None:
        refused = RefusedCall(
            str(uuid.uuid4()), datetime.now(UTC), caller, METHOD, reason, by_us,
            perhaps_entered(error),
        )  # fmt: skip
        try:
            self._record_refusal(refused)
        except Exception as failure:
            _LOG.error("a refusal is not in the trail\n%s", "\n".join(describe(failure)))

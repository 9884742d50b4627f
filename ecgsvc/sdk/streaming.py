"""Many ECGs over one call, sent again where an answer was lost."""

import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import grpc

from ecgsvc.sdk.errors import EcgServiceError, delay_s, service_error
from ecgsvc.sdk.replies import AnalyzedReply, analyzed_reply
from ecgsvc.v1 import analysis_pb2, resource_pb2

_STATUS_BY_NUMBER = {status.value[0]: status for status in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class SentEcg:
    """An ECG to be analysed; see `EcgClient.analyze`.

    `name` is the caller's own, and comes back with the answer.
    """

    observation: bytes
    name: str = ""
    patient: bytes = b""
    request_id: str = ""
    fhir_version: str = ""


@dataclass(frozen=True, slots=True)
class StreamedReply:
    """The answer to one ECG of many: an analysis, or why there is none."""

    name: str
    analyzed: AnalyzedReply | None = None
    error: EcgServiceError | None = None


class EcgStream:
    """One run of `EcgClient.analyze_many`."""

    def __init__(
        self,
        method: Callable[..., Any],
        metadata: Callable[[], tuple[tuple[str, str], ...]],
        max_attempts: int,
    ) -> None:
        self._method = method
        self._metadata = metadata
        self._max_attempts = max_attempts

    def replies(self, ecgs: Iterable[SentEcg], window: int) -> Iterator[StreamedReply]:
        """Yield an answer for each ECG, in their order."""
        source = iter(ecgs)
        waiting: deque[SentEcg] = deque()
        attempt = 1
        while True:
            outgoing = _Outgoing(source, waiting, window)
            call = self._method(iter(outgoing), metadata=self._metadata())
            try:
                for message in call:
                    reply = _reply(waiting[0].name, message)
                    if reply.error is not None and self._may_help(reply.error, attempt):
                        raise reply.error  # with what follows, so that the order stays
                    waiting.popleft()
                    attempt = 1
                    outgoing.answered()
                    yield reply
            except grpc.RpcError as error:
                failed = service_error(error)
            except EcgServiceError as error:
                failed = error
            else:
                if outgoing.error is not None:
                    raise outgoing.error
                return
            finally:
                outgoing.close()
                call.cancel()
            if outgoing.error is not None:
                raise outgoing.error
            pause_s = delay_s(failed, attempt)
            if pause_s is None or attempt >= self._max_attempts:
                raise failed from None
            time.sleep(pause_s)
            attempt += 1

    def _may_help(self, error: EcgServiceError, attempt: int) -> bool:
        return error.retry_after_s is not None and attempt < self._max_attempts


class _Outgoing:
    """The requests of one call: first what has no answer yet, then what is new.

    gRPC takes them in a thread of its own, which waits here while the window is full.
    """

    def __init__(
        self, source: Iterator[SentEcg], waiting: deque[SentEcg], window: int
    ) -> None:
        self._source = source
        self._waiting = waiting
        self._window = window
        self._again = list(waiting)
        self._changed = threading.Condition()
        self._is_closed = False
        self.error: BaseException | None = None

    def answered(self) -> None:
        """Make room for one more."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Take nothing more from the source."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[analysis_pb2.AnalyzeEcgsRequest]:
        yield from map(_request, self._again)
        while True:
            with self._changed:
                while len(self._waiting) >= self._window and not self._is_closed:
                    self._changed.wait()
                if self._is_closed:
                    return
                try:
                    ecg = next(self._source)
                except StopIteration:
                    return
                except BaseException as error:  # of the caller's own iterable
                    self.error = error
                    return
                own = ecg.request_id or str(uuid.uuid4())
                ecg = replace(ecg, request_id=own)
                self._waiting.append(ecg)
            yield _request(ecg)


def _request(ecg: SentEcg) -> analysis_pb2.AnalyzeEcgsRequest:
    patient = None
    if ecg.patient:
        patient = resource_pb2.FhirResource(json=ecg.patient, fhir_version=ecg.fhir_version)
    return analysis_pb2.AnalyzeEcgsRequest(
        ecg=analysis_pb2.AnalyzeEcgRequest(
            observation=resource_pb2.FhirResource(
                json=ecg.observation, fhir_version=ecg.fhir_version
            ),
            patient=patient,
            request_id=ecg.request_id,
        )
    )


def _reply(name: str, message: analysis_pb2.AnalyzeEcgsResponse) -> StreamedReply:
    if message.WhichOneof("result") == "analyzed":
        return StreamedReply(name, analyzed=analyzed_reply(message.analyzed))
    refused = message.refused
    error = EcgServiceError(
        _STATUS_BY_NUMBER.get(refused.code, grpc.StatusCode.UNKNOWN),
        refused.message,
        json.loads(refused.operation_outcome.json or b"{}"),
        reason=refused.reason,
        retry_after_s=refused.retry_after_seconds or None,
    )
    return StreamedReply(name, error=error)

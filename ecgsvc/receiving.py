"""ECGs that come as HL7 v2 messages: what arrives, to the pipeline, and what is answered.

Like `delivering`, the only module of its kind that knows the order: message → orders →
Observation, or the document of an embedded file → `pipeline` → acknowledgement.
"""

import hashlib
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from threading import Semaphore
from typing import Protocol

from ecgsvc import convert, fhir, hl7v2
from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.errors import (
    EcgsvcError,
    Forbidden,
    MissingElement,
    RefusedContent,
    UnsupportedContent,
    perhaps_entered,
    within,
)
from ecgsvc.domain.incidents import describe
from ecgsvc.domain.recording_header import RecordingHeader
from ecgsvc.domain.report import SentEcg
from ecgsvc.hl7v2 import Fault, Message, Order, Row, Segment
from ecgsvc.identity import request_id
from ecgsvc.tenancy import Listener, Tenant

_LOG = logging.getLogger(__name__)
_METHOD = "HL7v2 ORU"
_EVENTS = ("R01", "W01")
_LOCATION = re.compile(r"[A-Z][A-Z0-9]{2}\^\d+(\^\d+)*")


class EcgAnalyzer(Protocol):
    """The pipeline."""

    def analyze_together(self, caller: Caller, ecgs: Sequence[SentEcg]) -> object:
        """Analyse and store all ECGs, or none; committed when this returns."""


class EcgReceiver:
    """Answers the messages of one listener.

    Parameters
    ----------
    zone
        Of times that state none.
    record_refusal
        Enters a refused message in the audit trail.
    workers
        As many messages are worked at together; the others wait for their turn.
    """

    def __init__(
        self,
        analyzer: EcgAnalyzer,
        tenant: Tenant,
        listener: Listener,
        *,
        zone: tzinfo,
        record_refusal: Callable[[RefusedCall], None],
        workers: Semaphore,
    ) -> None:
        self._analyzer = analyzer
        self._tenant = tenant
        self._listener = listener
        self._zone = zone
        self._record_refusal = record_refusal
        self._workers = workers

    def answer(self, content: bytes) -> bytes | None:
        """Store the ECGs of a message and return its acknowledgement.

        AA is written once all of them are committed. An ECG that is refused refuses the
        message, before any of it is stored. The same message again, by sender and MSH-10,
        finds the reports it has made. None where nothing can be said yet: the sender tries
        again.
        """
        started_s = time.monotonic()
        header: Segment | None = None
        caller, n_ecgs = self._caller(""), 0
        code = "AA"
        faults: tuple[Fault, ...] = ()
        try:
            with self._workers:
                header = hl7v2.read_header(content)
                message = hl7v2.parse_message(content, self._listener.character_set)
                header = message.header
                caller = self._caller(message.control_id)
                n_ecgs = self._store(caller, message)
        except Exception as error:
            refused = self._refused(error, caller)
            if refused is None:
                self._log(caller, "none", n_ecgs, started_s)
                return None
            code, faults = refused
        self._log(caller, code, n_ecgs, started_s)
        return hl7v2.acknowledgement(
            header,
            code,
            message_id=uuid.uuid4().hex[:20],
            now=datetime.now(UTC),
            faults=faults,
        ).encode()

    def _caller(self, control_id: str) -> Caller:
        name = self._listener.name
        return Caller(
            self._tenant.name,
            f"ecgsvc:hl7v2:{name}",
            name=f"HL7 v2 listener {name}",
            roles=frozenset({Role.POSTER}),
            request_id=request_id(control_id),
        )

    def _store(self, caller: Caller, message: Message) -> int:
        """Store all ECGs of a message, or none; return how many."""
        self._check_header(message)
        ecgs = list(self._ecgs(message))
        self._analyzer.analyze_together(caller, ecgs)
        return len(ecgs)

    def _check_header(self, message: Message) -> None:
        header = message.header
        if not message.control_id:
            msg = "MSH-10 is required: it tells a repeated message from a new one"
            raise MissingElement(msg, expression=header.where(10))
        kind, event = header.text(9), header.text(9, 2)
        if kind != "ORU" or event not in _EVENTS:
            msg = "expected ORU^R01 or ORU^W01"
            raise UnsupportedContent(msg, expression=header.where(9))
        if not header.text(12).startswith("2."):
            msg = "expected version 2 of HL7"
            raise UnsupportedContent(msg, expression=header.where(12))
        if header.text(11) != self._listener.processing_id:
            msg = f"expected processing id {self._listener.processing_id}"
            raise UnsupportedContent(msg, expression=header.where(11))
        if not self._listener.takes(header.text(3), header.text(4)):
            msg = "messages of this sending application and facility are not taken here"
            raise Forbidden(msg, expression=header.where(3))

    def _idempotency_key(self, header: Segment, number: int) -> str:
        parts = (*(header.raw(at) for at in (3, 4, 10)), str(number))
        digest = hashlib.sha256("\0".join((self._listener.name, *parts)).encode())
        return f"hl7v2:{digest.hexdigest()}"

    def _ecgs(self, message: Message) -> Iterator[SentEcg]:
        orders = hl7v2.orders_of(message)
        n_found = 0
        for order in hl7v2.with_waveforms(orders):
            found = self._ecg(message, order)
            if found is not None:
                body, where = found
                key = self._idempotency_key(message.header, n_found)
                yield SentEcg(body, request_id=key, place=where)
                n_found += 1
        if not n_found:
            msg = (
                "the message holds no ECG: expected an OBX a lead (NA), or the file of a "
                "recording (ED)"
            )
            raise MissingElement(msg, expression=orders[0].request.where(4))

    def _ecg(self, message: Message, order: Order) -> tuple[bytes, str] | None:
        """Return an order's ECG as FHIR, and its place; None when it holds none."""
        recording = convert.read_arrays(order)
        file = convert.waveform_file(order, beside=recording is not None)
        if recording is None and file is None:
            return None
        known = self._tenant.identifiers
        patient = hl7v2.patient_of(order, known)
        at = hl7v2.recorded_at(message, order, self._zone)
        status = hl7v2.status_of(order)
        filler = hl7v2.order_identifier(order.request, 3, known)
        where = order.request.where(4)
        if recording is None:
            assert file is not None  # noqa: S101  # one of the two is there
            body = fhir.encode_document(
                file.content,
                RecordingHeader(patient.described),
                sex=patient.sex,
                subject=patient.identifier,
                effective_at=at,
                identifier=filler,
                status=status,
            )
            return body, file.segment.where(5)
        header = replace(recording.header, patient=patient.described)
        with within(where):
            body = fhir.encode_observation(
                replace(recording, sex=patient.sex, header=header),
                subject=patient.identifier,
                effective_at=at,
                identifier=filler,
                based_on=hl7v2.order_identifier(order.request, 2, known),
                status=status,
            )
        return body, where

    def _refused(
        self, error: Exception, caller: Caller
    ) -> tuple[str, tuple[Fault, ...]] | None:
        """Return MSA-1 and the faults; None: it is not acknowledged."""
        if isinstance(error, EcgsvcError):
            row = hl7v2.row_of(error)
            shown = error.all if isinstance(error, RefusedContent) else (error,)
            reason = "_".join(re.findall("[A-Z][a-z]+", type(error).__name__)).upper()
        else:
            incident = uuid.uuid4().hex
            _LOG.error("incident %s\n%s", incident, "\n".join(describe(error)))
            row, reason = hl7v2.INTERNAL, "INTERNAL"
            shown = (EcgsvcError(f"internal error, incident {incident}"),)
        self._enter(caller, reason, error, by_us=row in (None, hl7v2.INTERNAL))
        if row is None:
            return None
        return row.code, tuple(_fault(each, hl7v2.row_of(each) or row) for each in shown)

    def _enter(self, caller: Caller, reason: str, error: Exception, *, by_us: bool) -> None:
        refused = RefusedCall(
            str(uuid.uuid4()), datetime.now(UTC), caller, _METHOD, reason, by_us,
            perhaps_entered(error),
        )  # fmt: skip
        try:
            self._record_refusal(refused)
        except Exception as failure:
            _LOG.error("a refusal is not in the trail\n%s", "\n".join(describe(failure)))

    def _log(self, caller: Caller, code: str, n_ecgs: int, started_s: float) -> None:
        _LOG.info(
            "hl7 listener=%s %s %.1f ms tenant=%s message=%s ecgs=%d",
            self._listener.name,
            code,
            (time.monotonic() - started_s) * 1e3,
            caller.tenant,
            caller.request_id or "-",
            n_ecgs,
        )


def _fault(error: EcgsvcError, row: Row) -> Fault:
    """Say where in the message: a stage that knows FHIR names an element behind it."""
    where, _, element = (error.expression or "").partition(".")
    is_place = _LOCATION.fullmatch(where) is not None
    said = f"{element}: {error.message}" if element and is_place else error.message
    return Fault(where if is_place else "", row.condition, said)


def tls_of(listener: Listener) -> hl7v2.ListenerTls | None:
    """Return the files of a listener's TLS; None: it speaks in clear."""
    if listener.certificate is None or listener.key is None:
        return None
    return hl7v2.ListenerTls(listener.certificate, listener.key, listener.client_ca)

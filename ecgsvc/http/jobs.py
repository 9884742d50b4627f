"""``Prefer: respond-async``: requests that are answered later.

202 with the place to ask at, which says 202 until the answer is there and 200 with it then
(https://hl7.org/fhir/R4/async.html, the answer as of https://hl7.org/fhir/R5/async-bundle.html:
a batch-response with one entry, the response to the request). What is kept of the answer
names places, no patient.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, Protocol

from ecgsvc import fhir
from ecgsvc.domain.audit import RefusedCall
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.jobs import ClaimedJob, Job, NewJob
from ecgsvc.http.call import Call, Handle, Reply
from ecgsvc.http.errors import refusal, refused_call

KEPT_FOR = timedelta(hours=24)
"""How long an answer is kept."""

MAX_ATTEMPTS = 5
"""A job that has not ended so often ends whoever does it; it is given up."""

_KEPT_HEADERS = ("accept", "content-type", "idempotency-key", "if-none-exist")
_MISSING_PARTS = frozenset({429, 503, 504})
"""Statuses of refusals that are no answer: the job is tried again."""


class JobKeeper(Protocol):
    """Keeps jobs; `JobNotFound` where the caller has no such one."""

    def add_job(self, caller: Caller, new: NewJob) -> None:
        """Take a job."""

    def job(self, caller: Caller, job_id: str) -> Job:
        """Return a job of the caller's own."""

    def cancel_job(self, caller: Caller, job_id: str) -> None:
        """Forget a job of the caller's own."""


class Jobs:
    """Takes requests, says how they are, and does them.

    `record_refusal` enters in the trail what was refused when it was done.
    """

    def __init__(
        self, keeper: JobKeeper, record_refusal: Callable[[RefusedCall], None]
    ) -> None:
        self._keeper = keeper
        self._record_refusal = record_refusal
        self._handlers: dict[str, Handle] = {}
        self._answers: dict[str, Callable[[Call, Job], Reply]] = {}

    def or_later(self, asks: str, handle: Handle) -> Handle:
        """Return what answers at once, or later when the client prefers that."""
        self._handlers[asks] = handle

        def answer(call: Call) -> Reply:
            preferred = call.headers.get("prefer", "")
            if "respond-async" not in preferred:
                return handle(call)
            kept = {
                name: call.headers[name] for name in _KEPT_HEADERS if name in call.headers
            }
            details = {"base_url": call.base_url, "headers": kept}
            return self.accept(call, asks, details, call.body)

        return answer

    def answered_by(self, asks: str, answer: Callable[[Call, Job], Reply]) -> None:
        """Say what answers for jobs of a kind that are done from the beginning."""
        self._answers[asks] = answer

    def accept(
        self, call: Call, asks: str, details: Mapping[str, Any], body: bytes | None
    ) -> Reply:
        """Take a job; with a body it waits for a worker."""
        job_id = str(uuid.uuid4())
        self._keeper.add_job(call.caller, NewJob(job_id, asks, details, body))
        place = f"{call.base_url}/_jobs/{job_id}"
        return Reply(202, headers={"content-location": place, "retry-after": "1"})

    def status(self, call: Call) -> Reply:
        """Say how a job is, with its answer when there is one."""
        job = self._keeper.job(call.caller, call.path["id"])
        if job.finished_at is None:
            progress = "in progress" if job.is_running else "waiting"
            return Reply(202, headers={"x-progress": progress, "retry-after": "1"})
        expires = format_datetime(job.finished_at + KEPT_FOR, usegmt=True)
        if job.asks in self._answers:
            reply = self._answers[job.asks](call, job)
        else:
            reply = Reply(200, job.result)
        return Reply(
            reply.status,
            reply.body,
            {**reply.headers, "expires": expires},
            reply.media_type,
        )

    def cancel(self, call: Call) -> Reply:
        """Give up a job; of a batch, what is stored already stays."""
        self._keeper.cancel_job(call.caller, call.path["id"])
        return Reply(202)

    def run(self, claimed: ClaimedJob, cancelled: Callable[[], bool]) -> bytes | None:
        """Do a job, in the caller's name.

        The same job done again stores nothing again: its ECGs have idempotency keys.

        Returns
        -------
        bytes or None
            The answer to keep; None when it must be tried again later.
        """
        headers: dict[str, str] = dict(claimed.details["headers"])
        headers.setdefault("idempotency-key", f"job {claimed.job_id}")
        call = Call(
            caller=claimed.caller,
            base_url=claimed.details["base_url"],
            path={},
            query=(),
            headers=headers | {"prefer": "return=minimal"},
            body=claimed.body,
            cancelled=cancelled,
        )
        try:
            if claimed.attempt > MAX_ATTEMPTS:
                msg = f"a job was tried {MAX_ATTEMPTS} times and never ended"
                raise RuntimeError(msg)
            reply = self._handlers[claimed.asks](call)
        except Exception as error:
            reply = refusal(error)
            if reply.status in _MISSING_PARTS and claimed.attempt < MAX_ATTEMPTS:
                return None
            self._record_refusal(
                refused_call(claimed.caller, claimed.asks, error, reply.status)
            )
        return _kept(reply)


def _kept(reply: Reply) -> bytes:
    """Write the answer to a request as an entry of a Bundle."""
    response: dict[str, object] = {
        "status": f"{reply.status} {HTTPStatus(reply.status).phrase}",
        **{
            name: reply.headers[name]
            for name in ("location", "etag")
            if name in reply.headers
        },
    }
    if reply.status >= HTTPStatus.BAD_REQUEST:
        response["outcome"] = json.loads(reply.body)
        return fhir.bundle(
            "batch-response", [fhir.BundleEntry(None, more={"response": response})]
        )
    link = reply.headers.get("link", "").partition(">")[0].removeprefix("<")
    entry = fhir.BundleEntry(reply.body or None, link, {"response": response})
    return fhir.bundle("batch-response", [entry])

"""Bundles of ECGs, as they are sent."""

import json
from dataclasses import dataclass

import orjson

from ecgsvc.domain.errors import (
    InvalidRequest,
    MalformedObservation,
    TooLarge,
    UnsupportedContent,
)

MAX_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One entry; `problem` says why it cannot be taken, empty when it can.

    `names` are what references to the resource may say.
    """

    expression: str
    resource: bytes
    names: frozenset[str]
    subject: str
    if_none_exist: str
    is_patient: bool
    problem: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A Bundle of type batch or transaction."""

    type: str
    entries: tuple[BatchEntry, ...]

    def patient_of(self, entry: BatchEntry) -> bytes:
        """Return the Patient among the entries that an ECG refers to, empty if none."""
        found = (
            each.resource
            for each in self.entries
            if each.is_patient and entry.subject and entry.subject in each.names
        )
        return next(found, b"")


def parse_batch(body: bytes) -> Batch:
    """Read a Bundle.

    Raises
    ------
    MalformedObservation, InvalidRequest, UnsupportedContent, TooLarge
        The body is no Bundle of type batch or transaction with 1 to 100 entries, or a
        transaction of several ECGs.
    """
    try:
        bundle = orjson.loads(body)
    except orjson.JSONDecodeError:
        msg = "the body is not JSON"
        raise MalformedObservation(msg, expression="Bundle") from None
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        msg = "post a Bundle here; a single ECG goes to Observation"
        raise InvalidRequest(msg, expression="Bundle")
    kind, entries = bundle.get("type"), bundle.get("entry")
    if kind not in ("batch", "transaction"):
        msg = "type must be batch or transaction"
        raise InvalidRequest(msg, expression="Bundle.type")
    if not isinstance(entries, list) or not entries:
        msg = "the Bundle has no entries"
        raise InvalidRequest(msg, expression="Bundle.entry")
    if len(entries) > MAX_ENTRIES:
        msg = f"the Bundle has {len(entries)} entries; at most {MAX_ENTRIES} are accepted"
        raise TooLarge(msg, expression="Bundle.entry")
    read = tuple(_entry(entry, i) for i, entry in enumerate(entries))
    if kind == "transaction" and sum(not each.is_patient for each in read) > 1:
        msg = "a transaction takes one ECG: send several as a batch, each is atomic"
        raise UnsupportedContent(msg, expression="Bundle.type")
    return Batch(str(kind), read)


def _entry(entry: object, index: int) -> BatchEntry:
    expression = f"Bundle.entry[{index}]"
    if not isinstance(entry, dict):
        entry = {}
    resource = entry.get("resource")
    resource = resource if isinstance(resource, dict) else {}
    request = entry.get("request")
    request = request if isinstance(request, dict) else {}
    kind = resource.get("resourceType")
    subject = resource.get("subject")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    names = {str(entry.get("fullUrl", "")), f"{kind}/{resource.get('id', '')}"}
    return BatchEntry(
        expression=expression,
        resource=json.dumps(resource).encode(),
        names=frozenset(names),
        subject=str(reference or ""),
        if_none_exist=str(request.get("ifNoneExist") or ""),
        is_patient=kind == "Patient",
        problem="" if kind == "Patient" else _problem(kind, request),
    )


def _problem(kind: object, request: dict[str, object]) -> str:
    if kind != "Observation":
        return "entries are Observations with an ECG, and Patients for their age and sex"
    if request.get("method") != "POST" or request.get("url") != "Observation":
        return "the request of the entry must be POST Observation"
    return ""

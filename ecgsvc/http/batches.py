"""Bundles of ECGs, as they are sent."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

import orjson

from ecgsvc import fhir
from ecgsvc.domain.errors import (
    InvalidRequest,
    MalformedObservation,
    TooLarge,
)
from ecgsvc.http.resources import ECG_TYPES

MAX_ENTRIES = 100
_ABSOLUTE = re.compile(r"https?://\S+/(?=Patient/)")
"""What makes a reference to a Patient absolute: one of another server may be the same."""


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One entry; `problem` says why it cannot be taken, empty when it can.

    Parameters
    ----------
    place
        FHIRPath of the entry.
    names
        What references to the resource may say.
    subject
        Whose ECG it is, as a reference or ``system|value``.
    """

    place: str
    kind: str
    resource: bytes
    names: frozenset[str]
    subject: str
    if_none_exist: str
    problem: str

    @property
    def is_patient(self) -> bool:
        """Whether it is there for age and sex of others."""
        return self.kind == "Patient"


@dataclass(frozen=True, slots=True)
class Batch:
    """A Bundle of type batch or transaction."""

    type: Literal["batch", "transaction"]
    entries: tuple[BatchEntry, ...]

    def patient_of(self, entry: BatchEntry) -> bytes:
        """Return the Patient among the entries that an ECG refers to, empty if none."""
        found = (
            each.resource
            for each in self.entries
            if each.is_patient and entry.subject in each.names
        )
        return next(found, b"")


def parse_batch(body: bytes) -> Batch:
    """Read a Bundle.

    Raises
    ------
    MalformedObservation, InvalidRequest, TooLarge
        The body is no Bundle of type batch or transaction with 1 to 100 entries.
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
    try:
        texts = fhir.entry_resources(body)  # as they came: orjson would write them anew
    except RecursionError:
        msg = "the JSON is nested too deeply"
        raise MalformedObservation(msg, expression="Bundle") from None
    read = [
        _entry(entry, text, i)
        for i, (entry, text) in enumerate(zip(entries, texts, strict=True))
    ]
    return Batch(kind, tuple(_with_patients_checked(read)))


def _entry(entry: object, text: bytes, index: int) -> BatchEntry:
    entry = entry if isinstance(entry, dict) else {}
    resource = _object(entry, "resource")
    request = _object(entry, "request")
    kind = resource.get("resourceType")
    kind = kind if isinstance(kind, str) else ""
    subject = _object(resource, "subject")
    identifiers = resource.get("identifier")
    return BatchEntry(
        place=f"Bundle.entry[{index}]",
        kind=kind,
        resource=text,
        names=frozenset(
            {
                str(entry.get("fullUrl") or ""),
                f"{kind}/{resource['id']}" if "id" in resource else "",
                *map(_symbol, identifiers if isinstance(identifiers, list) else ()),
            }
        )
        - {""},
        subject=str(subject.get("reference") or _symbol(subject.get("identifier"))),
        if_none_exist=str(request.get("ifNoneExist") or ""),
        problem=_problem(kind, request),
    )


def _object(parent: dict[str, object], name: str) -> dict[str, object]:
    found = parent.get(name)
    return found if isinstance(found, dict) else {}


def _symbol(identifier: object) -> str:
    """Write an identifier as ``system|value``; empty when it is none."""
    if not isinstance(identifier, dict) or not identifier.get("value"):
        return ""
    return f"{identifier.get('system') or ''}|{identifier['value']}"


def _problem(kind: str, request: dict[str, object]) -> str:
    if kind == "Patient":
        return ""
    if kind not in ECG_TYPES:
        return (
            f"entries are ECGs ({', '.join(ECG_TYPES)}), and Patients for their age and sex"
        )
    if request.get("method") != "POST" or request.get("url") != kind:
        return f"the request of the entry must be POST {kind}"
    return ""


def _with_patients_checked(entries: list[BatchEntry]) -> list[BatchEntry]:
    """Say of Patients that no ECG is theirs, or that another goes by the same name.

    Whoever wrote such a Bundle has mixed up people, or left open whose age and sex are
    meant.
    """
    taken = Counter(name for each in entries if each.is_patient for name in each.names)
    ecgs = [each.subject for each in entries if not each.is_patient]
    subjects = {*ecgs, *(_ABSOLUTE.sub("", subject) for subject in ecgs)}

    def problem(entry: BatchEntry) -> str:
        if not entry.is_patient:
            return entry.problem
        if any(taken[name] > 1 for name in entry.names):
            return "two patients: another Patient has this fullUrl, id or identifier"
        if not entry.names & subjects:
            return "two patients, or none: no ECG of the Bundle refers to this Patient"
        return ""

    return [replace(each, problem=problem(each)) for each in entries]

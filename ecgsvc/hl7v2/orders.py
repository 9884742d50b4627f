"""What an ORU says beside the waveforms: whose, which order, when (HL7 2.5.1, ch. 7)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from ecgsvc.domain.errors import InvalidElement, MissingElement, UnsupportedContent
from ecgsvc.domain.recording_header import RecordedPatient
from ecgsvc.domain.report import Identifier
from ecgsvc.domain.waveform import Sex
from ecgsvc.hl7v2.message import Message, Segment, required

_TIME = re.compile(
    r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:\.(\d{1,6})\d*)?)?(?:([+-])(\d\d)(\d\d))?",
    re.ASCII,
)
_ZONE = re.compile(r"[+-]\d{4}$", re.ASCII)
_SEXES: Mapping[str, Sex] = {"F": "female", "M": "male"}
_STATUS = {
    "": "final", "F": "final", "C": "corrected", "P": "preliminary", "R": "preliminary",
    "A": "preliminary", "S": "preliminary",
}  # fmt: skip
"""OBR-25 (table 0123) by ``Observation.status``; the others have no results."""


@dataclass(frozen=True, slots=True)
class Order:
    """An OBR with its OBX, and the PID before it.

    Several OBR with one filler number and one time are one order: some senders give each
    lead an OBR of its own.
    """

    patient: Segment
    request: Segment
    results: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class PatientNamed:
    """The patient of an order."""

    identifier: Identifier
    described: RecordedPatient
    sex: Sex | None


def orders_of(message: Message) -> tuple[Order, ...]:
    """Return the orders in their order.

    Raises
    ------
    MissingElement
        There is no OBR, or none before an OBX; or no PID before an OBR.
    """
    found: list[tuple[Segment, Segment, list[Segment]]] = []
    patient: Segment | None = None
    for segment in message.segments:
        if segment.name == "PID":
            patient = segment
        elif segment.name == "OBR":
            if patient is None:
                msg = "expected a PID segment before the first OBR"
                raise MissingElement(msg, expression="PID^1")
            if not (found and _is_one(found[-1], patient, segment)):
                found.append((patient, segment, []))
        elif segment.name == "OBX":
            if not found or found[-1][0] is not patient:
                msg = "expected an OBR segment before the OBX"
                raise MissingElement(msg, expression=f"OBX^{segment.number}")
            found[-1][2].append(segment)
    if not found:
        msg = "expected an OBR segment"
        raise MissingElement(msg, expression="OBR^1")
    return tuple(Order(pid, obr, tuple(results)) for pid, obr, results in found)


def _is_one(
    before: tuple[Segment, Segment, list[Segment]], patient: Segment, request: Segment
) -> bool:
    same = all(before[1].raw(at) == request.raw(at) for at in (3, 7))
    return before[0] is patient and same and bool(request.raw(3))


def status_of(order: Order) -> str:
    """Return ``Observation.status`` of an order's results.

    Raises
    ------
    UnsupportedContent
        OBR-25 says that there are no results.
    """
    status = _STATUS.get(order.request.text(25))
    if status is None:
        msg = f"expected a status with results: {', '.join(filter(None, _STATUS))}"
        raise UnsupportedContent(msg, expression=order.request.where(25))
    return status


def recorded_at(message: Message, order: Order, zone: tzinfo) -> datetime:
    """Return when the recording began, UTC: OBR-7.

    A time without a zone is in that of MSH-7, where that states one (HL7 2.5.1, 2.15.9.7),
    and in `zone` otherwise.

    Raises
    ------
    MissingElement, InvalidElement
        There is none, or none to the minute.
    """
    request = order.request
    found = _TIME.fullmatch(required(request, 7, "the time of the ECG"))
    if found is None:
        msg = "expected a time to the minute at least, YYYYMMDDHHMM[SS[.S]][+ZZZZ]"
        raise InvalidElement(msg, expression=request.where(7))
    sender = _ZONE.search(message.header.text(7))
    try:
        own = _offset(found[8] + found[9] + found[10]) if found[8] else None
        at = datetime(
            int(found[1]), int(found[2]), int(found[3]), int(found[4]), int(found[5]),
            int(found[6] or 0), int((found[7] or "0").ljust(6, "0")),
            tzinfo=own or (_offset(sender[0]) if sender else zone),
        )  # fmt: skip
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        msg = "there is no such time"
        raise InvalidElement(msg, expression=request.where(7)) from None


def _offset(text: str) -> timezone:
    minutes = int(text[1:3]) * 60 + int(text[3:5])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def order_identifier(
    request: Segment, at: int, authorities: Mapping[str, str]
) -> Identifier | None:
    """Return OBR-2 or OBR-3, an EI: entity ^ namespace ^ universal id ^ its type.

    A namespace that is not known and has no universal id stays with the number, so that
    the numbers of two departments differ.
    """
    number, *assigner = (request.text(at, part) for part in range(1, 5))
    if not number:
        return None
    system = _system(assigner, authorities)
    if system is None and assigner[0]:
        number = f"{number}^{assigner[0]}"
    return Identifier(system, number)


def patient_of(order: Order, authorities: Mapping[str, str]) -> PatientNamed:
    """Read a PID.

    Parameters
    ----------
    authorities
        From the system of a FHIR identifier to HL7's assigning authority, components
        joined by ``&``, as the file of tenants has them.

    Raises
    ------
    MissingElement
        PID-3 has no identifier.
    UnsupportedContent
        Its assigning authority is not known: a number alone might be another patient's.
    """
    pid = order.patient
    numbers = [cx for cx in pid.repetitions(3) if pid.text(3, of=cx)]
    if not numbers:
        msg = "the patient's identifier is required"
        raise MissingElement(msg, expression=pid.where(3))
    preferred = [cx for cx in numbers if pid.text(3, 5, of=cx) in ("MR", "PI")]
    chosen = (preferred or numbers)[0]
    parts = chosen.split(pid.delimiters.component)
    assigner = [*pid.subcomponents(parts[3] if len(parts) > 3 else ""), "", "", ""][:3]
    system = _system(assigner, authorities)
    if system is None and any(assigner):
        msg = (
            "the assigning authority of the patient's identifier is not known: state its "
            "universal id, or name it among the tenant's identifiers"
        )
        raise UnsupportedContent(msg, expression=pid.where(3, 4))
    identifier = Identifier(system, pid.text(3, of=chosen))
    given = " ".join(filter(None, (pid.text(5, 2), pid.text(5, 3))))
    described = RecordedPatient(
        identifier.value,
        identifier.system,
        pid.text(5) or None,
        given or None,
        _birth_date(pid),
    )
    return PatientNamed(identifier, described, _SEXES.get(pid.text(8)))


def _system(assigner: list[str], authorities: Mapping[str, str]) -> str | None:
    """Return the FHIR system of namespace, universal id and its type, if there is one."""
    namespace, universal_id, kind = assigner
    for system, authority in authorities.items():
        known = [*authority.split("&"), "", "", ""]
        by_namespace = not universal_id and namespace == known[0]
        if namespace + universal_id and (
            by_namespace or (universal_id and universal_id == known[1])
        ):
            return system
    return _uri(universal_id, kind)


def _uri(universal_id: str, kind: str) -> str | None:
    if not universal_id or any(c.isspace() for c in universal_id):
        return None
    if kind == "ISO":
        return f"urn:oid:{universal_id}"
    if kind == "UUID":
        return f"urn:uuid:{universal_id.lower()}"
    return universal_id if kind == "URI" else None


def _birth_date(pid: Segment) -> date | None:
    digits = pid.text(7)[:8]
    if not re.fullmatch(r"\d{8}", digits, re.ASCII):
        return None  # a year or a month alone
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        msg = "there is no such date"
        raise InvalidElement(msg, expression=pid.where(7)) from None


def with_waveforms(orders: tuple[Order, ...]) -> Iterator[Order]:
    """Yield the orders that have results of a type that may hold a waveform."""
    for order in orders:
        if any(result.text(2) in ("NA", "MA", "CD", "ED") for result in order.results):
            yield order

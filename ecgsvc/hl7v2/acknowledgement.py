"""Acknowledgements, and the one table of what each refusal is in them (HL7 2.5.1, 2.9).

AE is an error in the content: the same message would be refused again. AR is a message
that this listener does not take, or a failure of ours. What only has to wait is no refusal:
it is not acknowledged, and every engine sends it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from ecgsvc.domain import errors as domain
from ecgsvc.hl7v2.message import Segment
from ecgsvc.hl7v2.syntax import segment, text, time

MAX_ERRORS = 10
_MAX_TEXT = 250

_CONDITIONS = {
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "207": "Application internal error",
}
"""Table 0357."""

_OF_THE_HEADER = {"MSH^1^9": "200", "MSH^1^11": "202", "MSH^1^12": "203"}


@dataclass(frozen=True, slots=True)
class Row:
    """MSA-1 and ERR-3 of an error."""

    code: str
    condition: str


TABLE: Mapping[type[domain.EcgsvcError], Row | None] = MappingProxyType(
    {
        domain.MalformedObservation: Row("AR", "100"),
        domain.UnreadableRecording: Row("AE", "102"),
        domain.MissingElement: Row("AE", "101"),
        domain.InvalidElement: Row("AE", "102"),
        domain.UnsupportedContent: Row("AE", "103"),
        domain.UnanalysableSignal: Row("AE", "102"),
        domain.TooLarge: Row("AE", "102"),
        domain.InvalidRequest: Row("AE", "102"),
        domain.Unauthenticated: Row("AR", "103"),
        domain.Forbidden: Row("AR", "103"),
        domain.ReportNotFound: Row("AE", "204"),
        domain.JobNotFound: Row("AE", "204"),
        domain.DuplicateWithOtherContent: Row("AE", "205"),
        domain.VersionConflict: Row("AE", "205"),
        domain.IllegalTransition: Row("AE", "205"),
        domain.StoreUnavailable: None,
        domain.ModelUnavailable: None,
        domain.Overloaded: None,
        domain.DeadlineExceeded: None,
    }
)
"""None: not acknowledged."""

INTERNAL = Row("AR", "207")


@dataclass(frozen=True, slots=True)
class Fault:
    """One ERR segment: where in the message, which condition, and words for a person."""

    location: str
    condition: str
    message: str


def row_of(error: domain.EcgsvcError) -> Row | None:
    """Return MSA-1 and ERR-3 of an error; None: it is not acknowledged."""
    if error.expression in _OF_THE_HEADER:
        return Row("AR", _OF_THE_HEADER[error.expression])
    for kind in type(error).__mro__:
        if kind in TABLE:
            return TABLE[kind]
    return INTERNAL


def acknowledgement(
    header: Segment | None,
    code: str,
    *,
    message_id: str,
    now: datetime,
    faults: tuple[Fault, ...] = (),
) -> str:
    r"""Write an ACK, segments ended by ``\r``.

    Parameters
    ----------
    header
        MSH of what is acknowledged; None when there was none to be read.
    code
        MSA-1: AA, AE or AR.
    message_id
        MSH-10 of the acknowledgement itself.
    """
    event = (header.text(9, 2) if header is not None else "") or "R01"
    fields = {
        1: "^~\\&",
        6: time(now),
        8: f"ACK^{text(event)}^ACK",
        9: message_id,
        10: (header.text(11) if header is not None else "") or "P",
        11: "2.5.1",
        17: "UNICODE UTF-8",
    }  # MSH-1 is the delimiter itself, so that each number is one less here
    if header is not None:
        turned = {2: 5, 3: 6, 4: 3, 5: 4}  # who received it answers who sent it
        fields |= {at: text(header.text(of)) for at, of in turned.items()}
    lines = [
        segment("MSH", [fields.get(number, "") for number in range(1, 18)]),
        segment("MSA", [code, text(header.text(10)) if header is not None else ""]),
        *(_err(fault) for fault in faults[:MAX_ERRORS]),
    ]
    return "".join(f"{line}\r" for line in lines)


def _err(fault: Fault) -> str:
    condition = f"{fault.condition}^{_CONDITIONS[fault.condition]}^HL70357"
    said = fault.message[:_MAX_TEXT]
    return segment("ERR", ["", fault.location, condition, "E", "", "", "", text(said)])

"""A report as ORU^R01 of HL7 2.5.1: measurements, findings, conclusion and the ECG sheet.

Tables: OBR-24 is 0074 ``EC``, OBR-25 is 0123, OBX-11 is 0085, coding systems are 0396.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ecgsvc.domain.delivery import MeasuredValue, ReportToSend
from ecgsvc.domain.findings import Coding
from ecgsvc.domain.report import Identifier
from ecgsvc.hl7v2.syntax import components, numbered, segment, text, time

_STATUS = {
    "registered": ("P", "P"),
    "partial": ("P", "P"),
    "preliminary": ("P", "P"),
    "final": ("F", "F"),
    "amended": ("C", "C"),
    "corrected": ("C", "C"),
    "appended": ("C", "C"),
    "cancelled": ("X", "X"),
    "entered-in-error": ("X", "W"),
}
"""OBR-25 and OBX-11 of each ``DiagnosticReport.status``."""

_SYSTEMS = {
    "http://loinc.org": "LN",
    "http://snomed.info/sct": "SCT",
    "urn:iso:std:iso:11073:10101": "MDC",
    "http://unitsofmeasure.org": "UCUM",
}
_SEX = {"male": "M", "female": "F", "other": "O", "unknown": "U"}
_STUDY = "11524-6^EKG study^LN"
_IMPRESSION = "8601-7^EKG impression^LN"


@dataclass(frozen=True, slots=True)
class MessageHeader:
    """Who sends to whom.

    Parameters
    ----------
    sending_application, sending_facility, receiving_application, receiving_facility
        MSH-3 to MSH-6.
    processing_id
        MSH-11: P production, T training, D debugging.
    authorities
        From the system of a FHIR identifier to HL7's assigning authority, components
        joined by ``&`` (``NORTH&1.2.3&ISO``).
    """

    sending_application: str = "ecgsvc"
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    processing_id: str = "P"
    authorities: Mapping[str, str] = field(default_factory=dict)


def control_id(tenant: str, destination: str, report_id: str, version: int) -> str:
    """Return MSH-10, 20 characters: the same for every try of one delivery."""
    name = "\0".join((tenant, destination, report_id, str(version)))
    digest = hashlib.sha256(name.encode()).digest()[:12]
    return base64.b32encode(digest).decode().rstrip("=")


def oru_message(
    report: ReportToSend, header: MessageHeader, *, message_id: str, now: datetime
) -> str:
    r"""Write the message, segments ended by ``\r``."""
    obr_status, obx_status = _STATUS.get(report.status, ("P", "P"))
    results = [*_results(report)]
    segments = [
        _msh(header, message_id, now),
        _pid(report, header),
        _obr(report, header, obr_status),
        *(
            numbered(
                "OBX",
                {1: str(at)} | result | {11: obx_status, 14: time(report.recorded_at)},
            )
            for at, result in enumerate(results, 1)
        ),
    ]
    return "".join(f"{each}\r" for each in segments)


def _msh(header: MessageHeader, message_id: str, now: datetime) -> str:
    names = (
        header.sending_application,
        header.sending_facility,
        header.receiving_application,
        header.receiving_facility,
    )
    fields = {
        1: "^~\\&",
        **{at: text(name) for at, name in enumerate(names, 2)},
        6: time(now),
        8: "ORU^R01^ORU_R01",
        9: message_id,
        10: header.processing_id,
        11: "2.5.1",
        17: "UNICODE UTF-8",
    }  # MSH-1 is the delimiter itself, so that each number is one less here
    return segment("MSH", [fields.get(number, "") for number in range(1, 18)])


def _pid(report: ReportToSend, header: MessageHeader) -> str:
    patient = report.patient
    identifiers = "~".join(_cx(each, header) for each in patient.identifiers)
    given = [text(name) for name in patient.given_names]
    name = components(text(patient.family_name), *given[:1], " ".join(given[1:]))
    is_named = bool(patient.family_name or given)
    return numbered(
        "PID",
        {
            1: "1",
            3: identifiers,
            5: f"{name}^^^^^L" if is_named and len(given) > 1 else _xpn(name, is_named),
            7: patient.birth_date.replace("-", ""),
            8: _SEX.get(patient.sex, ""),
        },
    )


def _xpn(name: str, is_named: bool) -> str:
    """Write a name with its type; U when there is none, as the field must not be empty."""
    parts = [*name.split("^"), *[""] * 6][:6]
    return components(*parts, "L" if is_named else "U")


def _cx(identifier: Identifier, header: MessageHeader) -> str:
    return components(text(identifier.value), "", "", _authority(identifier.system, header))


def _authority(system: str | None, header: MessageHeader) -> str:
    """Write the assigning authority, HD as subcomponents."""
    if not system:
        return ""
    if system in header.authorities:
        return header.authorities[system]
    if system.startswith("urn:oid:"):
        return f"&{text(system.removeprefix('urn:oid:'))}&ISO"
    return text(system)


def _obr(report: ReportToSend, header: MessageHeader, status: str) -> str:
    placer = ""
    if report.placer_order is not None:
        order = report.placer_order
        authority = _authority(order.system, header).replace("&", "^")
        placer = components(text(order.value), authority)
    fields = {
        1: "1",
        2: placer,
        3: f"{text(report.report_id)}^ecgsvc",
        4: _STUDY,
        7: time(report.recorded_at),
        22: time(report.issued_at),
        24: "EC",
        25: status,
    }
    if report.interpreter:
        fields[32] = f"&{text(report.interpreter)}"
    return numbered("OBR", fields)


def _results(report: ReportToSend) -> Iterator[dict[int, str]]:
    """Yield the fields of each OBX but number, status and time."""
    for measured in report.measurements:
        if code := _measured_code(measured):
            unit = text(measured.unit)
            yield {2: "NM", 3: code, 5: f"{measured.value:.10g}", 6: f"{unit}^{unit}^UCUM"}
    for number, codings in enumerate(report.findings, 1):
        if codings:
            yield {2: "CE", 3: _IMPRESSION, 4: str(number), 5: _ce(*codings[:2])}
    yield {2: "TX", 3: _IMPRESSION, 5: text(report.conclusion)}
    if report.sheet is not None:
        content = base64.b64encode(report.sheet).decode()
        yield {2: "ED", 3: _STUDY, 5: f"^application^pdf^Base64^{content}"}


def _measured_code(measured: MeasuredValue) -> str:
    """Write the code of a value; what has none is known by its text (local codes, L)."""
    if measured.codings:
        return _ce(*measured.codings[:2])
    shown = text(measured.text)
    return f"{shown}^{shown}^L" if shown else ""


def _ce(*codings: Coding) -> str:
    return components(
        *(
            part
            for coding in codings
            for part in (
                text(coding.code),
                text(coding.display),
                _SYSTEMS.get(coding.system, text(coding.system)),
            )
        )
    )

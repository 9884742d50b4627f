"""The ECG sheet in a report: what stands on it, and how the report carries it."""

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime

import orjson

from ecgsvc.domain.report import ReportSlot
from ecgsvc.domain.sheet import Sheet, SheetHeader
from ecgsvc.fhir.concepts import instant
from ecgsvc.fhir.frame import SERVICE, Installation
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.observation import DecodedEcg
from ecgsvc.fhir.times import ZONE_ASSUMED

_SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "subsetted",
}
_ZONE = re.compile(r"(?<=\d)([+-]\d\d:\d\d)$")


def sheet_header(
    decoded: DecodedEcg,
    slot: ReportSlot,
    *,
    issued_at: datetime,
    installation: Installation,
) -> SheetHeader:
    """Say whose ECG it is, when and with what it was recorded, and who reads it."""
    carried = decoded.source.carried
    assumed = any(warning.message == ZONE_ASSUMED for warning in decoded.warnings)
    return SheetHeader(
        person=decoded.person,
        recorded=_shown_time(carried),
        recorded_note="(time zone assumed)" if assumed else "",
        made_at=issued_at,
        device=_name_of(carried.get("device")),
        organization=installation.organization,
        report=f"Report {slot.report_id}, version {slot.version}",
        software=f"{SERVICE} {installation.software_version}",
    )


def presented_form(sheet: Sheet) -> JsonObject:
    """Return the sheet as an Attachment; R4 says that the hash is SHA-1."""
    digest = hashlib.sha1(sheet.content, usedforsecurity=False).digest()
    return {
        "contentType": sheet.content_type,
        "language": "en",
        "data": base64.b64encode(sheet.content).decode("ascii"),
        "size": len(sheet.content),
        "hash": base64.b64encode(digest).decode("ascii"),
        "title": sheet.title,
        "creation": instant(sheet.made_at),
    }


def sheet_of(report: bytes) -> bytes | None:
    """Return the sheet that a DiagnosticReport of ours carries, if it does."""
    for form in orjson.loads(report).get("presentedForm", ()):
        if "data" in form:
            return base64.b64decode(form["data"])
    return None


def sheet_form(report: bytes) -> Sheet | None:
    """Return the sheet that a DiagnosticReport of ours carries, with what it says of it."""
    for form in orjson.loads(report).get("presentedForm", ()):
        if "data" in form:
            return Sheet(
                content=base64.b64decode(form["data"]),
                content_type=form["contentType"],
                title=form["title"],
                made_at=datetime.fromisoformat(form["creation"]),
            )
    return None


def without_sheet(report: bytes) -> bytes:
    """Leave the content of the sheet out, as lists do; size and hash stay.

    The resource says that it is not whole (tag SUBSETTED).
    """
    if b'"presentedForm"' not in report:
        return report
    resource = orjson.loads(report)
    for form in resource["presentedForm"]:
        form.pop("data", None)
    resource["meta"]["tag"] = [*resource["meta"].get("tag", ()), _SUBSETTED]
    return orjson.dumps(resource)


def _shown_time(carried: Mapping[str, object]) -> str:
    """The time of the ECG as it was given: date, time and zone apart."""
    period = carried.get("effectivePeriod")
    start = period.get("start") if isinstance(period, dict) else None
    text = str(carried.get("effectiveDateTime") or carried.get("effectiveInstant") or start)
    text = text.replace("T", " ")
    return f"{text[:-1]} UTC" if text.endswith("Z") else _ZONE.sub(r" \1", text)


def _name_of(device: object) -> str:
    if not isinstance(device, dict):
        return ""
    identifier = device.get("identifier")
    value = identifier.get("value") if isinstance(identifier, dict) else None
    return str(device.get("display") or value or device.get("reference") or "")

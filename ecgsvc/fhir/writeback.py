"""A stored report as the transaction that writes it into another FHIR server.

Every entry can be sent again without effect: it is a conditional create, a conditional
update, or a PUT. References between the entries are those of the Bundle (``urn:uuid:``),
references to patients, orders and encounters stay what the sender of the ECG made them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID, uuid5

import orjson

from ecgsvc.domain.delivery import WriteBack, WriteMode
from ecgsvc.domain.errors import UnsupportedContent
from ecgsvc.domain.report import StoredReport
from ecgsvc.fhir.bundles import BundleEntry, bundle
from ecgsvc.fhir.codes import URI
from ecgsvc.fhir.documents import document_reference
from ecgsvc.fhir.json_body import JsonObject
from ecgsvc.fhir.preferences import with_preferred_codes
from ecgsvc.fhir.received import received_observation

REPORT_VERSION = "urn:ecgsvc:report-version"
"""System of the tag by which a Provenance, which has no identifier, is found again."""

_NAMESPACE = UUID("2f1e6f59-6f0e-4bb5-8a63-0f4e21a3a6c4")


@dataclass(frozen=True, slots=True)
class _Part:
    """One resource of the Bundle.

    Parameters
    ----------
    own
        How our documents refer to it; None where nothing does.
    name
        What it is within the report.
    is_fixed
        Whether later versions of the report leave it as it was.
    """

    resource: JsonObject
    own: str | None
    name: str
    is_fixed: bool = False


def write_back_bundle(
    report: StoredReport, source: bytes, source_fhir_version: str, how: WriteBack
) -> bytes:
    """Return the transaction Bundle of a report version.

    Parameters
    ----------
    source, source_fhir_version
        The ECG as received. One of R5 does not come along, as the Bundle is R4, nor does
        a file, which the hash in the Provenance names.

    Raises
    ------
    UnsupportedContent
        A document is asked for and the report has no sheet.
    """
    if how.mode is WriteMode.DOCUMENT:
        return _document_bundle(report, how)
    parts = [*_parts(report, source, source_fhir_version, how)]
    urls = {part.own: _urn(report, part.name, versioned=True) for part in parts if part.own}
    entries = []
    for part in parts:
        linked = _linked(part.resource, urls, report)
        resource = with_preferred_codes(linked, how.preferences)
        if how.find_patient:
            _find_patient(resource)
        full_url = _urn(report, part.name, versioned=True)
        entries.append(_entry(report, part, resource, full_url, how.mode))
    return bundle("transaction", entries)


def version_identifier(report_id: str, version: int, name: str = "report") -> JsonObject:
    """Return the identifier of one version of one resource of a report."""
    return {
        "system": URI,
        "value": f"urn:uuid:{uuid5(_NAMESPACE, f'{report_id}/{version}/{name}')}",
    }


def _parts(
    report: StoredReport, source: bytes, source_fhir_version: str, how: WriteBack
) -> Iterator[_Part]:
    documents = report.documents
    device = _loaded(documents.device)
    yield _Part(device, f"Device/{device['id']}", "device", is_fixed=True)
    diagnostic_report = _loaded(documents.diagnostic_report)
    observations = [_loaded(body) for body in documents.observations]
    received = None
    if how.with_ecg and source_fhir_version != "5.0.0":
        received = received_observation(source)
    if received is not None:
        ecg = dict(received.observation.json)
        yield _Part(ecg, _ECG, "ecg", is_fixed=True)
        _name_the_ecg([diagnostic_report, *observations])
    for observation in observations:
        own_id = str(observation["id"])
        name = own_id.removeprefix(f"{report.report_id}-")
        yield _Part(observation, f"Observation/{own_id}", name)
    own = f"DiagnosticReport/{report.report_id}"
    yield _Part(diagnostic_report, own, "report")
    yield _Part(_loaded(documents.provenance), None, "provenance")


_ECG = "Observation/the-ecg"
"""How the documents refer to the ECG once it has its place in the Bundle."""


def _name_the_ecg(resources: list[JsonObject]) -> None:
    """Turn the documents' first result, and what they derive from, to the Bundle's ECG."""
    for resource in resources:
        for name in ("result", "derivedFrom"):
            references = resource.get(name)
            if isinstance(references, list) and references:
                references[0] = {"reference": _ECG}


def _linked(
    resource: JsonObject, urls: Mapping[str, str], report: StoredReport
) -> JsonObject:
    """Return a copy whose references to other parts are those of the Bundle.

    A version before is no part: it is referred to by the report's identifier.
    """
    own = f"DiagnosticReport/{report.report_id}"
    earlier: JsonObject = {
        "type": "DiagnosticReport",
        "identifier": {"system": URI, "value": f"urn:uuid:{report.report_id}"},
    }

    def copied(value: object) -> object:
        if isinstance(value, list):
            return [copied(item) for item in value]
        if not isinstance(value, dict):
            return value
        copy = {name: copied(item) for name, item in value.items()}
        target, _, version = str(copy.get("reference", "")).partition("/_history/")
        if target == own and version not in ("", str(report.version)):
            return earlier
        if target in urls:
            copy["reference"] = urls[target]
        return copy

    return {name: copied(value) for name, value in resource.items()}


def _entry(
    report: StoredReport,
    part: _Part,
    resource: JsonObject,
    full_url: str,
    mode: WriteMode,
) -> BundleEntry:
    kind = str(resource["resourceType"])
    meta = resource.get("meta")
    meta = dict(meta) if isinstance(meta, dict) else {}
    for name in ("versionId", "lastUpdated"):
        meta.pop(name, None)
    if part.name == "provenance":
        tag = {"system": REPORT_VERSION, "code": f"{report.report_id}.{report.version}"}
        meta["tag"] = [tag]
        key = f"_tag={_token(tag['system'], tag['code'])}"
    else:
        key = _identified(report, part, resource, mode)
    resource["meta"] = meta
    if not meta:
        del resource["meta"]
    if mode is WriteMode.UPDATE:
        own_id = _own_id(report, part)
        resource["id"] = own_id
        request: JsonObject = {"method": "PUT", "url": f"{kind}/{own_id}"}
    else:
        resource.pop("id", None)
        is_update = (
            mode is WriteMode.TRANSACTION
            and report.version > 1
            and not part.is_fixed
            and part.name != "provenance"
        )
        request = (
            {"method": "PUT", "url": f"{kind}?{key}"}
            if is_update
            else {"method": "POST", "url": kind, "ifNoneExist": key}
        )
    return BundleEntry(orjson.dumps(resource), full_url, {"request": request})


def _identified(
    report: StoredReport, part: _Part, resource: JsonObject, mode: WriteMode
) -> str:
    """Return the search that finds the resource again; identifiers it lacks are added."""
    found = resource.get("identifier")
    identifiers = list(found) if isinstance(found, list) else []
    if mode is WriteMode.CREATE and not part.is_fixed:
        own = version_identifier(report.report_id, report.version, part.name)
        resource["identifier"] = [own, *identifiers]
        return f"identifier={_token(str(own['system']), str(own['value']))}"
    for each in identifiers:
        if isinstance(each, dict) and each.get("system") and each.get("value"):
            return f"identifier={_token(str(each['system']), str(each['value']))}"
    value = _urn(report, part.name, versioned=False)
    resource["identifier"] = [*identifiers, {"system": URI, "value": value}]
    return f"identifier={_token(URI, value)}"


def _own_id(report: StoredReport, part: _Part) -> str:
    match part.name:
        case "device":
            return str(part.resource["id"])
        case "report":
            return report.report_id
        case "provenance":
            return f"{report.report_id}-provenance-{report.version}"
        case _:
            return f"{report.report_id}-{part.name}"


def _find_patient(resource: JsonObject) -> None:
    subject = resource.get("subject")
    if not isinstance(subject, dict) or "reference" in subject:
        return
    identifier = subject.get("identifier")
    if isinstance(identifier, dict) and identifier.get("value"):
        token = _token(str(identifier.get("system", "")), str(identifier["value"]))
        subject["reference"] = f"Patient?identifier={token}"


def _document_bundle(report: StoredReport, how: WriteBack) -> bytes:
    diagnostic_report = _loaded(report.documents.diagnostic_report)
    own = version_identifier(report.report_id, report.version)
    before = None
    if report.version > 1:
        before = version_identifier(report.report_id, report.version - 1)
    resource = document_reference(diagnostic_report, own, before)
    if resource is None:
        msg = "this report has no ECG sheet, which is all that a document holds"
        raise UnsupportedContent(msg)
    resource = with_preferred_codes(resource, how.preferences)
    if how.find_patient:
        _find_patient(resource)
    key = f"identifier={_token(URI, str(own['value']))}"
    request: JsonObject = {
        "method": "POST",
        "url": "DocumentReference",
        "ifNoneExist": key,
    }
    full_url = _urn(report, "document", versioned=True)
    entry = BundleEntry(orjson.dumps(resource), full_url, {"request": request})
    return bundle("transaction", [entry])


def _urn(report: StoredReport, name: str, *, versioned: bool) -> str:
    version = f"/{report.version}" if versioned else ""
    return f"urn:uuid:{uuid5(_NAMESPACE, f'{report.report_id}{version}/{name}/entry')}"


def _token(system: str, value: str) -> str:
    """Write a token of a search: FHIR's escapes first, then those of URLs."""
    escaped = value
    for character in "\\,$|":
        escaped = escaped.replace(character, f"\\{character}")
    return f"{quote(system, safe=':/.-')}|{quote(escaped, safe=':/.-')}"


def _loaded(body: bytes) -> JsonObject:
    loaded: JsonObject = orjson.loads(body)
    return loaded

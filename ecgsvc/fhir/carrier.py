"""Resources that carry an ECG as a file: DocumentReference, Media and Binary."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from ecgsvc.domain.errors import (
    InvalidElement,
    MissingElement,
    UnsupportedContent,
)
from ecgsvc.domain.report import FhirVersion
from ecgsvc.fhir.envelope import BUNDLE_TYPES, stated_version
from ecgsvc.fhir.json_body import Element, JsonObject
from ecgsvc.fhir.patient import Companions

KINDS = ("DocumentReference", "Media", "Binary")
_NAMED = re.compile(rb'"resourceType"\s*:\s*"(?:DocumentReference|Media|Binary)"')
_PICTURES = re.compile(r"(image|video)/.*|application/pdf|text/(html|plain)", re.IGNORECASE)
_DICOM, _ANY = "application/dicom", "application/octet-stream"
_R5_ONLY = ("attester", "bodySite", "event", "facilityType", "modality", "period",
            "practiceSetting", "version")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Carrier:
    """A body that carries an ECG as a file.

    `resource` says whose it is; `attachment` holds the file's data, in `resource` or in a
    Binary beside it.
    """

    root: JsonObject
    root_type: str
    resource: Element
    attachment: Element
    companions: Companions
    version: FhirVersion

    @property
    def data_path(self) -> str:
        """FHIRPath of the file."""
        return f"{self.attachment.path}.data"


def may_carry(body: bytes) -> bool:
    """Tell, without parsing, whether a body could hold one of these resources."""
    return _NAMED.search(body) is not None


def find_carrier(root: JsonObject, stated: str) -> Carrier | None:
    """Find the file of a body; None when the body is or holds an Observation, or neither.

    Raises
    ------
    UnsupportedContent, InvalidElement, MissingElement
        Several files, a picture in place of one, or one that is not in the body.
    """
    kind = str(root.get("resourceType"))
    body = Element(kind, root)
    entries: list[tuple[str, Element]] = []
    if kind == "Bundle":
        entries = [
            (entry.text("fullUrl") or "", found)
            for entry in body.objects("entry")
            if (found := entry.object("resource")) is not None
        ]
        resource = _only_one(body, [found for _, found in entries])
        if resource is None:
            return None
    elif kind in KINDS:
        resource = body
    else:
        return None
    version = stated_version(stated, resource.path) or _recognised(resource)
    companions = Companions(
        tuple(resource.objects("contained")),
        tuple((url, found) for url, found in entries if found is not resource),
    )
    attachment = _attachment(resource, companions)
    return Carrier(root, kind, resource, attachment, companions, version)


def _only_one(bundle: Element, resources: list[Element]) -> Element | None:
    by_kind = {
        kind: [r for r in resources if r.text("resourceType") == kind]
        for kind in ("Observation", *KINDS)
    }
    if by_kind["Observation"]:
        return None
    if bundle.text("type") not in BUNDLE_TYPES:
        msg = f"expected a Bundle of type {', '.join(sorted(BUNDLE_TYPES))}"
        raise UnsupportedContent(msg, expression="Bundle.type")
    found = [*by_kind["DocumentReference"], *by_kind["Media"]] or by_kind["Binary"]
    if len(found) > 1:
        msg = f"expected exactly one ECG in the Bundle, found {len(found)}"
        raise UnsupportedContent(msg, expression="Bundle.entry")
    return found[0] if found else None


def _recognised(resource: Element) -> FhirVersion:
    is_r5 = resource.text("resourceType") == "DocumentReference" and (
        any(resource.has(name) for name in _R5_ONLY)
        or isinstance(resource.json.get("context"), list)
    )
    return "5.0.0" if is_r5 else "4.0.1"


def _attachment(resource: Element, companions: Companions) -> Element:
    """The one attachment that is no picture, or the Binary it points to."""
    if resource.text("resourceType") == "Binary":
        return resource
    if resource.text("resourceType") == "Media":
        content = resource.object("content")
        found = [content] if content is not None else []
    else:
        found = [
            attachment
            for content in resource.objects("content")
            if (attachment := content.object("attachment")) is not None
        ]
    if not found:
        msg = "expected an attachment with the ECG"
        raise MissingElement(msg, expression=f"{resource.path}.content")
    files = [a for a in found if not _PICTURES.fullmatch(a.text("contentType") or "")]
    if not files:
        msg = "a picture or a PDF shows an ECG and holds no waveform"
        where = f"{found[0].path}.contentType"
        raise UnsupportedContent(msg, expression=where)
    if len(files) > 1:
        msg = f"expected one attachment with a waveform, found {len(files)}"
        raise UnsupportedContent(msg, expression=f"{resource.path}.content")
    return _with_data(files[0], companions)


def _with_data(attachment: Element, companions: Companions) -> Element:
    url = attachment.text("url")
    if attachment.has("data") or url is None:
        return attachment
    target = companions.find(url)
    if target is None or target.text("resourceType") != "Binary":
        msg = "the file is elsewhere: expected data, or a Binary in the same Bundle"
        raise UnsupportedContent(msg, expression=f"{attachment.path}.url")
    return target


def file_of(carrier: Carrier) -> bytes:
    """Return the bytes of the file, compared with what the attachment says of them.

    Raises
    ------
    MissingElement, InvalidElement
        No data, no base64, or size, hash or content type that do not fit.
    """
    attachment, path = carrier.attachment, carrier.data_path
    text = attachment.text("data")
    if not text:
        msg = "the content of the file is required"
        raise MissingElement(msg, expression=path)
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        msg = "expected base64"
        raise InvalidElement(msg, expression=path) from None
    size = attachment.json.get("size")
    if size is not None and str(size) != str(len(content)):
        msg = f"the file has {len(content)} bytes, which is not the size stated"
        raise InvalidElement(msg, expression=f"{attachment.path}.size")
    stated = attachment.text("hash")
    sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
    if stated is not None and stated != base64.b64encode(sha1).decode("ascii"):
        msg = "the SHA-1 of the file is not the hash stated: it was altered on its way"
        raise InvalidElement(msg, expression=f"{attachment.path}.hash")
    is_dicom = content[128:132] == b"DICM"
    kind = (attachment.text("contentType") or "").partition(";")[0].strip().casefold()
    if kind not in ("", _ANY) and (kind == _DICOM) != is_dicom:
        msg = "the content of the file is not what its content type says"
        raise InvalidElement(msg, expression=f"{attachment.path}.contentType")
    return content

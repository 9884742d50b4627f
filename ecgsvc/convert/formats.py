"""Which format a file has, by its content and never by its name alone."""

import re
from enum import StrEnum

from ecgsvc.convert.kardia import ATC_SIGNATURE
from ecgsvc.domain.errors import UnreadableRecording


class Format(StrEnum):
    """The formats that are read, by the name the command line has for them."""

    AECG = "aecg"
    APPLE_HEALTH = "apple-health"
    ATC = "atc"
    CSV = "csv"
    DICOM = "dicom"
    EDF = "edf"
    FHIR = "fhir"
    KARDIA = "kardia-json"
    MUSE = "muse"
    PHILIPS = "philips"
    SCP = "scp"


_ROOTS = {
    "AnnotatedECG": Format.AECG,
    "RestingECG": Format.MUSE,
    "restingecgdata": Format.PHILIPS,
}
_PICTURES = {
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
}
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf")
_ROOT = re.compile(r"<(?![?!])(?:[\w.-]+:)?([\w.-]+)")
_HEAD = 8192


def format_of(content: bytes) -> Format:
    """Recognise a format.

    Raises
    ------
    UnreadableRecording
        A picture, an archive, or nothing that is read.
    """
    if not content:
        msg = "the file is empty"
        raise UnreadableRecording(msg)
    if content[128:132] == b"DICM":  # its preamble may be that of a TIFF file
        return Format.DICOM
    for signature, what in _PICTURES.items():
        if content.startswith(signature):
            msg = f"{what} shows an ECG and holds no waveform: send the recording itself"
            raise UnreadableRecording(msg)
    if content.startswith(_ARCHIVES):
        msg = "an archive: unpack it and send the recording in it"
        raise UnreadableRecording(msg)
    return _binary_format(content) or _text_format(content)


def _binary_format(content: bytes) -> Format | None:
    if content.startswith(ATC_SIGNATURE):
        return Format.ATC
    if content.startswith(b"0       "):
        return Format.EDF
    if content.startswith(b"\xffBIOSEMI"):
        msg = "a BDF file (24 bits) is not read: convert it to EDF"
        raise UnreadableRecording(msg)
    if content[16:22] == b"SCPECG" or (
        content[8:10] == b"\0\0" and int.from_bytes(content[2:6], "little") == len(content)
    ):
        return Format.SCP
    return None


def _text_format(content: bytes) -> Format:
    head = _text(content[:_HEAD])
    start = head.lstrip("\ufeff \t\r\n")
    if start.startswith("<"):
        root = _ROOT.search(re.sub(r"<!--.*?-->", "", start, flags=re.DOTALL))
        found = _ROOTS.get(root[1]) if root else None
        if found is None:
            msg = f"an XML file of another kind: expected {', '.join(_ROOTS)}"
            raise UnreadableRecording(msg)
        return found
    if start.startswith("{"):
        is_fhir = '"resourceType"' in _text(content)
        is_kardia = not is_fhir and '"amplitudeResolution"' in _text(content)
        return Format.KARDIA if is_kardia else Format.FHIR
    if re.search(r"^Sample Rate,", start, re.MULTILINE):
        return Format.APPLE_HEALTH
    if start.isprintable() or not re.search(r"[^\x09\x0a\x0d\x20-\x7e\x80-\uffff]", start):
        return Format.CSV
    msg = "the file is of no format that is read"
    raise UnreadableRecording(msg)


def _text(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return content.decode(encoding, "ignore")

"""XML that others wrote, parsed without trust.

No entity is expanded and nothing outside the file is read: a DOCTYPE may name an external
DTD, as GE MUSE's does, but it is never fetched, and one with declarations of its own is
refused. Depth and number of elements are bounded, and so is what is kept in memory.
"""

from typing import NoReturn
from xml.etree.ElementTree import Element
from xml.parsers import expat

from ecgsvc.domain.errors import TooLarge, UnreadableRecording

MAX_XML_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64
MAX_ELEMENTS = 200_000


class _Builder:
    """Elements by local name: the namespace of every format read is the only one in it."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[tuple[Element, list[str]]] = []
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            msg = f"more than {MAX_ELEMENTS} XML elements, or {MAX_DEPTH} within each other"
            raise TooLarge(msg)
        element = Element(_local(tag), {_local(k): v for k, v in attributes.items()})
        if self._open:
            self._open[-1][0].append(element)
        else:
            self.root = element
        self._open.append((element, []))

    def text(self, text: str) -> None:
        if self._open:
            self._open[-1][1].append(text)

    def end(self, _tag: str) -> None:
        element, texts = self._open.pop()
        element.text = "".join(texts)

    def doctype(
        self, _name: str, _system: str | None, _public: str | None, has_own: int
    ) -> None:
        if has_own:
            _refuse("the XML declares entities or elements of its own, which is not read")

    def entity(self, *_anything: object) -> int:
        msg = "the XML declares or uses an entity, which is not read"
        raise UnreadableRecording(msg)


def _refuse(message: str) -> NoReturn:
    raise UnreadableRecording(message)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def parse_xml(content: bytes) -> Element:
    """Return the root; names come without namespaces, the text of an element in one piece.

    Raises
    ------
    UnreadableRecording
        Not well-formed, in an unknown encoding, or with declarations or entities.
    TooLarge
        Too many bytes or elements, or nested too deeply.
    """
    if len(content) > MAX_XML_BYTES:
        msg = f"the XML has {len(content)} bytes, at most {MAX_XML_BYTES} are read"
        raise TooLarge(msg)
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.EntityDeclHandler = builder.entity
    parser.SkippedEntityHandler = builder.entity
    parser.ExternalEntityRefHandler = builder.entity
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        line = getattr(error, "lineno", None)
        msg = "the XML is not well-formed" + (f" at line {line}" if line else "")
        raise UnreadableRecording(msg) from error
    if builder.root is None:
        _refuse("the XML is empty")
    return builder.root


def text_at(element: Element, path: str) -> str | None:
    """Return the stripped text at a path of local names, or None when it is not there."""
    found = element.find(path)
    text = (found.text or "").strip() if found is not None else ""
    return text or None


def value_at(element: Element, path: str, attribute: str = "value") -> str | None:
    """Return an attribute at a path, or None when it is not there or empty."""
    found = element.find(path)
    return ((found.get(attribute) or "").strip() or None) if found is not None else None


def number(text: str | None, what: str) -> float:
    """Read a finite number that must be there."""
    value = number_or_none(text)
    if value is None:
        msg = f"the file does not say {what} as a number"
        raise UnreadableRecording(msg)
    return value


def number_or_none(text: str | None) -> float | None:
    """Read a finite number, or None."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < 1e300 else None

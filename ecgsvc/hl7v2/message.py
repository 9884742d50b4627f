r"""A message as it came: characters, delimiters, segments, fields (HL7 2.5.1, chapter 2).

Fields are cut where they are asked for, and as text: a waveform is a field of a hundred
thousand components, of which nobody wants objects.
"""

import re
from dataclasses import dataclass

from ecgsvc.domain.errors import (
    InvalidElement,
    MalformedObservation,
    MissingElement,
    TooLarge,
    UnsupportedContent,
)

MAX_SEGMENTS = 20_000
_MAX_FIELDS = 64
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ")
_ESCAPE = re.compile(r"\\([^\\\r]*)\\")

_CHARACTER_SETS = {
    "": "ascii",
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    **{f"8859/{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
}
"""MSH-18, table 0211, by Python's name. UTF-16 and UTF-32 (``UNICODE``) hold the bytes of
MLLP's frame, and sets within a set (ISO 2022) are not read."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment; `number` counts those of its name, from 1, as ERR-2 does."""

    name: str
    number: int
    line: str
    delimiters: Delimiters

    @property
    def named(self) -> str:
        """Name the segment, as ERR-2 does: ``OBX^3``."""
        return f"{self.name}^{self.number}"

    def where(self, at: int, component: int = 0) -> str:
        """Name a field, or a component of it, as ERR-2 does: ``OBX^3^5``."""
        field = f"{self.named}^{at}"
        return f"{field}^1^{component}" if component else field

    def raw(self, at: int) -> str:
        """Return a field as it came, empty when there is none."""
        fields = self.line.split(self.delimiters.field, _MAX_FIELDS)
        if self.name == "MSH":
            fields.insert(1, self.delimiters.field)  # MSH-1 is the delimiter itself
        return fields[at] if at < len(fields) else ""

    def repetitions(self, at: int) -> list[str]:
        """Return the repetitions of a field that are not empty, as they came."""
        return [each for each in self.raw(at).split(self.delimiters.repetition) if each]

    def text(self, at: int, component: int = 1, *, of: str | None = None) -> str:
        """Return a component of a field as text; of its first repetition, or of `of`."""
        whole = self.raw(at) if of is None else of
        first = whole.split(self.delimiters.repetition, 1)[0]
        parts = first.split(self.delimiters.component, component)
        if component > len(parts):
            return ""
        value = parts[component - 1]
        if value == '""':  # explicitly nothing
            return ""
        sub = value.split(self.delimiters.subcomponent, 1)[0]
        return unescaped(sub, self.delimiters).translate(_CONTROLS).strip()

    def subcomponents(self, value: str) -> list[str]:
        """Cut a component."""
        parts = value.split(self.delimiters.subcomponent)
        return [unescaped(each, self.delimiters).strip() for each in parts]


@dataclass(frozen=True, slots=True)
class Message:
    """A message that has a header; `segments` holds all but that."""

    header: Segment
    segments: tuple[Segment, ...]

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.header.text(10)


def read_header(content: bytes) -> Segment:
    """Return the MSH of a message, whatever its character set is: as Latin-1.

    Raises
    ------
    MalformedObservation
        It does not begin with an MSH segment that states its delimiters.
    """
    delimiters = _delimiters(content[:8].decode("latin-1"))
    first_line = re.split(rb"[\r\n]", content, maxsplit=1)[0].decode("latin-1")
    return Segment("MSH", 1, first_line, delimiters)


def parse_message(content: bytes, default_character_set: str = "ASCII") -> Message:
    """Read a message.

    Parameters
    ----------
    default_character_set
        Of messages that say none in MSH-18 (table 0211).

    Raises
    ------
    MalformedObservation
        See `read_header`.
    UnsupportedContent
        MSH-18 is none that is read.
    InvalidElement
        Bytes that MSH-18 does not allow, or a line that is no segment.
    TooLarge
        More than 20,000 segments.
    """
    header = read_header(content)
    delimiters = header.delimiters
    if content.count(b"\r") + content.count(b"\n") > 2 * MAX_SEGMENTS:
        msg = f"the message has more than {MAX_SEGMENTS} segments"
        raise TooLarge(msg, expression="MSH^1")
    text = _decoded(content, header, default_character_set)
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]
    counts: dict[str, int] = {}
    segments: list[Segment] = []
    for number, line in enumerate(lines, 1):
        name = line[:3]
        if not _NAME.fullmatch(name) or line[3:4] not in ("", delimiters.field):
            msg = f"line {number} of the message is no segment"
            raise InvalidElement(msg, expression=segments[-1].named)
        counts[name] = counts.get(name, 0) + 1
        segments.append(Segment(name, counts[name], line, delimiters))
    if counts["MSH"] > 1:
        msg = "expected one message in a frame, found several MSH segments"
        raise InvalidElement(msg, expression="MSH^2^1")
    return Message(segments[0], tuple(segments[1:]))


def _delimiters(head: str) -> Delimiters:
    found = head[3:8]
    if head[:3] != "MSH" or len(set(found)) < 5 or any(c.isalnum() for c in found):
        msg = "expected an HL7 message: MSH, then its five delimiters"
        raise MalformedObservation(msg, expression="MSH^1^1")
    return Delimiters(*found)


def _decoded(content: bytes, header: Segment, default: str) -> str:
    stated = header.repetitions(18)
    name = stated[0].strip().upper() if stated else default
    if name not in _CHARACTER_SETS:
        msg = (
            f"expected one of the character sets {', '.join(filter(None, _CHARACTER_SETS))}"
        )
        raise UnsupportedContent(msg, expression=header.where(18))
    try:
        return content.decode(_CHARACTER_SETS[name])
    except UnicodeDecodeError as error:
        known = f"{name} in MSH-18" if stated else f"{name}, as MSH-18 says nothing"
        msg = f"byte {error.start} of the message is none of its character set ({known})"
        raise InvalidElement(msg, expression=header.where(18)) from None


def unescaped(value: str, delimiters: Delimiters) -> str:
    """Undo the escapes of a text; formatting and highlights are left out.

    Raises
    ------
    UnsupportedContent
        Characters of another set inside the text (the escapes C, M and X).
    """
    if delimiters.escape not in value:
        return value
    plain = {
        "F": delimiters.field, "S": delimiters.component, "R": delimiters.repetition,
        "E": delimiters.escape, "T": delimiters.subcomponent, ".br": " ",
    }  # fmt: skip

    def replaced(found: re.Match[str]) -> str:
        code = found[1]
        if code in plain:
            return plain[code]
        if re.fullmatch(r"X(?:[0-7][0-9A-Fa-f])+", code):
            return bytes.fromhex(code[1:]).decode("ascii")
        if code[:1] in ("C", "M", "X"):
            msg = "characters are read as MSH-18 says, not by escapes of other sets"
            raise UnsupportedContent(msg, expression="MSH^1^18")
        return ""

    if delimiters.escape == "\\":
        return _ESCAPE.sub(replaced, value)
    own = re.escape(delimiters.escape)
    return re.sub(f"{own}([^{own}\r]*){own}", replaced, value)


def required(segment: Segment, at: int, what: str, component: int = 1) -> str:
    """Return a component that must be there.

    Raises
    ------
    MissingElement
    """
    value = segment.text(at, component)
    if not value:
        msg = f"{what} is required"
        raise MissingElement(msg, expression=segment.where(at))
    return value

"""The file format of PDF 1.7 (ISO 32000-1), as far as a sheet needs it.

The same objects give the same bytes: nothing is taken from clock, chance or addresses.
"""

import hashlib
import re
import zlib
from dataclasses import dataclass
from itertools import groupby

_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_FREE = "0000000000 65535 f \n"
_ZLIB_LEVEL = 4
"""Of a sheet 6 % larger than the smallest, level 5, in half of its time."""


class PdfFile:
    """Numbered objects, and the table that finds them.

    Parameters
    ----------
    first_number
        Number of the first object; 1, but for what is appended to another file.
    """

    def __init__(self, first_number: int = 1) -> None:
        self._bodies: dict[int, bytes] = {}
        self._next = first_number

    def reserve(self) -> int:
        """Take a number for an object that comes later."""
        self._next += 1
        return self._next - 1

    def add(self, body: str | bytes, number: int | None = None) -> int:
        """Add an object as it is written, and return its number."""
        own = self.reserve() if number is None else number
        self._bodies[own] = body if isinstance(body, bytes) else body.encode("ascii")
        return own

    def add_stream(self, entries: str, content: bytes, number: int | None = None) -> int:
        """Add a stream, compressed; `entries` are those of its dictionary."""
        packed = zlib.compress(content, _ZLIB_LEVEL)
        head = f"<<{entries}/Filter/FlateDecode/Length {len(packed)}>>stream\n"
        return self.add(head.encode("ascii") + packed + b"\nendstream", number)

    def whole(self, root: int, info: int) -> bytes:
        """Write a file of these objects."""
        body, offsets = self._objects(_HEADER)
        digest = hashlib.sha256(body).hexdigest()[:32]
        trailer = f"/Root {root} 0 R/Info {info} 0 R/ID[<{digest}><{digest}>]"
        return body + self._end({0: 0, **offsets}, len(body), trailer)

    def appended(self, file: bytes, end: "FileEnd") -> bytes:
        """Write these objects behind a file, whose bytes stay as they are.

        An object with a number of that file takes its place (incremental update, 7.5.6).
        """
        body, offsets = self._objects(file)
        digest = hashlib.sha256(body).hexdigest()[:32]
        trailer = (
            f"/Root {end.root} 0 R/Info {end.info} 0 R/Prev {end.table_at}"
            f"/ID[<{end.first_id}><{digest}>]"
        )
        return body + self._end(offsets, len(body), trailer)

    def _objects(self, before: bytes) -> tuple[bytes, dict[int, int]]:
        parts, at, offsets = [before], len(before), {}
        for number, body in sorted(self._bodies.items()):
            offsets[number] = at
            parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, body))
            at += len(parts[-1])
        return b"".join(parts), offsets

    def _end(self, offsets: dict[int, int], table_at: int, trailer: str) -> bytes:
        """The table, in sections of numbers without a gap (7.5.4), and the trailer."""
        rows = []
        ranks = zip(sorted(offsets), range(len(offsets)), strict=True)
        for _, section in groupby(ranks, key=lambda pair: pair[0] - pair[1]):
            numbers = [number for number, _ in section]
            rows.append(f"{numbers[0]} {len(numbers)}\n")
            rows += [f"{offsets[n]:010d} 00000 n \n" if n else _FREE for n in numbers]
        return (
            f"xref\n{''.join(rows)}trailer\n<</Size {self._next}{trailer}>>\n"
            f"startxref\n{table_at}\n%%EOF\n"
        ).encode("ascii")


@dataclass(frozen=True, slots=True)
class FileEnd:
    """What the end of a file says of it: numbers of objects, and where its table is."""

    size: int
    root: int
    info: int
    first_id: str
    table_at: int


_END = re.compile(
    rb"trailer\n<</Size (\d+)/Root (\d+) 0 R/Info (\d+) 0 R(?:/Prev \d+)?"
    rb"/ID\[<(\w{32})><\w{32}>\]>>\nstartxref\n(\d+)\n%%EOF\n$"
)


def end_of(file: bytes) -> FileEnd:
    """Read the end of a file that `PdfFile` wrote; `ValueError` when it is another's."""
    found = _END.search(file, max(0, len(file) - 1024))
    if found is None:
        msg = "not a PDF that this software wrote"
        raise ValueError(msg)
    size, root, info, first_id, table_at = found.groups()
    return FileEnd(int(size), int(root), int(info), first_id.decode(), int(table_at))


def text_string(text: str) -> str:
    """Write a text string (7.9.2.2) as hexadecimal UTF-16 with a mark of byte order."""
    return f"<feff{text.encode('utf-16-be', 'replace').hex()}>"

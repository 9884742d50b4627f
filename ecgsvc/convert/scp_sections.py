"""The sections of an SCP-ECG file (EN 1064, clause 5): where they are, how they are cut."""

import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from ecgsvc.domain.errors import UnreadableRecording

_HEADER_BYTES = 16
_POINTER = struct.Struct("<HII")
_LEAD = struct.Struct("<IIB")
MAX_SECTIONS = 64
MAX_BEATS = 10_000


@dataclass(frozen=True, slots=True)
class LeadSpan:
    """A lead's number, and its first and last sample, counted from 1."""

    number: int
    start: int
    end: int

    @property
    def n_samples(self) -> int:
        """Samples of the lead."""
        return self.end - self.start + 1


@dataclass(frozen=True, slots=True)
class RhythmCoding:
    """How samples of section 5 or 6 are coded, and the bytes of each lead."""

    step_nv: int
    interval_us: int
    encoding: int
    is_bimodal: bool
    blocks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SubtractedBeats:
    """Where the reference beat was subtracted; all samples are counted from 1.

    `places` are (first sample, fiducial point, last sample) in the rhythm, `fiducial` the
    point in the reference beat, which is `length_ms` long.
    """

    length_ms: int
    fiducial: int
    places: tuple[tuple[int, int, int], ...]


def check_sum(content: bytes) -> None:
    """Compare length and CRC-CCITT (clause 5.2) with what the file says of itself.

    Raises
    ------
    UnreadableRecording
        The file was cut or changed.
    """
    if len(content) < 6 + _HEADER_BYTES:
        msg = "the SCP file is truncated"
        raise UnreadableRecording(msg)
    stated, length = struct.unpack_from("<HI", content)
    if length != len(content):
        msg = f"the SCP file states {length} bytes and has {len(content)}"
        raise UnreadableRecording(msg)
    if binascii.crc_hqx(content[2:], 0xFFFF) != stated:
        msg = "the checksum of the SCP file does not fit: it was altered or damaged"
        raise UnreadableRecording(msg)


def read_sections(content: bytes) -> Mapping[int, bytes]:
    """Return the sections that have content, without their headers.

    Raises
    ------
    UnreadableRecording
        A pointer of section 0 leads out of the file or to another section.
    """
    _, _, length = struct.unpack_from("<HHI", content, 6)
    pointers = content[6 + _HEADER_BYTES : 6 + length]
    sections: dict[int, bytes] = {}
    for index in range(min(len(pointers) // _POINTER.size, MAX_SECTIONS)):
        number, size, position = _POINTER.unpack_from(pointers, index * _POINTER.size)
        if number == 0 or size <= _HEADER_BYTES:
            continue
        start = position - 1
        if start < 6 or start + size > len(content):
            msg = f"section {number} of the SCP file lies outside of it"
            raise UnreadableRecording(msg)
        if struct.unpack_from("<H", content, start + 2)[0] != number:
            msg = f"the pointer to section {number} of the SCP file leads to another"
            raise UnreadableRecording(msg)
        sections[number] = content[start + _HEADER_BYTES : start + size]
    return sections


def read_lead_spans(section: bytes) -> tuple[tuple[LeadSpan, ...], bool]:
    """Read section 3: the leads, and whether a reference beat was subtracted."""
    n_leads, flags = section[0], section[1]
    spans = [_LEAD.unpack_from(section, 2 + i * _LEAD.size) for i in range(n_leads)]
    return tuple(LeadSpan(number, start, end) for start, end, number in spans), bool(
        flags & 1
    )


def read_coding(section: bytes, n_leads: int) -> RhythmCoding:
    """Read the head of section 5 or 6 and cut the rest into leads.

    Raises
    ------
    UnreadableRecording
        Step or interval is 0, or the leads are longer than the section.
    """
    step_nv, interval_us, encoding, bimodal = struct.unpack_from("<HHBB", section)
    if not step_nv or not interval_us:
        msg = "the SCP file does not say the size of a step, or the sampling interval"
        raise UnreadableRecording(msg)
    lengths = struct.unpack_from(f"<{n_leads}H", section, 6)
    position = 6 + 2 * n_leads
    if position + sum(lengths) > len(section):
        msg = "the leads of the SCP file are longer than their section"
        raise UnreadableRecording(msg)
    blocks = []
    for length in lengths:
        blocks.append(section[position : position + length])
        position += length
    return RhythmCoding(step_nv, interval_us, encoding, bool(bimodal), tuple(blocks))


def read_subtracted_beats(section: bytes) -> SubtractedBeats:
    """Read section 4: where beats of type 0, the reference beat's, were subtracted."""
    length_ms, fiducial, n_beats = struct.unpack_from("<HHH", section)
    if n_beats > MAX_BEATS:
        msg = f"expected at most {MAX_BEATS} beats in the SCP file"
        raise UnreadableRecording(msg)
    rows = [struct.unpack_from("<HIII", section, 6 + i * 14) for i in range(n_beats)]
    places = tuple((begin, at, end) for kind, begin, at, end in rows if kind == 0)
    return SubtractedBeats(length_ms, fiducial, places)

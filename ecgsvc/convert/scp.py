"""SCP-ECG (EN 1064, ISO 11073-91064), read.

Rhythm data (section 6) as they are, as first or second differences, Huffman-coded with the
default or with own tables, and with subtracted reference beats (sections 4 and 5). Bimodal
compression, which keeps a fourth of the samples outside of the complexes and lets the
reader draw the rest, is refused: those samples are not what the electrodes measured.
"""

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import scp_huffman
from ecgsvc.convert.assembling import MAX_LEADS, LeadSamples, assemble
from ecgsvc.convert.leads import LEAD_BY_NUMBER
from ecgsvc.convert.scp_header import Tags, header_of, read_tags
from ecgsvc.convert.scp_sections import (
    LeadSpan,
    RhythmCoding,
    SubtractedBeats,
    check_sum,
    read_coding,
    read_lead_spans,
    read_sections,
    read_subtracted_beats,
)
from ecgsvc.domain.errors import TooLarge, UnreadableRecording
from ecgsvc.domain.waveform import Millivolts, Recording

_HUFFMAN, _LEADS, _BEATS, _REFERENCE, _RHYTHM = 2, 3, 4, 5, 6
MAX_SAMPLES = 1_000_000
"""Of all leads together: a minute and a half of 12 leads at 1000 Hz. Each is decoded bit by
bit, so that more would keep a server busy for seconds."""
_MILLIVOLTS_PER_NANOVOLT = 1e-6


def read_scp(content: bytes, name: str) -> Recording:
    """Read an SCP-ECG file.

    Raises
    ------
    UnreadableRecording
        Truncated, altered (its checksum does not fit), without rhythm data, or bimodal.
    TooLarge
        More than an ECG holds.
    """
    check_sum(content)
    sections = read_sections(content)
    for needed in (_LEADS, _RHYTHM):
        if needed not in sections:
            msg = f"the SCP file has no section {needed}: no rhythm data to read"
            raise UnreadableRecording(msg)
    try:
        tags = read_tags(sections.get(1, b""))
        return _recording(sections, tags, name)
    except (struct.error, IndexError) as error:
        msg = "a section of the SCP file is truncated"
        raise UnreadableRecording(msg) from error


def _recording(sections: Mapping[int, bytes], tags: Tags, name: str) -> Recording:
    spans, is_subtracted = read_lead_spans(sections[_LEADS])
    _check_spans(spans)
    coding = read_coding(sections[_RHYTHM], len(spans))
    huffman = sections.get(_HUFFMAN)
    tables = None if huffman is None else scp_huffman.read_tables(huffman)
    per_step = coding.step_nv * _MILLIVOLTS_PER_NANOVOLT
    rows: list[Millivolts] = [
        _decoded(block, span.n_samples, coding.encoding, tables).astype(float) * per_step
        for block, span in zip(coding.blocks, spans, strict=True)
    ]
    if is_subtracted:
        if _BEATS not in sections or _REFERENCE not in sections:
            msg = "beats were subtracted, and the SCP file does not hold them (4, 5)"
            raise UnreadableRecording(msg)
        beats = read_subtracted_beats(sections[_BEATS])
        references = read_coding(sections[_REFERENCE], len(spans))
        _add_beats(rows, beats, references, coding, tables)
    if coding.is_bimodal:
        msg = "bimodal compression is not read: it leaves out three of four samples"
        raise UnreadableRecording(msg)
    rate_hz = 1e6 / coding.interval_us
    rate_hz = float(round(rate_hz)) if abs(rate_hz - round(rate_hz)) < 1e-3 else rate_hz
    leads = [
        LeadSamples(LEAD_BY_NUMBER[span.number], row, rate_hz, coding.step_nv * 1e-3)
        for span, row in zip(spans, rows, strict=True)
    ]
    header, age_years, sex = header_of(tags)
    return assemble(name, leads, header, age_years=age_years, sex=sex)


def _check_spans(spans: Sequence[LeadSpan]) -> None:
    if not 0 < len(spans) <= MAX_LEADS:
        msg = f"expected 1 to {MAX_LEADS} leads in the SCP file"
        raise UnreadableRecording(msg)
    for span in spans:
        if span.number not in LEAD_BY_NUMBER:
            msg = f"the SCP lead number {span.number} is of no known lead"
            raise UnreadableRecording(msg)
        if span.start != spans[0].start:
            msg = "the leads of the SCP file were not recorded at once"
            raise UnreadableRecording(msg)
        if span.n_samples <= 0:
            msg = f"lead {LEAD_BY_NUMBER[span.number]} has no samples"
            raise UnreadableRecording(msg)
    if sum(span.n_samples for span in spans) > MAX_SAMPLES:
        msg = f"at most {MAX_SAMPLES} samples are read from an SCP file"
        raise TooLarge(msg)


def _decoded(
    block: bytes,
    n_values: int,
    encoding: int,
    tables: tuple[scp_huffman.HuffmanTable, ...] | None,
) -> NDArray[np.int64]:
    """Undo the coding of one lead."""
    if tables is None:
        if len(block) < 2 * n_values:
            msg = f"the SCP data end after {len(block) // 2} of {n_values} samples"
            raise UnreadableRecording(msg)
        values = np.frombuffer(block[: 2 * n_values], dtype="<i2").astype(np.int64)
    else:
        values = scp_huffman.decode(block, n_values, tables)
    if encoding == 0:
        return values
    if encoding == 1:
        return np.cumsum(values)
    if encoding == 2:  # the first two values are samples, the others second differences
        slopes = values.copy()
        slopes[1:2] -= values[:1]
        slopes[1:] = np.cumsum(slopes[1:])
        return np.cumsum(slopes)
    msg = f"the SCP file codes its samples in an unknown way ({encoding})"
    raise UnreadableRecording(msg)


def _add_beats(
    rows: Sequence[Millivolts],
    beats: SubtractedBeats,
    references: RhythmCoding,
    rhythm: RhythmCoding,
    tables: tuple[scp_huffman.HuffmanTable, ...] | None,
) -> None:
    """Add the reference beat again wherever it was subtracted; in place."""
    if references.interval_us != rhythm.interval_us:
        msg = "reference beat and rhythm have other rates: bimodal compression is not read"
        raise UnreadableRecording(msg)
    n_reference = beats.length_ms * 1000 // references.interval_us
    for row, block in zip(rows, references.blocks, strict=True):
        beat = _decoded(block, n_reference, references.encoding, tables)
        beat_mv = beat.astype(float) * (references.step_nv * _MILLIVOLTS_PER_NANOVOLT)
        for begin, fiducial, end in beats.places:
            shift = beats.fiducial - fiducial  # of sample i in the beat: i + shift
            first = max(begin, 1, 1 - shift)
            last = min(end, row.size, n_reference - shift)
            if first <= last:
                row[first - 1 : last] += beat_mv[first - 1 + shift : last + shift]

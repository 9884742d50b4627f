"""XLI, the compression of Philips ECG XML, as published readers know it.

A chunk a lead: an 8-byte head (size, an unknown word, the first prediction error), then LZW
with codes of 10 bits, of the high bytes of all numbers and then of their low bytes. The
numbers are second differences, offset by 64.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.errors import TooLarge, UnreadableRecording

_HEAD = struct.Struct("<iHh")
_CODE_BITS = 10
_MAX_CODE = (1 << _CODE_BITS) - 2
_OFFSET = 64
MAX_SAMPLES = 100_000


def decode_xli(content: bytes, n_leads: int) -> list[NDArray[np.int64]]:
    """Decompress the first `n_leads` chunks.

    Raises
    ------
    UnreadableRecording
        A chunk is missing or truncated, or its codes make no sense.
    TooLarge
        A chunk holds more than `MAX_SAMPLES` numbers.
    """
    rows, position = [], 0
    for index in range(n_leads):
        if position + _HEAD.size > len(content):
            msg = f"the XLI data end after {index} of {n_leads} leads"
            raise UnreadableRecording(msg)
        size, _, first = _HEAD.unpack_from(content, position)
        position += _HEAD.size
        if size < 0 or position + size > len(content):
            msg = f"chunk {index} of the XLI data is truncated"
            raise UnreadableRecording(msg)
        rows.append(_samples(_lzw(content[position : position + size]), first))
        position += size
    return rows


def _codes(content: bytes) -> list[int]:
    """Split into codes, most significant bit first; bits that fill no code are left out."""
    bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8))
    n_codes = bits.size // _CODE_BITS
    places = 1 << np.arange(_CODE_BITS)[::-1]
    codes: list[int] = (
        bits[: n_codes * _CODE_BITS].reshape(n_codes, _CODE_BITS) @ places
    ).tolist()
    return codes


def _lzw(content: bytes) -> bytes:
    """Undo LZW, up to the end code or the end."""
    strings: list[bytes] = [bytes([value]) for value in range(256)]
    out = bytearray()
    previous = b""
    for code in _codes(content):
        if code > _MAX_CODE:
            break
        if code < len(strings):
            current = strings[code]
        elif code == len(strings) and previous:
            current = previous + previous[:1]
        else:
            msg = "the XLI data hold a code that means nothing yet"
            raise UnreadableRecording(msg)
        out += current
        if len(out) > 2 * MAX_SAMPLES:
            msg = f"at most {MAX_SAMPLES} samples a lead are read from XLI data"
            raise TooLarge(msg)
        if previous and len(strings) <= _MAX_CODE:
            strings.append(previous + current[:1])
        previous = current
    return bytes(out)


def _samples(raw: bytes, first: int) -> NDArray[np.int64]:
    """Numbers from their high and low bytes, then second differences undone."""
    n_samples = len(raw) // 2
    halves = np.frombuffer(raw[: 2 * n_samples], dtype=np.uint8).reshape(2, n_samples)
    numbers = (halves[0].astype(np.uint16) << 8 | halves[1]).view(np.int16).tolist()
    out = numbers[:2]
    last = first
    for value in numbers[2:]:
        out.append(_int16(2 * out[-1] - out[-2] - last))
        last = value - _OFFSET
    return np.array(out, dtype=np.int64)


def _int16(value: int) -> int:
    """Wrap as the device's 16-bit arithmetic does."""
    return (value + 0x8000) % 0x10000 - 0x8000

"""Huffman codes of SCP-ECG (EN 1064, section 2 and annex C)."""

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.errors import UnreadableRecording

DEFAULT_TABLE = 19999
MAX_TABLES = 64
MAX_CODES = 1024
_CODE = struct.Struct("<BBBhI")


@dataclass(frozen=True, slots=True)
class HuffmanCode:
    """What a prefix means.

    Parameters
    ----------
    n_bits
        Bits after the prefix that hold the value itself, as a signed number; 0 when the
        prefix stands for `value`.
    is_switch
        The prefix stands for no value: from here on table `value` (1, 2 …) is used.
    """

    value: int
    n_bits: int = 0
    is_switch: bool = False


@dataclass(frozen=True, slots=True)
class HuffmanTable:
    """Codes by prefix, as text of 0 and 1; `lengths` are those of the prefixes, rising."""

    codes: dict[str, HuffmanCode]
    lengths: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Note the lengths that occur."""
        object.__setattr__(self, "lengths", tuple(sorted({len(c) for c in self.codes})))


def default_table() -> HuffmanTable:
    """The table of annex C: 0 is ``0``, ±n are n + 1 ones or so, 8 and 16 raw bits."""
    codes = {"0": HuffmanCode(0)}
    for value in range(1, 9):
        codes["1" * value + "00"] = HuffmanCode(value)
        codes["1" * value + "01"] = HuffmanCode(-value)
    codes["1" * 9 + "0"] = HuffmanCode(0, n_bits=8)
    codes["1" * 9 + "1"] = HuffmanCode(0, n_bits=16)
    return HuffmanTable(codes)


def read_tables(section: bytes) -> tuple[HuffmanTable, ...]:
    """Read section 2: its own tables, or the default one.

    Raises
    ------
    UnreadableRecording
        The section is truncated, or its codes make no sense.
    """
    if len(section) < 2:
        msg = "the SCP section 2 (Huffman tables) is truncated"
        raise UnreadableRecording(msg)
    (n_tables,) = struct.unpack_from("<H", section)
    if n_tables == DEFAULT_TABLE:
        return (default_table(),)
    if not 0 < n_tables <= MAX_TABLES:
        msg = f"expected 1 to {MAX_TABLES} Huffman tables, or the default one"
        raise UnreadableRecording(msg)
    tables, position = [], 2
    for _ in range(n_tables):
        codes, position = _read_codes(section, position)
        tables.append(HuffmanTable(codes))
    return tuple(tables)


def _read_codes(section: bytes, position: int) -> tuple[dict[str, HuffmanCode], int]:
    msg = "the SCP section 2 (Huffman tables) does not follow EN 1064"
    try:
        (n_codes,) = struct.unpack_from("<H", section, position)
        rows = [
            _CODE.unpack_from(section, position + 2 + i * _CODE.size)
            for i in range(min(n_codes, MAX_CODES + 1))
        ]
    except struct.error:
        raise UnreadableRecording(msg) from None
    if not 0 < n_codes <= MAX_CODES:
        raise UnreadableRecording(msg)
    codes: dict[str, HuffmanCode] = {}
    for n_prefix, n_total, mode, value, base_code in rows:
        if not 0 < n_prefix <= 32 or not n_prefix <= n_total <= n_prefix + 32:
            raise UnreadableRecording(msg)
        # the first bit sent is the lowest bit of the base code
        prefix = format(base_code, "032b")[::-1][:n_prefix]
        codes[prefix] = HuffmanCode(value, n_total - n_prefix, is_switch=mode == 0)
    return codes, position + 2 + n_codes * _CODE.size


def decode(
    content: bytes, n_values: int, tables: tuple[HuffmanTable, ...]
) -> NDArray[np.int64]:
    """Decode the first `n_values` numbers, most significant bit first.

    Raises
    ------
    UnreadableRecording
        The bits end too early, or are no code of the table.
    """
    bits = "".join(map("{:08b}".format, content))
    values = np.empty(n_values, dtype=np.int64)
    table, position, count = tables[0], 0, 0
    while count < n_values:
        for length in table.lengths:
            code = table.codes.get(bits[position : position + length])
            if code is not None:
                break
        else:
            msg = f"the SCP data end or go wrong after {count} of {n_values} samples"
            raise UnreadableRecording(msg)
        position += length
        if code.is_switch:
            if not 1 <= code.value <= len(tables):
                msg = "the SCP data switch to a Huffman table that is not there"
                raise UnreadableRecording(msg)
            table = tables[code.value - 1]
            continue
        value = code.value
        if code.n_bits:
            raw = bits[position : position + code.n_bits]
            if len(raw) < code.n_bits:
                msg = f"the SCP data end after {count} of {n_values} samples"
                raise UnreadableRecording(msg)
            position += code.n_bits
            value = int(raw, 2) - (int(raw[0]) << code.n_bits)
        values[count] = value
        count += 1
    return values

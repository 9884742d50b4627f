"""The letters: which font has them, how they are shaped, how wide they are.

Noto Sans (Latin, Greek, Cyrillic) and Noto Sans Arabic at two weights, SIL Open Font
License, are in `fonts/`, made by `.ci/subset-fonts`. HarfBuzz shapes and takes subsets.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

import uharfbuzz as hb

from ecgsvc.render.bidi import visual_runs

_FONTS = Path(__file__).parent / "fonts"
_FAMILIES = ("NotoSans", "NotoSansArabic")
_WEIGHTS = ("Regular", "SemiBold")
_LAYOUT_TABLES = ("GSUB", "GPOS", "GDEF", "OS/2", "name", "post", "cmap")

EM = 1000
"""Units an em in all of these fonts."""


FontName: TypeAlias = str
"""File name of one of the fonts, without its ending."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """A shape in its place; lengths in units of the font.

    `text` is what it stands for, empty for all but the first of several that stand for
    the same letters.
    """

    font: FontName
    index: int
    text: str
    advance: int
    x_offset: int
    y_offset: int


def shape(text: str, *, bold: bool) -> list[Glyph]:
    """Turn a line of text into glyphs, from left to right.

    Letters that no font has become the box of the first font.
    """
    return [
        glyph
        for run, right_to_left in visual_runs(text)
        for glyph in _shape_run(run, bold=bold, right_to_left=right_to_left)
    ]


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is, in the unit of its size."""
    return sum(glyph.advance for glyph in shape(text, bold=bold)) * size / EM


def has_all_letters(text: str) -> bool:
    """Tell whether every letter can be written."""
    return all(any(ord(c) in _letters(family) for family in _FAMILIES) for c in text)


def fitted(
    text: str, size: float, room: float, *, least: float, bold: bool = False
) -> float:
    """The size at which a text takes no more room, but not less than `least`."""
    wide = width(text, size, bold=bold)
    return size if wide <= room else max(least, size * room / wide)


def shortened(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """Cut a text that takes more room, and say so by an ellipsis."""
    if width(text, size, bold=bold) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = width(text[:middle].rstrip() + "…", size, bold=bold) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip() + "…"


def measured_words(text: str) -> list[tuple[str, float]]:
    """Split into words and say how wide each is at size 1."""
    known: dict[str, float] = {}
    for word in text.split():
        if word not in known:
            known[word] = width(word, 1.0)
    return [(word, known[word]) for word in text.split()]


def wrapped(words: Sequence[tuple[str, float]], size: float, room: float) -> list[str]:
    """Break measured words into lines; a word that is too long is cut."""
    space = width(" ", size)
    lines: list[list[str]] = [[]]
    used = 0.0
    for word, wide in words:
        if lines[-1] and used + space + wide * size > room:
            lines.append([])
        used = wide * size + (used + space if lines[-1] else 0.0)
        lines[-1].append(word if wide * size <= room else shortened(word, size, room))
    return [" ".join(line) for line in lines if line]


def subset(key: FontName, glyphs: Iterable[int]) -> tuple[bytes, dict[int, int]]:
    """Keep some glyphs of a font.

    Returns
    -------
    bytes
        A TrueType font without tables for shaping.
    dict
        Glyph index in the font to that in the subset.
    """
    wanted = hb.SubsetInput()
    wanted.glyph_set.update(glyphs)
    wanted.flags = hb.SubsetFlags.NO_LAYOUT_CLOSURE | hb.SubsetFlags.NOTDEF_OUTLINE
    wanted.drop_table_tag_set.update(map(_tag, _LAYOUT_TABLES))
    plan = hb.SubsetPlan(_face(key), wanted)
    return bytes(plan.execute().blob.data), dict(plan.old_to_new_glyph_mapping)


def web_fonts(text: str, *, bold: bool) -> Iterator[tuple[FontName, bytes]]:
    """Give the fonts that a browser needs to shape a text by itself."""
    letters = set(map(ord, text))
    for family in _FAMILIES:
        here = letters & _letters(family)
        if here and (family == _FAMILIES[0] or here - _letters(_FAMILIES[0])):
            wanted = hb.SubsetInput()
            wanted.unicode_set.update(here)
            wanted.flags = hb.SubsetFlags.NOTDEF_OUTLINE
            key = _name(family, bold=bold)
            yield key, bytes(hb.subset(_face(key), wanted).blob.data)


@dataclass(frozen=True, slots=True)
class FontMetrics:
    """What a PDF says of a font, in units of the font."""

    bounds: tuple[int, int, int, int]
    ascent: int
    descent: int


@cache
def metrics(key: FontName) -> FontMetrics:
    """Extents of a font."""
    extents = _font(key).get_font_extents("ltr")
    head = _face(key).reference_table("head").data
    x_min, y_min, x_max, y_max = (
        int.from_bytes(head[at : at + 2], "big", signed=True) for at in range(36, 44, 2)
    )
    return FontMetrics((x_min, y_min, x_max, y_max), extents.ascender, extents.descender)


def _shape_run(run: str, *, bold: bool, right_to_left: bool) -> list[Glyph]:
    if run.isascii():
        return list(_shape_piece(_name(_FAMILIES[0], bold=bold), run, right_to_left))
    pieces = [
        (font, "".join(letters))
        for font, letters in groupby(run, lambda letter: _font_of(letter, bold=bold))
    ]
    if right_to_left:
        pieces.reverse()
    return [
        glyph
        for font, piece in pieces
        for glyph in _shape_piece(font, piece, right_to_left)
    ]


def _shape_piece(font: FontName, piece: str, right_to_left: bool) -> Iterator[Glyph]:
    buffer = hb.Buffer()
    buffer.add_str(piece)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if right_to_left else "ltr"
    hb.shape(_font(font), buffer)
    placed = [
        (info.codepoint, info.cluster, position.position)
        for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)
    ]
    spoken = _spoken([(cluster, where[2]) for _, cluster, where in placed], piece)
    for (index, _, where), text in zip(placed, spoken, strict=True):
        x_offset, y_offset, advance, _ = where
        yield Glyph(font, index, text, advance, x_offset, y_offset)


def _spoken(glyphs: Sequence[tuple[int, int]], piece: str) -> list[str]:
    """What each glyph stands for: of several in one cluster the widest has its letters.

    Parameters
    ----------
    glyphs
        Cluster (index of the first letter) and advance.
    """
    starts = sorted({cluster for cluster, _ in glyphs})
    letters = {
        start: piece[start:stop]
        for start, stop in zip(starts, [*starts[1:], len(piece)], strict=True)
    }
    widest: dict[int, tuple[int, int]] = {}
    for i, (cluster, advance) in enumerate(glyphs):
        if cluster not in widest or advance > widest[cluster][1]:
            widest[cluster] = (i, advance)
    return [
        letters[cluster] if widest[cluster][0] == i else ""
        for i, (cluster, _) in enumerate(glyphs)
    ]


def _font_of(letter: str, *, bold: bool) -> FontName:
    code = ord(letter)
    found = next((f for f in _FAMILIES if code in _letters(f)), _FAMILIES[0])
    return _name(found, bold=bold)


def _name(family: str, *, bold: bool) -> FontName:
    return f"{family}-{_WEIGHTS[bold]}"


@cache
def _letters(family: str) -> frozenset[int]:
    return frozenset(_face(_name(family, bold=False)).unicodes)


@cache
def _font(key: FontName) -> hb.Font:
    return hb.Font(_face(key))


@cache
def _face(key: FontName) -> hb.Face:
    return hb.Face(hb.Blob((_FONTS / f"{key}.ttf").read_bytes()))


def _tag(name: str) -> int:
    return int.from_bytes(name.encode("ascii"), "big")

"""A drawing as PDF: vectors, letters in fonts of which it carries what it uses."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ecgsvc.render.drawing import (
    STEPS_PER_MM,
    Color,
    Drawing,
    Item,
    Lines,
    Page,
    Rect,
    Text,
    steps_of,
)
from ecgsvc.render.pdf_file import PdfFile, end_of, text_string
from ecgsvc.render.typeface import EM, FontName, Glyph, metrics, shape, subset

POINTS_PER_MM = 72 / 25.4
_VERDICT = re.compile(
    rb"\n(\d+) 0 obj\n<</Type/XObject/Subtype/Form/BBox\[0 0 ([\d.]+) ([\d.]+)\]"
    rb"/Matrix\[1 0 0 1 ([\d.]+) ([\d.]+)\]/Name/Verdict"
)
_SHARE_BEFORE = {"start": 0.0, "middle": 0.5, "end": 1.0}


def write_pdf(drawing: Drawing) -> bytes:
    """Write a drawing; a millimetre is a millimetre when printed at its own size."""
    file = PdfFile()
    catalogue, tree = file.reserve(), file.reserve()
    fonts = Fonts()
    pages = [_write_page(file, page, tree, fonts) for page in drawing.pages]
    fonts.write(file)
    kids = " ".join(f"{number} 0 R" for number in pages)
    file.add(f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>", tree)
    file.add(
        f"<</Type/Catalog/Pages {tree} 0 R/Lang{text_string(drawing.language)}"
        "/ViewerPreferences<</PrintScaling/None/DisplayDocTitle true>>>>",
        catalogue,
    )
    about = f"/Title{text_string(drawing.title)}/Producer{text_string('ecgsvc')}"
    if drawing.made_at is not None:
        about += f"/CreationDate({pdf_date(drawing.made_at)})"
    info = file.add(f"<<{about}>>")
    return file.whole(catalogue, info)


def pdf_date(moment: datetime) -> str:
    """Write a date (7.9.4), in UTC."""
    return f"{moment.astimezone(UTC):D:%Y%m%d%H%M%SZ}"


def with_verdict(file: bytes, draw: Callable[[Rect], Iterable[Item]]) -> bytes:
    """Replace the verdict of a file that `write_pdf` wrote; its own bytes stay.

    Parameters
    ----------
    draw
        Draws the new verdict into the box of the old one.

    Raises
    ------
    ValueError
        The file is another's, or has no verdict.
    """
    end = end_of(file)
    places = list(_VERDICT.finditer(file))
    if not places:
        msg = "the file has no part that a signature replaces"
        raise ValueError(msg)
    number, *box = places[-1].groups()
    width, height, x, y = map(float, box)
    place = Rect(x, y, width, height)
    update = PdfFile(first_number=end.size)
    _write_verdict(update, draw(place), place, int(number))
    return update.appended(file, end)


def _write_verdict(file: PdfFile, items: Iterable[Item], box: Rect, number: int) -> None:
    """Write the verdict as a form XObject (8.10) with fonts of its own."""
    fonts = Fonts()
    drawn = "".join(_content(items, fonts)).encode("ascii")
    file.add_stream(
        f"/Type/XObject/Subtype/Form/BBox[0 0 {box.width:g} {box.height:g}]"
        f"/Matrix[1 0 0 1 {box.x:g} {box.y:g}]/Name/Verdict"
        f"/Resources<</Font {fonts.reference(file)}>>",
        drawn,
        number,
    )
    fonts.write(file)


def _write_page(file: PdfFile, page: Page, tree: int, fonts: "Fonts") -> int:
    scale = f"{POINTS_PER_MM:.9f}"
    body = "".join(_content(page.items, fonts))
    forms = ""
    if page.verdict_box is not None:
        verdict = file.reserve()
        _write_verdict(file, page.verdict, page.verdict_box, verdict)
        body += "/Verdict Do\n"
        forms = f"/XObject<</Verdict {verdict} 0 R>>"
    high = page.height * POINTS_PER_MM
    drawn = f"q {scale} 0 0 -{scale} 0 {high:.6f} cm 1 J 1 j\n{body}Q\n"
    stream = file.add_stream("", drawn.encode("ascii"))
    return file.add(
        f"<</Type/Page/Parent {tree} 0 R/Contents {stream} 0 R"
        f"/MediaBox[0 0 {page.width * POINTS_PER_MM:.6f} {high:.6f}]"
        f"/Resources<</Font {fonts.reference(file)}{forms}>>>>"
    )


def _content(items: Iterable[Item], fonts: "Fonts") -> Iterable[str]:
    """Yield the operators that draw items, in millimetres, y downwards."""
    for item in items:
        match item:
            case Rect():
                yield _rect(item)
            case Lines():
                yield _lines(item)
            case Text():
                yield _text(item, fonts)


def _rect(rect: Rect) -> str:
    place = f"{rect.x:.3f} {rect.y:.3f} {rect.width:.3f} {rect.height:.3f} re"
    fill = f"{_rgb(rect.fill)} rg " if rect.fill else ""
    stroke = f"{_rgb(rect.stroke)} RG {rect.stroke_mm:g} w " if rect.stroke else ""
    paint = {(True, True): "B", (True, False): "f", (False, True): "S"}
    return f"{fill}{stroke}{place} {paint.get((bool(fill), bool(stroke)), 'n')}\n"


def _lines(lines: Lines) -> str:
    steps, first = steps_of(lines.points)
    operators = ["%d %d m\n" if begins else "%d %d l\n" for begins in first.tolist()]
    path = "".join(operators) % tuple(steps.ravel().tolist())
    step = f"{1 / STEPS_PER_MM:g}"
    return (
        f"q {step} 0 0 {step} 0 0 cm {_rgb(lines.color)} RG "
        f"{lines.width_mm * STEPS_PER_MM:g} w\n{path}S Q\n"
    )


def _text(text: Text, fonts: "Fonts") -> str:
    glyphs = shape(text.text, bold=text.bold)
    wide = sum(glyph.advance for glyph in glyphs) * text.size / EM
    x = text.x - wide * _SHARE_BEFORE[text.anchor]
    operators = "".join(_shown(glyphs, text.size, fonts))
    return f"BT {_rgb(text.color)} rg 1 0 0 -1 {x:.3f} {text.y:.3f} Tm\n{operators}ET\n"


def _shown(glyphs: Sequence[Glyph], size: float, fonts: "Fonts") -> Iterable[str]:
    """Operators of one line of text; the font changes where the glyphs' does."""
    current = ""
    for glyph in glyphs:
        if glyph.font != current:
            if current:
                yield "]TJ\n"
            current = glyph.font
            yield f"/{fonts.name(current)} {size:g} Tf["
        code, moved = fonts.use(glyph)
        after = moved - glyph.advance + glyph.x_offset
        if glyph.y_offset:
            yield (
                f"]TJ {glyph.y_offset * size / EM:.3f} Ts[{-glyph.x_offset}<{code:04x}>"
                f"{after}]TJ 0 Ts["
            )
        elif glyph.x_offset or after:
            yield f" {-glyph.x_offset}<{code:04x}>{after}"
        else:
            yield f"<{code:04x}>"
    if current:
        yield "]TJ\n"


def _rgb(color: Color) -> str:
    return " ".join(f"{int(color[i : i + 2], 16) / 255:.3g}" for i in (1, 3, 5))


@dataclass(slots=True)
class _Used:
    """The glyphs of one font: a shape has a code for each text that it stands for.

    `codes` gives for each the code, and how far the font itself moves on after it.
    """

    number: int
    codes: dict[tuple[int, str], tuple[int, int]] = field(default_factory=dict)


class Fonts:
    """The fonts of one or more content streams, collected while they are written."""

    def __init__(self) -> None:
        self._used: dict[FontName, _Used] = {}
        self._dictionary: int | None = None

    def reference(self, file: PdfFile) -> str:
        """Refer to the dictionary of fonts, which `write` writes."""
        if self._dictionary is None:
            self._dictionary = file.reserve()
        return f"{self._dictionary} 0 R"

    def name(self, font: FontName) -> str:
        """Name of a font in the content."""
        return f"F{self._of(font).number}"

    def use(self, glyph: Glyph) -> tuple[int, int]:
        """Code of a glyph in the content, and how far the font moves on after it."""
        codes = self._of(glyph.font).codes
        found = codes.get((glyph.index, glyph.text))
        if found is None:
            found = (len(codes) + 1, glyph.advance)
            codes[glyph.index, glyph.text] = found
        return found

    def write(self, file: PdfFile) -> None:
        """Write the fonts with the glyphs that were used."""
        if self._dictionary is None:
            return
        names = "".join(
            f"/F{used.number} {_write_font(file, font, used)} 0 R"
            for font, used in self._used.items()
        )
        file.add(f"<<{names}>>", self._dictionary)

    def _of(self, font: FontName) -> _Used:
        used = self._used.get(font)
        if used is None:
            used = self._used[font] = _Used(len(self._used) + 1)
        return used


def _write_font(file: PdfFile, font: FontName, used: _Used) -> int:
    """A composite font (9.7): codes to glyphs, widths, and codes to letters."""
    program, new_index = subset(font, {index for index, _ in used.codes})
    embedded = file.add_stream(f"/Length1 {len(program)}", program)
    name = f"{_tag(used)}+{font}"
    shapes = metrics(font)
    bounds = " ".join(map(str, shapes.bounds))
    descriptor = file.add(
        f"<</Type/FontDescriptor/FontName/{name}/Flags 4/FontBBox[{bounds}]/ItalicAngle 0"
        f"/Ascent {shapes.ascent}/Descent {shapes.descent}/CapHeight {shapes.ascent}"
        f"/StemV 80/FontFile2 {embedded} 0 R>>"
    )
    indices = [0, *(new_index[index] for index, _ in used.codes)]
    to_glyph = file.add_stream("", b"".join(i.to_bytes(2, "big") for i in indices))
    widths = " ".join(str(moved) for _, moved in used.codes.values())
    descendant = file.add(
        f"<</Type/Font/Subtype/CIDFontType2/BaseFont/{name}"
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        f"/FontDescriptor {descriptor} 0 R/W[1[{widths}]]/CIDToGIDMap {to_glyph} 0 R>>"
    )
    letters = file.add_stream("", _to_unicode(used))
    return file.add(
        f"<</Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/Identity-H"
        f"/DescendantFonts[{descendant} 0 R]/ToUnicode {letters} 0 R>>"
    )


def _tag(used: _Used) -> str:
    """Six letters that tell subsets apart (9.6.4)."""
    number = 0
    for index, _ in used.codes:
        number = (number * 31 + index) % 26**6
    return "".join(chr(65 + number // 26**power % 26) for power in range(6))


def _to_unicode(used: _Used) -> bytes:
    rows = [
        f"<{code:04x}><{text.encode('utf-16-be').hex()}>\n"
        for (_, text), (code, _) in used.codes.items()
        if text
    ]
    blocks = "".join(
        f"{len(block)} beginbfchar\n{''.join(block)}endbfchar\n"
        for start in range(0, len(rows), 100)
        for block in [rows[start : start + 100]]
    )
    return (
        "/CIDInit/ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n"
        "/CMapName/Adobe-Identity-UCS def/CMapType 2 def\n"
        "1 begincodespacerange<0000><ffff>endcodespacerange\n"
        f"{blocks}endcmap CMapName currentdict/CMap defineresource pop end end\n"
    ).encode("ascii")

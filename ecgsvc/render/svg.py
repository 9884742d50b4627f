"""A drawing as SVG: pages below one another, letters as text in fonts that it carries."""

import base64
from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from ecgsvc.render.drawing import (
    STEPS_PER_MM,
    Drawing,
    Item,
    Lines,
    Page,
    Rect,
    Text,
    steps_of,
)
from ecgsvc.render.typeface import web_fonts

_STEPS = ("M%d %d", "l%d %d", " %d %d")
"""To the beginning of a line; then, relative to the last point, the second and others."""
PAGE_GAP_MM = 5.0
"""Between pages, which SVG does not have."""

_OURS = "ecgsvc"
_WEIGHTS = {False: 400, True: 600}
_OTHERS = "'Noto Sans','Noto Sans Arabic',sans-serif"


def write_svg(drawing: Drawing) -> bytes:
    """Write a drawing; a millimetre is a millimetre, and coordinates are millimetres."""
    wide = max(page.width for page in drawing.pages)
    tops, high = [], 0.0
    for page in drawing.pages:
        tops.append(high)
        high += page.height + PAGE_GAP_MM
    high -= PAGE_GAP_MM
    body = "".join(
        f'<g class="page" transform="translate(0 {top:g})">{"".join(_page(page))}</g>'
        for page, top in zip(drawing.pages, tops, strict=True)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:g}mm" height="{high:g}mm" '
        f'viewBox="0 0 {wide:g} {high:g}" xml:lang={quoteattr(drawing.language)}>'
        f"<title>{escape(drawing.title)}</title><style>{_style(drawing)}</style>"
        f"{body}</svg>\n"
    ).encode()


def _style(drawing: Drawing) -> str:
    texts = [
        item for page in drawing.pages for item in _items(page) if isinstance(item, Text)
    ]
    faces = "".join(
        f"@font-face{{font-family:{_OURS}-{font.partition('-')[0]};"
        f"font-weight:{_WEIGHTS[bold]};"
        f"src:url(data:font/ttf;base64,{base64.b64encode(content).decode()})}}"
        for bold in (False, True)
        for font, content in web_fonts(
            "".join(sorted({c for text in texts if text.bold is bold for c in text.text})),
            bold=bold,
        )
    )
    return (
        f"{faces}text{{font-family:{_OURS}-NotoSans,{_OURS}-NotoSansArabic,{_OTHERS};"
        "font-stretch:semi-condensed}"
        "path{fill:none;stroke-linejoin:round;stroke-linecap:round}"
    )


def _items(page: Page) -> Iterable[Item]:
    return (*page.items, *page.verdict)


def _page(page: Page) -> Iterator[str]:
    size = f'width="{page.width:g}" height="{page.height:g}"'
    yield f'<rect class="paper" {size} fill="#fff"/>'
    yield from map(_item, page.items)
    if page.verdict_box is not None:
        place = f"translate({page.verdict_box.x:g} {page.verdict_box.y:g})"
        yield f'<g class="verdict" transform="{place}">'
        yield from map(_item, page.verdict)
        yield "</g>"


def _item(item: Item) -> str:
    match item:
        case Rect():
            return _rect(item)
        case Lines():
            return _lines(item)
        case Text():
            return _text(item)


def _rect(rect: Rect) -> str:
    stroke = (
        f' stroke="{rect.stroke}" stroke-width="{rect.stroke_mm:g}"' if rect.stroke else ""
    )
    return (
        f'<rect class="{rect.kind}" x="{_number(rect.x)}" y="{_number(rect.y)}" '
        f'width="{_number(rect.width)}" height="{_number(rect.height)}" '
        f'fill="{rect.fill or "none"}"{stroke}/>'
    )


def _lines(lines: Lines) -> str:
    steps, first = steps_of(lines.points)
    moves = np.where(first[:, None], steps, np.diff(steps, axis=0, prepend=0))
    second = np.concatenate([[False], first[:-1]])
    kinds = np.select([first, second], [0, 1], 2).tolist()
    path = "".join([_STEPS[kind] for kind in kinds]) % tuple(moves.ravel().tolist())
    return (
        f'<path class="{lines.kind}" transform="scale({1 / STEPS_PER_MM:g})" d="{path}" '
        f'stroke="{lines.color}" stroke-width="{lines.width_mm * STEPS_PER_MM:g}"/>'
        if path
        else ""
    )


def _text(text: Text) -> str:
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    weight = f' font-weight="{_WEIGHTS[True]}"' if text.bold else ""
    return (
        f'<text x="{_number(text.x)}" y="{_number(text.y)}" font-size="{text.size:g}" '
        f'fill="{text.color}"{weight}{anchor}>{escape(text.text)}</text>'
    )


def _number(mm: float) -> str:
    return f"{mm:.2f}".rstrip("0").rstrip(".")

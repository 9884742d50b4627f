"""The ECG sheet: what a clinician sees of a report, on paper or on a screen."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.sheet import Paper, Review, Sheet, SheetHeader, SheetOptions
from ecgsvc.render.drawing import Drawing, Item, Lines, Page, Rect
from ecgsvc.render.ecg_paper import LARGE_MM, grid
from ecgsvc.render.pdf import with_verdict, write_pdf
from ecgsvc.render.sheet_gain import PageExtent, choose_gain, measure_page
from ecgsvc.render.sheet_leads import LeadPainter
from ecgsvc.render.sheet_plan import PagePlan, plan_sheet
from ecgsvc.render.sheet_text import (
    footer,
    general_notes,
    measurement_table,
    patient_lines,
    scale_words,
    short_lines,
)
from ecgsvc.render.sheet_verdict import Verdict, verdict_items, verdict_of
from ecgsvc.render.svg import write_svg

SheetFormat = Literal["pdf", "svg"]

_CONTENT_TYPES: dict[SheetFormat, str] = {"pdf": "application/pdf", "svg": "image/svg+xml"}
_LEAST_ROW_MM, _MOST_ROW_MM = 26.0, 40.0
_RULE = "#9a9a9a"
_AS_USUAL = SheetOptions()


@dataclass(frozen=True, slots=True)
class _PaperSize:
    """Where things stand on a paper, in mm; grids are whole large squares."""

    width: float
    height: float
    grid_x: float
    grid_width: float
    pulse_x: float
    first_top: float
    first_height: float
    next_top: float
    next_height: float

    @property
    def right(self) -> float:
        """Right end of the grid."""
        return self.grid_x + self.grid_width

    def top(self, page_index: int) -> float:
        """Top of a page's grid."""
        return self.next_top if page_index else self.first_top

    def room(self, page_index: int) -> float:
        """Greatest height of a page's grid."""
        return self.next_height if page_index else self.first_height

    def verdict_box(self) -> Rect:
        """Where the verdict stands."""
        x = self.grid_x + 106.0
        return Rect(x, 5.5, self.right - x, self.first_top - 7.0)


_SIZES = {
    Paper.A4: _PaperSize(297.0, 210.0, 11.0, 275.0, 16.0, 43.5, 155.0, 13.0, 185.0),
    Paper.LETTER: _PaperSize(279.4, 215.9, 7.2, 265.0, 7.2, 43.5, 160.0, 13.0, 190.0),
}
_PULSE_ROOM_MM = 10.0


def render_sheet(
    analysis: Analysis,
    header: SheetHeader,
    options: SheetOptions = _AS_USUAL,
    *,
    review: Review | None = None,
    form: SheetFormat = "pdf",
) -> Sheet:
    """Draw the sheet of an analysis; the same input gives the same bytes.

    Parameters
    ----------
    review
        Who signed and when; without it the sheet says that nobody did.
    """
    drawing = draw_sheet(analysis, header, options, review=review)
    content = write_pdf(drawing) if form == "pdf" else write_svg(drawing)
    return Sheet(content, _CONTENT_TYPES[form], drawing.title, header.made_at)


def sign_sheet(pdf: bytes, verdict: Verdict) -> bytes:
    """Put a verdict, with who signed, in the place of that of a sheet made before.

    The tracing is not drawn again: the bytes of the old sheet stay, and the new verdict
    is appended to them. Neither the recording nor the analysis is needed.

    Raises
    ------
    ValueError
        These are not the bytes of a PDF of `render_sheet` or `sign_sheet`.
    """
    return with_verdict(pdf, lambda box: verdict_items(verdict, box))


def draw_sheet(
    analysis: Analysis,
    header: SheetHeader,
    options: SheetOptions = _AS_USUAL,
    *,
    review: Review | None = None,
) -> Drawing:
    """Put everything in its place; PDF and SVG are written from this."""
    paper = _SIZES[options.paper]
    rows = tuple(int(paper.room(i) / _LEAST_ROW_MM) for i in (0, 1))
    plan = plan_sheet(analysis, options.layout, (rows[0], rows[1]))
    noisy = [q.lead for q in analysis.quality.leads if not q.usable]
    extents = [measure_page(analysis.waveform, page, noisy) for page in plan.pages]
    heights = [_grid_height(page, paper.room(i)) for i, page in enumerate(plan.pages)]
    gain = choose_gain(
        [
            (extent, height / page.n_rows)
            for extent, height, page in zip(extents, heights, plan.pages, strict=True)
        ]
    )
    notes = [plan.note, *general_notes(analysis, header, options.patient)]
    scale = scale_words(gain, analysis.waveform.sampling_rate_hz)
    painter = LeadPainter(analysis, options, gain)
    pages = []
    for i, (page, extent, height) in enumerate(
        zip(plan.pages, extents, heights, strict=True)
    ):
        items = [
            *(_head(analysis, header, options, paper) if i == 0 else ()),
            *(short_lines(header, options.patient, x=paper.grid_x, room=paper.grid_width)
              if i else ()),
            *_tracing(painter, page, extent, paper, paper.top(i), height),
            *footer(
                header, scale, [*painter.cut_off(page, extent, height), *notes],
                f"page {i + 1} of {len(plan.pages)}",
                left=paper.grid_x, right=paper.right, y=paper.height - 7.4,
            ),
        ]  # fmt: skip
        pages.append(_page(items, analysis, paper, review, is_first=i == 0))
    return Drawing(tuple(pages), f"ECG {header.recorded}", header.made_at)


def _page(
    items: list[Item],
    analysis: Analysis,
    paper: _PaperSize,
    review: Review | None,
    *,
    is_first: bool,
) -> Page:
    if not is_first:
        return Page(paper.width, paper.height, tuple(items))
    box = paper.verdict_box()
    verdict = verdict_of(analysis.conclusion, analysis.findings, review)
    return Page(
        paper.width, paper.height, tuple(items), tuple(verdict_items(verdict, box)), box
    )


def _head(
    analysis: Analysis, header: SheetHeader, options: SheetOptions, paper: _PaperSize
) -> Iterator[Item]:
    x, room = paper.grid_x, paper.verdict_box().x - paper.grid_x - 5.0
    yield from patient_lines(header, options.patient, x=x, room=room)
    rule = np.array([[x, 24.6], [x + room, 24.6]])
    yield Lines(rule, _RULE, 0.2, "rule")
    yield from measurement_table(analysis.measurements, x=x, y=28.9, room=room)


def _tracing(
    painter: LeadPainter,
    page: PagePlan,
    extent: PageExtent,
    paper: _PaperSize,
    top: float,
    height: float,
) -> Iterator[Item]:
    """Shading, then the grid on it, then the leads."""
    at = paper.pulse_x + _PULSE_ROOM_MM
    yield from painter.shading(page, at, top, height)
    yield from grid(paper.grid_x, top, paper.grid_width, height)
    yield from painter.leads(page, extent, at, top, height)
    yield from painter.pulses(page, extent, paper.pulse_x, top, height)


def _grid_height(page: PagePlan, room: float) -> float:
    """Whole large squares, no more than the rows need."""
    return min(room, math.ceil(page.n_rows * _MOST_ROW_MM / LARGE_MM) * LARGE_MM)

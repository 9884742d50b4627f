"""Pieces of leads on a paper grid, as SVG in millimetres: 25 mm/s, 10 mm/mV."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Lead, Waveform

MM_PER_S = 25.0
MM_PER_MV = 10.0
TITLE_MM = 7.0
LABEL_MM = 5.0
"""Above each strip, for labels of its beats."""

_MARGIN_MM = 5.0
_LEAST_HEIGHT_MM, _GREATEST_HEIGHT_MM = 20.0, 60.0
_DRAWN_HZ = 250.0  # 10 points a millimetre
_SHADES = 10

_STYLE = (
    "text{font-family:sans-serif;font-size:3.2px;fill:#222}"
    ".title{font-size:4px;font-weight:bold}"
    ".trace{fill:none;stroke:#111;stroke-width:.25;stroke-linejoin:round}"
    ".shade{fill:#3050d0}"
    ".small{fill:none;stroke:#f3c6c0;stroke-width:.1}"
    ".large{fill:none;stroke:#e39a90;stroke-width:.25}"
)
_GRID = (
    '<pattern id="mm" width="1" height="1" patternUnits="userSpaceOnUse">'
    '<path class="small" d="M1 0H0V1"/></pattern>'
    '<pattern id="cm" width="5" height="5" patternUnits="userSpaceOnUse">'
    '<rect width="5" height="5" fill="url(#mm)"/><path class="large" d="M5 0H0V5"/>'
    "</pattern>"
)


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """A piece of one lead.

    Parameters
    ----------
    start, stop
        Samples of the recording.
    shading
        0 (none) to 1 for each of them.
    labels
        Sample and text of what is written above.
    """

    lead: Lead
    start: int
    stop: int
    shading: NDArray[np.float32]
    labels: Sequence[tuple[int, str]] = field(default=())


def picture(waveform: Waveform, parts: Sequence[tuple[str, Sequence[Strip]]]) -> str:
    """Draw strips below one another, under titles."""
    drawn: list[str] = []
    top = _MARGIN_MM
    width = 0.0
    for title, strips in parts:
        drawn.append(_text(0, top + TITLE_MM - 2, title, "title"))
        top += TITLE_MM
        for strip in strips:
            height = _height_mm(waveform, strip)
            drawn.append(f'<g transform="translate(0 {top:g})">')
            drawn += _strip(waveform, strip, height)
            drawn.append("</g>")
            top += LABEL_MM + height
            width = max(width, _mm(waveform, strip.stop - strip.start))
        top += _MARGIN_MM
    width += 2 * _MARGIN_MM
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{top:g}mm" '
        f'viewBox="{-_MARGIN_MM:g} 0 {width:g} {top:g}">'
        f"<style>{_STYLE}</style><defs>{_GRID}</defs>"
        f'<rect x="{-_MARGIN_MM:g}" width="{width:g}" height="{top:g}" fill="#fff"/>'
        f"{''.join(drawn)}</svg>\n"
    )


def _strip(waveform: Waveform, strip: Strip, height: float) -> list[str]:
    """One strip, its labels above the paper."""
    width = _mm(waveform, strip.stop - strip.start)
    seconds = f"{strip.start / waveform.sampling_rate_hz:.1f} s"
    return [
        f'<g transform="translate(0 {LABEL_MM:g})">',
        f'<rect width="{width:g}" height="{height:g}" fill="url(#cm)"/>',
        *_shades(waveform, strip, height),
        f'<path class="trace" d="{_trace(waveform, strip, height)}"/>',
        _text(1, 4, f"{strip.lead}  {seconds}"),
        "</g>",
        *(
            _text(_mm(waveform, sample - strip.start) - 1, LABEL_MM - 1, text)
            for sample, text in strip.labels
        ),
    ]


def _shades(waveform: Waveform, strip: Strip, height: float) -> list[str]:
    """Rectangles of one shade each, over the samples that share it."""
    levels = np.rint(strip.shading * _SHADES).astype(np.int64)
    edges = np.flatnonzero(np.diff(levels, prepend=-1, append=-1))
    return [
        f'<rect class="shade" x="{_mm(waveform, first):.2f}" '
        f'width="{_mm(waveform, last - first):.2f}" height="{height:g}" '
        f'fill-opacity="{0.5 * levels[first] / _SHADES:.2f}"/>'
        for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        if levels[first] > 0
    ]


def _trace(waveform: Waveform, strip: Strip, height: float) -> str:
    """The line, as a path that breaks where samples are missing."""
    step = max(1, int(waveform.sampling_rate_hz // _DRAWN_HZ))
    piece = waveform.lead_mv(strip.lead)[strip.start : strip.stop : step]
    there = np.isfinite(piece)
    if not there.any():
        return "M0 0"
    middle = (piece[there].min() + piece[there].max()) / 2
    y = height / 2 - (piece - middle) * MM_PER_MV
    x = np.arange(len(piece)) * _mm(waveform, step)
    starts = there & ~np.concatenate([[False], there[:-1]])
    return "".join(
        f"{'M' if first else 'L'}{at:.2f} {mm:.2f}"
        for first, at, mm in zip(
            starts[there].tolist(),
            x[there].tolist(),
            np.clip(y[there], 0, height).tolist(),
            strict=True,
        )
    )


def _height_mm(waveform: Waveform, strip: Strip) -> float:
    """Whole large squares that hold the signal; what goes far beyond them is cut off."""
    piece = waveform.lead_mv(strip.lead)[strip.start : strip.stop]
    there = piece[np.isfinite(piece)]
    range_mm = float(np.ptp(there)) * MM_PER_MV if len(there) else 0.0
    squares = math.ceil((range_mm + 2) / 5) * 5.0
    return min(max(squares, _LEAST_HEIGHT_MM), _GREATEST_HEIGHT_MM)


def _mm(waveform: Waveform, n_samples: int) -> float:
    return n_samples / waveform.sampling_rate_hz * MM_PER_S


def _text(x: float, y: float, text: str, kind: str = "label") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'

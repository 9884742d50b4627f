"""Pieces of leads on ECG paper, below one another under titles."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.waveform import Lead, Waveform
from ecgsvc.render.drawing import Drawing, Item, Page, Text
from ecgsvc.render.ecg_paper import LARGE_MM, MM_PER_MV, MM_PER_S, grid, shades, trace
from ecgsvc.render.svg import write_svg

_MARGIN_MM, _TITLE_MM, _LABEL_MM = 5.0, 7.0, 5.0
_LEAST_HEIGHT_MM, _GREATEST_HEIGHT_MM = 20.0, 60.0


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


def strip_picture(
    waveform: Waveform, parts: Sequence[tuple[str, Sequence[Strip]]], title: str
) -> bytes:
    """Draw strips under titles, as SVG."""
    return write_svg(Drawing((_page(waveform, parts),), title))


def _page(waveform: Waveform, parts: Sequence[tuple[str, Sequence[Strip]]]) -> Page:
    """Strips below one another, under titles."""
    items: list[Item] = []
    top, width = _MARGIN_MM, 0.0
    for title, strips in parts:
        items.append(Text(_MARGIN_MM, top + _TITLE_MM - 2, title, 4.0, bold=True))
        top += _TITLE_MM
        for strip in strips:
            height = _height_mm(waveform, strip)
            items += _strip(waveform, strip, top + _LABEL_MM, height)
            top += _LABEL_MM + height
            width = max(width, _mm(waveform, strip.stop - strip.start))
        top += _MARGIN_MM
    return Page(width + 2 * _MARGIN_MM, top, tuple(items))


def _strip(waveform: Waveform, strip: Strip, top: float, height: float) -> Iterator[Item]:
    """One strip, its labels above the paper."""
    rate_hz = waveform.sampling_rate_hz
    piece = waveform.lead_mv(strip.lead)[strip.start : strip.stop]
    lowest, highest = _extent(piece)
    yield from shades(strip.shading, rate_hz, x=_MARGIN_MM, top=top, height=height)
    yield from grid(_MARGIN_MM, top, _mm(waveform, strip.stop - strip.start), height)
    yield trace(
        piece,
        rate_hz,
        x=_MARGIN_MM,
        baseline=top + height / 2,
        middle_mv=(lowest + highest) / 2,
        mm_per_mv=MM_PER_MV,
        top=top,
        bottom=top + height,
    )
    named = f"{strip.lead}  {strip.start / rate_hz:.1f} s"
    yield Text(_MARGIN_MM + 1, top + 4, named, 3.2)
    for sample, text in strip.labels:
        x = _MARGIN_MM + _mm(waveform, sample - strip.start)
        yield Text(x, top - 1, text, 3.2, anchor="middle")


def _height_mm(waveform: Waveform, strip: Strip) -> float:
    """Whole large squares that hold the signal; what goes far beyond them is cut off."""
    lowest, highest = _extent(waveform.lead_mv(strip.lead)[strip.start : strip.stop])
    squares = math.ceil(((highest - lowest) * MM_PER_MV + 2) / LARGE_MM) * LARGE_MM
    return min(max(squares, _LEAST_HEIGHT_MM), _GREATEST_HEIGHT_MM)


def _extent(piece_mv: NDArray[np.float64]) -> tuple[float, float]:
    there = piece_mv[np.isfinite(piece_mv)]
    return (float(there.min()), float(there.max())) if len(there) else (0.0, 0.0)


def _mm(waveform: Waveform, n_samples: int) -> float:
    return n_samples / waveform.sampling_rate_hz * MM_PER_S

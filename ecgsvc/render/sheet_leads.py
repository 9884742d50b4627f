"""The leads of a page: traces, names, beats, wave boundaries, shading, calibration."""

from collections.abc import Iterator

import numpy as np

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.beats import BeatClass
from ecgsvc.domain.sheet import SheetOptions
from ecgsvc.domain.waveform import Lead
from ecgsvc.domain.waves import ABSENT
from ecgsvc.render.bidi import printable
from ecgsvc.render.drawing import Color, Item, Lines, Text, joined
from ecgsvc.render.ecg_paper import (
    INK,
    MM_PER_S,
    PULSE_MV,
    PULSE_WIDTH_MM,
    pulse,
    shades,
    trace,
)
from ecgsvc.render.explanation_picture import shading_of
from ecgsvc.render.sheet_gain import PageExtent
from ecgsvc.render.sheet_plan import LINE_S, PagePlan, Piece
from ecgsvc.render.typeface import fitted, shortened, width

BEAT_COLORS: dict[BeatClass, Color] = {
    BeatClass.N: "#6b6b6b",
    BeatClass.S: "#b35a00",
    BeatClass.V: "#a11212",
    BeatClass.F: "#7a1f8a",
    BeatClass.Q: "#174f9c",
}
_WAVE_COLORS: dict[str, Color] = {"P": "#1c7a3c", "QRS": "#174f9c", "T": "#8a5a00"}
_GREY = "#5f5f5f"
_NAME_SIZE, _BEAT_SIZE, _TIME_SIZE = 3.6, 2.7, 2.3
_LETTER_MM = 2
"""Columns on either side of a beat that its letter stands above."""


class LeadPainter:
    """Draws the pieces of a sheet's pages at one gain."""

    def __init__(self, analysis: Analysis, options: SheetOptions, mm_per_mv: float) -> None:
        self._analysis = analysis
        self._waveform = analysis.waveform
        self._options = options
        self._gain = mm_per_mv

    def shading(
        self, page: PagePlan, x: float, top: float, height: float
    ) -> Iterator[Item]:
        """Shade what the models looked at, lead by lead, when that is asked."""
        explanation = self._analysis.explanation
        if explanation is None or not self._options.shade:
            return
        spacing = height / page.n_rows
        for piece in page.pieces:
            weights = shading_of(explanation, piece.lead, piece.start, piece.stop)
            yield from shades(
                weights, self._waveform.sampling_rate_hz,
                x=x + piece.x, top=top + piece.row * spacing, height=spacing,
            )  # fmt: skip

    def leads(
        self, page: PagePlan, extent: PageExtent, x: float, top: float, height: float
    ) -> Iterator[Item]:
        """Draw every piece with its name; on strips the beats as well."""
        spacing = height / page.n_rows
        baselines = [top + at for at in extent.baselines(spacing, self._gain)]
        for piece, middle in zip(page.pieces, extent.middles_mv, strict=True):
            baseline, at = baselines[piece.row], x + piece.x
            row_top = top + piece.row * spacing
            if not piece.recorded:
                yield Text(at + 1.5, baseline, "not recorded", 2.8, color=_GREY)
            else:
                yield self._trace(piece, at, baseline, middle, top, top + height)
            yield from self._name(piece, extent, at, baseline, top + 3.2)
            if piece.x:
                yield _separator(at, baseline)
            if piece.strip:
                yield _second_ticks(at, row_top + spacing)
                yield from self._strip_marks(piece, extent, at, baseline, top)

    def pulses(
        self, page: PagePlan, extent: PageExtent, x: float, top: float, height: float
    ) -> Iterator[Item]:
        """Draw the calibration at the beginning of every row."""
        spacing = height / page.n_rows
        for baseline in extent.baselines(spacing, self._gain):
            yield pulse(x + 1.0, top + baseline, self._gain)

    def cut_off(self, page: PagePlan, extent: PageExtent, height: float) -> list[str]:
        """Name the leads that go beyond the paper and are cut off at its edge."""
        baselines = extent.baselines(height / page.n_rows, self._gain)
        cut: dict[Lead, None] = {}
        for piece, middle in zip(page.pieces, extent.middles_mv, strict=True):
            if piece.recorded:
                samples = self._waveform.lead_mv(piece.lead)[piece.start : piece.stop]
                y = baselines[piece.row] - (samples - middle) * self._gain
                if np.nanmin(y, initial=0.0) < 0 or np.nanmax(y, initial=height) > height:
                    cut[piece.lead] = None
        names = ", ".join(printable(lead) for lead in cut)
        return [f"Cut off at the edge of the paper: {names}"] if cut else []

    def _trace(
        self,
        piece: Piece,
        x: float,
        baseline: float,
        middle_mv: float,
        top: float,
        bottom: float,
    ) -> Lines:
        return trace(
            self._waveform.lead_mv(piece.lead)[piece.start : piece.stop],
            self._waveform.sampling_rate_hz,
            x=x,
            baseline=baseline,
            middle_mv=middle_mv,
            mm_per_mv=self._gain,
            top=top,
            bottom=bottom,
        )

    def _name(
        self, piece: Piece, extent: PageExtent, x: float, baseline: float, least_y: float
    ) -> Iterator[Item]:
        """The lead's name: above the pulse, or where its piece begins."""
        name = printable(piece.lead)
        if piece.x == 0:
            room = PULSE_WIDTH_MM + 1.0
            size = fitted(name, _NAME_SIZE, room, least=2.2, bold=True)
            y = baseline - PULSE_MV * self._gain - 1.4
            text = shortened(name, size, room, bold=True)
            yield Text(x - room, y, text, size, bold=True)
            return
        clear = baseline - self._height_mm(piece, extent, 0, 9) - 1.0
        y = min(baseline - PULSE_MV * self._gain - 1.4, clear)
        yield Text(x + 1.2, max(y, least_y), name, _NAME_SIZE, bold=True)
        seconds = piece.start / self._waveform.sampling_rate_hz
        if abs(seconds * MM_PER_S - piece.x) > 1.0:
            after = x + 2.2 + width(name, _NAME_SIZE, bold=True)
            yield Text(after, max(y, least_y), f"{seconds:.1f} s", _TIME_SIZE, color=_GREY)

    def _height_mm(self, piece: Piece, extent: PageExtent, first: int, last: int) -> float:
        """How far the row stands above its baseline, between columns of the piece."""
        above = extent.rows[piece.row].above_mv
        start = round(piece.x)
        part = above[max(0, start + first) : start + last + 1]
        return float(part.max(initial=0.0)) * self._gain

    def _strip_marks(
        self, piece: Piece, extent: PageExtent, x: float, baseline: float, top: float
    ) -> Iterator[Item]:
        if piece.start:
            time = _clock(piece.start / self._waveform.sampling_rate_hz)
            left = x - PULSE_WIDTH_MM - 1.0
            yield Text(left, baseline + 3.2, time, _TIME_SIZE, color=_GREY)
        if self._options.mark_beats:
            yield from self._beat_letters(piece, extent, x, baseline, top)
        if self._options.mark_waves:
            yield from self._wave_ticks(piece, x, baseline)

    def _beat_letters(
        self, piece: Piece, extent: PageExtent, x: float, baseline: float, top: float
    ) -> Iterator[Item]:
        """Each beat's class above it; a question mark where that is not sure."""
        beats = self._analysis.beats
        for index, kind, sure in zip(
            beats.r_peak_indices.tolist(), beats.classes, beats.sure.tolist(), strict=True
        ):
            if not piece.start <= index < piece.stop:
                continue
            at = (index - piece.start) / self._waveform.sampling_rate_hz * MM_PER_S
            column = round(at)
            high = self._height_mm(piece, extent, column - _LETTER_MM, column + _LETTER_MM)
            letter = kind.value if sure else f"{kind.value}?"
            yield Text(
                x + max(at, 1.5), max(baseline - high - 1.4, top + 2.4), letter, _BEAT_SIZE,
                bold=kind is not BeatClass.N, color=BEAT_COLORS[kind], anchor="middle",
            )  # fmt: skip

    def _wave_ticks(self, piece: Piece, x: float, baseline: float) -> Iterator[Item]:
        """Where P, QRS and T begin and end, as short lines through the baseline."""
        for waves in self._analysis.waves:
            if waves.lead != piece.lead:
                continue
            for kind, points in (("P", waves.p), ("QRS", waves.qrs), ("T", waves.t)):
                edges = np.concatenate([points.onset, points.offset])
                here = edges[
                    (edges != ABSENT) & (edges >= piece.start) & (edges < piece.stop)
                ]
                seconds = np.sort(here - piece.start) / self._waveform.sampling_rate_hz
                ticks = joined(
                    *(
                        np.array([[at, baseline - 2.5], [at, baseline + 2.5]])
                        for at in x + seconds * MM_PER_S
                    )
                )
                yield Lines(ticks, _WAVE_COLORS[kind], 0.2, f"wave {kind}")


def _separator(x: float, baseline: float) -> Lines:
    """Between two leads in one row."""
    return Lines(
        np.array([[x, baseline - 3.0], [x, baseline + 3.0]]), INK, 0.25, "separator"
    )


def _second_ticks(x: float, bottom: float) -> Lines:
    ticks = (
        np.array([[x + s * MM_PER_S, bottom - 1.2], [x + s * MM_PER_S, bottom]])
        for s in range(round(LINE_S) + 1)
    )
    return Lines(joined(*ticks), INK, 0.2, "seconds")


def _clock(seconds: float) -> str:
    """Time from the beginning of the recording."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

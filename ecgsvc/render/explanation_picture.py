"""An explanation as a picture: the leads that were read, shaded where they spoke."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.explanation import BeatExplanation, Highlight
from ecgsvc.domain.rhythm import RHYTHM_WORDS
from ecgsvc.domain.waveform import Lead, Waveform
from ecgsvc.render.ecg_paper import Strip, picture

STRIP_S = 10.0


def explanation_svg(analysis: Analysis) -> str:
    """Draw what was explained: rhythm windows, then beats, in strips of 10 s.

    Shading is Grad-CAM: the darker, the more a sample spoke for the class that is written
    above its beat, or for the rhythm of the window. Each beat, and each window, has its
    darkest sample.
    """
    explanation, waveform = analysis.explanation, analysis.waveform
    if explanation is None:
        msg = "the analysis has no explanation"
        raise ValueError(msg)
    parts = [
        (
            f"Rhythm: {RHYTHM_WORDS[each.rhythm]} (shaded: what spoke for it)",
            list(_window_strips(waveform, each.highlight)),
        )
        for each in explanation.rhythm
    ]
    if explanation.beats:
        title = "Beats (shaded: what spoke for the class above each)"
        parts.append((title, list(_beat_strips(waveform, explanation.beats))))
    return picture(waveform, parts)


def _window_strips(waveform: Waveform, highlight: Highlight) -> Iterator[Strip]:
    length = round(STRIP_S * waveform.sampling_rate_hz)
    for start in range(highlight.start_index, highlight.stop_index, length):
        stop = min(start + length, highlight.stop_index)
        within = slice(start - highlight.start_index, stop - highlight.start_index)
        yield Strip(highlight.lead, start, stop, highlight.weights[within])


def _beat_strips(waveform: Waveform, beats: tuple[BeatExplanation, ...]) -> Iterator[Strip]:
    """Strips that hold explained beats, each on every lead they were read on."""
    length = round(STRIP_S * waveform.sampling_rate_hz)
    leads = dict.fromkeys(shown.lead for beat in beats for shown in beat.highlights)
    for start in sorted({beat.r_peak_index // length * length for beat in beats}):
        stop = min(start + length, waveform.n_samples)
        inside = [beat for beat in beats if start <= beat.r_peak_index < stop]
        labels = [(beat.r_peak_index, beat.beat_class.value) for beat in inside]
        for lead in leads:
            yield Strip(lead, start, stop, _shading(beats, lead, start, stop), labels)


def _shading(
    beats: tuple[BeatExplanation, ...], lead: Lead, start: int, stop: int
) -> NDArray[np.float32]:
    """The weights of all beats on one lead; where windows overlap, the larger."""
    shading = np.zeros(stop - start, np.float32)
    for beat in beats:
        for shown in beat.highlights:
            first, last = max(shown.start_index, start), min(shown.stop_index, stop)
            if shown.lead == lead and first < last:
                part = shown.weights[first - shown.start_index : last - shown.start_index]
                place = slice(first - start, last - start)
                shading[place] = np.maximum(shading[place], part)
    return shading

"""An explanation as a picture: the leads that were read, shaded where they spoke."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.explanation import BeatExplanation, Explanation, Highlight
from ecgsvc.domain.rhythm import RHYTHM_WORDS
from ecgsvc.domain.waveform import Lead, Waveform
from ecgsvc.render.strip_picture import Strip, strip_picture

STRIP_S = 10.0


def explanation_svg(analysis: Analysis) -> bytes:
    """Draw what was explained: rhythm windows, then beats, in strips of 10 s.

    Shading is integrated Grad-CAM of beats and occlusion of rhythms: the darker, the more a
    sample spoke for the class that is written above its beat, or for the rhythm of the
    window.
    Each beat, and each window, has its darkest sample.
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
    return strip_picture(waveform, parts, "Explanation of an ECG")


def shading_of(
    explanation: Explanation, lead: Lead, start: int, stop: int
) -> NDArray[np.float32]:
    """What spoke for any beat or rhythm, 0 to 1 for each sample of a piece of a lead."""
    shown = [window.highlight for window in explanation.rhythm]
    shown += [each for beat in explanation.beats for each in beat.highlights]
    return _shading(shown, lead, start, stop)


def _window_strips(waveform: Waveform, highlight: Highlight) -> Iterator[Strip]:
    length = round(STRIP_S * waveform.sampling_rate_hz)
    for start in range(highlight.start_index, highlight.stop_index, length):
        stop = min(start + length, highlight.stop_index)
        within = slice(start - highlight.start_index, stop - highlight.start_index)
        yield Strip(highlight.lead, start, stop, highlight.weights[within])


def _beat_strips(waveform: Waveform, beats: tuple[BeatExplanation, ...]) -> Iterator[Strip]:
    """Strips that hold explained beats, each on every lead they were read on."""
    length = round(STRIP_S * waveform.sampling_rate_hz)
    highlights = [shown for beat in beats for shown in beat.highlights]
    for start in sorted({beat.r_peak_index // length * length for beat in beats}):
        stop = min(start + length, waveform.n_samples)
        inside = [beat for beat in beats if start <= beat.r_peak_index < stop]
        labels = [(beat.r_peak_index, beat.beat_class.value) for beat in inside]
        for lead in dict.fromkeys(shown.lead for shown in highlights):
            yield Strip(lead, start, stop, _shading(highlights, lead, start, stop), labels)


def _shading(
    highlights: Sequence[Highlight], lead: Lead, start: int, stop: int
) -> NDArray[np.float32]:
    """The weights on one lead; where windows overlap, the larger."""
    shading = np.zeros(stop - start, np.float32)
    for shown in highlights:
        first, last = max(shown.start_index, start), min(shown.stop_index, stop)
        if shown.lead == lead and first < last:
            part = shown.weights[first - shown.start_index : last - shown.start_index]
            place = slice(first - start, last - start)
            shading[place] = np.maximum(shading[place], part)
    return shading

"""Why windows have the rhythm they have: what hangs on each piece of the lead, attention.

How much of the answer hangs on a piece is asked directly: the piece is drawn straight, and
the networks are asked again (occlusion; Zeiler & Fergus 2014, doi
10.1007/978-3-319-10590-1_53). Grad-CAM, which explains the beats, averages over the whole
window what a channel is worth, and pointed no better than chance here
(docs/evaluation.md, explanations).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.explanation import Highlight, RhythmExplanation
from ecgsvc.domain.rhythm import RHYTHM_CLASSES, RhythmClass, RhythmWindow
from ecgsvc.domain.waveform import Lead, Millivolts, Waveform
from ecgsvc.inference.beats import choose_lead
from ecgsvc.inference.grad_cam import (
    ExplanationGraph,
    FeatureMap,
    Feed,
    Floats,
    Look,
    relative,
    thinned,
)
from ecgsvc.inference.graph_explainer import GraphExplainer
from ecgsvc.inference.rhythm_inputs import (
    MODEL_RATE_HZ,
    build_rhythm_inputs,
    filter_lead,
    pieces_of,
)

MAX_WINDOWS = 8
"""Windows explained of a recording: asking about every piece takes its time."""

_STRAIGHT = round(0.3 * MODEL_RATE_HZ)  # samples: about a QRS complex with its P wave
_EVERY = _STRAIGHT // 2


class RhythmExplainer(GraphExplainer):
    """Explains the rhythm of windows; one instance serves any number of threads."""

    def explain(
        self,
        waveform: Waveform,
        beats: ClassifiedBeats,
        windows: Sequence[RhythmWindow],
    ) -> tuple[RhythmExplanation, ...]:
        """Explain up to `MAX_WINDOWS` windows: of other rhythms than normal first.

        Parameters
        ----------
        waveform, beats
            What the classifier was given.
        windows
            What it made of it. Explained is the likeliest rhythm of each, also where the
            window has no answer because another is possible too.

        Notes
        -----
        What speaks for a rhythm is asked of the networks. The trees beside them see
        features of the whole window and have no part in this.
        """
        lead = choose_lead(waveform.leads, waveform.leads)
        rate_hz = waveform.sampling_rate_hz
        signal = (
            None
            if lead is None
            else filter_lead(waveform.lead_mv(lead), rate_hz, self._tools)
        )
        if lead is None or signal is None:
            return ()
        return tuple(
            self._explain_one(waveform, lead, signal, beats, window)
            for window in choose_windows(windows)
        )

    def _explain_one(
        self,
        waveform: Waveform,
        lead: Lead,
        signal: Millivolts,
        beats: ClassifiedBeats,
        window: RhythmWindow,
    ) -> RhythmExplanation:
        rate_hz, start = waveform.sampling_rate_hz, window.start_index
        rhythm = likeliest(window)
        pieces_s = [
            (start / rate_hz + first_s, start / rate_hz + last_s)
            for first_s, last_s in pieces_of((window.stop_index - start) / rate_hz)
        ]
        inputs = build_rhythm_inputs(signal, beats, rate_hz, pieces_s)
        at_s = np.arange(start, window.stop_index) / rate_hz
        weights, attention = (np.zeros(len(at_s), np.float32) for _ in range(2))
        for row, (first_s, last_s) in enumerate(pieces_s):
            inside = (at_s >= first_s) & (at_s < last_s)
            feed = {"windows": inputs.windows[[row]], "features": inputs.features[[row]]}
            samples = (at_s[inside] - first_s) * MODEL_RATE_HZ
            look = self._graph.look(feed)
            n_samples = round((last_s - first_s) * MODEL_RATE_HZ)
            lost = lost_without(self._graph, feed, n_samples, RHYTHM_CLASSES.index(rhythm))
            weights[inside] = np.interp(samples, np.arange(n_samples), lost)
            attention[inside] += _attended(self._graph.maps, look, samples)
        return RhythmExplanation(
            rhythm,
            Highlight(lead, start, relative(weights)),
            Highlight(lead, start, relative(attention)) if attention.any() else None,
        )


def lost_without(
    graph: ExplanationGraph, feed: Feed, n_samples: int, answer: int
) -> Floats:
    """How much of an answer's logit goes when the surroundings of a sample are straight.

    Parameters
    ----------
    feed
        The model's inputs for one window.
    n_samples
        Of it; padding follows.
    answer
        Place of the logit.

    Returns
    -------
    numpy.ndarray
        Shape (n_samples,) from 0 up, the mean over the pieces that a sample lies in.
    """
    window = feed["windows"][0, 0]
    starts = np.arange(0, max(n_samples - _STRAIGHT, 0) + _EVERY, _EVERY)
    pieces = [np.arange(a, min(a + _STRAIGHT, n_samples)) for a in starts.tolist()]
    straight = np.repeat(window[np.newaxis], len(pieces), axis=0)
    for row, piece in zip(straight, pieces, strict=True):
        around = np.setdiff1d([piece[0] - 1, piece[-1] + 1], [-1, n_samples])
        row[piece] = np.interp(piece, around, window[around]) if len(around) else 0
    features = np.repeat(feed["features"], len(pieces), axis=0)
    logits = graph.logits({"windows": straight[:, np.newaxis], "features": features})
    lost = graph.logits(feed)[0, answer] - logits[:, answer]
    total, count = np.zeros((2, n_samples), np.float32)
    for piece, change in zip(pieces, lost.tolist(), strict=True):
        total[piece] += change
        count[piece] += 1
    mean_lost: Floats = total / count
    return np.maximum(mean_lost, 0)


def _attended(
    maps: Sequence[FeatureMap], look: Look, samples: NDArray[np.float64]
) -> Floats:
    """Attention of all networks and queries on samples; it looks at their feature maps."""
    total = np.zeros(len(samples), np.float32)
    for each, attention in zip(maps, look.attention, strict=True):
        if attention is not None:
            total += each.at(attention.mean(axis=0), samples)
    return total


def likeliest(window: RhythmWindow) -> RhythmClass:
    """The most probable rhythm of a window."""
    return max(RHYTHM_CLASSES, key=lambda rhythm: window.probabilities[rhythm])


def choose_windows(windows: Sequence[RhythmWindow]) -> list[RhythmWindow]:
    """Windows to explain, in order of time: all where they are few.

    Else those that are likeliest not normal, evenly thinned, and then the others.
    """
    normal = np.array([likeliest(each) is RhythmClass.NORMAL for each in windows], np.bool_)
    return [windows[i] for i in thinned(~normal, normal, MAX_WINDOWS).tolist()]

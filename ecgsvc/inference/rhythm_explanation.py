"""Why windows have the rhythm they have: Grad-CAM and attention along the lead read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.explanation import Highlight, RhythmExplanation
from ecgsvc.domain.rhythm import RHYTHM_CLASSES, RhythmClass, RhythmWindow
from ecgsvc.domain.waveform import Lead, Millivolts, Waveform
from ecgsvc.inference.beat_features import SignalTools
from ecgsvc.inference.beats import choose_lead
from ecgsvc.inference.grad_cam import (
    ExplanationGraph,
    FeatureMap,
    Floats,
    Look,
    relative,
    thinned,
)
from ecgsvc.inference.rhythm_inputs import (
    MODEL_RATE_HZ,
    build_rhythm_inputs,
    filter_lead,
    pieces_of,
)
from ecgsvc.inference.sessions import Provider

MAX_WINDOWS = 8
"""Windows explained of a recording: a difference for each channel takes its time."""


class RhythmExplainer:
    """Explains the rhythm of windows; one instance serves any number of threads."""

    def __init__(self, graph: ExplanationGraph, tools: SignalTools) -> None:
        self._graph, self._tools = graph, tools

    @classmethod
    def load(
        cls, folder: Path, tools: SignalTools, *, provider: Provider = "auto"
    ) -> "RhythmExplainer | None":
        """The explainer of a rhythm model's folder; None when it ships no graph for it.

        Raises
        ------
        ModelUnavailable
            The folder is incomplete or altered.
        """
        graph = ExplanationGraph.of_model(folder, provider)
        return None if graph is None else cls(graph, tools)

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
            answer = (RHYTHM_CLASSES.index(rhythm),)
            (spoke_for,) = self._graph.highlight(feed, [0], answer, look, samples)
            weights[inside] += spoke_for
            attention[inside] += _attended(self._graph.maps, look, samples)
        return RhythmExplanation(
            rhythm,
            Highlight(lead, start, relative(weights)),
            Highlight(lead, start, relative(attention)) if attention.any() else None,
        )


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

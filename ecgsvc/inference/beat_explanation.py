"""Why beats have the classes they have: a picture on each lead, attention over the beats.

Of networks as sure as these plain Grad-CAM marked half as well as when it is integrated
from a flat line to the beat, and in one fit no better than chance (docs/evaluation.md,
explanations).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass, ClassifiedBeats
from ecgsvc.domain.explanation import BeatExplanation, Highlight
from ecgsvc.domain.waveform import Lead, Waveform
from ecgsvc.inference.beat_chunks import chunks_of
from ecgsvc.inference.beat_features import (
    MODEL_RATE_HZ,
    SAMPLES_BEFORE_R,
    WINDOW_SAMPLES,
    BeatInputs,
    build_beat_inputs,
)
from ecgsvc.inference.beats import leads_read
from ecgsvc.inference.grad_cam import Feed, relative, thinned
from ecgsvc.inference.graph_explainer import GraphExplainer

MAX_BEATS = 32
"""Beats explained of a recording: a difference for each channel takes its time."""

_WAY = (0.2, 0.6, 1.0)  # of the beat's deflections, from a flat line


class BeatExplainer(GraphExplainer):
    """Explains classes of beats; one instance serves any number of threads."""

    def explain(
        self, waveform: Waveform, beats: ClassifiedBeats
    ) -> tuple[BeatExplanation, ...]:
        """Explain up to `MAX_BEATS` beats: of other classes than N first.

        Parameters
        ----------
        waveform, beats
            What the classifier was given, and what it made of it.

        Notes
        -----
        What speaks for a class is asked of the network's own logit of it. That no beat is
        called S in fibrillation is a rule and has no explanation here; neither have beats
        that could not be read.
        """
        leads = leads_read(waveform)
        if not leads or not beats.n_beats:
            return ()
        inputs = build_beat_inputs(
            np.stack([waveform.lead_mv(lead) for lead in leads]),
            waveform.sampling_rate_hz,
            beats.r_peak_indices,
            self._tools,
        )
        chunks, chunk_of = chunks_of(beats.n_beats)
        chosen = choose_beats(beats.classes, inputs.readable)
        explained: list[BeatExplanation] = []
        for chunk in np.unique(chunk_of[chosen]):
            explained += self._explain_some(
                _Task(waveform, leads, beats, inputs, chunks[chunk]),
                chosen[chunk_of[chosen] == chunk],
            )
        return tuple(explained)

    def _explain_some(
        self, task: "_Task", chosen: NDArray[np.int64]
    ) -> Iterator[BeatExplanation]:
        """Explain some beats of one chunk."""
        inputs, n_leads = task.inputs, len(task.leads)
        feed = {
            name: getattr(inputs, name)[np.newaxis, task.chunk]
            for name in ("windows", "shapes", "rhythm")
        }
        look = self._graph.look(feed)
        for beat in chosen.tolist():
            place = int(beat - task.chunk[0])
            start, samples = task.window(beat)
            weights = relative(
                self._graph.highlight(
                    [_faded(feed, place, share) for share in _WAY],
                    _faded(feed, place, 0.0),
                    range(place * n_leads, (place + 1) * n_leads),
                    (place, BEAT_CLASSES.index(task.beats.classes[beat])),
                    samples,
                )
            )
            attention = [each[place] for each in look.attention if each is not None]
            yield BeatExplanation(
                int(task.beats.r_peak_indices[beat]),
                task.beats.classes[beat],
                tuple(
                    Highlight(task.leads[row], start, weights[row].copy())
                    for row in task.shown_leads(beat)
                ),
                task.beats.r_peak_indices[task.chunk[: len(task.chunk) * bool(attention)]],
                np.mean(attention, axis=0) if attention else np.zeros(0, np.float32),
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """One chunk of a recording's beats."""

    waveform: Waveform
    leads: tuple[Lead, ...]
    beats: ClassifiedBeats
    inputs: BeatInputs
    chunk: NDArray[np.int64]

    def window(self, beat: int) -> tuple[int, NDArray[np.float64]]:
        """First sample that the model sees of a beat; where all stand in its window."""
        rate_hz = self.waveform.sampling_rate_hz
        r_peak = self.beats.r_peak_indices[beat]
        before = SAMPLES_BEFORE_R / MODEL_RATE_HZ
        after = WINDOW_SAMPLES / MODEL_RATE_HZ - before
        start = max(int(np.ceil(r_peak - before * rate_hz)), 0)
        stop = min(int(np.ceil(r_peak + after * rate_hz)), self.waveform.n_samples)
        from_r_s = (np.arange(start, stop) - r_peak) / rate_hz
        return start, SAMPLES_BEFORE_R + from_r_s * MODEL_RATE_HZ

    def shown_leads(self, beat: int) -> Sequence[int]:
        """Rows of the leads that the model saw: not one in whose place another stood."""
        windows = self.inputs.windows[beat]
        if len(self.leads) == 1 or not np.array_equal(windows[0], windows[1]):
            return range(len(self.leads))
        start, samples = self.window(beat)
        there = [
            np.isfinite(self.waveform.lead_mv(lead)[start : start + len(samples)]).sum()
            for lead in self.leads
        ]
        return [int(np.argmax(there))]


def _faded(feed: Feed, place: int, share: float) -> Feed:
    """The inputs with a part of one beat's deflections left; the features stay."""
    windows = feed["windows"].copy()
    windows[0, place] *= np.float32(share)
    return {**feed, "windows": windows}


def choose_beats(
    classes: Sequence[BeatClass], readable: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Beats to explain, in order of time: all readable ones where they are few.

    Else those of other classes than N, evenly thinned, and then as evenly of class N.
    """
    normal = np.array([each is BeatClass.N for each in classes], dtype=np.bool_)
    return thinned(readable & ~normal, readable & normal, MAX_BEATS)

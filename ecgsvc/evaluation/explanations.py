"""Do explanations point at what matters? Blanking what they mark must change answers.

After Samek et al. 2017, doi 10.1109/TNNLS.2016.2599820: the fifth of the samples that an
explanation marks most is blanked, and in other trials as many samples in the same pieces
elsewhere in the same window. Blanked pieces become straight lines between their ends. All
else goes through the serving path again; beats stay where they were, and the rhythm model's
features are those of the recording as it was: explanations are of its networks.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ecgsvc.convert import read_wfdb
from ecgsvc.domain.beats import BEAT_CLASSES, ClassifiedBeats
from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.explanation import Explanation, Highlight
from ecgsvc.domain.rhythm import RhythmCall, RhythmClass, RhythmWindow
from ecgsvc.domain.waveform import Waveform
from ecgsvc.evaluation.bootstrap import Interval, interval, resample_totals
from ecgsvc.evaluation.references import Classify, Detect, OnRecord

BLANKED_SHARE = 0.2
N_RANDOM = 4
BEATS_A_RECORD = 6
LONGEST_S = 30.0

Question: TypeAlias = Literal["beats", "rhythm"]


@dataclass(frozen=True, slots=True)
class Models:
    """The beat and the rhythm model, and what explains their answers.

    The rhythm model is given the samples to read, the beats, and the recording that its
    features are of.
    """

    beats: Classify
    rhythm: Callable[[Waveform, ClassifiedBeats, Waveform], RhythmCall]
    explain: Callable[[Waveform, ClassifiedBeats, Sequence[RhythmWindow]], Explanation]


@dataclass(frozen=True, slots=True)
class Blanked:
    """What blanking did to one answer.

    Parameters
    ----------
    probability
        Of the answer, before.
    lost
        Of it, when what was highlighted is blanked.
    lost_at_random
        The same for pieces elsewhere, one a trial.
    """

    record: str
    question: Question
    answer: str
    probability: float
    lost: float
    lost_at_random: tuple[float, ...]

    @property
    def mean_lost_at_random(self) -> float:
        """Mean over the trials."""
        return float(np.mean(self.lost_at_random))


@dataclass(frozen=True, slots=True)
class BlankedFigures:
    """Means over the answers of one kind; `interval` is of the difference of the losses."""

    n_answers: int
    lost: float
    lost_at_random: float
    interval: Interval
    more_often: float


def figures(blanked: Sequence[Blanked], *, seed: int = 0) -> BlankedFigures:
    """Mean losses, the interval of their difference, and the share of trials won.

    The interval is 95 % by bootstrap over records.
    """
    records = sorted({each.record for each in blanked})
    counts = np.zeros((len(records), 2))
    for each in blanked:
        counts[records.index(each.record)] += (each.lost - each.mean_lost_at_random, 1)
    totals = resample_totals(counts, seed=seed)
    won = [each.lost > random for each in blanked for random in each.lost_at_random]
    return BlankedFigures(
        len(blanked),
        float(np.mean([each.lost for each in blanked])),
        float(np.mean([each.mean_lost_at_random for each in blanked])),
        interval(totals[:, 0] / np.maximum(totals[:, 1], 1)),
        float(np.mean(won)),
    )


def evaluate_explanations(
    records: Sequence[Path],
    models: Models,
    detect: Detect,
    *,
    seed: int = 0,
    on_record: OnRecord | None = None,
) -> list[Blanked]:
    """Blank what is highlighted in each record's first 30 s, and pieces elsewhere.

    Raises
    ------
    UnreadableRecording
        There is no record, or one is damaged.
    """
    if not records:
        msg = "There is no record."
        raise UnreadableRecording(msg)
    rng = np.random.default_rng(seed)
    blanked: list[Blanked] = []
    for n_done, record in enumerate(records, start=1):
        waveform = _beginning(read_wfdb(record).waveform)
        blanked += blank_and_ask(record.name, waveform, models, detect, rng)
        if on_record is not None:
            on_record(record.name, n_done, len(records))
    return blanked


def _beginning(waveform: Waveform) -> Waveform:
    rate_hz = waveform.sampling_rate_hz
    first = waveform.samples_mv[:, : round(LONGEST_S * rate_hz)]
    return Waveform(first, rate_hz, waveform.leads)


def blank_and_ask(
    name: str,
    waveform: Waveform,
    models: Models,
    detect: Detect,
    rng: np.random.Generator,
) -> Iterator[Blanked]:
    """Ask the models again about one recording, for every answer that is explained."""
    r_peaks = detect(waveform)
    beats = models.beats(waveform, r_peaks)
    windows = models.rhythm(waveform, beats, waveform).windows
    explanation = models.explain(waveform, beats, windows)

    for beat in explanation.beats[:: -(-len(explanation.beats) // BEATS_A_RECORD) or 1]:
        at = int(np.flatnonzero(r_peaks == beat.r_peak_index)[0])
        column = BEAT_CLASSES.index(beat.beat_class)

        def of_beat(changed: Waveform, at: int = at, column: int = column) -> float:
            return float(models.beats(changed, r_peaks).probabilities[at, column])

        yield _asked(
            name, "beats", beat.beat_class, waveform, beat.highlights, of_beat, rng
        )
    for window in explanation.rhythm:
        start, rhythm = window.highlight.start_index, window.rhythm

        def of_window(
            changed: Waveform, start: int = start, rhythm: RhythmClass = rhythm
        ) -> float:
            call = models.rhythm(changed, beats, waveform)
            found = (w for w in call.windows if w.start_index == start)
            return sum((w.probabilities[rhythm] for w in found), 0.0)

        yield _asked(name, "rhythm", rhythm, waveform, (window.highlight,), of_window, rng)


def _asked(
    name: str,
    question: Question,
    answer: str,
    waveform: Waveform,
    highlights: Sequence[Highlight],
    probability_in: Callable[[Waveform], float],
    rng: np.random.Generator,
) -> Blanked:
    before = probability_in(waveform)
    masks = _most_marked(highlights)
    after = probability_in(blank(waveform, highlights, masks))
    shifts = rng.integers(1, masks.shape[1], N_RANDOM).tolist()
    at_random = (
        probability_in(blank(waveform, highlights, np.roll(masks, shift, axis=1)))
        for shift in shifts
    )
    return Blanked(
        name,
        question,
        answer,
        before,
        before - after,
        tuple(before - each for each in at_random),
    )


def _most_marked(highlights: Sequence[Highlight]) -> NDArray[np.bool_]:
    """The fifth of the samples with the largest weights, over all leads, (leads, n)."""
    weights = np.stack([each.weights for each in highlights])
    limit = np.quantile(weights, 1 - BLANKED_SHARE)
    return np.asarray((weights >= limit) & (weights > 0))


def blank(
    waveform: Waveform, highlights: Sequence[Highlight], masks: NDArray[np.bool_]
) -> Waveform:
    """Draw straight lines over the masked samples of the highlighted stretches.

    Parameters
    ----------
    masks
        Shape (n_highlights, n_samples), from where each highlight begins.
    """
    samples_mv = waveform.samples_mv.copy()
    everywhere = np.arange(waveform.n_samples)
    for highlight, mask in zip(highlights, masks, strict=True):
        row = waveform.leads.index(highlight.lead)
        hidden = np.zeros(waveform.n_samples, np.bool_)
        hidden[highlight.start_index : highlight.stop_index] = mask
        kept = ~hidden
        samples_mv[row, hidden] = np.interp(
            everywhere[hidden], everywhere[kept], samples_mv[row, kept]
        )
    return Waveform(samples_mv, waveform.sampling_rate_hz, waveform.leads)

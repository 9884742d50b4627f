"""Where a model and a rule cannot both be right."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

from ecgsvc.domain.findings import Contradiction, Evidence
from ecgsvc.domain.rhythm import EpisodeKind, RhythmClass, RhythmEpisode, RhythmWindow
from ecgsvc.interpretation.overlaps import overlapping
from ecgsvc.interpretation.regularity import (
    IRREGULAR_ABOVE,
    REGULARITY_SOURCE,
    NormalIntervals,
)

NOT_NORMAL = (
    EpisodeKind.VENTRICULAR_TACHYCARDIA, EpisodeKind.SUPRAVENTRICULAR_TACHYCARDIA,
    EpisodeKind.VENTRICULAR_BIGEMINY, EpisodeKind.VENTRICULAR_TRIGEMINY,
)  # fmt: skip
"""What a window of normal sinus rhythm cannot hold."""
ALARMS = (
    EpisodeKind.VENTRICULAR_FIBRILLATION,
    EpisodeKind.VENTRICULAR_TACHYCARDIA,
    EpisodeKind.ASYSTOLE,
)
MAX_EVIDENCE = 10
"""Episodes whose evidence stands in one contradiction."""
LONG_RUN_S = 10.0
"""A run that fills a window of the detector of malignant rhythm."""


def contradictions(
    ruled: Sequence[RhythmEpisode],
    seen: Sequence[RhythmEpisode] | None,
    windows: Sequence[RhythmWindow],
    normal: NormalIntervals,
    sampling_rate_hz: float,
    p_waves: tuple[Evidence, ...] = (),
) -> tuple[Contradiction, ...]:
    """Compare what rules and models say of the same stretch.

    Parameters
    ----------
    ruled
        Episodes the rules found.
    seen
        Episodes the detector of malignant rhythm found; None: there is no such detector.
    windows
        Of the rhythm model.
    normal
        Intervals the regularity is judged by.
    sampling_rate_hz
        Of all indices.
    p_waves
        Those of the sinus node.
    """
    found = [
        *_fibrillation_with_p_waves(windows, p_waves),
        *_regular_fibrillation(windows, normal),
        *_in_normal_windows(windows, ruled, NOT_NORMAL, "the beats show"),
    ]
    if seen is not None:
        found += _ventricular_tachycardia(ruled, seen, sampling_rate_hz)
        found += _in_normal_windows(windows, seen, ALARMS, "that of malignant rhythm")
    return tuple(found)


def _fibrillation_with_p_waves(
    windows: Sequence[RhythmWindow], p_waves: tuple[Evidence, ...]
) -> Iterator[Contradiction]:
    called = [w for w in windows if w.answer is RhythmClass.AF]
    if called and p_waves:
        window = called[0]
        fact = f"fibrillation with {window.probabilities[RhythmClass.AF]:.2f}"
        samples = (window.start_index, window.stop_index)
        yield Contradiction(
            "the rhythm model sees atrial fibrillation where P waves of the sinus node are",
            (Evidence("rhythm.windows", fact, samples), *p_waves),
        )


def _regular_fibrillation(
    windows: Sequence[RhythmWindow], normal: NormalIntervals
) -> Iterator[Contradiction]:
    regular = [
        (window, value)
        for window in windows
        if window.answer is RhythmClass.AF
        for value in [normal.irregularity(window.start_index, window.stop_index)]
        if value is not None and value <= IRREGULAR_ABOVE
    ]
    if regular:
        window, value = regular[0]
        samples = (window.start_index, window.stop_index)
        probability = window.probabilities[RhythmClass.AF]
        seen = f"fibrillation in {len(regular)} such windows, first with {probability:.2f}"
        counted = f"RMSSD {value:.0%} of the mean RR, at most {IRREGULAR_ABOVE:.0%}"
        yield Contradiction(
            "the rhythm model sees atrial fibrillation where the intervals are regular",
            (
                Evidence("rhythm.windows", seen, samples),
                Evidence("beats", counted, samples, REGULARITY_SOURCE),
            ),
        )


def _in_normal_windows(
    windows: Sequence[RhythmWindow],
    episodes: Sequence[RhythmEpisode],
    kinds: Sequence[EpisodeKind],
    by: str,
) -> Iterator[Contradiction]:
    """Find what somebody else (`by`) finds where the rhythm model sees nothing."""
    for kind in kinds:
        inside = {
            place: episode
            for episode in reversed(episodes)
            for place in [_window_of(episode, windows)]
            if episode.kind is kind
            and place is not None
            and windows[place].answer is RhythmClass.NORMAL
        }
        if inside:
            first = min(inside)
            window = windows[first]
            probability = window.probabilities[RhythmClass.NORMAL]
            fact = f"normal in {len(inside)} such windows, first with {probability:.2f}"
            samples = (window.start_index, window.stop_index)
            yield Contradiction(
                f"the rhythm model sees normal sinus rhythm, {by} {kind.value}",
                (Evidence("rhythm.windows", fact, samples), *inside[first].evidence),
            )


def _window_of(episode: RhythmEpisode, windows: Sequence[RhythmWindow]) -> int | None:
    """Place of the window that holds the middle of the episode."""
    middle = (episode.onset_index + episode.end_index) // 2
    place = bisect_right(windows, middle, key=attrgetter("start_index")) - 1
    return place if place >= 0 and middle < windows[place].stop_index else None


def _ventricular_tachycardia(
    ruled: Sequence[RhythmEpisode], seen: Sequence[RhythmEpisode], sampling_rate_hz: float
) -> Iterator[Contradiction]:
    kind = EpisodeKind.VENTRICULAR_TACHYCARDIA
    least = LONG_RUN_S * sampling_rate_hz
    runs = [e for e in ruled if e.kind is kind]
    long_runs = [e for e in runs if e.end_index - e.onset_index >= least]
    called = [e for e in seen if e.kind is kind]
    for text, episodes, others in (
        (
            "the beats show ventricular tachycardia for 10 s or more, the model of "
            "malignant rhythm does not",
            long_runs,
            seen,
        ),
        (
            "the model of malignant rhythm sees ventricular tachycardia, the beats show "
            "no run",
            called,
            runs,
        ),
    ):
        met = overlapping(episodes, others)
        alone = [e for e, is_met in zip(episodes, met, strict=True) if not is_met]
        if alone:
            facts = [fact for e in alone[:MAX_EVIDENCE] for fact in e.evidence]
            yield Contradiction(text, tuple(facts))

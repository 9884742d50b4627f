"""Models' windows and rules' episodes become one reading of the rhythm."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TypeVar

from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.findings import Evidence
from ecgsvc.domain.rhythm import (
    RHYTHM_CLASSES,
    EpisodeKind,
    MalignantCall,
    MalignantRhythm,
    MalignantWindow,
    RhythmCall,
    RhythmClass,
    RhythmEpisode,
    RhythmReading,
    RhythmWindow,
)
from ecgsvc.domain.rhythm_statistics import RhythmStatistics
from ecgsvc.domain.waveform import Waveform
from ecgsvc.interpretation.beat_episodes import beat_episodes
from ecgsvc.interpretation.contradictions import contradictions
from ecgsvc.interpretation.overlaps import overlapping
from ecgsvc.interpretation.regularity import NormalIntervals

Window = TypeVar("Window", RhythmWindow, MalignantWindow)

LEAST_ANSWERED = 0.5
"""Where less than half of the windows' time has an answer, the whole has none."""
NO_MODEL = "no rhythm model is installed"

_VT = EpisodeKind.VENTRICULAR_TACHYCARDIA
_SVT = EpisodeKind.SUPRAVENTRICULAR_TACHYCARDIA
_MALIGNANT = {
    MalignantRhythm.VF: EpisodeKind.VENTRICULAR_FIBRILLATION,
    MalignantRhythm.VT: EpisodeKind.VENTRICULAR_TACHYCARDIA,
    MalignantRhythm.ASYSTOLE: EpisodeKind.ASYSTOLE,
    MalignantRhythm.LEAD_OFF: EpisodeKind.LEAD_OFF,
}
NO_SINUS_RHYTHM = frozenset({_VT, _SVT, *_MALIGNANT.values()})
"""Beside these, P waves before the other beats do not name the rhythm."""
_NO_BEATS_IN = frozenset({EpisodeKind.VENTRICULAR_FIBRILLATION, EpisodeKind.LEAD_OFF})
"""What looks like a beat in these is none. Windows of asystole hold the beats around it."""


def read_rhythm(
    waveform: Waveform,
    beats: ClassifiedBeats,
    statistics: RhythmStatistics,
    *,
    call: RhythmCall | None = None,
    malignant: MalignantCall | None = None,
    p_waves: tuple[Evidence, ...] = (),
) -> RhythmReading:
    """Say what the rhythm is, where it changes, and where models and rules disagree.

    Parameters
    ----------
    waveform
        The recording.
    beats, statistics
        Of it; intervals that `statistics` does not count make no episode.
    call, malignant
        Answers of the models; None: no such model is installed.
    p_waves
        Those of the sinus node (`sinus_p_waves`).

    Notes
    -----
    Sinus P waves name the rhythm of a recording up to a minute where the rhythm model says
    another thing than atrial fibrillation, or is not sure, and no run or alarm is there.
    Rules are silent where a model sees ventricular fibrillation or no lead, and their runs
    of supraventricular tachycardia are silent within atrial fibrillation. Ventricular
    tachycardia found by both is one episode with the evidence of both.
    """
    windows = call.windows if call is not None else ()
    ruled = beat_episodes(beats, statistics, waveform.sampling_rate_hz)
    seen = tuple(_malignant_episodes(malignant.windows)) if malignant is not None else ()
    fibrillation = tuple(_fibrillation(windows))
    normal = NormalIntervals.of(beats, statistics)
    episodes = _united(ruled, seen, fibrillation)
    label, reason = _label(call)
    if not _is_asked(windows, episodes):
        p_waves = ()
    elif p_waves and label is not RhythmClass.AF:
        label, reason = RhythmClass.NORMAL, ""
    return RhythmReading(
        label=label,
        reason=reason,
        windows=windows,
        shares=_shares(windows),
        episodes=episodes,
        irregular_share=normal.irregular_share(
            waveform.sampling_rate_hz, waveform.n_samples
        ),
        unread_share=_unread_share(statistics),
        contradictions=contradictions(
            ruled, seen if malignant is not None else None, windows, normal,
            waveform.sampling_rate_hz, p_waves,
        ),
        p_waves=p_waves,
    )  # fmt: skip


def _is_asked(windows: Sequence[RhythmWindow], episodes: Sequence[RhythmEpisode]) -> bool:
    """Whether P waves can name the rhythm of it all."""
    noisy = any(w.conformal_set == {RhythmClass.NOISE} for w in windows)
    return (
        len(windows) == 1
        and not noisy
        and not any(each.kind in NO_SINUS_RHYTHM for each in episodes)
    )


def _unread_share(statistics: RhythmStatistics) -> float:
    n_all = len(statistics.rr_ms) + statistics.n_excluded
    return statistics.n_excluded / n_all if n_all else 0.0


def _label(call: RhythmCall | None) -> tuple[RhythmClass | None, str]:
    if call is None:
        return None, NO_MODEL
    if not call.windows:
        return None, call.reason
    if len(call.windows) == 1:
        return call.windows[0].answer, call.windows[0].reason
    n_answered = sum(_length(w) for w in call.windows if w.answer is not None)
    n_all = sum(_length(w) for w in call.windows)
    if n_answered < LEAST_ANSWERED * n_all:
        return None, f"only {n_answered / n_all:.0%} of it could be read with certainty"
    answers = {w.answer for w in call.windows if w.answer is not None}
    return (answers.pop() if len(answers) == 1 else None), ""


def _shares(windows: Sequence[RhythmWindow]) -> dict[RhythmClass, float]:
    lengths = {
        rhythm: sum(_length(w) for w in windows if w.answer is rhythm)
        for rhythm in RHYTHM_CLASSES
    }
    n_answered = sum(lengths.values())
    return {rhythm: n / n_answered for rhythm, n in lengths.items() if n}


def _length(window: RhythmWindow) -> int:
    return window.stop_index - window.start_index


def _fibrillation(windows: Iterable[RhythmWindow]) -> Iterator[RhythmEpisode]:
    for members in _joined_windows(windows):
        if members[0].answer is RhythmClass.AF:
            told = [w.probabilities[RhythmClass.AF] for w in members]
            yield _model_episode(EpisodeKind.ATRIAL_FIBRILLATION, members, told)


def _malignant_episodes(windows: Iterable[MalignantWindow]) -> Iterator[RhythmEpisode]:
    for members in _joined_windows(windows):
        answer = members[0].answer
        if answer in _MALIGNANT:
            told = [w.probabilities[answer] for w in members if answer in w.probabilities]
            yield _model_episode(_MALIGNANT[answer], members, told)


def _joined_windows(windows: Iterable[Window]) -> Iterator[list[Window]]:
    """Put neighbours of one answer together."""
    members: list[Window] = []
    for window in windows:
        if members and (
            window.answer is not members[-1].answer
            or window.start_index > members[-1].stop_index
        ):
            yield members
            members = []
        members.append(window)
    if members:
        yield members


def _model_episode(
    kind: EpisodeKind, members: Sequence[Window], told: Sequence[float]
) -> RhythmEpisode:
    """Make an episode of windows; `told` is how probable the model holds it in each."""
    onset, end = members[0].start_index, members[-1].stop_index
    n_windows = f"{len(members)} window{'s' if len(members) > 1 else ''}"
    certainty = sum(told) / len(told) if told else None
    by = "by rule" if certainty is None else f"mean probability {certainty:.2f}"
    evidence = Evidence(
        "rhythm.episodes", f"{kind.value} in {n_windows}, {by}", (onset, end)
    )
    return RhythmEpisode(kind, onset, end, (evidence,), certainty=certainty)


def _united(
    ruled: Sequence[RhythmEpisode],
    seen: Sequence[RhythmEpisode],
    fibrillation: Sequence[RhythmEpisode],
) -> tuple[RhythmEpisode, ...]:
    """All episodes in order of onset, without those that others explain."""
    beatless = overlapping(ruled, [e for e in seen if e.kind in _NO_BEATS_IN])
    in_fibrillation = overlapping(ruled, fibrillation)
    kept = [
        episode
        for episode, silent, fibrillates in zip(
            ruled, beatless, in_fibrillation, strict=True
        )
        if not silent and not (fibrillates and episode.kind is _SVT)
    ]
    shared = [e for e in kept if e.kind is _VT]
    joined = [_joined(e, shared) if e.kind is _VT else e for e in seen]
    taken = overlapping(shared, [e for e in seen if e.kind is _VT])
    alone = [e for e, is_taken in zip(shared, taken, strict=True) if not is_taken]
    others = [e for e in kept if e.kind is not _VT]
    everything = (*joined, *alone, *others, *fibrillation)
    return tuple(sorted(everything, key=lambda e: (e.onset_index, e.end_index)))


def _joined(seen: RhythmEpisode, ruled: Sequence[RhythmEpisode]) -> RhythmEpisode:
    """Give a model's episode the bounds, rate and evidence of the rules' within it.

    Windows hold more beats than the runs that the rules count. `ruled` are in order of time
    and do not overlap each other.
    """
    first = bisect_right(ruled, seen.onset_index, key=attrgetter("end_index"))
    last = bisect_left(ruled, seen.end_index, key=attrgetter("onset_index"))
    same = ruled[first:last]
    if not same:
        return seen
    longest = max(same, key=lambda e: e.end_index - e.onset_index)
    return replace(
        seen,
        onset_index=min(seen.onset_index, same[0].onset_index),
        end_index=max(seen.end_index, same[-1].end_index),
        evidence=(*seen.evidence, *(fact for e in same for fact in e.evidence)),
        rate_bpm=longest.rate_bpm,
    )

"""Episodes that beats alone show: runs, couplets, bigeminy, pauses, extreme rates."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ecgsvc.domain.beats import BEAT_CLASSES, BeatClass, ClassifiedBeats
from ecgsvc.domain.findings import Evidence
from ecgsvc.domain.rhythm import EpisodeKind, RhythmEpisode
from ecgsvc.domain.rhythm_statistics import RhythmStatistics
from ecgsvc.interpretation.beat_patterns import (
    Flags,
    Spans,
    recurrences,
    runs,
    stretches_at_rate,
)

RUN_BEATS = 3
TACHYCARDIA_ABOVE_BPM = 100.0
VENTRICULAR_SOURCE = (
    "2017 AHA/ACC/HRS guideline on ventricular arrhythmias, "
    "doi 10.1161/CIR.0000000000000549"
)
"""Three beats or more, faster than 100/min; sustained from 30 s."""
SUPRAVENTRICULAR_SOURCE = (
    "2015 ACC/AHA/HRS guideline on SVT, doi 10.1161/CIR.0000000000000311"
)
COUPLET_BEATS = 2
GEMINY_BEATS = 3
"""Ventricular beats in a bigeminy or trigeminy: V N V N V, V N N V N N V. No standard sets
their number; three is the least that shows a recurrence."""
PAUSE_MS = 3000.0
PAUSE_SOURCE = "2018 ACC/AHA/HRS guideline on bradycardia, doi 10.1161/CIR.0000000000000628"
SLOW_BELOW_BPM, SLOW_BEATS = 40.0, 5
FAST_ABOVE_BPM, FAST_BEATS = 140.0, 17
ALARM_SOURCE = "PhysioNet/CinC 2015 alarm definitions, doi 10.1109/CIC.2015.7408639"


@dataclass(frozen=True, slots=True, eq=False)
class _Beats:
    """Beats as patterns are looked for in them."""

    beats: ClassifiedBeats
    rr_ms: np.ndarray[tuple[int], np.dtype[np.float64]]
    joined: Flags

    def are(self, beat_class: BeatClass) -> Flags:
        labels = self.beats.probabilities.argmax(axis=1)
        return np.asarray(labels == BEAT_CLASSES.index(beat_class))


def beat_episodes(
    beats: ClassifiedBeats, statistics: RhythmStatistics, sampling_rate_hz: float
) -> tuple[RhythmEpisode, ...]:
    """Find episodes by rule, in order of onset.

    Parameters
    ----------
    beats
        Positions and classes.
    statistics
        Of these beats. Intervals it does not count (samples lost, seconds unreadable,
        doubtful beats) end every pattern, so that bad signal makes no episode.
    sampling_rate_hz
        Of the positions.
    """
    if beats.n_beats < COUPLET_BEATS:
        return ()
    r_peaks = beats.r_peak_indices
    rr_ms = np.diff(r_peaks) * (1000.0 / sampling_rate_hz)
    counted = np.isin(r_peaks[:-1], statistics.rr_from_indices)
    found = _Beats(beats, rr_ms, counted)
    episodes = (
        *_ventricular_runs(found), *_supraventricular_runs(found), *_geminies(found),
        *_pauses(found), *_extreme_rates(found),
    )  # fmt: skip
    return tuple(sorted(episodes, key=lambda e: (e.onset_index, e.end_index)))


def _ventricular_runs(found: _Beats) -> Iterator[RhythmEpisode]:
    is_ventricular = found.are(BeatClass.V)
    for first, last in runs(is_ventricular, found.joined, COUPLET_BEATS).tolist():
        n_beats = last - first + 1
        rate_bpm = _rate_bpm(found, first, last)
        if n_beats < RUN_BEATS:
            kind, text, source = EpisodeKind.VENTRICULAR_COUPLET, "2 in a row", ""
        elif rate_bpm > TACHYCARDIA_ABOVE_BPM:
            kind = EpisodeKind.VENTRICULAR_TACHYCARDIA
            text, source = f"{n_beats} in a row at {rate_bpm:.0f}/min", VENTRICULAR_SOURCE
        else:
            kind = EpisodeKind.IDIOVENTRICULAR_RHYTHM
            text, source = f"{n_beats} in a row at {rate_bpm:.0f}/min", VENTRICULAR_SOURCE
        yield _episode(
            found, kind, (first, last), is_ventricular, f"ventricular beats, {text}", source
        )


def _supraventricular_runs(found: _Beats) -> Iterator[RhythmEpisode]:
    is_premature = found.are(BeatClass.S)
    for first, last in runs(is_premature, found.joined, RUN_BEATS).tolist():
        rate_bpm = _rate_bpm(found, first, last)
        if rate_bpm > TACHYCARDIA_ABOVE_BPM:
            text = (
                f"supraventricular ectopic beats, {last - first + 1} in a row "
                f"at {rate_bpm:.0f}/min"
            )
            yield _episode(
                found, EpisodeKind.SUPRAVENTRICULAR_TACHYCARDIA, (first, last),
                is_premature, text, SUPRAVENTRICULAR_SOURCE,
            )  # fmt: skip


def _geminies(found: _Beats) -> Iterator[RhythmEpisode]:
    is_ventricular = found.are(BeatClass.V)
    for period, kind, word in (
        (2, EpisodeKind.VENTRICULAR_BIGEMINY, "second"),
        (3, EpisodeKind.VENTRICULAR_TRIGEMINY, "third"),
    ):
        spans: Spans = recurrences(is_ventricular, found.joined, period, GEMINY_BEATS)
        for first, last in spans.tolist():
            n_ventricular = (last - first) // period + 1
            text = f"every {word} beat ventricular, {n_ventricular} times"
            yield _episode(found, kind, (first, last), is_ventricular, text, "")


def _pauses(found: _Beats) -> Iterator[RhythmEpisode]:
    r_peaks = found.beats.r_peak_indices
    for before in np.flatnonzero(found.joined & (found.rr_ms > PAUSE_MS)).tolist():
        onset, end = int(r_peaks[before]), int(r_peaks[before + 1])
        text = f"{found.rr_ms[before] / 1000:.1f} s without a beat"
        evidence = Evidence("beats", text, (onset, end), PAUSE_SOURCE)
        yield RhythmEpisode(EpisodeKind.PAUSE, onset, end, (evidence,))


def _extreme_rates(found: _Beats) -> Iterator[RhythmEpisode]:
    slow = stretches_at_rate(
        found.rr_ms, found.joined, SLOW_BEATS, below_bpm=SLOW_BELOW_BPM
    )
    fast = stretches_at_rate(
        found.rr_ms, found.joined, FAST_BEATS, above_bpm=FAST_ABOVE_BPM
    )
    for kind, spans, limit in (
        (
            EpisodeKind.EXTREME_BRADYCARDIA,
            slow,
            f"each {SLOW_BEATS} in a row below {SLOW_BELOW_BPM:.0f}/min",
        ),
        (
            EpisodeKind.EXTREME_TACHYCARDIA,
            fast,
            f"each {FAST_BEATS} in a row above {FAST_ABOVE_BPM:.0f}/min",
        ),
    ):
        for first, last in spans.tolist():
            text = f"{last - first + 1} beats, {limit}"
            nobody = np.zeros(found.beats.n_beats, dtype=bool)
            yield _episode(found, kind, (first, last), nobody, text, ALARM_SOURCE)


def _rate_bpm(found: _Beats, first: int, last: int) -> float:
    return float(60_000.0 / found.rr_ms[first:last].mean())


def _episode(
    found: _Beats,
    kind: EpisodeKind,
    span: tuple[int, int],
    is_member: Flags,
    text: str,
    source: str,
) -> RhythmEpisode:
    """Make an episode of a span of beats; it rests on the class of those `is_member`."""
    first, last = span
    r_peaks = found.beats.r_peak_indices
    onset, end = int(r_peaks[first]), int(r_peaks[last])
    inside = slice(first, last + 1)
    members = found.beats.probabilities[inside][is_member[inside]]
    return RhythmEpisode(
        kind,
        onset,
        end + 1,
        (Evidence("beats", text, (onset, end), source),),
        n_beats=last - first + 1,
        rate_bpm=_rate_bpm(found, first, last),
        certainty=float(members.max(axis=1).min()) if len(members) else None,
    )

"""The conclusion: short sentences, each resting on a measurement or a count."""

from collections.abc import Iterator, Sequence

from ecgsvc.domain.analysis import NOT_REVIEWED
from ecgsvc.domain.beats import BeatClass, ClassifiedBeats
from ecgsvc.domain.findings import Finding
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.rhythm import RHYTHM_WORDS, EpisodeKind, RhythmReading
from ecgsvc.domain.rhythm_statistics import RhythmStatistics
from ecgsvc.interpretation.rhythm_findings import SINUS_RHYTHM

CLASS_WORDS = {
    BeatClass.N: "normal",
    BeatClass.S: "supraventricular ectopic",
    BeatClass.V: "ventricular ectopic",
    BeatClass.F: "fusion",
    BeatClass.Q: "paced or unclassifiable",
}
MANY_INTERVALS = 100
"""Of about a minute and more: shorter recordings have one rate."""
MUCH_UNREAD = 0.1
"""From this part of the intervals between beats on, the reader is told of those that no
rule could rely upon; our choice."""


def conclude(
    quality: SignalQuality,
    beats: ClassifiedBeats,
    measurements: Measurements,
    findings: Sequence[Finding],
    rhythm: RhythmReading,
    statistics: RhythmStatistics,
) -> str:
    """Compose the conclusion; what was not determined is said, not left out."""
    return " ".join(
        (
            *_beats(beats, measurements),
            *_extreme_rates(statistics),
            *_intervals(measurements),
            *_rhythm(rhythm),
            *(f"{each.text}." for each in findings if each.coding != SINUS_RHYTHM),
            *(f"Contradiction: {each.text}." for each in rhythm.contradictions),
            "Diagnosis not determined: human reading needed.",
            *_quality(quality),
            NOT_REVIEWED,
        )
    )


def _beats(beats: ClassifiedBeats, measurements: Measurements) -> Iterator[str]:
    if not beats.n_beats:
        yield "No beat was found."
        return
    counts = ", ".join(
        f"{n} {word}" for cls, word in CLASS_WORDS.items() if (n := beats.count(cls))
    )
    bpm = measurements.heart_rate_bpm
    rate = "" if bpm is None else f", {bpm:.0f}/min"
    yield f"{beats.n_beats} beat{'s' if beats.n_beats > 1 else ''}{rate}: {counts}."
    if beats.n_unsure:
        yield f"The class of {beats.n_unsure} of them is not sure."


def _extreme_rates(statistics: RhythmStatistics) -> Iterator[str]:
    """Say how the rate varies, of recordings in which it can."""
    lowest, highest = statistics.min_heart_rate_bpm, statistics.max_heart_rate_bpm
    if len(statistics.rr_ms) >= MANY_INTERVALS and lowest is not None:
        yield f"Heart rate {lowest:.0f} to {highest:.0f}/min, each over four intervals."


def _intervals(measurements: Measurements) -> Iterator[str]:
    parts = [
        f"{name} {value:.0f} ms"
        for name, value in (
            ("PR", measurements.pr_ms),
            ("QRS", measurements.qrs_ms),
            ("QT", measurements.qt_ms),
            ("QTcF", measurements.qtc_fridericia_ms),
        )
        if value is not None
    ]
    if parts:
        yield ", ".join(parts) + "."


def _rhythm(rhythm: RhythmReading) -> Iterator[str]:
    if rhythm.reason:
        yield f"Rhythm not determined: {rhythm.reason}."
    elif rhythm.label is not None:
        yield f"Rhythm: {RHYTHM_WORDS[rhythm.label]}."
    else:
        shares = ", ".join(
            f"{RHYTHM_WORDS[each]} {share:.0%}" for each, share in rhythm.shares.items()
        )
        yield f"Rhythm changes: {shares}."
    yield from _regularity(rhythm.irregular_share)
    if any(e.kind is EpisodeKind.LEAD_OFF for e in rhythm.episodes):
        yield "No lead was connected for a time."
    if rhythm.unread_share >= MUCH_UNREAD:
        yield (
            f"{rhythm.unread_share:.0%} of the intervals between beats are unreliable: "
            "episodes there are not reported."
        )


def _regularity(irregular_share: float | None) -> Iterator[str]:
    if irregular_share is None:
        return
    if irregular_share in (0, 1):
        yield f"Normal beats come {'ir' if irregular_share else ''}regularly."
    else:
        yield f"Normal beats come irregularly in {irregular_share:.0%} of the recording."


def _quality(quality: SignalQuality) -> Iterator[str]:
    unusable = [q.lead for q in quality.leads if not q.usable]
    if unusable:
        yield f"Not relied upon: {', '.join(unusable)}."
    for problem in quality.problems:
        yield f"{problem.value.capitalize()}."

"""The conclusion: short sentences, each bound to what it rests on.

A sentence names paths into the analysis document; the numbers it says stand there. None is
written without: language comes after measurement, never instead (cf. ECG-LM, Yang et al.
2025, doi 10.34133/hds.0221).
"""

from collections.abc import Iterator, Sequence

from ecgsvc.domain.analysis import NOT_REVIEWED
from ecgsvc.domain.beats import BeatClass, ClassifiedBeats
from ecgsvc.domain.diagnosis import DiagnosisCall
from ecgsvc.domain.findings import Certainty, Sentence
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.plug_in import PlugInAnswer, PlugInResult
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.rhythm import RHYTHM_WORDS, SINUS_RHYTHM, EpisodeKind, RhythmReading
from ecgsvc.domain.rhythm_statistics import RhythmStatistics
from ecgsvc.interpretation.rules import Reading

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
_INTERVALS = (
    ("PR", "pr_ms"),
    ("QRS", "qrs_ms"),
    ("QT", "qt_ms"),
    ("QTcF", "qtc_fridericia_ms"),
)


def conclude(
    quality: SignalQuality,
    beats: ClassifiedBeats,
    measurements: Measurements,
    reading: Reading,
    rhythm: RhythmReading,
    statistics: RhythmStatistics,
    diagnosis: DiagnosisCall | None = None,
    plug_ins: Sequence[PlugInResult] = (),
) -> tuple[Sentence, ...]:
    """Compose the conclusion; what was not determined is said, not left out."""
    return (
        *_beats(beats, measurements),
        *_extreme_rates(statistics),
        *_intervals(measurements),
        *_rhythm(rhythm),
        *_findings(reading),
        *_contradictions(reading, rhythm),
        *_reservations(reading),
        *_not_judged(reading),
        *_diagnosis(diagnosis),
        *_plug_ins(plug_ins),
        *_quality(quality),
        Sentence(NOT_REVIEWED, ("models",)),
    )


def conclusion_of(sentences: Sequence[Sentence]) -> str:
    """Put sentences together."""
    return " ".join(each.text for each in sentences)


def _beats(beats: ClassifiedBeats, measurements: Measurements) -> Iterator[Sentence]:
    if not beats.n_beats:
        yield Sentence("No beat was found.", ("beats",))
        return
    counts = ", ".join(
        f"{n} {word}" for cls, word in CLASS_WORDS.items() if (n := beats.count(cls))
    )
    bpm = measurements.heart_rate_bpm
    rate = "" if bpm is None else f", {bpm:.0f}/min"
    rests_on = ("beats",) if bpm is None else ("beats", "measurements.heart_rate_bpm")
    plural = "s" if beats.n_beats > 1 else ""
    yield Sentence(f"{beats.n_beats} beat{plural}{rate}: {counts}.", rests_on)
    if beats.n_unsure:
        text = f"The class of {beats.n_unsure} of them is not sure."
        yield Sentence(text, ("beats",))


def _extreme_rates(statistics: RhythmStatistics) -> Iterator[Sentence]:
    """Say how the rate varies, of recordings in which it can."""
    lowest, highest = statistics.min_heart_rate_bpm, statistics.max_heart_rate_bpm
    if len(statistics.rr_ms) >= MANY_INTERVALS and lowest is not None:
        yield Sentence(
            f"Heart rate {lowest:.0f} to {highest:.0f}/min, each over four intervals.",
            (
                "rhythm_statistics.min_heart_rate_bpm",
                "rhythm_statistics.max_heart_rate_bpm",
            ),
        )


def _intervals(measurements: Measurements) -> Iterator[Sentence]:
    measured = [
        (field, f"{name} {value:.0f} ms")
        for name, field in _INTERVALS
        if (value := getattr(measurements, field)) is not None
    ]
    if measured:
        yield Sentence(
            ", ".join(part for _, part in measured) + ".",
            tuple(f"measurements.{field}" for field, _ in measured),
        )


def _rhythm(rhythm: RhythmReading) -> Iterator[Sentence]:
    if rhythm.reason:
        text = f"Rhythm not determined: {rhythm.reason}."
        yield Sentence(text, ("undetermined.rhythm",))
    elif rhythm.label is not None:
        by = ("rhythm.label", "rhythm.p_waves") if rhythm.p_waves else ("rhythm.label",)
        yield Sentence(f"Rhythm: {rhythm.words}.", by)
    else:
        shares = ", ".join(
            f"{RHYTHM_WORDS[each]} {share:.0%}" for each, share in rhythm.shares.items()
        )
        yield Sentence(f"Rhythm changes: {shares}.", ("rhythm.shares",))
    yield from _regularity(rhythm.irregular_share)
    if any(e.kind is EpisodeKind.LEAD_OFF for e in rhythm.episodes):
        yield Sentence("No lead was connected for a time.", ("rhythm.episodes",))
    if rhythm.unread_share >= MUCH_UNREAD:
        yield Sentence(
            f"{rhythm.unread_share:.0%} of the intervals between beats are unreliable: "
            "episodes there are not reported.",
            ("rhythm.unread_share",),
        )


def _regularity(irregular_share: float | None) -> Iterator[Sentence]:
    if irregular_share is None:
        return
    if irregular_share in (0, 1):
        text = f"Normal beats come {'ir' if irregular_share else ''}regularly."
    else:
        text = f"Normal beats come irregularly in {irregular_share:.0%} of the recording."
    yield Sentence(text, ("rhythm.irregular_share",))


def _findings(reading: Reading) -> Iterator[Sentence]:
    for position, each in enumerate(reading.findings):
        if each.coding != SINUS_RHYTHM:
            doubt = " (uncertain)" if each.certainty is Certainty.LOW else ""
            yield Sentence(f"{each.text}{doubt}.", (f"findings.{position}",))


def _contradictions(reading: Reading, rhythm: RhythmReading) -> Iterator[Sentence]:
    for place, stated in (
        ("rhythm.contradictions", rhythm.contradictions),
        ("contradictions", reading.contradictions),
    ):
        for position, each in enumerate(stated):
            yield Sentence(f"Contradiction: {each.text}.", (f"{place}.{position}",))


def _reservations(reading: Reading) -> Iterator[Sentence]:
    if reading.reservations:
        text = "; ".join(reading.reservations)
        yield Sentence(f"Less certain because: {text}.", ("reservations",))


def _not_judged(reading: Reading) -> Iterator[Sentence]:
    for each in reading.undetermined:
        text = f"{each.reason[0].upper()}{each.reason[1:]}."
        yield Sentence(text, (f"undetermined.{each.path}",))


def _diagnosis(diagnosis: DiagnosisCall | None) -> Iterator[Sentence]:
    if diagnosis is None or not diagnosis.reliable:
        text = "Diagnosis not determined: human reading needed."
        yield Sentence(text, ("undetermined.diagnosis",))


def _plug_ins(results: Sequence[PlugInResult]) -> Iterator[Sentence]:
    """Say what the hospital's own models say, or that one is silent and why."""
    for position, each in enumerate(results):
        if each.reason:
            said = f"no answer, {each.reason}"
        else:
            said = ", ".join(_answer(each, answer) for answer in each.answers)
        yield Sentence(f"{each.title}: {said}.", (f"plug_ins.{position}",))


def _answer(result: PlugInResult, answer: PlugInAnswer) -> str:
    value = f"{answer.value:.0%}" if result.unit == "1" else f"{answer.value:.1f}"
    unit = "" if result.unit == "1" else f" {result.unit}"
    return f"{answer.label} {value}{unit}"


def _quality(quality: SignalQuality) -> Iterator[Sentence]:
    unusable = [q.lead for q in quality.leads if not q.usable]
    if unusable:
        yield Sentence(f"Not relied upon: {', '.join(unusable)}.", ("quality.leads",))
    for problem in quality.problems:
        yield Sentence(f"{problem.value.capitalize()}.", ("quality.problems",))

"""The reading of the rhythm as findings: one a kind, coded, with evidence and urgency."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ecgsvc.domain.findings import SNOMED_CT, Coding, Evidence, Finding, Urgency
from ecgsvc.domain.rhythm import (
    ATRIAL_FIBRILLATION,
    SINUS_RHYTHM,
    EpisodeKind,
    RhythmClass,
    RhythmEpisode,
    RhythmReading,
)
from ecgsvc.interpretation.beat_episodes import VENTRICULAR_SOURCE

SUSTAINED_S = 30.0
"""Ventricular tachycardia is sustained from 30 s: the guideline of `VENTRICULAR_SOURCE`."""
ARREST_SOURCE = (
    "2020 AHA guidelines for cardiopulmonary resuscitation, "
    "doi 10.1161/CIR.0000000000000916"
)
FIBRILLATION_SOURCE = (
    "2020 ESC guideline on atrial fibrillation, doi 10.1093/eurheartj/ehaa612"
)
"""A whole 12-lead ECG or 30 s of one lead make the diagnosis, a clinician confirms it."""
MAX_EVIDENCE = 10
"""A Holter's thousand couplets are in `rhythm.episodes`; evidence shows the first ones."""

_ARRHYTHMIA = Coding(SNOMED_CT, "698247007", "Cardiac arrhythmia")
"""The parent of what has no code of its own."""


@dataclass(frozen=True, slots=True)
class _Meaning:
    """How a kind of episode is coded, and how soon it should be seen."""

    coding: Coding
    urgency: Urgency | None = None
    source: str = ""


_MEANINGS: Mapping[EpisodeKind, _Meaning] = {
    EpisodeKind.ASYSTOLE: _Meaning(
        Coding(SNOMED_CT, "397829000", "Asystole"), Urgency.EMERGENCY, ARREST_SOURCE
    ),
    EpisodeKind.VENTRICULAR_FIBRILLATION: _Meaning(
        Coding(SNOMED_CT, "164896001", "Ventricular fibrillation"),
        Urgency.EMERGENCY,
        ARREST_SOURCE,
    ),
    EpisodeKind.VENTRICULAR_TACHYCARDIA: _Meaning(
        Coding(SNOMED_CT, "164895002", "Ventricular tachycardia"),
        Urgency.PROMPT,
        VENTRICULAR_SOURCE,
    ),
    EpisodeKind.ATRIAL_FIBRILLATION: _Meaning(
        ATRIAL_FIBRILLATION,
        Urgency.PROMPT,
        FIBRILLATION_SOURCE,
    ),
    EpisodeKind.SUPRAVENTRICULAR_TACHYCARDIA: _Meaning(
        Coding(SNOMED_CT, "426761007", "Supraventricular tachycardia")
    ),
    EpisodeKind.PAUSE: _Meaning(_ARRHYTHMIA, Urgency.PROMPT),
    EpisodeKind.EXTREME_BRADYCARDIA: _Meaning(
        Coding(SNOMED_CT, "426627000", "Bradycardia")
    ),
    EpisodeKind.EXTREME_TACHYCARDIA: _Meaning(Coding(SNOMED_CT, "3424008", "Tachycardia")),
    EpisodeKind.IDIOVENTRICULAR_RHYTHM: _Meaning(
        Coding(SNOMED_CT, "49260003", "Idioventricular rhythm")
    ),
    EpisodeKind.VENTRICULAR_BIGEMINY: _Meaning(
        Coding(SNOMED_CT, "11157007", "Ventricular bigeminy")
    ),
    EpisodeKind.VENTRICULAR_TRIGEMINY: _Meaning(
        Coding(SNOMED_CT, "251180001", "Ventricular trigeminy")
    ),
    EpisodeKind.VENTRICULAR_COUPLET: _Meaning(
        Coding(SNOMED_CT, "251182009", "Paired ventricular premature complexes")
    ),
}
"""In the order of a report, the most urgent first. Lead off is none: it is about the
recording, not the heart."""


def rhythm_findings(reading: RhythmReading, sampling_rate_hz: float) -> tuple[Finding, ...]:
    """One finding a kind of episode, most urgent kinds first, then sinus rhythm.

    Parameters
    ----------
    reading
        Models and rules together.
    sampling_rate_hz
        Of its indices.
    """
    return (*_of_episodes(reading, sampling_rate_hz), *_sinus_rhythm(reading))


def _of_episodes(reading: RhythmReading, sampling_rate_hz: float) -> Iterator[Finding]:
    for kind, meaning in _MEANINGS.items():
        episodes = [e for e in reading.episodes if e.kind is kind]
        if not episodes:
            continue
        longest_s = max(e.end_index - e.onset_index for e in episodes) / sampling_rate_hz
        urgency, text = meaning.urgency, _text(kind, episodes, longest_s)
        evidence = [fact for e in episodes[:MAX_EVIDENCE] for fact in e.evidence]
        if kind is EpisodeKind.VENTRICULAR_TACHYCARDIA and longest_s >= SUSTAINED_S:
            urgency, text = Urgency.EMERGENCY, f"Sustained {text[0].lower()}{text[1:]}"
        if kind is EpisodeKind.ATRIAL_FIBRILLATION:
            share = reading.shares.get(RhythmClass.AF, 0.0)
            text += f", {share:.0%} of the time with an answer"
        if meaning.source:
            evidence = [replace(e, source=e.source or meaning.source) for e in evidence]
        rule = kind.value if kind is EpisodeKind.ATRIAL_FIBRILLATION else ""
        yield Finding(meaning.coding, text, tuple(evidence), urgency, rule)


def _text(kind: EpisodeKind, episodes: Sequence[RhythmEpisode], longest_s: float) -> str:
    parts = [kind.value.capitalize()]
    if len(episodes) > 1:
        parts.append(f"{len(episodes)} episodes")
    if kind is not EpisodeKind.VENTRICULAR_COUPLET:
        longest = max(episodes, key=lambda e: e.end_index - e.onset_index)
        the_longest = "longest " if len(episodes) > 1 else ""
        parts.append(f"{the_longest}{_duration(longest_s)}{_beats(longest)}")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def _beats(episode: RhythmEpisode) -> str:
    if episode.rate_bpm is None:
        return ""
    beats = f"{episode.n_beats} beats, " if episode.n_beats is not None else ""
    return f" ({beats}{episode.rate_bpm:.0f}/min)"


def _sinus_rhythm(reading: RhythmReading) -> Iterator[Finding]:
    if reading.label is not RhythmClass.NORMAL:
        return
    evidence = list(reading.p_waves)
    told = [
        w.probabilities[RhythmClass.NORMAL]
        for w in reading.windows
        if w.answer is RhythmClass.NORMAL
    ]
    if told:
        text = f"rhythm model: mean probability {sum(told) / len(told):.2f}"
        evidence.append(Evidence("rhythm.windows", text))
    yield Finding(SINUS_RHYTHM, "Sinus rhythm", tuple(evidence))

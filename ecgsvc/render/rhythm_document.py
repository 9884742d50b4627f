"""The rhythm of an analysis as JSON values."""

from collections.abc import Iterable, Mapping, Sequence

from ecgsvc.domain.findings import Evidence
from ecgsvc.domain.rhythm import (
    RHYTHM_CLASSES,
    RhythmClass,
    RhythmEpisode,
    RhythmReading,
    RhythmWindow,
)


def rhythm_document(reading: RhythmReading) -> dict[str, object]:
    """Give label, windows, episodes and contradictions; indices at the input's rate."""
    return {
        "label": reading.label,
        "probabilities": _rounded(_mean_probabilities(reading.windows)),
        "shares": _rounded(reading.shares),
        "irregular_share": reading.irregular_share,
        "unread_share": round(reading.unread_share, 4),
        "p_waves": evidence_document(reading.p_waves),
        "windows": [_window(window) for window in reading.windows],
        "episodes": [_episode(episode) for episode in reading.episodes],
        "contradictions": [
            {"text": each.text, "evidence": evidence_document(each.evidence)}
            for each in reading.contradictions
        ],
    }


def evidence_document(evidence: Iterable[Evidence]) -> list[dict[str, object]]:
    """Give each fact with the place it stands at, and the source of its cut-off."""
    return [
        {"path": e.path, "text": e.text, "samples": list(e.samples), "source": e.source}
        for e in evidence
    ]


def _mean_probabilities(windows: Sequence[RhythmWindow]) -> dict[RhythmClass, float]:
    """Mean over the windows, weighted by their lengths."""
    n_samples = sum(w.stop_index - w.start_index for w in windows)
    return {
        rhythm: sum(
            w.probabilities[rhythm] * (w.stop_index - w.start_index) for w in windows
        )
        / n_samples
        for rhythm in RHYTHM_CLASSES
        if n_samples
    }


def _window(window: RhythmWindow) -> dict[str, object]:
    return {
        "start": window.start_index,
        "stop": window.stop_index,
        "answer": window.answer,
        "reason": window.reason,
        "probabilities": _rounded(window.probabilities),
        "conformal_set": [c for c in RHYTHM_CLASSES if c in window.conformal_set],
        "out_of_distribution": window.out_of_distribution,
    }


def _episode(episode: RhythmEpisode) -> dict[str, object]:
    return {
        "kind": episode.kind,
        "onset": episode.onset_index,
        "end": episode.end_index,
        "n_beats": episode.n_beats,
        "rate_bpm": None if episode.rate_bpm is None else round(episode.rate_bpm, 2),
        "certainty": None if episode.certainty is None else round(episode.certainty, 4),
        "evidence": evidence_document(episode.evidence),
    }


def _rounded(values: Mapping[RhythmClass, float]) -> dict[str, float]:
    return {rhythm.value: round(value, 4) for rhythm, value in values.items()}

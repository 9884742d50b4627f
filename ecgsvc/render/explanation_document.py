"""An explanation as JSON values: weights by sample, attention by beat or sample."""

from dataclasses import dataclass

import orjson

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.explanation import (
    BeatExplanation,
    Explanation,
    Highlight,
    RhythmExplanation,
)
from ecgsvc.render.explanation_picture import explanation_svg

EXPLANATION_SCHEMA = "ecgsvc-explanation/1"

_DIGITS = 3


@dataclass(frozen=True, slots=True)
class ExplanationDocuments:
    """An explanation by itself: numbers as JSON, and a picture as SVG."""

    json: bytes
    svg: bytes


def explanation_documents(analysis: Analysis) -> ExplanationDocuments | None:
    """Put the explanation of an analysis into both forms; None when it has none.

    The JSON names the models that are explained: those of an old report may be others.
    """
    if analysis.explanation is None:
        return None
    document = {
        "schema": EXPLANATION_SCHEMA,
        "sampling_rate_hz": analysis.waveform.sampling_rate_hz,
        "n_samples": analysis.waveform.n_samples,
        "models": [
            {"name": m.name, "version": m.version, "sha256": m.sha256}
            for m in analysis.models
        ],
        **explanation_document(analysis.explanation),
    }
    return ExplanationDocuments(orjson.dumps(document), explanation_svg(analysis))


def explanation_document(explanation: Explanation) -> dict[str, object]:
    """Give beats and rhythm windows; indices at the input's own rate."""
    return {
        "beats": [_beat(each) for each in explanation.beats],
        "rhythm": [_rhythm(each) for each in explanation.rhythm],
        "missing": [{"path": m.path, "reason": m.reason} for m in explanation.missing],
    }


def _beat(beat: BeatExplanation) -> dict[str, object]:
    return {
        "sample": beat.r_peak_index,
        "class": beat.beat_class,
        "highlights": [_highlight(each) for each in beat.highlights],
        "attention": [
            {"sample": int(index), "weight": round(float(weight), _DIGITS)}
            for index, weight in zip(beat.attended_r_peaks, beat.attention, strict=True)
        ],
    }


def _rhythm(window: RhythmExplanation) -> dict[str, object]:
    return {
        "rhythm": window.rhythm,
        "highlight": _highlight(window.highlight),
        "attention": window.attention and _highlight(window.attention),
    }


def _highlight(highlight: Highlight) -> dict[str, object]:
    return {
        "lead": highlight.lead,
        "start": highlight.start_index,
        "stop": highlight.stop_index,
        "weights": [round(w, _DIGITS) for w in highlight.weights.tolist()],
    }

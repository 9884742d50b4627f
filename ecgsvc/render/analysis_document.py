"""The analysis as JSON, in the schema `docs/analysis.schema.json` publishes."""

from collections.abc import Mapping

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.findings import Finding, NetworkOpinion
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.morphology import LeadMorphology
from ecgsvc.domain.plug_in import PlugInResult
from ecgsvc.domain.rhythm_statistics import RhythmStatistics
from ecgsvc.domain.waves import ABSENT, LeadWaves, WavePoints
from ecgsvc.render.diagnosis_document import (
    diagnosis_document,
    interval_check_document,
)
from ecgsvc.render.explanation_document import explanation_document
from ecgsvc.render.rhythm_document import evidence_document, rhythm_document
from ecgsvc.render.serial_document import serial_document

SCHEMA = "ecgsvc-analysis/1"


def analysis_document(analysis: Analysis) -> dict[str, object]:
    """Build the document: plain JSON values, samples as indices at the input's own rate.

    What could not be measured is null and listed in ``undetermined``.
    """
    waveform = analysis.waveform
    return {
        "schema": SCHEMA,
        "sampling_rate_hz": waveform.sampling_rate_hz,
        "n_samples": waveform.n_samples,
        "leads": list(waveform.leads),
        "quality": _quality(analysis),
        "r_peaks": analysis.beats.r_peak_indices.tolist(),
        "beats": _beats(analysis.beats),
        "waves": {w.lead: _waves(w) for w in analysis.waves},
        "measurements": _measurements(analysis.measurements),
        "morphology": {m.lead: _morphology(m) for m in analysis.morphology},
        "paced_share": _rounded(analysis.paced_share, 4),
        "rhythm_statistics": _rhythm_statistics(analysis.rhythm_statistics),
        "hrv": _variability(analysis.rhythm_statistics),
        "rhythm": analysis.rhythm and rhythm_document(analysis.rhythm),
        "diagnosis": analysis.diagnosis and diagnosis_document(analysis.diagnosis),
        "interval_check": analysis.interval_check
        and interval_check_document(analysis.interval_check),
        "explanation": analysis.explanation and explanation_document(analysis.explanation),
        "findings": [_finding(f) for f in analysis.findings],
        "contradictions": [
            {"text": each.text, "evidence": evidence_document(each.evidence)}
            for each in analysis.contradictions
        ],
        "reservations": list(analysis.reservations),
        "plug_ins": [_plug_in(each) for each in analysis.plug_ins],
        "serial": analysis.serial and serial_document(analysis.serial),
        "conclusion": analysis.conclusion,
        "sentences": [
            {"text": each.text, "evidence": list(each.evidence)}
            for each in analysis.sentences
        ],
        "undetermined": [
            {"path": u.path, "reason": u.reason} for u in analysis.undetermined
        ],
        "models": [
            {"name": m.name, "version": m.version, "sha256": m.sha256}
            for m in analysis.models
        ],
    }


def _quality(analysis: Analysis) -> dict[str, object]:
    quality, beats = analysis.quality, analysis.beat_quality
    return {
        "leads": {
            q.lead: {
                "usable": q.usable,
                "missing_fraction": q.missing_fraction,
                "flat_fraction": q.flat_fraction,
                "problems": [p.value for p in q.problems],
                "fractions": {p.value: round(f, 4) for p, f in q.fractions.items()},
                "index": _rounded(q.index, 3),
                "mains_hz": q.mains_hz,
            }
            for q in quality.leads
        },
        "problems": [p.value for p in quality.problems],
        "index": _rounded(quality.index, 3),
        "beats": None if beats is None else [round(q, 3) for q in beats.tolist()],
    }


def _rhythm_statistics(statistics: RhythmStatistics | None) -> dict[str, object] | None:
    if statistics is None:
        return None
    return {
        "n_rr": len(statistics.rr_ms),
        "n_rr_excluded": statistics.n_excluded,
        "mean_heart_rate_bpm": _rounded(statistics.mean_heart_rate_bpm, 2),
        "min_heart_rate_bpm": _rounded(statistics.min_heart_rate_bpm, 2),
        "max_heart_rate_bpm": _rounded(statistics.max_heart_rate_bpm, 2),
        "ectopy": {
            beat_class.value: {
                "n_beats": count.n_beats,
                "burden_percent": round(count.burden_percent, 3),
                "n_couplets": count.n_couplets,
                "n_runs": count.n_runs,
                "longest_run": count.longest_run,
            }
            for beat_class, count in statistics.ectopy.items()
        },
        "pauses": [
            {"sample": pause.r_peak_index, "rr_ms": round(pause.rr_ms, 2)}
            for pause in statistics.pauses
        ],
    }


def _variability(statistics: RhythmStatistics | None) -> dict[str, object] | None:
    if statistics is None or statistics.hrv is None:
        return None
    hrv = statistics.hrv
    return {
        "sdnn_ms": round(hrv.sdnn_ms, 2),
        "rmssd_ms": round(hrv.rmssd_ms, 2),
        "pnn50_percent": round(hrv.pnn50_percent, 2),
        "n_nn": hrv.n_nn,
        "covered_s": round(hrv.covered_s, 2),
    }


def _beats(beats: ClassifiedBeats) -> list[dict[str, object]]:
    highest = beats.probabilities.max(axis=1) if beats.n_beats else ()
    return [
        {
            "sample": int(index),
            "class": beat_class.value,
            "probability": round(float(p), 4),
            "sure": bool(sure),
        }
        for index, beat_class, p, sure in zip(
            beats.r_peak_indices, beats.classes, highest, beats.sure, strict=True
        )
    ]


def _waves(lead: LeadWaves) -> list[dict[str, object]]:
    """All waves of a lead in order of time."""
    kinds: tuple[tuple[str, WavePoints], ...] = (
        ("P", lead.p),
        ("QRS", lead.qrs),
        ("T", lead.t),
    )
    waves = [
        {"wave": name, "onset": _index(onset), "peak": peak, "offset": _index(offset)}
        for name, points in kinds
        for onset, peak, offset in zip(
            points.onset.tolist(), points.peak.tolist(), points.offset.tolist(), strict=True
        )
        if peak != ABSENT
    ]
    return sorted(waves, key=lambda wave: wave["peak"])


def _index(point: int) -> int | None:
    return None if point == ABSENT else point


def _measurements(measurements: Measurements) -> dict[str, object]:
    return {
        name: (
            {lead: _rounded(mv, 4) for lead, mv in value.items()}
            if isinstance(value, Mapping)
            else _rounded(value, 2)
        )
        for name in Measurements.__dataclass_fields__
        for value in [getattr(measurements, name)]
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _morphology(lead: LeadMorphology) -> dict[str, object]:
    """Waves that are there, and the rest; whole 0.1 ms and microvolts."""
    waves = {
        name: {"mv": round(wave.mv, 4), "ms": round(wave.ms, 1)}
        for name in ("q", "r", "s", "r2", "s2", "qs")
        if (wave := getattr(lead, name)) is not None
    }
    return waves | {
        "peak_to_peak_mv": round(lead.peak_to_peak_mv, 4),
        "r_peak_ms": _rounded(lead.r_peak_ms, 1),
        "slur_ms": _rounded(lead.slur_ms, 1),
        "st_j_mv": round(lead.st_j_mv, 4),
    }


def _plug_in(result: PlugInResult) -> dict[str, object]:
    return {
        "model": result.model.name,
        "version": result.model.version,
        "sha256": result.model.sha256,
        "title": result.title,
        "unit": result.unit,
        "reason": result.reason,
        "answers": [
            {
                "label": each.label,
                "value": round(each.value, 4),
                "threshold": each.threshold,
                "called": each.called,
            }
            for each in result.answers
        ],
    }


def _opinion(opinion: NetworkOpinion | None) -> dict[str, object] | None:
    if opinion is None:
        return None
    return {
        "label": opinion.label,
        "probability": round(opinion.probability, 4),
        "threshold": round(opinion.threshold, 4),
        "answer": opinion.answer,
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.coding.code,
        "system": finding.coding.system,
        "text": finding.text,
        "urgency": finding.urgency,
        "rule": finding.rule,
        "certainty": finding.certainty,
        "network": _opinion(finding.opinion),
        "reservations": list(finding.reservations),
        "evidence": evidence_document(finding.evidence),
    }

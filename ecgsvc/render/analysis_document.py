"""The analysis as JSON, in the schema `docs/analysis.schema.json` publishes."""

from collections.abc import Mapping

from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.findings import Finding
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.quality import SignalQuality
from ecgsvc.domain.waves import ABSENT, LeadWaves, WavePoints

SCHEMA = "ecgsvc-analysis/1"
NO_MODEL = "no model for this exists in this version"


def analysis_document(analysis: Analysis) -> dict[str, object]:
    """Build the document: plain JSON values, samples as indices at the input's own rate.

    What could not be measured is null and listed in ``undetermined``.
    """
    waveform = analysis.waveform
    undetermined = [{"path": u.path, "reason": u.reason} for u in analysis.undetermined]
    undetermined += [{"path": path, "reason": NO_MODEL} for path in ("rhythm", "diagnosis")]
    return {
        "schema": SCHEMA,
        "sampling_rate_hz": waveform.sampling_rate_hz,
        "n_samples": waveform.n_samples,
        "leads": list(waveform.leads),
        "quality": _quality(analysis.quality),
        "r_peaks": analysis.beats.r_peak_indices.tolist(),
        "beats": _beats(analysis.beats),
        "waves": {w.lead: _waves(w) for w in analysis.waves},
        "measurements": _measurements(analysis.measurements),
        "rhythm": None,
        "diagnosis": None,
        "findings": [_finding(f) for f in analysis.findings],
        "conclusion": analysis.conclusion,
        "undetermined": undetermined,
        "models": [
            {"name": m.name, "version": m.version, "sha256": m.sha256}
            for m in analysis.models
        ],
    }


def _quality(quality: SignalQuality) -> dict[str, object]:
    return {
        "leads": {
            q.lead: {
                "usable": q.usable,
                "missing_fraction": q.missing_fraction,
                "flat_fraction": q.flat_fraction,
                "problems": [p.value for p in q.problems],
            }
            for q in quality.leads
        },
        "problems": [p.value for p in quality.problems],
    }


def _beats(beats: ClassifiedBeats) -> list[dict[str, object]]:
    highest = beats.probabilities.max(axis=1) if beats.n_beats else ()
    return [
        {"sample": int(index), "class": beat_class.value, "probability": round(float(p), 4)}
        for index, beat_class, p in zip(
            beats.r_peak_indices, beats.classes, highest, strict=True
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


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.coding.code,
        "system": finding.coding.system,
        "text": finding.text,
        "evidence": [
            {"path": e.path, "text": e.text, "samples": list(e.samples)}
            for e in finding.evidence
        ],
    }

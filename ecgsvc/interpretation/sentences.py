"""The conclusion: short sentences, each resting on a measurement or a count."""

from collections.abc import Iterator, Sequence

from ecgsvc.domain.beats import BeatClass, ClassifiedBeats
from ecgsvc.domain.findings import Finding
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.quality import SignalQuality

CLASS_WORDS = {
    BeatClass.N: "normal",
    BeatClass.S: "supraventricular ectopic",
    BeatClass.V: "ventricular ectopic",
    BeatClass.F: "fusion",
    BeatClass.Q: "paced or unclassifiable",
}
CLOSING = "Machine-read; not reviewed by a clinician."


def conclude(
    quality: SignalQuality,
    beats: ClassifiedBeats,
    measurements: Measurements,
    findings: Sequence[Finding],
) -> str:
    """Compose the conclusion; what was not determined is said, not left out."""
    return " ".join(
        (
            *_beats(beats, measurements),
            *_intervals(measurements),
            *(f"{finding.text}." for finding in findings),
            "Rhythm and diagnosis not determined: human reading needed.",
            *_quality(quality),
            CLOSING,
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


def _quality(quality: SignalQuality) -> Iterator[str]:
    unusable = [q.lead for q in quality.leads if not q.usable]
    if unusable:
        yield f"Not relied upon: {', '.join(unusable)}."
    for problem in quality.problems:
        yield f"{problem.value.capitalize()}."

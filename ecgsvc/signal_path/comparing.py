"""An analysis beside the patient's ECG before it."""

from collections.abc import Iterable
from dataclasses import replace

from ecgsvc import interpretation
from ecgsvc.domain.analysis import Analysis
from ecgsvc.domain.report import EcgSource, NewReport
from ecgsvc.domain.serial import MeasuredReport, StatedFinding


def compared(analysis: Analysis, earlier: MeasuredReport | None) -> Analysis:
    """Add the comparison with the patient's ECG before; its sentences come last but one."""
    if earlier is None:
        return analysis
    serial = interpretation.compare(
        earlier, analysis.measurements, _findings(analysis), _models(analysis)
    )
    *said, closing = analysis.sentences
    sentences = (*said, *interpretation.serial_sentences(serial), closing)
    return replace(
        analysis,
        serial=serial,
        sentences=sentences,
        conclusion=interpretation.conclusion_of(sentences),
    )


def newest_before(
    source: EcgSource, stored: MeasuredReport | None, others: Iterable[NewReport]
) -> MeasuredReport | None:
    """Return the patient's newest ECG before this one, None when there is none.

    It is a stored one, or one of the `others`, which will be stored together with this one.
    """
    found = [
        MeasuredReport(
            each.slot.report_id,
            each.slot.version,
            each.source.effective_at,
            each.analysis.measurements,
            tuple(_findings(each.analysis)),
            tuple(_models(each.analysis)),
        )
        for each in others
        if _same_subject(each.source, source)
        and each.source.effective_at < source.effective_at
    ]
    if stored is not None:
        found.append(stored)
    return max(found, key=lambda each: each.effective_at, default=None)


def _same_subject(one: EcgSource, other: EcgSource) -> bool:
    """Compare as the store does: the reference is the same, or the whole identifier."""
    reference = one.subject_reference
    if reference is not None and reference == other.subject_reference:
        return True
    mine, theirs = one.subject_identifier, other.subject_identifier
    if mine is None or theirs is None:
        return False
    return (mine.system or "", mine.value) == (theirs.system or "", theirs.value)


def _findings(analysis: Analysis) -> list[StatedFinding]:
    return [
        StatedFinding(f.coding.system, f.coding.code, f.text) for f in analysis.findings
    ]


def _models(analysis: Analysis) -> list[tuple[str, str]]:
    models = (*analysis.models, *(each.model for each in analysis.plug_ins))
    return [(model.name, model.version) for model in models]

"""Reports that differ in all that they are searched by."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from factories import CALLER, ECG_STUDY, a_source, an_analysis, some_documents

from ecgsvc.domain.analysis import ModelIdentity
from ecgsvc.domain.caller import Caller
from ecgsvc.domain.findings import SNOMED_CT, Coding
from ecgsvc.domain.measurements import MEASURED_NAMES, Measurements, Undetermined
from ecgsvc.domain.report import (
    NewReport,
    ReportOrder,
    ReportQuery,
    ReportSlot,
    StoredReport,
)
from ecgsvc.store import ReportStore

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
FINDINGS = {
    Coding(SNOMED_CT, "426783006", "Sinus rhythm"): 0.7,
    Coding(SNOMED_CT, "49436004", "Atrial fibrillation"): 0.1,
    Coding(SNOMED_CT, "17338001", "Ventricular premature beats"): 0.2,
    Coding(SNOMED_CT, "164909002", "Left bundle branch block"): 0.01,
}
"""Findings, and in which share of the reports they are."""
SINUS, *_, RARE_FINDING = FINDINGS
OPEN = ("rhythm", "diagnosis", "beats")
MODELS = (("beats", "3.0.0"), ("rhythm", "2.0.0"), ("rhythm", "1.9.0"))


@dataclass(frozen=True)
class Searched:
    """A stored report and what it should be found by."""

    stored: StoredReport
    new: NewReport


def a_searched_report(
    rng: random.Random, number: int, n: int, *, size: int = 0, begin: datetime = BEGIN
) -> NewReport:
    """Draw a report: most common, some rare; times spread over half a year."""
    effective_at = begin + timedelta(minutes=rng.randrange(180 * 24 * 60))
    findings = [finding for finding, share in FINDINGS.items() if rng.random() < share]
    measured: dict[str, float | None] = {
        "heart_rate_bpm": rng.gauss(75, 15),
        "pr_ms": rng.gauss(160, 25) if rng.random() < 0.9 else None,
        "qrs_ms": rng.gauss(95, 15),
        "qt_ms": rng.gauss(390, 30),
        "qtc_fridericia_ms": rng.gauss(420, 28),
        "qtc_bazett_ms": rng.gauss(425, 30),
        "qrs_axis_deg": rng.gauss(30, 40),
    }
    models = (MODELS[0], MODELS[2] if rng.random() < 0.02 else MODELS[1])
    source = a_source(
        subject_reference=f"Patient/{rng.randrange(max(1, n // 5))}",
        effective_at=effective_at,
        size=size,
    )
    slot = ReportSlot(f"00000000-0000-4000-8000-{number:012}", 1)
    analysis = replace(
        an_analysis(findings=findings),
        measurements=Measurements(**measured),  # type: ignore[arg-type]
        undetermined=tuple(
            Undetermined(path, "not sure") for path in OPEN if rng.random() < 0.1
        ),
        models=tuple(ModelIdentity(*model, "ab" * 32) for model in models),
    )
    return NewReport(
        slot=slot,
        source=source,
        request_id="",
        request_sha256=source.sha256,
        analysis=analysis,
        documents=some_documents(slot),
        codes=(ECG_STUDY, *findings),
        issued_at=effective_at + timedelta(seconds=rng.randrange(60, 600)),
        status=rng.choices(("preliminary", "final", "amended"), (80, 19, 1))[0],
        sex=rng.choice(("female", "male", None)),
        age_years=round(rng.uniform(20, 95), 1) if rng.random() < 0.9 else None,
    )


def store_many(
    store: ReportStore,
    n: int,
    *,
    caller: Caller = CALLER,
    seed: int = 1,
    first: int = 0,
    begin: datetime = BEGIN,
) -> list[Searched]:
    rng = random.Random(seed)
    drawn = (a_searched_report(rng, first + i, n, begin=begin) for i in range(n))
    return [Searched(store.add(caller, new), new) for new in drawn]


def expected(reports: list[Searched], query: ReportQuery) -> list[str]:
    """Ids of what a query means, in its order, by looking at every report."""
    by_ecg = query.order in (ReportOrder.NEWEST_ECG, ReportOrder.OLDEST_ECG)
    found = sorted(
        (
            each.stored.effective_at if by_ecg else each.stored.issued_at,
            each.stored.report_id,
        )
        for each in reports
        if means(query, each.new)
    )
    if query.order in (ReportOrder.NEWEST_ECG, ReportOrder.NEWEST_REPORT):
        found.reverse()
    return [report_id for _, report_id in found]


def means(query: ReportQuery, new: NewReport) -> bool:
    values = {name: getattr(new.analysis.measurements, name) for name in MEASURED_NAMES}
    effective_at, issued_at = new.source.effective_at, new.issued_at
    models = {(model.name, model.version) for model in new.analysis.models}
    return (
        query.patient in (None, new.source.subject_reference)
        and (query.effective_from is None or effective_at >= query.effective_from)
        and (query.effective_before is None or effective_at < query.effective_before)
        and (query.issued_from is None or issued_at >= query.issued_from)
        and (query.issued_before is None or issued_at < query.issued_before)
        and query.status in (None, new.status)
        and (query.code is None or query.code in {c.code for c in new.codes})
        and (
            query.conclusion_code is None
            or query.conclusion_code in {f.coding.code for f in new.analysis.findings}
        )
        and (
            query.undetermined is None
            or query.undetermined in {u.path for u in new.analysis.undetermined}
        )
        and any(
            query.model in (None, name) and query.model_version in (None, version)
            for name, version in models
        )
        and all(
            values[r.name] is not None
            and (r.least is None or values[r.name] >= r.least)
            and (r.most is None or values[r.name] <= r.most)
            for r in query.measured
        )
    )

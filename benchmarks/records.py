"""How fast records are found, exported, verified and proved among 100,000.

    python benchmarks/records.py [--reports 100000] [--database URL] [--copy-from URL]
                                 [--only search,export,verify]

Reports are stored through the store, with sources of 2 kB, in a new SQLite file unless a
database is named: an empty one, or one this benchmark has filled before, which is then used
again. `--copy-from` fills an empty one with the rows of another database, which is faster
than storing them again: the same rows, so that the trail stays whole.

Searches are whole calls of the store as a client waits for them: the page of 50 with its
documents, and the audit events of the search and of every patient in it, signed and
committed. Times of the wall depend on what else the machine does; those of the processor,
of this process alone, are printed beside.
"""

import sys
from pathlib import Path

# Last instead of first: signal.py here would hide the standard library's.
sys.path.append(sys.path.pop(0))

import argparse
import hashlib
import random
import resource
import statistics
import tempfile
import time
import tracemalloc
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from rich.progress import track
from sqlalchemy import insert, select, text
from timing import timed

from ecgsvc import app
from ecgsvc.config import Settings
from ecgsvc.domain.analysis import Analysis, ModelIdentity
from ecgsvc.domain.beats import ClassifiedBeats
from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.export import ExportContent
from ecgsvc.domain.findings import SNOMED_CT, Coding, Finding
from ecgsvc.domain.measurements import Measurements, Undetermined
from ecgsvc.domain.quality import LeadQuality, SignalQuality
from ecgsvc.domain.report import (
    EcgSource,
    MeasuredRange,
    NewReport,
    ReportDocuments,
    ReportOrder,
    ReportPage,
    ReportQuery,
    ReportSlot,
)
from ecgsvc.domain.waveform import Waveform
from ecgsvc.export import ExportFolder, Form
from ecgsvc.store import ReportStore, TrailAuditor, migrate, schema
from ecgsvc.store.engine import make_engine
from ecgsvc.trail import SigningKey, VerifyingKey

QTC = "qtc_fridericia_ms"
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 365
N_PATIENTS = 20_000
SOURCE_BYTES = 2_000
PAGE_SIZE = 50
ROUNDS = 40
KEY_FILE = Path(tempfile.gettempdir()) / "ecgsvc-benchmark.pem"
"""Signs the trail; kept, so that a database filled before can be verified again."""
CALLER = Caller("default", "benchmark", roles=frozenset(Role))
ECG_STUDY = Coding("http://loinc.org", "11524-6", "EKG study")
FINDINGS = {
    Coding(SNOMED_CT, "426783006", "Sinus rhythm"): 0.7,
    Coding(SNOMED_CT, "49436004", "Atrial fibrillation"): 0.1,
    Coding(SNOMED_CT, "17338001", "Ventricular premature beats"): 0.2,
    Coding(SNOMED_CT, "164909002", "Left bundle branch block"): 0.03,
    Coding(SNOMED_CT, "71908006", "Ventricular fibrillation"): 0.0005,
}
MODELS = (
    ModelIdentity("beats", "3.0.0", "ab" * 32),
    ModelIdentity("rhythm", "2.0.0", "cd" * 32),
)
OLD_MODEL = ModelIdentity("rhythm", "1.9.0", "ef" * 32)
WAVEFORM = Waveform(np.zeros((1, 10)), 500.0, ("I",))
NEVER_MEASURED = Measurements()


def main() -> None:
    """Fill a database, ask it, and print how long it took."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--reports", type=int, default=100_000)
    options.add_argument("--database", default="")
    options.add_argument("--copy-from", default="")
    options.add_argument("--only", default="search,export,verify")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{folder}/records.sqlite3"
        settings = Settings(database_url=url, audit_key=KEY_FILE)
        migrate(url)
        if given.copy_from:
            copy(given.copy_from, url)
        store = app.open_store(settings)
        fill(store, given.reports)
        if "search" in given.only:
            time_searches(store)
        if "export" in given.only:
            time_exports(store, Path(folder))
        [newest] = store.list(CALLER, ReportQuery(page_size=1)).reports
        store.close()
        if "verify" in given.only:
            time_verification(url, SigningKey.at(KEY_FILE).public, newest.report_id)


def fill(store: ReportStore, n: int) -> None:
    """Store reports until there are as many as asked, and print how fast that went."""
    there = store.export(CALLER, ReportQuery(), ExportContent.VALUES, details={}).n_reports
    missing = range(there, n)
    if not missing:
        print(f"{there} reports are there")
        return
    rng = random.Random(there)
    start_s = time.perf_counter()
    for number in track(missing, description="storing"):
        store.add(CALLER, a_report(rng, number))
    rate = len(missing) / (time.perf_counter() - start_s)
    print(
        f"{n} reports, of which {len(missing)} were stored now, {rate:.0f}/s in one thread"
    )


def copy(source_url: str, url: str) -> None:
    """Copy all rows into an empty database of the same revision."""
    source, target = (make_engine(each, timeout_s=None) for each in (source_url, url))
    with source.connect() as reading, target.begin() as writing:
        for table in schema.metadata.sorted_tables:
            rows = reading.execute(select(table)).mappings()
            for some in rows.partitions(2_000):
                writing.execute(insert(table), [dict(row) for row in some])
    with target.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))  # as autovacuum does soon after
    for engine in (source, target):
        engine.dispose()


def a_report(rng: random.Random, number: int) -> NewReport:
    """Draw a report: most common, some rare; times spread over a year."""
    effective_at = BEGIN + timedelta(seconds=rng.randrange(DAYS * 24 * 3600))
    findings = [finding for finding, share in FINDINGS.items() if rng.random() < share]
    body = rng.randbytes(SOURCE_BYTES // 2).hex().encode()
    source = EcgSource(
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        fhir_version="4.0.1",
        status="final",
        identifiers=(),
        subject_reference=f"Patient/{rng.randrange(N_PATIENTS)}",
        subject_identifier=None,
        effective_at=effective_at,
        carried={},
    )
    slot = ReportSlot(str(uuid.UUID(int=rng.getrandbits(128), version=4)), 1)
    return NewReport(
        slot=slot,
        source=source,
        request_id="",
        request_sha256=source.sha256,
        analysis=an_analysis(rng, findings),
        documents=some_documents(rng, slot),
        codes=(ECG_STUDY, *findings),
        issued_at=effective_at + timedelta(seconds=rng.randrange(60, 600)),
        status=rng.choices(("preliminary", "final", "amended"), (80, 19, 1))[0],
        sex=rng.choice(("female", "male")),
        age_years=round(rng.uniform(20, 95), 1),
    )


def an_analysis(rng: random.Random, findings: list[Coding]) -> Analysis:
    """Draw what is measured, left open, and by which models."""
    return Analysis(
        waveform=WAVEFORM,
        quality=SignalQuality((LeadQuality("I", True, 0.0, 0.0, ()),)),
        beats=ClassifiedBeats(np.array([1]), np.eye(5, dtype=np.float32)[[0]]),
        waves=(),
        measurements=replace(
            NEVER_MEASURED,
            heart_rate_bpm=rng.gauss(75, 15),
            pr_ms=rng.gauss(160, 25) if rng.random() < 0.9 else None,
            qrs_ms=rng.gauss(95, 15),
            qt_ms=rng.gauss(390, 30),
            qtc_fridericia_ms=rng.gauss(420, 28),
            qtc_bazett_ms=rng.gauss(425, 30),
            qrs_axis_deg=rng.gauss(30, 40),
        ),
        findings=tuple(Finding(each, each.display, ()) for each in findings),
        conclusion="A rate, a rhythm, intervals and a warning: as long as most are.",
        undetermined=tuple(
            Undetermined(path, "")
            for path, share in (("rhythm", 0.08), ("beats", 0.02), ("diagnosis", 0.15))
            if rng.random() < share
        ),
        models=(MODELS[0], OLD_MODEL if rng.random() < 0.02 else MODELS[1]),
    )


def some_documents(rng: random.Random, slot: ReportSlot) -> ReportDocuments:
    """Documents of a third of their true size, which is filled up by the samples."""

    def text(size: int) -> bytes:
        return b'{"id":"%s","x":"%s"}' % (
            slot.report_id.encode(),
            rng.randbytes(size).hex().encode(),
        )

    return ReportDocuments(text(400), (text(800), text(300)), text(400), b'{"d":1}')


def searches(rng: random.Random) -> dict[str, Callable[[], ReportQuery]]:
    """Everything that can be asked, alone and together; values are drawn anew each time."""

    def day() -> datetime:
        return BEGIN + timedelta(days=rng.randrange(DAYS))

    def above(name: str, limit: float) -> tuple[MeasuredRange, ...]:
        return (MeasuredRange(name, least=limit),)

    long_qt, af = above(QTC, 500), "49436004"
    return {
        "everything": ReportQuery,
        "oldest first": lambda: ReportQuery(order=ReportOrder.OLDEST_ECG),
        "newest report": lambda: ReportQuery(order=ReportOrder.NEWEST_REPORT),
        "before a day": lambda: ReportQuery(effective_before=day()),
        "patient": lambda: ReportQuery(patient=f"Patient/{rng.randrange(N_PATIENTS)}"),
        "status, 19 %": lambda: ReportQuery(status="final", effective_before=day()),
        "status, 1 %": lambda: ReportQuery(status="amended", effective_before=day()),
        "finding, 10 %": lambda: ReportQuery(code=af, effective_before=day()),
        "finding, 0.05 %": lambda: ReportQuery(conclusion_code="71908006"),
        "qtc_ms > 500 (0.2 %)": lambda: ReportQuery(measured=long_qt),
        "qtc_ms > 450 (14 %)": lambda: ReportQuery(measured=above(QTC, 450)),
        "two ranges": lambda: ReportQuery(
            measured=(*above(QTC, 460), MeasuredRange("heart_rate_bpm", most=55))
        ),
        "model, 2 %": lambda: ReportQuery(model="rhythm", model_version="1.9.0"),
        "model, 98 %": lambda: ReportQuery(model="rhythm", model_version="2.0.0"),
        "undetermined": lambda: ReportQuery(undetermined="rhythm", effective_before=day()),
        "finding, status, range": lambda: ReportQuery(
            conclusion_code=af, status="final", measured=above("heart_rate_bpm", 100)
        ),
        "all kinds at once": lambda: ReportQuery(
            code=af, status="preliminary", model="rhythm", model_version="2.0.0",
            undetermined="diagnosis", measured=above(QTC, 430),
            effective_from=BEGIN, effective_before=day(),
        ),
        "nothing is both": lambda: ReportQuery(
            code="71908006", conclusion_code="164909002", measured=long_qt
        ),
    }  # fmt: skip


def time_searches(store: ReportStore) -> None:
    """Print the times of each search, of a first page and of the one after it."""
    heads = f"{'median':>8} {'p95':>8} {'most':>8} {'processor':>9}"
    print(f"{'search, page of 50':28} {heads}  ms")
    everything: list[float] = []
    cpu_everything: list[float] = []
    for name, ask in searches(random.Random(3)).items():
        seconds, cpu_seconds = [], []

        def listed(query: ReportQuery) -> ReportPage:
            start_s, start_cpu_s = time.perf_counter(), time.process_time()
            page = store.list(CALLER, query)
            seconds.append(time.perf_counter() - start_s)
            cpu_seconds.append(time.process_time() - start_cpu_s)
            return page

        for _ in range(ROUNDS // 2):
            query = replace(ask(), page_size=PAGE_SIZE)
            if token := listed(query).next_page_token:
                listed(replace(query, page_token=token))
        everything += seconds
        cpu_everything += cpu_seconds
        print(f"{name:28} {in_ms(seconds)} {statistics.median(cpu_seconds) * 1000:9.1f}")
    cpu_ms = statistics.median(cpu_everything) * 1000
    print(f"{'all searches':28} {in_ms(everything)} {cpu_ms:9.1f}")


def in_ms(seconds: list[float]) -> str:
    """Write median, 95th percentile and maximum."""
    p95 = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    values = (statistics.median(seconds), p95, max(seconds))
    return " ".join(f"{value * 1000:8.1f}" for value in values)


def time_exports(store: ReportStore, folder: Path) -> None:
    """Print how fast exports go and what memory they take beside that of the process."""
    forms: tuple[tuple[Form, ExportContent], ...] = (
        ("ndjson", ExportContent.RESOURCES_AND_ECGS),
        ("csv", ExportContent.VALUES),
        ("parquet", ExportContent.VALUES),
    )
    for form, content in forms:
        for share in (0.1, 1.0):
            n, seconds, peak_mb = exported(
                store, folder / f"{form}-{share}", form, content, share
            )
            rate = n / seconds
            print(f"export {form:8} {n:7} reports {rate:7.0f}/s, {peak_mb:6.1f} MB at most")
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"the process had {most_mb:.0f} MB at most")


def time_verification(url: str, key: VerifyingKey, report_id: str) -> None:
    """Print how long the whole trail takes, and the proof of one report."""
    with TrailAuditor.opened(url, [key]) as auditor:
        verdicts = []
        seconds = timed(lambda: verdicts.append(auditor.verify(CALLER.tenant)))
        assert not verdicts[0].problems, verdicts[0].problems
        print(
            f"{verdicts[0].n_events} events and all their rows verified in {seconds:.1f} s"
        )
        proofs = []
        seconds = timed(lambda: proofs.append(auditor.prove(CALLER.tenant, report_id)))
        print(f"one report proved in {seconds:.2f} s, {len(proofs[0]) / 1e3:.0f} kB")
        tracemalloc.start()
        auditor.verify(CALLER.tenant)
        peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        print(f"a verification takes {peak_mb:.1f} MB at most")


def exported(
    store: ReportStore, folder: Path, form: Form, content: ExportContent, share: float
) -> tuple[int, float, float]:
    """Export the first part of the year; reports, seconds, and MB of Python's objects."""
    query = ReportQuery(effective_before=BEGIN + timedelta(days=DAYS * share))
    export = store.export(CALLER, query, content, details={"form": form})
    tracemalloc.start()
    target = ExportFolder(folder, form, {"share": share})
    seconds = timed(lambda: target.write(export.reports))
    peak_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return target.n_reports, seconds, peak_mb


if __name__ == "__main__":
    main()

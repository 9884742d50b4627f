"""How fast records are found, exported, verified and proved among 100,000.

    python benchmarks/records.py [--reports 100000] [--database URL] [--copy-from URL]
                                 [--only post,search,export,verify]

Reports are stored through the store, with sources of 2 kB, in a new SQLite file unless a
database is named: an empty one, or one this benchmark has filled before, which is then used
again. `--copy-from` fills an empty one with the rows of another database, which is faster
than storing them again: the same rows, so that the trail stays whole.

Searches are whole calls of the store as a client waits for them: the page of 50 with its
documents, and the audit events of the search and of every patient in it, signed and
committed. Times of the wall depend on what else the machine does; those of the processor,
of this process alone, are printed beside. Exports and the verification run in processes of
their own, whose memory is told.
"""

import sys
from pathlib import Path

# Last instead of first: signal.py here would hide the standard library's.
sys.path.append(sys.path.pop(0))

import argparse
import os
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing import get_context
from typing import ParamSpec, TypeVar
from unittest.mock import patch

from drawn_reports import BEGIN, DAYS, N_PATIENTS, a_report
from rich.progress import track
from sqlalchemy import insert, select, text
from timing import timed

from ecgsvc import app
from ecgsvc.config import Settings
from ecgsvc.domain.audit import TrailVerdict
from ecgsvc.domain.caller import Caller, Role
from ecgsvc.domain.export import ExportContent
from ecgsvc.domain.report import MeasuredRange, ReportOrder, ReportPage, ReportQuery
from ecgsvc.export import ExportFolder, Form
from ecgsvc.store import ReportStore, TrailAuditor, migrate, schema
from ecgsvc.store.engine import make_engine
from ecgsvc.store.trail import Trail
from ecgsvc.trail import SigningKey

QTC = "qtc_fridericia_ms"
PAGE_SIZE = 50
ROUNDS = 40
N_POSTED = 200
KEY_FILE = Path(tempfile.gettempdir()) / "ecgsvc-benchmark.pem"
"""Signs the trail; kept, so that a database filled before can be verified again."""
CALLER = Caller("default", "benchmark", roles=frozenset(Role))

P = ParamSpec("P")
T = TypeVar("T")


def main() -> None:
    """Fill a database, ask it, and print how long it took."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--reports", type=int, default=100_000)
    options.add_argument("--database", default="")
    options.add_argument("--copy-from", default="")
    options.add_argument("--only", default="post,search,export,verify")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{folder}/records.sqlite3"
        migrate(url)
        if given.copy_from:
            copy(given.copy_from, url)
        print_load()
        store = opened(url)
        fill(store, given.reports)
        if "post" in given.only:
            time_posting(store)
        if "search" in given.only:
            time_searches(store)
        [newest] = store.list(CALLER, ReportQuery(page_size=1)).reports
        store.close()
        if "export" in given.only:
            time_exports(url, Path(folder))
        if "verify" in given.only:
            time_verification(url, newest.report_id)
        print_load()


def opened(url: str) -> ReportStore:
    """Open a database with the key that is kept."""
    return app.open_store(Settings(database_url=url, audit_key=KEY_FILE))


def print_load() -> None:
    """Print how busy the machine is, which all times of the wall depend on."""
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"load of the machine {loads}, {os.cpu_count()} processors")


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
    if target.dialect.name == "postgresql":  # as autovacuum does soon after
        with target.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    for engine in (source, target):
        engine.dispose()


def time_posting(store: ReportStore) -> None:
    """Print how long storing a report takes, and how much of it the trail."""
    in_trail: list[float] = []
    append = Trail.append

    def timed_append(*given: object) -> int:
        sequences: list[int] = []
        in_trail.append(timed(lambda: sequences.append(append(*given))))
        return sequences[0]

    rng = random.Random()
    reports = [a_report(rng, number) for number in range(N_POSTED)]
    with patch.object(Trail, "append", timed_append):
        seconds = [timed(lambda new=new: store.add(CALLER, new)) for new in reports]
    trail_ms = statistics.median(in_trail) * 1000
    print(f"storing a report: median, p95 and most {in_ms(seconds)} ms, "
          f"of which the trail {trail_ms:.1f} ms (median)")  # fmt: skip


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


@dataclass(frozen=True, slots=True)
class Cost:
    """What work took: seconds of the wall and of the processor, and resident memory."""

    wall_s: float
    cpu_s: float
    before_mb: float
    peak_mb: float

    def __str__(self) -> str:
        return (
            f"{self.wall_s:6.1f} s ({self.cpu_s:.1f} of the processor), "
            f"{self.peak_mb:.0f} MB at most, {self.before_mb:.0f} before"
        )


def measured_alone(work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Work in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work, *given, **named).result()


def cost_of(work: Callable[[], object]) -> Cost:
    """Measure work in this process."""
    before_mb = peak_mb()
    cpu_s: list[float] = []
    wall_s = timed(lambda: cpu_s.append(timed(work, time.process_time)))
    return Cost(wall_s, cpu_s[0], before_mb, peak_mb())


def peak_mb() -> float:
    """Most memory that this process had; `getrusage` tells a child its parent's."""
    [line] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(line) / 1024


def time_exports(url: str, folder: Path) -> None:
    """Print how long exports of a tenth and of all take, and what memory."""
    forms: tuple[tuple[Form, ExportContent], ...] = (
        ("ndjson", ExportContent.RESOURCES_AND_ECGS),
        ("csv", ExportContent.VALUES),
        ("parquet", ExportContent.VALUES),
    )
    for form, content in forms:
        for share in (0.1, 1.0):
            target = folder / f"{form}-{share}"
            n, cost = measured_alone(exported, url, target, form, content, share)
            print(f"export {form:8} {n:7} reports {cost}")


def exported(
    url: str, folder: Path, form: Form, content: ExportContent, share: float
) -> tuple[int, Cost]:
    """Export the first part of the year."""
    store = opened(url)
    query = ReportQuery(effective_before=BEGIN + timedelta(days=DAYS * share))
    export = store.export(CALLER, query, content, details={"form": form})
    target = ExportFolder(folder, form, {"share": share})
    cost = cost_of(lambda: target.write(export.reports))
    store.close()
    return target.n_reports, cost


def time_verification(url: str, report_id: str) -> None:
    """Print how long the whole trail takes, and the proof of one report."""
    verdict, cost = measured_alone(verified, url)
    assert not verdict.problems, verdict.problems
    print(f"{verdict.n_events} events and all their rows verified in {cost}")
    with TrailAuditor.opened(url, [SigningKey.at(KEY_FILE).public]) as auditor:
        proofs: list[bytes] = []
        seconds = timed(lambda: proofs.append(auditor.prove(CALLER.tenant, report_id)))
    print(f"one report proved in {seconds:.2f} s, {len(proofs[0]) / 1e3:.0f} kB")


def verified(url: str) -> tuple[TrailVerdict, Cost]:
    """Verify the whole trail."""
    with TrailAuditor.opened(url, [SigningKey.at(KEY_FILE).public]) as auditor:
        verdicts: list[TrailVerdict] = []
        cost = cost_of(lambda: verdicts.append(auditor.verify(CALLER.tenant)))
    return verdicts[0], cost


if __name__ == "__main__":
    main()

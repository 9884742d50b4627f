"""Writers are killed, PostgreSQL is restarted; what was said is there, and once."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from factories import CALLER, open_store

from ecgsvc.domain.report import ReportQuery, StoredReport
from ecgsvc.store import TrailAuditor, migrate
from ecgsvc.trail import SigningKey
from tests.clusters import Cluster, running_cluster

WRITER = Path(__file__).parent / "crash_writer.py"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running_cluster() as made:
        yield made


@dataclass
class Load:
    """Processes that post and sign, and what they have said was acknowledged."""

    cluster: Cluster
    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"

    def start(self, name: str, work: str, n_threads: int) -> None:
        where = [self.cluster.url, str(self.key)]
        command = [sys.executable, str(WRITER), *where, name, work, str(n_threads)]
        with (self.folder / f"{name}.{work}").open("wb") as said:
            self.running.append(subprocess.Popen(command, stdout=said))

    def said(self, work: str) -> list[str]:
        files = sorted(self.folder.glob(f"*.{work}"))
        text = "".join(file.read_text() for file in files)
        return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def wait(self, n_posts: int, n_signs: int, least_s: float) -> None:
        """Until so many more were acknowledged, and so much time has passed."""
        before, start_s = (
            (len(self.said("posts")), len(self.said("signs"))),
            time.monotonic(),
        )
        while True:
            time.sleep(0.1)
            grown = (
                len(self.said("posts")) - before[0],
                len(self.said("signs")) - before[1],
            )
            passed_s = time.monotonic() - start_s
            if passed_s >= least_s and grown[0] >= n_posts and grown[1] >= n_signs:
                return
            assert passed_s < least_s + 120, f"no progress: {grown}"

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.wait(30)


def crash(
    cluster: Cluster, folder: Path, n_writers: int, n_signers: int, least_s: float
) -> None:
    load = Load(cluster, folder)
    SigningKey.at(load.key, make=True)
    migrate(cluster.url)
    try:
        for number in range(2):  # in two processes each, of which one is killed
            load.start(f"w{number}", "posts", n_writers // 2)
            load.start(f"s{number}", "signs", n_signers // 2)
        load.wait(10, 2, least_s / 3)
        load.running[0].kill()
        load.running[1].kill()
        load.start("late", "posts", n_writers // 2)
        load.wait(5, 1, least_s / 3)
        cluster.control("restart", "-m", "immediate")
        load.wait(5, 1, least_s / 3)
    finally:
        load.end()
    said = [line.strip() for work in ("posts", "signs") for line in load.said(work)]
    check(cluster.url, SigningKey.at(load.key), said)


def check(url: str, key: SigningKey, said: list[str]) -> None:
    with TrailAuditor.opened(url, [key.public]) as auditor:
        verdict = auditor.verify("default")
    assert verdict.problems == ()
    store = open_store(url, key)
    found: Counter[str] = Counter()
    versions: set[str] = set()
    reports: list[StoredReport] = []
    query = ReportQuery(page_size=1000)
    while True:
        page = store.list(CALLER, query)
        reports += page.reports
        if not page.next_page_token:
            break
        query = replace(query, page_token=page.next_page_token)
    for report in reports:
        body = store.get_with_source(CALLER, report.report_id, report.version)[1]
        found[body.rstrip(b"\0").decode()] += 1
        if report.version > 1:
            versions.add(f"{report.report_id} {report.version}")
    store.close()
    assert set(found.values()) == {1}, "an ECG has two reports"
    assert versions
    for line in said:
        assert line in (versions if " " in line else found), "acknowledged, and lost"


def test_nothing_acknowledged_is_lost_or_doubled(cluster: Cluster, tmp_path: Path) -> None:
    crash(cluster, tmp_path, 2, 2, 0.0)


@pytest.mark.verify
def test_sixteen_writers_and_four_signers_for_a_minute(
    cluster: Cluster, tmp_path: Path
) -> None:
    crash(cluster, tmp_path, 16, 4, 60.0)

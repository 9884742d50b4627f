"""A backup is restored, verifies, and says against a checkpoint what it lacks."""

import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from factories import CALLER, KEY, a_signing, a_source, an_identifier, open_store, submit
from sqlalchemy.engine import make_url

from ecgsvc.store import TrailAuditor
from ecgsvc.trail import Checkpoint


def fill(url: str, n_reports: int) -> Checkpoint:
    store = open_store(url)
    for _ in range(n_reports):
        store.add_signed(CALLER, a_signing(submit(store, a_source(an_identifier()))))
    note, _ = store.audit_checkpoint(CALLER)
    store.close()
    return Checkpoint.read(note, [KEY.public])


def problems(url: str, *kept: Checkpoint) -> list[str]:
    with TrailAuditor.opened(url, [KEY.public]) as auditor:
        return [problem.text for problem in auditor.verify("default", kept).problems]


def rehearse(url: str, restored: str, back_up: Callable[[], None]) -> None:
    old = fill(url, 3)
    back_up()
    new = fill(url, 2)
    assert problems(url, old, new) == []
    assert problems(restored, old) == []
    [lost] = problems(restored, new)
    assert lost == (
        f"the trail was cut: it has {old.size} events, a checkpoint has {new.size}"
    )
    assert fill(restored, 1).size > old.size  # it goes on from there


def test_a_sqlite_backup_is_restored(sqlite_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "backup.db"

    def back_up() -> None:
        source = sqlite3.connect(str(make_url(sqlite_url).database))
        target = sqlite3.connect(copy)
        source.backup(target)
        source.close()
        target.close()

    rehearse(sqlite_url, f"sqlite:///{copy}", back_up)


def test_a_postgresql_backup_is_restored(
    postgres_url: str, empty_postgres: Callable[[], str], tmp_path: Path
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")
    restored, file = empty_postgres(), str(tmp_path / "backup")

    def run(program: str, url: str, *options: str) -> None:
        plain = make_url(url).set(drivername="postgresql")
        text = plain.render_as_string(hide_password=False)
        command = [program, "--dbname", text, *options]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def back_up() -> None:
        run("pg_dump", postgres_url, "--format=custom", "--file", file)
        run("pg_restore", restored, "--no-owner", file)

    rehearse(postgres_url, restored, back_up)

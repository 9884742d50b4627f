"""A PostgreSQL of a test's own, which it may stop and start."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Cluster:
    """A PostgreSQL of the test's own."""

    bin: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, *command: str) -> None:
        subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            check=True,
            capture_output=True,
            cwd=self.folder,
            user="postgres" if os.getuid() == 0 else None,
            timeout=60,
        )

    def control(self, *what: str) -> None:
        log, options = str(self.folder / "log"), f"-p {self.port} -k {self.folder}"
        data = str(self.folder / "data")
        self.run("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", *what)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start one; without PostgreSQL's server programs the test is skipped."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    program = found[-1] if found else shutil.which("initdb")
    if program is None:
        pytest.skip("no initdb: PostgreSQL's server programs are not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="ecgsvc-pg-"))
    if os.getuid() == 0:
        try:
            owner = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    made = Cluster(Path(program).parent, folder, port)
    made.run("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust")
    made.control("start")
    try:
        yield made
    finally:
        made.control("stop", "-m", "immediate")
        shutil.rmtree(folder)

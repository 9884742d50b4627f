"""Several server processes on one port."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers import Server, running_server
from tests.service.test_end_to_end import observation


def children(pid: int) -> list[int]:
    """Processes of a process, the resource tracker of multiprocessing left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_text()
            except OSError:
                continue
            if int(stat[1]) == pid and "resource_tracker" not in command:
                found.append(int(entry.name))
    return found


def ends(pid: int) -> bool:
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def two(sqlite_url: str, tmp_path: Path):
    with running_server(sqlite_url, tmp_path / "log", "--processes", "2") as server:
        yield server


def test_they_share_the_connections_and_one_database(two: Server) -> None:
    assert len(children(two.process.pid)) == 2
    names = set()
    for seed in range(12):
        with two.client(deadline_s=60) as client:
            names.add(client.analyze(observation(seed % 3)).name)
    with two.client() as client:
        assert {report.name for report in client.list_reports()} == names


def test_sigterm_drains_all_of_them(two: Server) -> None:
    started = children(two.process.pid)
    two.process.terminate()
    assert two.process.wait(timeout=60) == 0
    assert all(ends(pid) for pid in started)


def test_they_end_when_their_parent_is_killed(two: Server) -> None:
    started = children(two.process.pid)
    two.kill()
    assert all(ends(pid) for pid in started)


def test_the_others_are_drained_when_one_dies(two: Server) -> None:
    first, second = children(two.process.pid)
    os.kill(first, signal.SIGKILL)
    assert two.process.wait(timeout=60) == 1
    assert ends(second)


def test_a_port_in_use_is_said_in_one_line(sqlite_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for n_processes in ("1", "2"):
            done = subprocess.run(
                [sys.executable, "-m", "ecgsvc", "serve", "--listen", address,
                 "--processes", n_processes, "--database", sqlite_url],
                capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.returncode == 1
            assert "cannot listen" in done.stderr
            assert "Traceback" not in done.stderr

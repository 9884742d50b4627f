"""A real server process."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Server:
    """A running `ecgsvc serve`."""

    address: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)


@contextmanager
def running_server(url: str, log: Path, *options: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "ecgsvc", "serve", "--listen", "127.0.0.1:0"]
    with (
        log.open("a") as stderr,
        subprocess.Popen(
            [*command, "--database", url, *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("serving on "), log.read_text()
            yield Server(line.removeprefix("serving on ").strip(), process)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=60)

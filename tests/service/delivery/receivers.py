"""Systems that reports are delivered to, which fail and restart: others' software."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hl7
import pytest
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server

NODE = Path(__file__).parents[1] / "node"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@dataclass
class FhirReceiver:
    """medplum's FHIR router in Node; a share of its writes fails, before or after."""

    state_file: Path
    fail_share: float = 0.0
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        if shutil.which("node") is None:
            pytest.skip("node is not installed: the FHIR receiver cannot run")
        if not (NODE / "node_modules" / "@medplum").is_dir():
            pytest.skip(f"medplum is not there (npm ci --prefix {NODE})")
        self.process = subprocess.Popen(
            [
                "node",
                "fhir_server.js",
                str(self.port),
                str(self.fail_share),
                self.state_file,
            ],
            cwd=NODE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("listening")

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def resources(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self._get("/dump") if each["resourceType"] == kind]

    def written(self) -> list[dict[str, Any]]:
        """Return identifier, status and subject of each report write, in order."""
        return list(self._get("/log"))

    def _get(self, path: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found


@dataclass
class Hl7Receiver:
    """The MLLP server of the library `hl7`; a share of its messages fails, either way.

    As engines do, it takes a message with a known MSH-10 as the one it has.
    """

    fail_share: float = 0.0
    port: int = field(default_factory=free_port)
    messages: dict[str, hl7.Message] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.stop()

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._open: set[HL7StreamWriter] = set()
        server = await start_hl7_server(
            self._talk, "127.0.0.1", self.port, limit=2**24, encoding="utf-8"
        )
        async with server:
            ready.set()
            await self._end.wait()
            for writer in list(self._open):
                writer.transport.abort()

    async def _talk(self, reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        self._open.add(writer)
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                if (reply := self._take(message)) is None:
                    break
                writer.writemessage(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def _take(self, message: hl7.Message) -> hl7.Message | None:
        dice = random.random()
        if self.codes:
            return message.create_ack(self.codes.pop(0))
        if dice < self.fail_share / 3:
            return message.create_ack("AE")
        if dice < self.fail_share * 2 / 3:
            return None
        message_id = str(message.segment("MSH")[10])
        self.order.append(message_id)
        self.messages.setdefault(message_id, message)
        return None if dice < self.fail_share else message.create_ack("AA")

"""A real server process, and who may call it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from ecgsvc.client import EcgClient
from ecgsvc.domain.caller import Caller, Role
from ecgsvc.identity import OwnKey


@dataclass(frozen=True)
class Server:
    """A running `ecgsvc serve`; `fhir_url` is that of the REST face, when asked for,
    `hl7_ports` those of its listeners, and `database` the file of SQLite.
    """

    address: str
    process: subprocess.Popen[str]
    key: OwnKey
    fhir_url: str = ""
    database: str = ""
    hl7_ports: tuple[int, ...] = ()

    def token(
        self,
        *roles: Role,
        tenant: str = "default",
        subject: str = "tester",
        valid_for: timedelta = timedelta(hours=1),
    ) -> str:
        """A token of the server's own key; of all roles when none is named."""
        return a_token(
            self.key, *roles, tenant=tenant, subject=subject, valid_for=valid_for
        )

    def client(self, *roles: Role, tenant: str = "default", **options: Any) -> EcgClient:
        """A client of the server, of all roles when none is named."""
        return EcgClient(self.address, token=self.token(*roles, tenant=tenant), **options)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)


def a_token(
    key: OwnKey,
    *roles: Role,
    tenant: str = "default",
    subject: str = "tester",
    valid_for: timedelta = timedelta(hours=1),
) -> str:
    caller = Caller(tenant, subject, roles=frozenset(roles or Role))
    return key.token(caller, valid_for)


@contextmanager
def running_server(
    url: str, log: Path, *options: str, n_hl7_listeners: int = 0
) -> Iterator[Server]:
    key_file = log.with_name("token-key.pem")
    key = OwnKey(key_file, make=True)
    file = url.partition(":///")[2]
    audit_key = f"{file}.audit-key.pem" if file else str(log.with_name("audit-key.pem"))
    files = ["--token-key", str(key_file), "--audit-key", audit_key]
    command = [sys.executable, "-m", "ecgsvc", "serve", "--listen", "127.0.0.1:0"]
    with (
        log.open("a") as stderr,
        subprocess.Popen(
            [*command, *files, "--database", url, *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("serving on "), log.read_text()
            fhir_url = ""
            if "--http" in options:
                fhir_line = process.stdout.readline()
                assert fhir_line.startswith("serving FHIR on "), log.read_text()
                fhir_url = fhir_line.removeprefix("serving FHIR on ").strip()
            address = line.removeprefix("serving on ").strip()
            lines = [process.stdout.readline() for _ in range(n_hl7_listeners)]
            assert all(each.startswith("serving HL7 v2 ") for each in lines), lines
            ports = tuple(int(each.rpartition(":")[2]) for each in lines)
            yield Server(address, process, key, fhir_url, file, ports)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=60)

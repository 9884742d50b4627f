"""schemathesis against the OpenAPI description: whatever it sends, nothing is a 5xx."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import Server


def run_schemathesis(server: Server, seconds: int, log: Path) -> str:
    """Run it for some seconds, as its own program; return what it said."""
    program = Path(sys.executable).with_name("schemathesis")
    if not program.exists():
        pytest.skip("schemathesis is not installed")
    base = server.fhir_url.removesuffix("/fhir")
    done = subprocess.run(
        [
            str(program), "run", f"{base}/openapi.json",
            "--header", f"Authorization: Bearer {server.token()}",
            "--checks", "not_a_server_error,status_code_conformance",
            "--phases", "fuzzing", "--max-time", str(seconds),
            "--max-examples", "1000000" if seconds > 60 else "50",
            "--no-color", "--seed", "1",
        ],
        cwd=log.parent,
        capture_output=True,
        text=True,
        timeout=seconds + 120,
        check=False,
    )  # fmt: skip
    log.write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def test_nothing_schemathesis_sends_in_seconds_breaks_the_service(
    rest_server: Server, tmp_path: Path
) -> None:
    said = run_schemathesis(rest_server, 15, tmp_path / "log")
    assert re.search(r"Fuzzing", said)


@pytest.mark.verify
def test_nothing_schemathesis_sends_in_five_minutes_breaks_the_service(
    rest_server: Server, tmp_path: Path
) -> None:
    run_schemathesis(rest_server, 300, tmp_path / "log")

"""Independent FHIR validators, run over everything the service writes.

fhirkit-rs (R4, Rust) is strict on structure and primitives; npm ``fhir`` knows value sets
and cardinalities. Neither shares code with `fhir.resources`, which the service uses.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import fhirkit
import pytest

NODE_DIR = Path(__file__).parent / "service" / "node"
TIMEOUT_S = 120


def require_validators() -> None:
    """Skip the test, saying what to install, when Node or its modules are not there."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed: the npm validator cannot run")
    if not (NODE_DIR / "node_modules" / "fhir").is_dir():
        pytest.skip(f"the npm validator is not there (npm ci --prefix {NODE_DIR})")


def problems_found(resources: Sequence[bytes]) -> list[str]:
    """Return what either validator holds against R4 resources, as "index: place: text".

    One Node process reads them all, one a line.
    """
    return [*_fhirkit_problems(resources), *_npm_problems(resources)]


def assert_valid_for_independent_validators(resources: Sequence[bytes]) -> None:
    """Fail with everything that either validator holds against the resources."""
    require_validators()
    assert resources
    assert problems_found(resources) == []


def _fhirkit_problems(resources: Sequence[bytes]) -> list[str]:
    return [
        f"{index}: fhirkit {issue.path}: {issue.message}"
        for index, resource in enumerate(resources)
        for issue in fhirkit.validate(resource)
        if issue.severity == "error"
    ]


def _npm_problems(resources: Sequence[bytes]) -> list[str]:
    lines = b"\n".join(json.dumps(json.loads(resource)).encode() for resource in resources)
    done = subprocess.run(
        ["node", "validate.js"],
        cwd=NODE_DIR,
        input=lines + b"\n",
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(verdicts) == len(resources)
    return [
        f"{index}: npm fhir {message['location']}: {message['message']}"
        for index, verdict in enumerate(verdicts)
        for message in _errors(verdict)
    ]


def _errors(verdict: dict[str, object]) -> list[dict[str, str]]:
    messages = verdict["messages"]
    assert isinstance(messages, list)
    errors = [m for m in messages if m["severity"] in ("error", "fatal")]
    if not verdict["valid"] and not errors:
        return [{"location": "", "message": "not valid"}]
    return errors

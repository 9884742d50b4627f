"""The C++ core without Python: its tests under sanitizers, its fuzzers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NEEDS_DOCTEST = pytest.mark.skipif(
    not Path("/usr/include/doctest/doctest.h").exists(), reason="doctest is not installed"
)
NEEDS_CLANG = pytest.mark.skipif(
    shutil.which("clang++") is None, reason="clang is not installed"
)


def workflow(preset: str, repository: Path) -> None:
    """Configure, build and test as `cmake --workflow` does; its output when it fails."""
    done = subprocess.run(
        ["cmake", "--workflow", "--preset", preset],
        cwd=repository,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


@NEEDS_DOCTEST
def test_the_core_passes_under_address_and_undefined_sanitizers(repository: Path) -> None:
    workflow("asan", repository)


@pytest.mark.verify
@NEEDS_DOCTEST
def test_concurrent_calls_pass_under_the_thread_sanitizer(repository: Path) -> None:
    workflow("tsan", repository)


@pytest.mark.verify
@NEEDS_CLANG
def test_fuzzers_find_nothing_in_half_a_minute_each(repository: Path) -> None:
    workflow("fuzz", repository)

"""The stub of the core says what the compiled module has."""

import subprocess
import sys
from pathlib import Path


def test_the_stub_matches_the_compiled_core(repository: Path, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    # pybind11 gives its classes a metaclass of its own, which no stub can name.
    allowed.write_text(
        "ecgsvc.dsp._core.DetectorConstants\necgsvc.dsp._core.RPeakDetector\n"
    )
    command = [sys.executable, "-m", "mypy.stubtest", "ecgsvc.dsp._core"]
    checked = subprocess.run(
        [*command, "--allowlist", str(allowed)],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr

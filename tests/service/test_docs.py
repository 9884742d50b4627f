"""The commands and examples of the documentation run as they stand."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = (
    "docs/audit.md",
    "docs/convert.md",
    "docs/deliver.md",
    "docs/ecg-sheet.md",
    "docs/post-an-ecg.md",
    "docs/find-reports.md",
    "docs/clients.md",
    "docs/rest.md",
    "docs/validate.md",
    "docs/plug-in-models.md",
)


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run_in_order(
    page: str, repository: Path, tmp_path: Path
) -> None:
    text_of_page = (repository / page).read_text()
    if "from onnx import" in text_of_page:
        pytest.importorskip("onnx", reason="the extra 'train' is not installed")
    blocks = BLOCK.findall(text_of_page)
    assert blocks
    script = "set -eu\n" + "\n".join(
        text if kind == "sh" else f"python - <<'PYTHON'\n{text}PYTHON\n"
        for kind, text in blocks
    )
    bin_folder = Path(sys.executable).parent
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            ["bash", "-c", script],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as shell,
    ):
        try:
            assert shell.wait(timeout=120) == 0, log.read_text()
        finally:
            with suppress(ProcessLookupError):  # unless the page leaves a server running
                os.killpg(shell.pid, signal.SIGTERM)


def test_every_link_between_pages_leads_somewhere(repository: Path) -> None:
    pages = [repository / "README.md", *(repository / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), (page.name, target)

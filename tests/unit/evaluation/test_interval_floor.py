"""What annotations disagree about among themselves bounds every estimate."""

from pathlib import Path

import pytest

from ecgsvc.evaluation import interval_floor


@pytest.fixture
def ludb(recordings, tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for path in (recordings / "ludb" / "data").glob("1.*"):
        (tmp_path / "data" / path.name).symlink_to(path)
    return tmp_path


@pytest.mark.recordings
def test_halves_of_the_leads_are_a_few_milliseconds_apart(ludb: Path) -> None:
    rows = {row["Value"]: row for row in interval_floor(ludb).rows}
    assert set(rows) == {"pr_ms", "qrs_ms", "qt_ms"}
    for row in rows.values():
        assert row["n"] == 1
        assert 0 < float(row["halves apart"]) < 30
        assert float(row["reference off"]) == pytest.approx(
            float(row["halves apart"]) / 2, abs=0.1
        )


@pytest.mark.recordings
def test_leads_that_agree_are_nothing_apart(recordings, ludb: Path) -> None:
    for path in (ludb / "data").iterdir():
        if path.suffix not in (".hea", ".dat"):
            path.unlink()
            path.symlink_to(recordings / "ludb" / "data" / "1.ii")
    assert [row["halves apart"] for row in interval_floor(ludb).rows] == ["0.0"] * 3

"""Exports to a folder: formats, and going on after a break."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgsvc.domain.errors import InvalidRequest
from ecgsvc.domain.export import ExportedReport
from ecgsvc.export import Deidentifier, ExportFolder, Form, folder
from ecgsvc.export.table import COLUMNS
from tests.unit.export.exported import SECRET, an_export

FORMS: tuple[Form, ...] = ("ndjson", "csv", "parquet")
WHAT = {"tenant": "north", "filter": ""}


def contents(path: Path) -> dict[str, object]:
    """What the files say; Parquet by its rows, as parts may be cut elsewhere."""
    pq = pytest.importorskip("pyarrow.parquet")
    parts = sorted(path.glob("*.parquet"))
    rows = [row for part in parts for row in pq.read_table(part).to_pylist()]
    return {
        "rows": rows,
        **{
            file.name: file.read_bytes()
            for file in path.iterdir()
            if file.suffix in (".ndjson", ".csv")
        },
    }


def export_all(path: Path, form: Form, n: int, *, with_source: bool = False) -> None:
    reports = (an_export(number, with_source=with_source) for number in range(n))
    ExportFolder(path, form, WHAT).write(reports)


def test_ndjson_has_a_file_a_type_and_a_resource_a_line(tmp_path: Path) -> None:
    export_all(tmp_path / "e", "ndjson", 3, with_source=True)
    lines = {
        file.name: [json.loads(line) for line in file.read_bytes().splitlines()]
        for file in (tmp_path / "e").glob("*.ndjson")
    }
    assert {name: len(found) for name, found in lines.items()} == {
        "DiagnosticReport.ndjson": 3,
        "Observation.ndjson": 3,
        "Observation.ecg.ndjson": 3,
        "Provenance.ndjson": 3,
        "Device.ndjson": 1,
    }
    for name, found in lines.items():
        assert {each["resourceType"] for each in found} == {name.partition(".")[0]}


def test_a_csv_says_all_columns_with_their_units(tmp_path: Path) -> None:
    export_all(tmp_path / "e", "csv", 2)
    with (tmp_path / "e" / "reports.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert rows[1]["heart_rate_bpm"] == "71.5"
    assert rows[1]["pr_ms"] == ""
    assert rows[1]["finding_codes"] == "49436004"
    assert rows[1]["undetermined"] == "rhythm|diagnosis"
    assert json.loads(rows[1]["scores"]) == {"rhythm/A": 0.75}
    assert rows[1]["effective_at"] == "2026-03-04T09:00:00.250000+00:00"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_of_a_csv_is_a_formula_and_numbers_stay(tmp_path: Path, start: str) -> None:
    exported = an_export()
    text = f"{start}HYPERLINK(A1)"
    odd = replace(
        exported,
        report=replace(exported.report, subject_reference=text),
        signer=text,
        undetermined=(text, "rhythm"),
        measurements={"qrs_axis_deg": -30.5},
    )
    ExportFolder(tmp_path / "e", "csv", WHAT).write([odd])
    with (tmp_path / "e" / "reports.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["patient"] == row["signer"] == f"'{text}"
    assert row["undetermined"] == f"'{text}|rhythm"
    assert float(row["qrs_axis_deg"]) == -30.5


def test_parquet_keeps_types(tmp_path: Path) -> None:
    export_all(tmp_path / "e", "parquet", 2)
    row = contents(tmp_path / "e")["rows"][1]  # type: ignore[index]
    assert row["heart_rate_bpm"] == 71.5
    assert row["pr_ms"] is None
    assert row["finding_codes"] == ["49436004"]
    assert dict(row["scores"]) == {"rhythm/A": 0.75}
    assert row["effective_at"].isoformat() == "2026-03-04T09:00:00.250000+00:00"


class Broken(Exception):
    """The machine went away."""


def reports_until(start: int, stop: int) -> Iterator[ExportedReport]:
    for number in range(start, stop):
        yield an_export(number)
    raise Broken


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=5, deadline=None)
@given(breaks=st.lists(st.integers(0, 5), max_size=2))
def test_an_export_broken_off_anywhere_ends_like_one_that_was_not(
    tmp_path_factory: pytest.TempPathFactory, form: Form, breaks: list[int]
) -> None:
    path = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "CHECKPOINT_REPORTS", 3)
        for n_more in breaks:
            going_on = ExportFolder(path / "broken", form, WHAT)
            start = int(going_on.cursor.removeprefix("cursor-") or -1) + 1
            with pytest.raises(Broken):
                going_on.write(reports_until(start, start + n_more))
        going_on = ExportFolder(path / "broken", form, WHAT)
        start = int(going_on.cursor.removeprefix("cursor-") or -1) + 1
        assert start == going_on.n_reports
        going_on.write(an_export(number) for number in range(start, 14))
    export_all(path / "whole", form, 14)
    assert contents(path / "broken") == contents(path / "whole")


@pytest.mark.parametrize("form", FORMS)
def test_a_finished_export_goes_on_with_what_is_new(tmp_path: Path, form: Form) -> None:
    export_all(tmp_path / "e", form, 4)
    later = ExportFolder(tmp_path / "e", form, WHAT)
    assert (later.cursor, later.n_reports) == ("cursor-3", 4)
    later.write([an_export(4)])
    export_all(tmp_path / "whole", form, 5)
    assert contents(tmp_path / "e") == contents(tmp_path / "whole")


def test_another_export_in_the_folder_is_not_touched(tmp_path: Path) -> None:
    export_all(tmp_path / "e", "csv", 1)
    before = contents(tmp_path / "e")
    names = Deidentifier(bytes(32), "north")
    with pytest.raises(InvalidRequest, match="another filter"):
        ExportFolder(tmp_path / "e", "csv", WHAT | {"filter": "status = final"})
    with pytest.raises(InvalidRequest, match="another format"):
        ExportFolder(tmp_path / "e", "ndjson", WHAT)
    with pytest.raises(InvalidRequest, match="another deidentified"):
        ExportFolder(tmp_path / "e", "csv", WHAT, names)
    (tmp_path / "e" / folder.STATE_FILE).write_text("{")
    with pytest.raises(InvalidRequest, match="damaged"):
        ExportFolder(tmp_path / "e", "csv", WHAT)
    (tmp_path / "e" / folder.STATE_FILE).unlink()
    with pytest.raises(InvalidRequest, match="not empty"):
        ExportFolder(tmp_path / "e", "csv", WHAT)
    assert contents(tmp_path / "e") == before


@pytest.mark.parametrize("form", FORMS)
def test_an_export_without_names_has_none_in_any_byte(tmp_path: Path, form: Form) -> None:
    names = Deidentifier(bytes(range(32)), "north")
    ExportFolder(tmp_path / "e", form, WHAT, names).write(
        [an_export(number, with_source=True) for number in range(3)]
    )
    for file in (tmp_path / "e").iterdir():
        assert SECRET.encode() not in file.read_bytes()
    assert SECRET not in str(contents(tmp_path / "e"))


def test_the_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    export_all(tmp_path / "e", "csv", 1)
    assert (tmp_path / "e").stat().st_mode & 0o077 == 0

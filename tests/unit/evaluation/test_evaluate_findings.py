"""Findings are counted against the readers' words, with honest intervals."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.domain.errors import UnreadableRecording
from ecgsvc.domain.findings import BORDERLINE, SNOMED_CT, Coding, Evidence, Finding
from ecgsvc.domain.waveform import Recording
from ecgsvc.evaluation import evaluate_findings, finding_table
from ecgsvc.evaluation.findings import Share
from tests.unit.render.test_analysis_document import an_analysis

HEADER = "{name} 1 100 200\n{name}.dat 16 1000(0)/mV 16 0 0 0 0 I\n"


def a_record(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.hea").write_text(HEADER.format(name=name))
    (folder / f"{name}.dat").write_bytes(bytes(400))


def a_table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def ptbxl(folder: Path) -> Path:
    codes = ["CLBBB:100|SR:0", "CLBBB:100", "NORM:100|SR:0", ""]
    for i in range(1, 5):
        a_record(folder / "records500", f"{i:05d}_hr")
    a_table(
        folder / "labels.csv",
        [
            {"ecg_id": str(i), "split": "test" if i == 2 else "train", "scp_codes": said}
            for i, said in enumerate(codes, start=1)
        ],
    )
    person = {"age": "300.0", "sex": "1", "strat_fold": "10"}
    a_table(folder / "metadata.csv", [{"ecg_id": "1", **person}])
    return folder / "records500"


def test_rules_are_held_against_statements_and_the_patient_is_known(tmp_path: Path) -> None:
    seen: list[Recording] = []

    def analyse(recording: Recording):  # type: ignore[no-untyped-def]
        seen.append(recording)
        block = Finding(
            Coding(SNOMED_CT, "733534002", "LBBB"), "LBBB",
            (Evidence("measurements.qrs_ms", "wide"),), rule="lbbb",
        )  # fmt: skip
        return replace(an_analysis(), findings=(block,) if len(seen) != 2 else ())

    results = evaluate_findings(ptbxl(tmp_path), analyse, on_record=lambda *_: None)
    assert [(r.age_years, r.sex) for r in seen] == [
        (90.0, "female"), (None, None), (None, None),
    ]  # fmt: skip
    score = next(each for each in results.everything if each.name == "complete LBBB")
    assert (score.true_positives, score.n_present, score.n_found) == (1, 2, 2)
    assert score.specificity.value == 0
    apart = next(each for each in results.held_out if each.name == "complete LBBB")
    assert (apart.n_ecgs, apart.n_present, apart.n_found) == (1, 1, 0)
    assert finding_table(results).row_count == len(results.everything)
    assert results.to_json()["database"] == "records500"


def test_what_is_borderline_is_counted_apart(tmp_path: Path) -> None:
    delay = Finding(
        Coding(SNOMED_CT, "733534002", "LBBB"), "LBBB",
        (Evidence("measurements.qrs_ms", "wide"),), rule="lbbb", reservations=(BORDERLINE,),
    )  # fmt: skip
    results = evaluate_findings(
        ptbxl(tmp_path),
        lambda _: replace(an_analysis(), findings=(delay,)),
        on_record=lambda *_: None,
    )
    score = next(each for each in results.everything if each.name == "complete LBBB")
    assert (score.n_found, score.n_borderline, score.borderline_present) == (0, 3, 2)


def test_incomplete_says_nothing_of_complete(tmp_path: Path) -> None:
    a_record(tmp_path / "data", "1")
    said = "Incomplete right bundle branch block"
    a_table(tmp_path / "ludb.csv", [{"ID": "1", "Conduction abnormalities": said}])
    results = evaluate_findings(
        tmp_path, lambda _: an_analysis(), on_record=lambda *_: None
    )
    present = {each.name: each.n_present for each in results.everything}
    assert (present["incomplete RBBB"], present["complete RBBB"]) == (1, 0)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecording, match="neither LUDB"):
        evaluate_findings(tmp_path, lambda _: an_analysis(), on_record=lambda *_: None)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_intervals_hold_the_share(counts: tuple[int, int]) -> None:
    share = Share(*counts)
    low, high = share.ends
    assert 0 <= low <= share.value + 1e-12
    assert share.value - 1e-12 <= high <= 1
    assert high - low > 0


def test_wilson_interval_as_published() -> None:
    """Newcombe 1998, doi 10.1002/(SICI)1097-0258(19980430)17:8<857, table I: 81 of 263."""
    assert Share(81, 263).ends == pytest.approx((0.2553, 0.3662), abs=5e-5)

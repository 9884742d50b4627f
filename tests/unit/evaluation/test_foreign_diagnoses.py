"""The diagnosis network is held against LUDB's words, and only as far as they go."""

import math
from pathlib import Path

import pytest

from ecgsvc.app import diagnosis_reader
from ecgsvc.config import Settings
from ecgsvc.domain.diagnosis import SUPERCLASSES
from ecgsvc.evaluation import evaluate_foreign_diagnoses
from ecgsvc.evaluation.foreign_diagnoses import WORDS, reference
from ecgsvc.evaluation.ludb_labels import LudbLabels, ludb_labels


@pytest.fixture(scope="module")
def reader():
    return diagnosis_reader(Settings(provider="cpu"))


def test_every_label_that_is_mapped_is_one_of_the_networks(reader) -> None:
    assert set(WORDS) <= set(reader.card.labels)
    assert set(map(str, SUPERCLASSES)) <= set(WORDS)


def test_incomplete_blocks_are_conduction_disturbances_and_no_complete_ones() -> None:
    block = LudbLabels(("incomplete right bundle branch block",), normal=False)
    assert reference("IRBBB", block) == 1
    assert reference("CRBBB", block) == 0
    assert reference("CD", block) == 1
    assert reference("NORM", block) == 0


def test_ischaemia_or_scar_leaves_both_superclasses_open_unless_one_is_said_too() -> None:
    either = "undefined ischemia/scar/supp.nstemi: apical"
    assert math.isnan(reference("MI", LudbLabels((either,), normal=False)))
    assert math.isnan(reference("STTC", LudbLabels((either,), normal=False)))
    scar = LudbLabels((either, "scar formation: septal"), normal=False)
    assert reference("MI", scar) == 1
    assert math.isnan(reference("STTC", scar))


def test_a_row_of_several_lines_is_read_in_every_column(tmp_path: Path) -> None:
    (tmp_path / "ludb.csv").write_text(
        "ID,Sex,Rhythms,Electric axis of the heart,Hypertrophies\n"
        '7,"F\n","Sinus rhythm\n","Electric axis of the heart: normal\n",\n'
        '8,"M\n","Sinus rhythm\n",,"Left atrial overload\nLeft ventricular overload\n"\n'
    )
    labels = ludb_labels(tmp_path)
    assert labels["7"] == LudbLabels(("sinus rhythm", "normal"), normal=True)
    assert labels["8"].says("left ventricular")
    assert not labels["8"].normal


@pytest.mark.recordings
def test_ludbs_records_are_asked_about(recordings, tmp_path: Path, reader) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "ludb.csv").symlink_to(recordings / "ludb" / "ludb.csv")
    for name in ("8", "58"):  # fibrillation, and one of which nothing is said
        for suffix in (".hea", ".dat"):
            (tmp_path / "data" / f"{name}{suffix}").symlink_to(
                recordings / "ludb" / "data" / f"{name}{suffix}"
            )
    rows = {row["Label"]: row for row in evaluate_foreign_diagnoses(tmp_path, reader).rows}
    assert set(rows) == set(WORDS)
    assert rows["AFIB"]["Positive"] == 1
    assert rows["AFIB"]["AUC"].value == 1

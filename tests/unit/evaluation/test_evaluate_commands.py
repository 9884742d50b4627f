"""`ecgsvc evaluate delineation`, `noise`, `malignant`, `explanations` on small records."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from ecgsvc.cli import app
from ecgsvc.evaluation.noise import START_S

RATE = 360
N_SAMPLES = int((START_S + 30) * RATE)


def write_signal(folder, name, samples, lead="ii"):
    (folder / f"{name}.hea").write_text(
        f"{name} 1 {RATE} {len(samples)}\n{name}.dat 16 200/mV 16 0 0 0 0 {lead}\n"
    )
    (folder / f"{name}.dat").write_bytes(np.round(samples).astype("<i2").tobytes())


def write_annotations(folder, name, extension, pairs):
    codes = {"N": 1, "(": 39, ")": 40}
    words = [codes[s] << 10 | distance for distance, s in pairs]
    (folder / f"{name}.{extension}").write_bytes(np.array([*words, 0], "<u2").tobytes())


@pytest.fixture
def record(tmp_path):
    """One lead with a beat a second, five minutes and a half."""
    times = np.arange(N_SAMPLES) / RATE
    qrs_mv = np.exp(-(((times % 1.0 - 0.5) / 0.015) ** 2))
    write_signal(tmp_path, "100", 200 * qrs_mv)
    n_beats = int(N_SAMPLES / RATE)
    write_annotations(tmp_path, "100", "atr", [(180, "N"), *[(360, "N")] * (n_beats - 1)])
    write_annotations(
        tmp_path, "100", "ii",
        [(900 - 18, "("), (18, "N"), (18, ")"), (360 - 36, "("), (18, "N"), (18, ")")],
    )  # fmt: skip
    return tmp_path


def evaluate(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_delineation_scores_the_path_that_serves(record):
    done = evaluate("delineation", record, "--json")
    assert done.exit_code == 0, done.output
    gross = json.loads(done.output)["gross"]
    assert gross["QRS"]["peak"]["found"] == 2
    assert gross["QRS"]["peak"]["false"] == 0


def test_delineation_prints_tables_for_people_and_for_documents(record):
    assert "Per record" in evaluate("delineation", record).output
    assert (
        "| QRS peak | 2 | 0 | 0 |" in evaluate("delineation", record, "--markdown").output
    )


def test_noise_is_added_at_every_level(record, tmp_path_factory):
    noise = tmp_path_factory.mktemp("noise")
    random = np.random.default_rng(0)
    write_signal(noise, "ma", random.normal(0, 50, N_SAMPLES))
    done = evaluate("noise", record, "--noise", noise, "--markdown")
    assert done.exit_code == 0, done.output
    assert "| muscle | clean | 100.00 | 100.00 | 100.00 | 100.00 |" in done.output
    assert "| muscle | -6 |" in done.output


@pytest.mark.parametrize("command", [("delineation",), ("noise", "--noise", "nowhere")])
def test_a_folder_without_records_is_one_line_of_error(tmp_path, command):
    name, *options = command
    done = evaluate(name, tmp_path, *options)
    assert done.exit_code == 1
    assert "Traceback" not in done.output


def test_malignant_counts_false_alarms_of_the_model_that_ships(record):
    done = evaluate("malignant", record, "--json")
    assert done.exit_code == 0, done.output
    results = json.loads(done.output)
    assert results["figures"]["false_alarms_per_hour"]["value"] == 0
    assert results["figures"]["vf_sensitivity"]["value"] is None
    assert "| other | 0 | 0 | 33 |" in evaluate("malignant", record, "--markdown").output
    assert "Alarms by record" in evaluate("malignant", record).output


def test_explanations_are_scored_by_answer(record):
    done = evaluate("explanations", record, "--every", 2, "--markdown")
    assert done.exit_code == 0, done.output
    rows = [line.split("|")[1:3] for line in done.output.splitlines() if "|" in line]
    answers = {name.strip(): count.strip() for name, count in rows}
    assert answers["beats, all"] == answers["beats, N"] == "6"
    assert answers["rhythm, all"] == "1"


def test_explanations_of_no_record_are_an_error(record):
    done = evaluate("explanations", record, "--records", "101")
    assert done.exit_code == 1
    assert "There is no record." in done.output


@pytest.mark.recordings
def test_intervals_are_checked_in_the_fast_profile_too(recordings, tmp_path, monkeypatch):
    """Which by itself loads no second measurement."""
    monkeypatch.setenv("ECGSVC_PROFILE", "fast")
    (tmp_path / "data").mkdir()
    (tmp_path / "ludb.csv").symlink_to(recordings / "ludb" / "ludb.csv")
    for name in ("1", "2"):
        for file in (recordings / "ludb" / "data").glob(f"{name}.*"):
            (tmp_path / "data" / file.name).symlink_to(file)
    done = evaluate("intervals", tmp_path, "--markdown")
    assert done.exit_code == 0, done.output
    assert "| qrs_ms | agree | 2 |" in done.output

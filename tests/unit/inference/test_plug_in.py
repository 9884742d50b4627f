"""A hospital adds its own model with a folder and a card, and no code."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecgsvc import dsp
from ecgsvc.app import plug_ins
from ecgsvc.config import Settings
from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.domain.measurements import Measurements
from ecgsvc.domain.waveform import Recording, Waveform
from ecgsvc.inference import PlugInModel, SignalTools
from tests.plug_in_models import CARD, train_risk, write_model

TOOLS = SignalTools(band_pass=dsp.band_pass, resample=dsp.resample)
SILENCE = Waveform(np.zeros((2, 5000)), 500.0, ("I", "II"))
PATIENT = Recording("x", SILENCE, age_years=70, sex="female")
FAST = Measurements(heart_rate_bpm=120.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "fast-heart")


@pytest.fixture(scope="module")
def model(folder: Path) -> PlugInModel:
    return PlugInModel.load(folder, TOOLS, provider="cpu")


def test_a_model_trained_here_answers_as_it_was_trained(model: PlugInModel) -> None:
    weights, bias, people, ill = train_risk()
    called = []
    for rate, age in people:
        patient = Recording("x", SILENCE, age_years=float(age))
        measured = Measurements(heart_rate_bpm=float(rate))
        (answer,) = model.answer(patient, SILENCE, measured).answers
        logit = np.array([rate, age]) @ weights + bias
        assert answer.value == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)
        called.append(answer.called)
    assert np.mean(np.array(called) == (ill == 1)) > 0.8


def test_what_is_not_known_leaves_it_silent_with_the_reason(model: PlugInModel) -> None:
    unmeasured = model.answer(PATIENT, SILENCE, Measurements())
    assert unmeasured.answers == ()
    assert unmeasured.reason == "heart_rate_bpm not known"
    ageless = model.answer(replace(PATIENT, age_years=None), SILENCE, FAST)
    assert ageless.reason == "age_years not known"


def test_a_card_may_say_what_stands_for_the_unknown(tmp_path: Path) -> None:
    model = PlugInModel.load(write_model(tmp_path / "m", missing="missing = [55]"), TOOLS)
    ageless = replace(PATIENT, age_years=None)
    at_55 = model.answer(replace(PATIENT, age_years=55), SILENCE, FAST)
    assert model.answer(ageless, SILENCE, FAST).answers == at_55.answers


def edited(folder: Path, to: Path, old: str, new: str) -> Path:
    to.mkdir()
    (to / "model.onnx").write_bytes((folder / "model.onnx").read_bytes())
    text = (folder / "card.toml").read_text()
    assert old in text
    (to / "card.toml").write_text(text.replace(old, new, 1))
    return to


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[model]", "[model", "is no TOML"),
        ('task = "plug-in"', 'task = "beats"', "model.task: expected one of plug-in"),
        ('name = "fast-heart"', "name = 3", "model.name: expected a text"),
        ('"heart_rate_bpm"', '"pulse"', "input[0].fields: expected a list of different"),
        ('kind = "age"', 'kind = "weight"', "input[1].kind: expected one of leads"),
        ('name = "age"', 'name = "years"', "declares the inputs values, years, model.onnx"),
        ('fields = ["heart_rate_bpm"]', 'fields = ["heart_rate_bpm", "pr_ms"]',
         "the card makes float32 of shape [1, 2]"),
        ("thresholds = [0.5]", "thresholds = [0.5, 1]", "output.thresholds: expected 1"),
        ("thresholds = [0.5]", "thresholds = [5]", "numbers from 0 to 1"),
        ('name = "probability"', 'name = "risk"', "output.name is risk"),
        ('labels = ["fast heart"]', 'labels = ["a", "b"]\nx = [0]', "expected 2 numbers"),
        ('kind = "probabilities"', 'kind = "value"', "report.as: expected Observation"),
        ('as = "RiskAssessment"', 'as = "Patient"', "report.as: expected one of"),
        ('sha256 = "', 'sha256 = "0', "model.sha256 is another"),
        ('labels = ["fast heart"]\nthresholds = [0.5]', 'labels = ["a", "b"]',
         "the model gave 1 values for 2 labels"),
    ],
)  # fmt: skip
def test_a_wrong_card_is_refused_when_the_service_starts(
    folder: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(ModelUnavailable) as refused:
        plug_ins(Settings(extra_models=(edited(folder, tmp_path / "wrong", old, new),)))
    assert said in str(refused.value)
    assert "wrong: " in str(refused.value)


def test_a_missing_file_and_two_models_of_one_name_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelUnavailable, match=r"card\.toml cannot be read"):
        plug_ins(Settings(extra_models=(tmp_path,)))
    (tmp_path / "card.toml").write_text((folder / "card.toml").read_text())
    with pytest.raises(ModelUnavailable, match=r"model\.onnx cannot be read"):
        plug_ins(Settings(extra_models=(tmp_path,)))
    with pytest.raises(ModelUnavailable, match="two plug-in models are called fast-heart"):
        plug_ins(Settings(extra_models=(folder, folder)))


def test_folders_come_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECGSVC_EXTRA_MODELS", f"{folder}:")
    assert Settings().extra_models == (folder,)  # type: ignore[call-arg]


LEADS = """
[[input]]
name = "leads"
kind = "leads"
leads = ["II", "I"]
sampling_rate_hz = 250
window_samples = 1000

[output]
name = "value"
kind = "value"
unit = "mV"
labels = ["mean level of II", "mean level of I"]

[report]
as = "Observation"
"""


@pytest.fixture(scope="module")
def level_model(tmp_path_factory: pytest.TempPathFactory) -> PlugInModel:
    """Gives the mean of each lead's window."""
    pytest.importorskip("onnx", reason="the extra 'train' is not installed")
    import hashlib

    from onnx import TensorProto, helper

    def port(name: str, shape: list[object]) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    node = helper.make_node("ReduceMean", ["leads"], ["value"], axes=[2], keepdims=0)
    graph = helper.make_graph(
        [node], "level", [port("leads", [1, 2, 1000])], [port("value", [1, 2])]
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    proto.ir_version = 9
    content = proto.SerializeToString()
    folder = tmp_path_factory.mktemp("level")
    (folder / "model.onnx").write_bytes(content)
    head = CARD.split("[[input]]")[0].format(
        name="level", sha256=hashlib.sha256(content).hexdigest()
    )
    (folder / "card.toml").write_text(head + LEADS)
    return PlugInModel.load(folder, TOOLS, provider="cpu")


def test_leads_arrive_in_the_cards_order_rate_and_length(level_model: PlugInModel) -> None:
    for rate_hz in (100.0, 250.0, 360.0, 500.0, 1000.0):
        levels = np.stack([np.full(int(10 * rate_hz), mv) for mv in (0.5, -0.25)])
        levels[:, int(4.2 * rate_hz) :] = 9.0  # behind the window
        waveform = Waveform(levels, rate_hz, ("I", "II"))
        result = level_model.answer(Recording("x", waveform), waveform, FAST)
        assert [a.value for a in result.answers] == pytest.approx([-0.25, 0.5], abs=1e-3)
        assert result.unit == "mV"


def test_a_lead_or_a_second_too_few_is_a_reason(level_model: PlugInModel) -> None:
    alone = SILENCE.select(("I",))
    missing = level_model.answer(PATIENT, alone, FAST)
    assert missing.reason == "lead II cannot be relied upon or is not there"
    short = Waveform(SILENCE.samples_mv[:, :1900], 500.0, SILENCE.leads)
    assert level_model.answer(PATIENT, short, FAST).reason == (
        "the recording is shorter than 4 s"
    )
    gaps = SILENCE.samples_mv.copy()
    gaps[0, 7] = np.nan
    lost = Waveform(gaps, 500.0, SILENCE.leads)
    assert level_model.answer(PATIENT, lost, FAST).reason == "samples are missing"


def test_values_that_are_none_are_no_answer(level_model: PlugInModel) -> None:
    huge = Waveform(np.full((2, 5000), 1e300), 500.0, ("I", "II"))
    result = level_model.answer(PATIENT, huge, FAST)
    assert result.answers == ()
    assert result.reason == "the model gave no finite values"

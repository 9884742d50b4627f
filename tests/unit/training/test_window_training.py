"""Networks from windows: fitting, augmentation, export; needs the extra ``train``."""

import hashlib
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")
pytest.importorskip("onnx", reason="needs ecgsvc[train]")

from ecgsvc.inference import open_session  # noqa: E402
from ecgsvc.training.export import ExportMismatch  # noqa: E402
from ecgsvc.training.window_augment import Augmentation, augment_windows  # noqa: E402
from ecgsvc.training.window_export import export_window_network, random_inputs  # noqa: E402
from ecgsvc.training.window_fit import (  # noqa: E402
    WindowFitPlan,
    WindowSet,
    class_weights,
    fit_windows,
    window_outputs,
)
from ecgsvc.training.window_networks import (  # noqa: E402
    TRUNKS,
    CanetTrunk,
    WindowNetwork,
    window_network,
)

N_SAMPLES = 400
AUGMENTATION = Augmentation(sampling_rate_hz=100.0)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def window_set(n=96, n_features=3, seed=0):
    """Windows whose class is plain to see: slow or fast sines; features are noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    time_s = np.arange(N_SAMPLES) / 100
    frequency_hz = np.where(labels, 8.0, 2.0)[:, np.newaxis]
    windows = np.sin(2 * np.pi * (frequency_hz * time_s + rng.random((n, 1))))
    features = rng.standard_normal((n, n_features)).astype(np.float32)
    return WindowSet(windows.astype(np.float16), features, labels, class_weights(labels, 2))


def small_network(n_features=3):
    trunk = CanetTrunk(channels=(8, 8), lstm_width=8)
    return WindowNetwork(trunk, trunk.width, 2, n_features)


def plan_in(folder, **options):
    return WindowFitPlan(
        **{"epochs": 8, "seed": 1, "checkpoint": folder / "tiny.pt"} | options
    )


@pytest.mark.parametrize("half_precision", [False, True])
def test_a_network_learns_what_is_plain_to_see(tmp_path, half_precision):
    plan = plan_in(tmp_path, batch_size=8, half_precision=half_precision)
    network = fit_windows(small_network(), window_set(), plan)
    unseen = window_set(seed=1)
    logits, embeddings = window_outputs(network, unseen)
    assert (logits.argmax(axis=1) == unseen.labels).mean() > 0.95
    assert embeddings.shape == (96, 64)
    assert len(json.loads((tmp_path / "tiny.json").read_text())) == 8


def test_a_resumed_run_makes_the_weights_of_an_unbroken_one(tmp_path):
    start = small_network().state_dict()

    def run(name, on_epoch=lambda _: None, **options):
        network = small_network()
        network.load_state_dict(start)
        fixed = {"epochs": 3, "checkpoint": tmp_path / name, "augmentation": AUGMENTATION}
        plan = plan_in(tmp_path, **fixed, **options)
        return fit_windows(network, window_set(), plan, on_epoch=on_epoch)

    def stop(n_done):
        if n_done == 2:
            raise KeyboardInterrupt

    unbroken = run("a.pt")
    with pytest.raises(KeyboardInterrupt):
        run("b.pt", stop)
    resumed = run("b.pt", resume=True)
    for name, value in unbroken.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)


def test_a_checkpoint_of_another_seed_is_refused(tmp_path):
    fit_windows(small_network(), window_set(), plan_in(tmp_path, epochs=1))
    other = plan_in(tmp_path, epochs=1, seed=2, resume=True)
    with pytest.raises(ValueError, match="another run"):
        fit_windows(small_network(), window_set(), other)


def test_fitting_stops_when_validation_stops_falling(tmp_path):
    training = window_set()
    wrong = WindowSet(
        training.windows, training.features, 1 - training.labels, training.weights
    )
    plan = plan_in(tmp_path, epochs=30, patience=2, batch_size=8)
    fit_windows(small_network(), training, plan, validation=wrong)
    assert len(json.loads((tmp_path / "tiny.json").read_text())) < 30


def test_early_stopping_without_validation_windows_is_refused(tmp_path):
    with pytest.raises(ValueError, match="validation"):
        fit_windows(small_network(), window_set(), plan_in(tmp_path, patience=2))


def test_augmentation_keeps_padding_and_shape_and_follows_its_seed():
    windows = torch.randn(16, 1, N_SAMPLES)
    windows[:, :, 300:] = 0
    still = Augmentation(sampling_rate_hz=100.0, stretch=0.0)
    varied = augment_windows(windows, still, torch.Generator().manual_seed(3))
    again = augment_windows(windows, still, torch.Generator().manual_seed(3))
    assert varied.shape == windows.shape
    assert torch.equal(varied, again)
    assert not torch.equal(varied, windows)
    assert (varied[:, :, 300:] == 0).all()


def test_augmentation_of_strength_zero_changes_nothing():
    none = Augmentation(
        250.0, gain=1, stretch=0, flip=0, wander=0, hum=0, muscle=0, dropout_s=0
    )
    windows = torch.randn(4, 1, N_SAMPLES)
    varied = augment_windows(windows, none, torch.Generator().manual_seed(0))
    torch.testing.assert_close(varied, windows)


def test_a_crop_is_drawn_from_what_is_not_padding():
    windows = torch.zeros(32, 1, 1000)
    windows[:, :, :600] = torch.arange(1.0, 601.0)
    how = Augmentation(
        100.0, gain=1, stretch=0, flip=0, wander=0, hum=0, muscle=0, dropout_s=0, crop_s=4.0
    )
    cropped = augment_windows(windows, how, torch.Generator().manual_seed(0))
    assert cropped.shape == (32, 1, 400)
    assert (cropped.diff(dim=-1) == 1).all()
    assert cropped[:, 0, 0].unique().numel() > 10


def test_a_stretched_sine_has_another_frequency():
    time_s = torch.arange(1000) / 100
    sines = torch.sin(2 * torch.pi * 5 * time_s).repeat(8, 1, 1)
    how = Augmentation(100.0, gain=1, flip=0, wander=0, hum=0, muscle=0, dropout_s=0)
    varied = augment_windows(sines, how, torch.Generator().manual_seed(0))
    peaks = torch.fft.rfft(varied).abs().argmax(dim=-1)
    assert len(set(peaks.flatten().tolist())) > 3
    assert all(44 <= peak <= 56 for peak in peaks.flatten().tolist())


@pytest.mark.parametrize("name", TRUNKS)
@pytest.mark.parametrize("n_features", [0, 3])
def test_every_network_exports_to_onnx_and_agrees(tmp_path, name, n_features):
    network = window_network(name, n_classes=4, n_features=n_features)
    sha256 = export_window_network(network, tmp_path, N_SAMPLES)
    exported = (tmp_path / "model.onnx").read_bytes()
    assert hashlib.sha256(exported).hexdigest() == sha256
    session = open_session(tmp_path / "model.onnx", "cpu")
    inputs = random_inputs(network, 3, N_SAMPLES)
    feed = {key: value.numpy() for key, value in inputs.items()}
    logits, embedding = session.run(["logits", "embedding"], feed)
    assert (logits.shape, embedding.shape) == ((3, 4), (3, 64))
    np.testing.assert_allclose(logits, network(*inputs.values()).detach(), atol=1e-4)


def test_an_export_that_differs_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ecgsvc.training.window_export.MAX_DIFFERENCE", 0.0)
    with pytest.raises(ExportMismatch, match="differ"):
        export_window_network(small_network(), tmp_path, N_SAMPLES)


def test_class_weights_are_one_on_average_and_favour_the_rare():
    labels = np.array([0] * 90 + [1] * 10)
    weights = class_weights(labels, 2)
    assert weights.mean() == pytest.approx(1, abs=1e-6)
    assert weights[-1] / weights[0] == pytest.approx(3, rel=1e-5)
    assert np.allclose(class_weights(labels, 2, power=0), 1)

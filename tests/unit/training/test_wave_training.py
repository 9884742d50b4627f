"""Data, network, fitting and export of the wave model; needs the extra ``train``."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")
pytest.importorskip("onnx", reason="needs ecgsvc[train]")

from ecgsvc.domain.waveform import Waveform  # noqa: E402
from ecgsvc.evaluation.wave_references import ReferenceWaves  # noqa: E402
from ecgsvc.inference import load_model_card  # noqa: E402
from ecgsvc.inference.wave_groups import SAMPLES_BEFORE_R  # noqa: E402
from ecgsvc.training import waves_export as export  # noqa: E402
from ecgsvc.training.cards import write_card  # noqa: E402
from ecgsvc.training.export import ExportMismatch  # noqa: E402
from ecgsvc.training.waves import network_answers  # noqa: E402
from ecgsvc.training.waves_batches import WaveBatch, epoch_batches  # noqa: E402
from ecgsvc.training.waves_card import wave_card  # noqa: E402
from ecgsvc.training.waves_dataset import annotated_groups, folds_of  # noqa: E402
from ecgsvc.training.waves_fit import WavePlan, fit_waves, wave_loss  # noqa: E402
from ecgsvc.training.waves_network import WaveNetwork  # noqa: E402

RATE_HZ = 500.0
FROM_R = {"P": (-90, -70, -50), "QRS": (-20, 0, 20), "T": (90, 130, 170)}  # samples


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def annotated(record="a", p_wave=True, t_later=0, n_leads=3):
    """A record of eight beats and its groups; the first and last beat not annotated."""
    r_peaks = 400 + 400 * np.arange(8)
    at = np.arange(3800)
    lead = np.zeros(len(at))
    for r in r_peaks:
        lead += np.exp(-0.5 * ((at - r) / 6) ** 2)
        lead += 0.3 * np.exp(-0.5 * ((at - r - 130 - t_later) / 22) ** 2)
        lead += p_wave * 0.15 * np.exp(-0.5 * ((at - r + 70) / 10) ** 2)
    leads = ("I", "II", "V1")[:n_leads]
    waveform = Waveform(np.tile(lead, (n_leads, 1)), RATE_HZ, leads)
    points = {
        wave: (r_peaks[1:-1, None] + np.array(marks) + (wave == "T") * t_later)
        for wave, marks in FROM_R.items()
    }
    if not p_wave:
        points["P"] = np.empty((0, 3), dtype=np.int64)
    first = int(min(p.min() for p in points.values() if p.size))
    last = int(max(p.max() for p in points.values() if p.size))
    references = dict.fromkeys(leads, ReferenceWaves(points, first, last))
    return annotated_groups(record, waveform, r_peaks, references)


def test_annotations_become_columns_of_the_mean_beat():
    (group,) = annotated()
    expected = SAMPLES_BEFORE_R + np.array([FROM_R[w] for w in ("P", "QRS", "T")]) / 2
    np.testing.assert_allclose(group.points, np.tile(expected, (3, 1, 1)), atol=1.01)
    np.testing.assert_allclose(group.global_points, expected[:, [0, 2]], atol=1.01)
    assert group.n_annotated == 6
    assert (group.presence == 1).all()


def test_a_wave_the_annotator_did_not_see_is_absent_not_unknown():
    (group,) = annotated(p_wave=False)
    assert np.isnan(group.points[:, 0]).all()
    assert (group.presence[:, 0] == 0).all()


def test_a_record_is_in_one_fold():
    records = [str(i) for i in range(17)] * 2
    folds = folds_of(records, 5)
    assert sorted(r for fold in folds for r in fold) == sorted(set(records))
    assert folds == folds_of(records[::-1], 5)


def test_batches_move_the_annotations_with_the_signal():
    (group,) = annotated()
    for seed in range(6):
        for batch in epoch_batches([group], np.random.default_rng(seed)):
            for i in range(batch.windows.shape[1]):
                seen = batch.windows[0, i, 0].abs().argmax().item()
                assert seen == pytest.approx(batch.points[0, i, 4].item(), abs=3)


def test_a_point_nobody_annotated_costs_nothing():
    network = WaveNetwork().eval()
    maps = network.maps(torch.randn(2, 3, 3, 304), torch.zeros(2, 4))
    batch = WaveBatch(
        torch.empty(0),
        torch.empty(0),
        torch.full((2, 3, 9), torch.nan),
        torch.full((2, 3, 3), 1.0),
        torch.full((2, 6), torch.nan),
        torch.ones(2),
    )
    loss = wave_loss(network, maps, batch)
    assert torch.isfinite(loss)
    assert loss.item() < 1.0


def test_leads_are_a_set():
    network = WaveNetwork().eval()
    windows, context = torch.randn(1, 4, 3, 304), torch.zeros(1, 4)
    with torch.no_grad():
        points, presence, limits = network(windows, context)
        turned = network(windows.flip(1), context)
    torch.testing.assert_close(turned[0].flip(1), points, atol=1e-3, rtol=0)
    torch.testing.assert_close(turned[1].flip(1), presence, atol=1e-4, rtol=0)
    torch.testing.assert_close(turned[2], limits, atol=1e-3, rtol=0)


def test_the_network_learns_what_is_plain_to_see(tmp_path):
    groups = [
        *(g for later in (-20, 0, 20, 40) for g in annotated(f"p{later}", t_later=later)),
        *(g for name in ("none", "nothing") for g in annotated(name, p_wave=False)),
    ]
    plan = WavePlan(epochs=130, seed=0, checkpoint=tmp_path / "tiny.pt")
    network = fit_waves(groups, plan)
    for group in groups:
        (answers,) = network_answers(network, [group.group])
        error = np.abs(answers.points - group.points)
        assert np.nanmax(error) < 8  # columns, 32 ms
        has_p = np.isfinite(group.points[0, 0, 0])
        np.testing.assert_array_equal(answers.presence[:, 0] > 0.6, has_p)
    again = fit_waves([], WavePlan(130, 0, tmp_path / "tiny.pt", resume=True))
    for name, value in network.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    groups = annotated()
    fit_waves(groups, WavePlan(epochs=1, seed=0, checkpoint=tmp_path / "a.pt"))
    other = WavePlan(epochs=1, seed=1, checkpoint=tmp_path / "a.pt", resume=True)
    with pytest.raises(ValueError, match="another run"):
        fit_waves(groups, other)


def test_the_export_computes_what_the_network_computes(tmp_path):
    sha256 = export.export_wave_network(WaveNetwork(), tmp_path)
    assert len(sha256) == 64
    assert export.wave_parity(WaveNetwork(), tmp_path / "model.onnx") > 1e-2


def test_an_export_that_differs_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "MAX_DIFFERENCE", 0.0)
    with pytest.raises(ExportMismatch):
        export.export_wave_network(WaveNetwork(), tmp_path)


def test_the_card_written_is_the_card_read(tmp_path):
    document = wave_card(
        version="0.0.1",
        sha256=export.export_wave_network(WaveNetwork(), tmp_path),
        thresholds={"keep_p": 0.4, "add_p": 0.6},
        training={"seed": 0},
        metrics={},
    )
    write_card(tmp_path, document)
    card = load_model_card(tmp_path)
    assert card.task == "waves"
    assert card.thresholds == {"keep_p": 0.4, "add_p": 0.6}

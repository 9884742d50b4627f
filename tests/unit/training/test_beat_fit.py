"""How beat networks are fitted: what an epoch shows, how often it is scored, how fast."""

import json
from itertools import count

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")

from ecgsvc.inference.beat_features import (  # noqa: E402
    LEAD_FEATURES,
    WINDOW_SAMPLES,
    BeatInputs,
)
from ecgsvc.inference.beat_rhythm import RHYTHM_FEATURES  # noqa: E402
from ecgsvc.training.batches import epoch_batches  # noqa: E402
from ecgsvc.training.datasets import BeatSequence  # noqa: E402
from ecgsvc.training.fit import FitPlan, fit  # noqa: E402
from ecgsvc.training.losses import equal_weights  # noqa: E402
from ecgsvc.training.networks import BEAT_NETWORKS, Cnn  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def record(n_beats=1000, n_leads=2):
    rng = np.random.default_rng(n_beats)
    inputs = BeatInputs(
        rng.standard_normal((n_beats, n_leads, 2, WINDOW_SAMPLES)).astype(np.float32),
        rng.standard_normal((n_beats, n_leads, len(LEAD_FEATURES))).astype(np.float32),
        rng.standard_normal((n_beats, len(RHYTHM_FEATURES))).astype(np.float32),
        np.arange(n_beats),
        np.ones(n_beats, bool),
    )
    return BeatSequence(f"r{n_beats}", "record", inputs, rng.choice(4, n_beats))


@pytest.mark.parametrize("model", sorted(BEAT_NETWORKS))
def test_the_fast_way_through_the_convolutions_sees_the_same(model):
    network = BEAT_NETWORKS[model]().train()
    windows = torch.randn(4, 8, 2, 2, WINDOW_SAMPLES)
    fast = network._see_fast(windows)
    slow = network.see(windows.flatten(0, 2))
    assert fast.shape == slow.shape
    error = (fast - slow).abs().max() / slow.abs().max()
    assert error < 0.03  # bfloat16 has eight bits


def test_an_epoch_can_show_every_chunk_on_all_leads():
    rng = np.random.default_rng(0)
    batches = epoch_batches([record(2000)], rng, one_lead_share=0.0)
    assert {chunk.leads for batch in batches for chunk in batch} == {(0, 1)}


def test_the_best_of_the_scored_epochs_is_kept(tmp_path):
    plan = FitPlan(5, 0, tmp_path, augmentation="none", validate_every=2)
    scores, seen = count(-1, step=-1), []

    def worse_every_time(network):
        seen.append({k: v.clone() for k, v in network.state_dict().items()})
        return float(next(scores))

    kept = fit(Cnn(), [record()], plan, "a", validate=worse_every_time)
    curve = json.loads((tmp_path / "a.json").read_text())
    assert ["score" in row for row in curve] == [False, True, False, True, False]
    for name, value in kept.state_dict().items():
        assert torch.equal(value, seen[0][name])


@pytest.mark.parametrize("augmentation", ["none", "gan", "noise"])
def test_features_are_blurred_by_noise_alone(tmp_path, augmentation):
    plan = FitPlan(1, 0, tmp_path, augmentation=augmentation)
    network = Cnn(dropout=0.0)
    fit(network, [record()], plan, "a")
    network.train()
    features = torch.randn(2, 8, len(RHYTHM_FEATURES))
    same = torch.equal(network.scale_rhythm(features), network.scale_rhythm(features))
    assert same == (augmentation != "noise")


def test_the_weights_given_are_those_used(tmp_path):
    plan = FitPlan(1, 0, tmp_path, augmentation="none")
    networks = []
    for weights in (equal_weights([record()]), None):
        torch.manual_seed(0)
        networks.append(fit(Cnn(), [record()], plan, "a", weights=weights))
    assert not torch.equal(networks[0].classify[0].weight, networks[1].classify[0].weight)
    assert all((w == 1).all() for w in equal_weights([record()]).values())

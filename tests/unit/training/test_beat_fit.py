"""How beat networks are fitted: what an epoch shows, how often it is scored, how fast."""

import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")

from ecgsvc.inference.beat_features import WINDOW_SAMPLES  # noqa: E402
from ecgsvc.training.networks import BEAT_NETWORKS  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.mark.parametrize("model", sorted(BEAT_NETWORKS))
def test_the_fast_way_through_the_convolutions_sees_the_same(model):
    network = BEAT_NETWORKS[model]().train()
    windows = torch.randn(4, 8, 2, 2, WINDOW_SAMPLES)
    fast = network._see_fast(windows)
    slow = network.see(windows.flatten(0, 2))
    assert fast.shape == slow.shape
    error = (fast - slow).abs().max() / slow.abs().max()
    assert error < 0.03  # bfloat16 has eight bits
